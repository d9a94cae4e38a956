"""The connection file: where a server is, and the proof that one may talk to it.

In: a path. Out: a `Connection`. The file is written by the server (or by `propsmith keys` for
another machine) and must be readable by its user only.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .messages import CHANNELS


class ConnectionFileError(Exception):
    """One sentence for the user."""


@dataclass(frozen=True)
class Connection:
    addresses: Mapping[str, str]  # by socket
    token: str
    protocol: str
    pid: int = 0  # of the server; 0 where it is on another machine
    server_key: str = ""  # CURVE's public key; empty: no encryption
    public_key: str = ""
    secret_key: str = ""

    def text(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def default_connection_file() -> Path:
    """Where `propsmith serve` leaves it, and its clients look, unless told otherwise."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_RUNTIME_DIR") or Path.home() / ".cache")
    return base / "propsmith" / "connection.json"


def read_connection(path: Path) -> Connection:
    """Raises ConnectionFileError."""
    try:
        status = path.stat()
        values = json.loads(path.read_text())
    except FileNotFoundError:
        raise ConnectionFileError(
            f"There is no connection file '{path}': start the server with 'propsmith serve', or "
            "name its file with --connection-file."
        ) from None
    except (OSError, ValueError) as error:
        raise ConnectionFileError(f"The connection file '{path}' can't be read: {error}.") from None
    if os.name != "nt" and status.st_mode & 0o077:
        raise ConnectionFileError(
            f"Others may read the connection file '{path}': make it private with chmod 600."
        )
    return _checked(values, path)


def _checked(values: Any, path: Path) -> Connection:
    texts = ("token", "protocol", "server_key", "public_key", "secret_key")
    good = (
        isinstance(values, dict)
        and isinstance(values.get("addresses"), dict)
        and all(isinstance(values["addresses"].get(name), str) for name in CHANNELS)
        and all(isinstance(values.get(name, ""), str) for name in texts)
        and isinstance(values.get("pid", 0), int)
        and values.get("token")
    )
    if not good:
        raise ConnectionFileError(f"'{path}' is no connection file of Propsmith.")
    names = (*texts, "pid", "addresses")
    return Connection(**{"protocol": "", **{n: values[n] for n in names if n in values}})


# ---- pairing: an address and a key instead of a file ----

KEY_PREFIX = "propsmith-"
KEY_FIELDS = ("token", "server_key", "public_key", "secret_key")
KEY = 40  # characters of CURVE's keys, as text


def pairing_key(connection: Connection) -> str:
    """All of a client's connection but the addresses, to be pasted. A secret, as the file is."""
    text = "\n".join(getattr(connection, name) for name in KEY_FIELDS)
    return KEY_PREFIX + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def paired(address: str, key: str) -> Connection:
    """address: HOST:PORT of the requests. Raises ConnectionFileError with the user's sentence."""
    host, port = _place(address.strip())
    text = "".join(key.split()).removeprefix(KEY_PREFIX)
    try:
        values = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split("\n")
    except ValueError:
        values = []
    whole = len(values) == len(KEY_FIELDS) and all(len(key) in (0, KEY) for key in values[1:])
    if not whole or not values[0]:
        raise ConnectionFileError(
            "That is no pairing key: paste all of what 'propsmith keys --client NAME' printed on "
            "the server's computer."
        )
    named = f"[{host}]" if ":" in host else host
    addresses = {name: f"tcp://{named}:{port + i}" for i, name in enumerate(CHANNELS)}
    token, server_key, public_key, secret_key = values
    return Connection(addresses, token, "", 0, server_key, public_key, secret_key)


def _place(address: str) -> tuple[str, int]:
    scheme, _, rest = address.rpartition("://")
    example = "write it as HOST:PORT, for example 192.168.1.5:7450"
    if scheme not in ("", "tcp"):
        raise ConnectionFileError(f"'{address}' is a web address: {example}.")
    try:
        parts = urlsplit(f"tcp://{rest}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port or port > 65533 or parts.path not in ("", "/"):
        raise ConnectionFileError(f"'{address}' is no address of a server: {example}.")
    return host, port


def write_connection(path: Path, connection: Connection) -> None:
    """Readable by its user only, from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    spare = path.with_suffix(".new")
    spare.unlink(missing_ok=True)
    with os.fdopen(os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(connection.text())
    os.replace(spare, path)
