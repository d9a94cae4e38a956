"""What is in the way of a connection, and what to do about it: one sentence, at once.

In: the connection file, what the client says, how long it has tried. Out: a sentence or "". Nothing
here waits: a plain socket that does not block tells a refusing port from a silent one. No bpy.
"""

from __future__ import annotations

import errno
import ipaddress
import select
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .wire import connection, processes, version

LOST = "The connection to the server is lost; its jobs go on, and Blender takes them up again."
SILENT_SECONDS = 0.7  # until a server that says nothing is worth a sentence
ABSENT = (
    "No server runs on this computer: press Start Server, or run 'propsmith serve' in a terminal."
)
NO_FILE = "There is no connection file '{}': start the server that writes it, or choose another."
OFFLINE = (
    "The server is on another computer, and Blender may not go online: allow it under "
    "Preferences > System > Network > Allow Online Access."
)


def is_remote(path: Path) -> bool:
    """Whether the server is on another computer, which is Blender's preference to allow."""
    try:
        return not is_loopback(place(connection.read_connection(path))[0])
    except connection.ConnectionFileError:
        return False


def other_version(problem: str) -> str:
    """problem: of codec.py, which names our protocol and then theirs."""
    theirs = problem.partition("the other one ")[2].partition(":")[0]
    major = theirs.split(".")[0]
    if not major.isdecimal():
        return f"{problem} Update the older of the two: the extension or the server."
    what = f"The server speaks protocol {theirs} and this extension {version.PROTOCOL}"
    if int(major) < version.MAJOR:
        return f"{what}: update the server with 'pip install -U propsmith' and start it again."
    return f"{what}: update the extension in Blender's Preferences > Get Extensions."


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
    _found: str = ""  # "refused", "open", "unreachable" or ""

    def sentence(self, problem: str, seconds: float) -> str:
        """problem: the client's. seconds: since it began to try."""
        if self.path is None:
            return ""
        if not self.path.exists():
            return ABSENT if self._is_default() else NO_FILE.format(self.path)
        try:
            found = connection.read_connection(self.path)
        except connection.ConnectionFileError as error:
            return str(error)
        if "leads to no server" in problem:
            return problem
        if "protocol" in problem:
            return other_version(problem)
        host, port = place(found)
        if not processes.is_alive(found.pid) or self._probe(host, port) == "refused":
            return self._ended(host, port)
        if seconds < SILENT_SECONDS and self._found != "unreachable":
            return ""
        if self._found == "open":
            return self._strange(host, port)
        return f"Nobody answers at {host}:{port}: check the address, the network and the firewall."

    def _is_default(self) -> bool:
        """Whether Start Server would write this file."""
        return self.path == connection.default_connection_file()

    def _start(self) -> str:
        return "press Start Server" if self._is_default() else "start 'propsmith serve' again"

    def _strange(self, host: str, port: int) -> str:
        what = f"What listens at {host}:{port} does not answer as this server"
        if not is_loopback(host):
            return f"{what}: check the port, and paste the pairing key again."
        return f"{what}: if another program has the port, {self._start()}."

    def _ended(self, host: str, port: int) -> str:
        if is_loopback(host):
            return f"The server has ended: {self._start()}; its jobs go on where they were."
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
        refused = code in (errno.ECONNREFUSED, 10061)  # 10061: Windows
        self._found = "open" if code == 0 else "refused" if refused else "unreachable"
        if self._socket is not None:
            self._socket.close()
            self._socket = None
