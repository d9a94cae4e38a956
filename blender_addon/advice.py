"""What is in the way of a connection, and what to do about it: one sentence, at once.

In: the connection file, what the client says, how long it has tried. Out: a sentence or "". Nothing
here waits: a plain socket that does not block tells a refusing port from a silent one. No bpy.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import select
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .wire import connection

LOST = "The connection to the server is lost; its jobs go on, and Blender takes them up again."
SILENT_SECONDS = 0.7  # until a server that says nothing is worth a sentence
ABSENT = (
    "No server runs on this computer: press Start Server, or run 'propsmith serve' in a terminal."
)


def offline(path: Path, online: bool) -> str:
    """Why this server may not be asked, by Blender's preference for online access."""
    try:
        host, _ = place(connection.read_connection(path))
    except connection.ConnectionFileError:
        return ""
    if online or is_loopback(host):
        return ""
    return (
        "The server is on another computer, and Blender may not go online: allow it under "
        "Preferences > System > Network > Allow Online Access."
    )


def place(found: connection.Connection) -> tuple[str, int]:
    """Host and port of the requests; ("", 0) for what has none, such as ipc."""
    parts = urlsplit(found.addresses["requests"])
    try:
        return parts.hostname or "", parts.port or 0
    except ValueError:
        return "", 0


def is_loopback(host: str) -> bool:
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass
class Hints:
    """Of one try to connect."""

    path: Path | None = None
    _socket: socket.socket | None = None
    _found: str = ""  # "refused", "open" or ""

    def sentence(self, problem: str, seconds: float) -> str:
        """problem: the client's. seconds: since it began to try."""
        if self.path is None:
            return ""
        if not self.path.exists():
            return ABSENT
        try:
            found = connection.read_connection(self.path)
        except connection.ConnectionFileError as error:
            return str(error)
        if "version" in problem or "protocol" in problem:
            return f"{problem} Update the older of the two: the extension or the server."
        host, port = place(found)
        if _is_dead(found.pid) or self._probe(host, port) == "refused":
            return self._ended(host, port)
        if seconds < SILENT_SECONDS:
            return ""
        if self._found == "open":
            return (
                f"Something answers at {host}:{port}, but not as this server: another program has "
                "the port, or the pairing key is not of this server."
            )
        return f"Nobody answers at {host}:{port}: check the address, the network and the firewall."

    def _ended(self, host: str, port: int) -> str:
        if is_loopback(host):
            return "The server has ended: press Start Server; its jobs go on where they were."
        return f"No server listens at {host}:{port}: start 'propsmith serve' there with that port."

    def _probe(self, host: str, port: int) -> str:
        if self._found or not port:
            return self._found
        if self._socket is None:
            self._begin(host, port)
        elif select.select([], [self._socket], [self._socket], 0)[1:] != ([], []):
            code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._end(code)
        return self._found

    def _begin(self, host: str, port: int) -> None:
        try:
            address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        except ValueError:  # a name: asking for its number could wait
            return
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        code = self._socket.connect_ex((str(address), port))
        if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK, 10035):  # 10035: Windows
            self._end(code)

    def _end(self, code: int) -> None:
        self._found = "open" if code == 0 else "refused"
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _is_dead(pid: int) -> bool:
    if not pid or sys.platform == "win32":  # where asking would end it
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
