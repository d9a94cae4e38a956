"""The folders of a pull: what has begun, what is whole, what was there before. No torch.

In: a prior's folder NAME. Beside it lie NAME.pulling, where files come; NAME.replaced, for the
moment between two renames; NAME.lock, while a process works there. A kill at any moment leaves the
former prior, or the new one, whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backend.errors import CheckpointError, PriorError
from backend.files import FolderLock
from backend.guidance.refusals import reason


def begun_beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.pulling")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """While nobody else pulls or converts this prior."""
    begun, lock = begun_beside(folder), FolderLock(folder.with_name(f"{folder.name}.lock"))
    try:
        begun.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except CheckpointError as error:
        raise PriorError(
            f"'{folder.name}' is being pulled or converted by another process: wait for it; if "
            f"there is none, delete '{lock.path}'."
        ) from error
    except OSError as error:
        raise PriorError(f"'{folder.parent}' can't be written: {reason(error)}.") from error
    try:
        yield
    finally:
        with suppress(OSError):
            begun.rmdir()  # where nothing has come
        lock.release()


def tidy(folder: Path) -> None:
    for left in (begun_beside(folder), former_of(folder)):
        shutil.rmtree(left, ignore_errors=True)


def former_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.replaced")


def recover(folder: Path) -> None:
    """What worked comes back, where a replacement was cut off in the middle."""
    if former_of(folder).exists() and not folder.exists():
        former_of(folder).rename(folder)


def put_in_place(folder: Path, whole: Path) -> None:
    """`whole` in the place of `folder`. Raises PriorError where that can't be moved."""
    try:
        recover(folder)
        shutil.rmtree(former_of(folder), ignore_errors=True)
        if folder.exists():
            folder.rename(former_of(folder))
        whole.rename(folder)
    except OSError as error:
        with suppress(OSError):
            recover(folder)
        raise PriorError(
            f"'{folder}' could not be replaced ({reason(error)}): stop what uses it and try again."
        ) from error
    shutil.rmtree(former_of(folder), ignore_errors=True)
