"""Writing files so that nothing is lost: whole or not at all, and one process at a time. No torch.

In: a path and what writes it. Out: the complete new file, or the old one untouched.
"""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from backend.errors import CheckpointError
from shared.processes import is_alive

_HALF_WRITTEN_SECONDS = 5.0


def replace_atomically(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Calls `write` with a file beside `path`, flushes it to the disk, then renames it into place.

    Raises whatever `write` raises, OSError included; `path` is then as it was before.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode_of_new_files())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Names of files reach the disk too: a rename is lost with the power otherwise."""
    if os.name == "nt":  # which keeps them with the files, and opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise  # those are of file systems that keep no such promise
    finally:
        os.close(descriptor)


class FolderLock:
    """A file that exists while a process works in a folder; a dead process's lock is taken over."""

    def __init__(self, path: Path):
        self.path = path

    def acquire(self) -> None:
        """Raises CheckpointError where another living process holds the lock."""
        for _ in range(2):
            try:
                descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            except FileExistsError:
                self._remove_if_stale()
                continue
            with os.fdopen(descriptor, "w") as file:
                file.write(str(os.getpid()))
            return
        raise CheckpointError(self._held("another run"))

    def release(self) -> None:
        self.path.unlink(missing_ok=True)

    def _remove_if_stale(self) -> None:
        try:
            text, written = self.path.read_text(), self.path.stat().st_mtime
        except FileNotFoundError:
            return
        if text.isdigit():
            # Our own number can only be left over: containers give the same one to every run.
            if int(text) != os.getpid() and is_alive(int(text)):
                raise CheckpointError(self._held(f"process {text}"))
        elif 0 <= time.time() - written < _HALF_WRITTEN_SECONDS:  # less: the clock was set back
            raise CheckpointError(self._held("another run"))
        self.path.unlink(missing_ok=True)

    def _held(self, owner: str) -> str:
        return (
            f"The checkpoint folder '{self.path.parent}' is in use by {owner}; "
            "wait for it, or choose another --checkpoint-dir."
        )


def _mode_of_new_files() -> int:
    """What `open` would give: mkstemp's files are private, which a prop need not be."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
