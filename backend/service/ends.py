"""What follows when a run ends: the job is done, waits again, or has failed. No torch, never waits.

In: a worker's word, or its process' exit. Out: states in the book, and `changed` for each job. What
the disk would not tell just then waits here, with the worker's word, and is tried again: `retry`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from backend.errors import StorageError
from backend.service import link
from backend.service.book import JobBook
from backend.service.worker_process import Worker

log = logging.getLogger(__name__)
Place = dict[str, Any]


class Ends:
    def __init__(self, book: JobBook, changed: Callable[[str], None]):
        self.book, self.changed = book, changed
        self._late: list[Callable[[], None]] = []

    def said(self, ended: link.Ended, worker: Worker) -> None:
        """The worker told how its run ended."""
        log.info("job %s ended: %s", ended.job, ended.end)
        self._settle(partial(self._said, ended, worker.beat.stage, place_of(worker)))

    def died(self, job: str, kind: str, worker: Worker, status: int, stopping: bool) -> None:
        """The process is gone: for whatever reason, its job is the server's again. stopping: so is
        the server."""
        about = (kind, f"status {status}", worker.beat.stage, place_of(worker))
        self._settle(partial(self._died, job, about, stopping))

    def retry(self) -> None:
        late, self._late = self._late, []
        for step in late:
            self._settle(step)

    def _settle(self, step: Callable[[], None]) -> None:
        """Now, or once the disk answers. A step asks the disk before it changes anything."""
        try:
            step()
        except StorageError as error:
            self.book.refused(error)
            self._late.append(step)

    def _said(self, ended: link.Ended, stage: str, place: Place) -> None:
        job, end, row = ended.job, ended.end, self.book.row(ended.job)
        if end == "done":
            self.book.finish(job)
        elif row.wanted or end == "stopped":
            self.book.halted(row, place)
        elif end == "storage":
            self.book.save(job, state="paused", error=ended.text, error_code=end, **place)
        elif end == "failed":
            self.book.end(job, ended.code, ended.text, place)
        else:
            kind = "worker_died" if end == "crashed" else end
            self.book.failed(job, kind, stage, ended.text, place)
        self.changed(job)

    def _died(self, job: str, about: tuple[str, str, str, Place], stopping: bool) -> None:
        kind, text, stage, place = about
        row = self.book.row(job)
        if self.book.has_outcome(job):
            self.book.finish(job)
        elif row.wanted or stopping:
            self.book.halted(row, place)
        else:
            self.book.failed(job, kind, stage, text, place)
        self.changed(job)


def place_of(worker: Worker) -> Place:
    """Where the job stands, for the store."""
    beat = worker.beat
    return {"stage": beat.stage, "step": beat.step, "steps": beat.steps} if beat.job else {}
