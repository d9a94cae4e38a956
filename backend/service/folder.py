"""The data folder: who may use it, where each job's files are, and how much they may take.

DATA/lock              held while a server runs
DATA/jobs.sqlite       backend/service/store.py
DATA/token             of the connection file, so that it survives a restart
DATA/keys/             backend/service/keys.py
DATA/logs/             the server's and the workers'
DATA/run/              backend/service/meeting.py
DATA/jobs/ID/          prop.glb, preview.png, outcome.json, checkpoint/
DATA/uploads/          backend/service/uploads.py
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from backend.errors import InputError
from backend.files import replace_atomically
from backend.service.store import JobStore
from shared.messages import OVER

PROP, OUTCOME, CHECKPOINT = "prop.glb", "outcome.json", "checkpoint"


class DataFolder:
    """A context manager that holds the folder's lock. Raises InputError where it can't be used."""

    def __init__(self, path: Path):
        self.path = path.absolute()
        self.jobs, self.logs = self.path / "jobs", self.path / "logs"
        self.uploads = self.path / "uploads"
        self._lock: IO[str] | None = None

    def __enter__(self) -> DataFolder:
        try:
            for folder in (self.path, self.jobs, self.logs):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = open_locked(self.path / "lock", wait=False)
            probe = self.path / f".probe-{os.getpid()}"
            probe.write_bytes(b"propsmith")
            probe.unlink()
        except BlockingIOError as error:
            raise InputError(
                f"Another server uses the data folder '{self.path}'; stop it, or name another "
                "folder with --data."
            ) from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(
                f"The data folder '{self.path}' cannot be written to ({reason}); mend that, or "
                "name another with --data."
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock:
            self._lock.close()

    def token(self) -> str:
        """256 random bits in hex, made once."""
        path = self.path / "token"
        if not path.exists():
            write_private(path, secrets.token_hex(32))
        return path.read_text().strip()

    def of(self, job: str) -> Path:
        return self.jobs / job

    def remove(self, job: str) -> None:
        shutil.rmtree(self.of(job), ignore_errors=True)

    def drop_checkpoint(self, job: str) -> None:
        """Of a job that is done, where its worker died before it could."""
        shutil.rmtree(self.of(job) / CHECKPOINT, ignore_errors=True)

    def size(self) -> int:
        """Bytes of all files; what vanishes meanwhile counts nothing."""
        return _size(self.path)

    def keep_limit(
        self, limit: int, store: JobStore, spare: Callable[[], None] = lambda: None
    ) -> int:
        """All of `keeping` at once; returns the folder's size."""
        *_, size = self.keeping(limit, store, spare)
        return size

    def keeping(self, limit: int, store: JobStore, spare: Callable[[], None]) -> Iterator[int]:
        """Counts the folder; where it is above `limit`, takes what `spare` can of the uploads, then
        the files of jobs that are over, the longest finished first. Their rows stay, without files.

        In slices of a folder or a job, for whoever has more to do: the last number is the size.
        """
        size = 0
        for size in _counting(self.path):
            yield size
        if size <= limit:
            return
        before = _size(self.uploads)
        spare()
        size -= before - _size(self.uploads)
        yield size
        for job, has_files in store.over_oldest_first():
            if size <= limit:
                return
            if has_files or self.of(job).is_dir():
                size -= self._strip(job, store)
                yield size

    def _strip(self, job: str, store: JobStore) -> int:
        """Bytes that this made free: none where the job goes on meanwhile, or is gone."""
        row = store.find(job)
        if row is None or row.state not in OVER:
            return 0
        size = _size(self.of(job))
        self.remove(job)  # first: on a full disk the row has no room before
        store.update(job, result=replace(row.outcome(), files=()).text())
        return size


def _size(folder: Path) -> int:
    *_, total = _counting(folder)
    return total


def _counting(folder: Path | str) -> Iterator[int]:
    total, waiting = 0, [folder]
    while waiting:
        for entry in _entries(waiting.pop()):
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue
        yield total


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, and readable by this user alone from the first byte on."""
    before = os.umask(0o077)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_atomically(path, lambda file: file.write(text.encode()))
    finally:
        os.umask(before)


def open_locked(path: Path, wait: bool = True) -> IO[str]:
    """An open file that holds a lock until it is closed or the process ends, however it ends.

    Raises BlockingIOError where another process has it and `wait` is False.
    """
    file = open(path, "a+")  # noqa: SIM115
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        file.close()
        raise BlockingIOError(f"'{path}' is locked") from error
    return file
