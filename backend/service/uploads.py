"""Files that clients send ahead of their jobs: by content, each client's apart. No torch.

In: pieces, in any order, from clients that may vanish. Out: whole files whose digest is right.

    DATA/uploads/CLIENT/DIGEST             complete and verified
    DATA/uploads/CLIENT/DIGEST.SIZE.part   what has come of it; survives the server

Nothing here takes long: a piece is hashed as it comes and reaches the disk every few megabytes,
and what an earlier server left is read again a little at each question.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend.errors import StorageError
from backend.files import sync_folder
from shared.errors import RemoteError
from shared.messages import Upload

READ_AT_ONCE = 8 << 20  # bytes of what an earlier server left
FLUSHED_AT_ONCE = 4 << 20  # bytes
LEAST_COUNTED = 1 << 20  # bytes: also of a tiny file, which bounds their number


@dataclass(frozen=True)
class Config:
    most: int = 2 << 30  # bytes of one client
    patience: float = 3600.0  # seconds that a file is kept which no job needs
    hurry: float = 60.0  # the same, where the data folder is full


@dataclass
class _Part:
    """have: bytes from the start that are in the file and in the hash."""

    path: Path
    size: int
    have: int = 0
    loose: int = 0  # bytes that may not be on the disk yet
    hash: Any = field(default_factory=hashlib.sha256)

    def read_on(self) -> None:
        with open(self.path, "rb") as file:
            file.seek(self.have)
            data = file.read(min(READ_AT_ONCE, self.size - self.have))
        self.hash.update(data)
        self.have += len(data)
        self.loose += len(data)

    def add(self, data: Any) -> None:
        with open(self.path, "r+b", buffering=0) as file:
            file.seek(self.have)
            _write_all(file, memoryview(data))
            self.loose += len(data)
            if self.loose >= FLUSHED_AT_ONCE or self.have + len(data) == self.size:
                os.fsync(file.fileno())
                self.loose = 0
        self.hash.update(data)
        self.have += len(data)


class Uploads:
    """needed: paths that unfinished jobs name."""

    def __init__(
        self,
        folder: Path,
        needed: Callable[[], set[Path]],
        config: Config | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.folder, self.needed, self.clock = folder, needed, clock
        self.config = config or Config()
        self._parts: dict[Path, _Part] = {}
        self._touched: dict[Path, float] = {}  # by the path of the complete file

    def path(self, client: str, digest: str) -> Path:
        """Where the complete file is, once it is."""
        return self.folder / hashlib.sha256(client.encode()).hexdigest()[:16] / digest

    def take(self, client: str, wish: Upload) -> int:
        """How much is there from the start, after this piece. Raises RemoteError, StorageError."""
        path, end = self.path(client, wish.digest), wish.offset + len(wish.data)
        try:
            if path.is_file():
                self._touched[path] = self.clock()
                return self._whole(path, wish.size)
            if end > wish.size:
                raise RemoteError("bad_upload", f"A piece ends at {end} of {wish.size} bytes.")
            part = self._part(path, wish.size)
            if not len(wish.data) and part.have < part.size:
                part.read_on()
            elif wish.offset == part.have:
                part.add(wish.data)
            if part.have == part.size:
                self._finish(part, path)
            return part.have
        except OSError as error:
            text = f"An upload can't be kept: {error.strerror or error}; free some space."
            raise StorageError(text) from error

    def _whole(self, path: Path, size: int) -> int:
        if (found := path.stat().st_size) != size:
            text = f"The file of that digest has {found} bytes, not {size}."
            raise RemoteError("bad_upload", text)
        return size

    def _part(self, path: Path, size: int) -> _Part:
        name = path.with_name(f"{path.name}.{size}.part")
        if not name.exists():
            self._parts.pop(name, None)
            self._make_room(path.parent, size)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            name.touch(mode=0o600)
        self._touched[path] = self.clock()
        return self._parts.setdefault(name, _Part(name, size))

    def _finish(self, part: _Part, path: Path) -> None:
        del self._parts[part.path]
        if part.hash.hexdigest() != path.name:
            part.path.unlink(missing_ok=True)
            text = "What came is not what its digest says: the file changed; send it anew."
            raise RemoteError("bad_upload", text)
        if part.loose:
            with open(part.path, "r+b") as file:
                os.fsync(file.fileno())
        part.path.replace(path)
        sync_folder(path.parent)

    def _make_room(self, folder: Path, size: int) -> None:
        """Within the client's share: what no job needs makes way, the longest untouched first."""
        sizes = {path: _counted(path) for path in _files(folder)}
        excess = sum(sizes.values()) + max(size, LEAST_COUNTED) - self.config.most
        if excess <= 0:
            return
        needed = self.needed()
        for path in sorted(sizes, key=lambda p: self._touched.get(_whole_name(p), 0.0)):
            if excess > 0 and _whole_name(path) not in needed:
                self._remove(path)
                excess -= sizes[path]
        if excess > 0:
            most = f"{self.config.most / 2**30:g} GiB"
            text = f"This client's unfinished jobs need {most} of uploads, the most it may have."
            raise RemoteError("too_many", text)

    def sweep(self, hurry: bool = False) -> None:
        """Takes away what no job needs and nobody has asked for lately. Raises OSError."""
        now, needed = self.clock(), self.needed()
        patience = self.config.hurry if hurry else self.config.patience
        there = [path for folder in _folders(self.folder) for path in _files(folder)]
        for path in there:
            whole = _whole_name(path)
            if whole not in needed and now - self._touched.setdefault(whole, now) > patience:
                self._remove(path)
        for path in self._touched.keys() - {_whole_name(p) for p in there}:
            del self._touched[path]

    def _remove(self, path: Path) -> None:
        self._parts.pop(path, None)
        path.unlink(missing_ok=True)


def _write_all(file: Any, data: memoryview) -> None:
    while len(data):
        data = data[file.write(data) :]


def _whole_name(path: Path) -> Path:
    return path.with_name(path.name.partition(".")[0])


def _counted(path: Path) -> int:
    """Bytes; of a part those that it may come to."""
    words = path.name.split(".")
    size = int(words[1]) if len(words) == 3 and words[1].isdigit() else path.stat().st_size
    return max(size, LEAST_COUNTED)


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
