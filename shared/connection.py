"""The connection file: where a server is, and the proof that one may talk to it.

In: a path. Out: a `Connection`. The file is written by the server (or by `propsmith keys` for
another machine) and must be readable by its user only.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
