"""Checkpoints on disk: what a stopped job needs to go on, in a folder of its own.

    FOLDER/job.json      what the job is (prompt, seed, settings, hash of the weights)
    FOLDER/STAGE.pt      the newest state of each stage
    FOLDER/lock          process id of the run that holds the folder

A file is complete or absent: it is written beside its place, flushed to the disk, then renamed.
States load with `weights_only=True`, so a foreign file can't run code.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from backend.errors import CheckpointError, StorageError
from backend.files import FolderLock, replace_atomically

JOB_FILE = "job.json"
MOST_DIFFERENCES = 4  # named in a message; two presets differ in dozens


def write_state(path: Path, state: dict[str, Any], what: str, then: str) -> None:
    """Replaces `path`, or leaves it as it was and raises StorageError: cannot save `what`; free
    some space, then `then`."""
    try:
        replace_atomically(path, lambda file: torch.save(state, file))
    except (OSError, RuntimeError) as error:  # torch's zip writer hides a full disk in the latter
        raise StorageError(
            f"Cannot save {what} in '{path.parent}': {_first_line(error)}; "
            f"free some space there, then {then}."
        ) from error


class CheckpointFolder:
    """Implements `loop.Checkpoints` for one job. A context manager: it holds the folder's lock.

    job: what makes this job this job, as plain JSON values; a checkpoint is taken up only by the
    job that wrote it. Without `resume` the same job starts over; another job's checkpoint is
    never overwritten. Raises CheckpointError, with a sentence, for all that.
    """

    def __init__(self, folder: Path, job: dict[str, Any], resume: bool = False):
        self.folder, self.job, self.resume = folder, job, resume
        self._lock = FolderLock(folder / "lock")

    def __enter__(self) -> CheckpointFolder:
        if self.resume and not (self.folder / JOB_FILE).is_file():
            raise CheckpointError(
                f"There is no checkpoint to resume in '{self.folder}'; "
                "leave --resume out to start anew, or name its folder with --checkpoint-dir."
            )
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            self._lock.acquire()
        except OSError as error:
            raise StorageError(
                f"Cannot write checkpoints to '{self.folder}': {error.strerror or error}; "
                "choose another --checkpoint-dir."
            ) from error
        try:
            self._take_over()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    def save(self, key: str, state: dict[str, Any]) -> None:
        """Replaces the state under `key`: tensors, numbers, strings, lists and dicts of those."""
        what = f"the checkpoint of stage '{key}'"
        write_state(self._path(key), state, what, "add --resume")

    def load(self, key: str) -> dict[str, Any] | None:
        """The state under `key`, on the CPU, or None where that stage has not been saved."""
        path = self._path(key)
        if not path.exists():
            return None
        try:
            with zipfile.ZipFile(path) as archive:  # torch itself compares no checksums
                if archive.testzip():
                    raise zipfile.BadZipFile("a checksum differs")
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # damaged zip files surface as almost any type
            raise CheckpointError(self._corrupt(path)) from error
        if not isinstance(state, dict):
            raise CheckpointError(self._corrupt(path))
        return state

    def discard(self) -> None:
        """Deletes this job's files: it is done. Leaving the context removes the empty folder."""
        for path in [*self.folder.glob("*.pt"), self.folder / JOB_FILE]:
            path.unlink(missing_ok=True)

    def _take_over(self) -> None:
        """Checks that the folder is empty or this job's; writes job.json."""
        path = self.folder / JOB_FILE
        if path.exists():
            if differences := self._differences(path):
                raise CheckpointError(
                    f"The checkpoint in '{self.folder}' is of another job ({differences}); "
                    "repeat that job's settings, or choose another --checkpoint-dir."
                )
            if not self.resume:
                self.discard()
        elif foreign := [p.name for p in self.folder.iterdir() if p.suffix == ".pt"]:
            raise CheckpointError(
                f"'{self.folder}' holds '{foreign[0]}', which is no checkpoint of ours; "
                "choose an empty --checkpoint-dir."
            )
        self._sweep()
        text = json.dumps(self.job, indent=1, sort_keys=True) + "\n"
        replace_atomically(path, lambda file: file.write(text.encode()))
        if self.resume:
            for state in self.folder.glob("*.pt"):
                self.load(state.stem)

    def _sweep(self) -> None:
        """Deletes what a run that was killed while it wrote had only begun."""
        for begun in [*self.folder.glob(".*.pt.*"), *self.folder.glob(f".{JOB_FILE}.*")]:
            begun.unlink(missing_ok=True)

    def _differences(self, path: Path) -> str:
        try:
            old = json.loads(path.read_text())
        except ValueError as error:
            raise CheckpointError(self._corrupt(path)) from error
        if not isinstance(old, dict):
            raise CheckpointError(self._corrupt(path))
        old, new = _flat(old), _flat(json.loads(json.dumps(self.job)))
        keys = [k for k in sorted({*old, *new}) if old.get(k) != new.get(k)]
        named = [
            f"{k}: there {_short(old.get(k))}, here {_short(new.get(k))}"
            for k in keys[:MOST_DIFFERENCES]
        ]
        more = len(keys) - len(named)
        return "; ".join([*named, f"and {more} more"] if more else named)

    def _corrupt(self, path: Path) -> str:
        return (
            f"The checkpoint file '{path}' is corrupt; "
            "delete its folder and run again without --resume."
        )

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.pt"


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, its keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        nested = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{key}.") if nested else {prefix + key: value}
    return flat


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
