"""CURVE keys: the server's own, and the public ones of the clients that may come in. No torch.

    DATA/keys/server.json             the server's pair, 0600
    DATA/keys/clients/NAME.json       a client's public key; deleting it locks the client out

In: the data folder. Out: keys in Z85 (40 characters), and for a client on another machine a whole
connection file.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import zmq
from zmq.utils import z85

from backend.errors import InputError
from backend.service.folder import write_private
from shared.connection import Connection

LOCAL = "local"  # the client on this machine, whose keys the connection file carries


class KeyFolder:
    def __init__(self, data: Path):
        self.folder = data.absolute() / "keys"
        self._clients = self.folder / "clients"

    def server(self) -> tuple[str, str]:
        """Public and secret key; made when there is none."""
        path = self.folder / "server.json"
        if not path.exists():
            public, secret = new_pair()
            write_private(path, json.dumps({"public": public, "secret": secret}) + "\n")
            path.parent.chmod(0o700)
        values = _read(path)
        return values["public"], values["secret"]

    def authorise(self, name: str, public: str) -> None:
        """Raises InputError for a name that is no plain word, and for what is no key."""
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", name):
            raise InputError(f"'{name}' is no name for a client: letters, digits, '-', '_', '.'.")
        if not is_key(public):
            raise InputError(f"'{public}' is no public key: 40 characters of Z85 are.")
        write_private(self._clients / f"{name}.json", json.dumps({"public": public}) + "\n")

    def revoke(self, name: str) -> None:
        path = self._clients / f"{name}.json"
        if name not in self.clients() or not path.is_file():
            known = ", ".join(self.clients()) or "none"
            raise InputError(f"There is no client '{name}' to revoke; authorised: {known}.")
        path.unlink()

    def clients(self) -> dict[str, str]:
        """Names and public keys, as the files are now."""
        return {path.stem: _read(path)["public"] for path in sorted(self._clients.glob("*.json"))}

    def for_client(self, name: str, connection: Connection) -> Connection:
        """The connection with a new pair for this client, authorised."""
        public, secret = new_pair()
        self.authorise(name, public)
        own = self.server()[0]
        return replace(connection, server_key=own, public_key=public, secret_key=secret)


def new_pair() -> tuple[str, str]:
    public, secret = zmq.curve_keypair()
    return public.decode(), secret.decode()


def is_key(text: str) -> bool:
    try:
        return len(text) == 40 and len(z85.decode(text.encode())) == 32
    except (ValueError, KeyError, UnicodeError):
        return False


def _read(path: Path) -> dict[str, str]:
    try:
        values = json.loads(path.read_text())
        if isinstance(values, dict) and is_key(str(values["public"])):
            return values
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"The key file '{path}' can't be read: {error}; delete it.") from error
    raise InputError(f"The key file '{path}' holds no key; delete it.")
