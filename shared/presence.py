"""Is the server that a client talks to still the one of the connection file? Cheap to ask often.

In: the file's path. Out: its content, and later whether it names another server by now (each start
of a server has a process id and ports of its own), or whether that server seems to have ended.
"""

from __future__ import annotations

from pathlib import Path

from .connection import Connection, ConnectionFileError, read_connection
from .processes import is_alive

Mark = tuple[int, int, int]


class Presence:
    """Reads the file. Raises ConnectionFileError."""

    def __init__(self, path: Path):
        self.path = path
        self._mark = _mark(path)  # before it is read: what changes meanwhile is seen later
        self.connection: Connection = read_connection(path)

    def moved(self) -> bool:
        """Whether the file names another server now. Only one that was written anew is read."""
        mark = _mark(self.path)
        if mark is None or mark == self._mark:
            return False
        try:
            found = read_connection(self.path)
        except ConnectionFileError:
            return False  # perhaps not all written yet
        self._mark = mark
        return found != self.connection

    def seems_over(self) -> bool:
        """A server that stops takes its file away; of one that was killed the process is gone.

        No proof: its number may be of another machine's or container's processes.
        """
        return _mark(self.path) is None or not is_alive(self.connection.pid)


def _mark(path: Path) -> Mark | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
