"""The state of every job, kept even while the disk refuses to. No torch.

In: what clients ask for and how runs end. Out: rows in the store, and `JobInfo` for clients. What
the disk does not take waits here and is tried again each second; meanwhile everybody is told the
newest state all the same, and `trouble` says what is wrong.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from backend.errors import StorageError
from backend.service.config import ServeConfig
from backend.service.folder import OUTCOME, DataFolder
from backend.service.link import Beat
from backend.service.store import JobRow, JobStore, Outcome, wall_clock
from backend.service.uploads import Config, Uploads
from backend.service.verdict import Failures
from shared.errors import RemoteError
from shared.messages import JobInfo

log = logging.getLogger(__name__)
SAVE_SECONDS = 1.0  # between two tries to write what the disk refused
_COPIED = (
    *("number", "client", "state", "priority", "wanted", "created", "started", "finished"),
    *("attempts", "error_code", "error", "device", "stage", "step", "steps"),
)


class JobBook:
    def __init__(self, config: ServeConfig, folder: DataFolder, store: JobStore):
        self.folder, self.store = folder, store
        self.failures = Failures(config)
        self.uploads = Uploads(folder.uploads, self._needed, Config(config.uploads_a_client))
        self.trouble = ""  # one sentence while the disk refuses
        self._unsaved: dict[str, dict[str, Any]] = {}
        self._next_try = 0.0

    def row(self, job: str) -> JobRow:
        """Raises RemoteError `unknown_job`."""
        return self._newest(self.store.get(job))

    def _needed(self) -> set[Path]:
        return {self.uploads.path(*pair) for pair in self.store.uploads_needed()}

    def _newest(self, row: JobRow) -> JobRow:
        unsaved = self._unsaved.get(row.id)
        return replace(row, **unsaved) if unsaved else row

    def info(self, row: JobRow, beat: Beat | None = None) -> JobInfo:
        """beat: of the worker that runs it."""
        row = self._newest(row)
        values = {name: getattr(row, name) for name in _COPIED}
        if beat is not None and beat.job == row.id:
            names = ("stage", "step", "steps", "seconds_left", "loss", "memory")
            values |= {name: getattr(beat, name) for name in names}
        return JobInfo(job=row.id, settings=row.asked(), **row.outcome().as_fields(), **values)

    # ---- what clients ask for, of jobs that no worker has ----

    def halt(self, row: JobRow, wanted: str) -> None:
        """wanted: "paused" or "cancelled"."""
        over = {"finished": wall_clock()} if wanted == "cancelled" else {}
        self.store.update(row.id, state=wanted, wanted="", **over)

    def requeue(self, row: JobRow) -> None:
        self.failures.forget(row.id)
        values = {"wanted": "", "error": "", "error_code": "", "finished": None}
        self.store.update(row.id, state="queued", **values)

    def delete(self, job: str) -> None:
        self.store.delete(job)
        self._unsaved.pop(job, None)
        self.folder.remove(job)

    # ---- how runs end ----

    def has_outcome(self, job: str) -> bool:
        return (self.folder.of(job) / OUTCOME).is_file()

    def finish(self, job: str) -> None:
        """The worker has left the prop and its outcome."""
        try:
            outcome = Outcome.read((self.folder.of(job) / OUTCOME).read_text())
        except (OSError, ValueError, TypeError) as error:
            self.end(job, "internal", f"The job's outcome can't be read: {error}.")
            return
        self.failures.forget(job)
        self.folder.drop_checkpoint(job)
        values = {"error": "", "error_code": "", "stage": "", "step": 0, "steps": 0}
        self.save(
            job, state="done", wanted="", finished=wall_clock(), result=outcome.text(), **values
        )

    def halted(self, row: JobRow, place: Mapping[str, Any]) -> None:
        """A run was stopped because somebody wanted so, or the server goes."""
        state = row.wanted or "queued"
        over = {"finished": wall_clock()} if state == "cancelled" else {}
        self.save(row.id, state=state, wanted="", **over, **place)

    def failed(self, job: str, kind: str, stage: str, text: str, place: Mapping[str, Any]) -> None:
        """A run broke: the queue again, or the end."""
        verdict = self.failures.judge(job, kind, stage, text)
        if verdict.again:
            self.save(job, state="queued", **place)
        else:
            self.end(job, verdict.code, verdict.text, place)

    def end(self, job: str, code: str, text: str, place: Mapping[str, Any] | None = None) -> None:
        self.failures.forget(job)
        log.warning("job %s failed: %s %s", job, code, text)
        values = {"finished": wall_clock(), "error_code": code, "error": text}
        self.save(job, state="failed", wanted="", **values, **(place or {}))

    # ---- keeping ----

    def save(self, job: str, **values: Any) -> None:
        """At once, or as soon as the disk takes it."""
        try:
            self.store.update(job, **{**self._unsaved.get(job, {}), **values})
            self._unsaved.pop(job, None)
        except StorageError as error:
            self._unsaved.setdefault(job, {}).update(values)
            self.refused(error)

    def refused(self, error: StorageError) -> None:
        if not self.trouble:
            log.error("%s", error)
        self.trouble = str(error)
        self._next_try = time.monotonic() + SAVE_SECONDS

    def settle(self) -> bool:
        """Tries again what the disk refused; whether all is well."""
        if not self.trouble:
            return True
        if time.monotonic() < self._next_try:
            return False
        for job in list(self._unsaved):
            self.save(job)
        if not self._unsaved:
            self.trouble = ""
        return not self._unsaved


def wrong_state(row: JobRow, wanted: str) -> RemoteError:
    return RemoteError("wrong_state", f"Job {row.id} is {row.state}; it can't be {wanted}.")
