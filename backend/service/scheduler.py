"""Which job runs on which worker, and what follows when either ends. No torch, never waits.

In: what clients want of jobs that run, the workers' messages, `tick` ten times a second. Out:
states in the book; `changed` is called with each job that has news, `pictured` with each picture.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from backend.errors import StorageError
from backend.service import link
from backend.service.book import JobBook, wrong_state
from backend.service.config import ServeConfig
from backend.service.crew import Crew, Socket
from backend.service.ends import Ends
from backend.service.folder import DataFolder
from backend.service.store import JobRow, wall_clock
from backend.service.worker_process import Worker
from shared.messages import JobInfo, Mesh, Texture

log = logging.getLogger(__name__)


class Scheduler:
    """changed, pictured, interval_of: set by the server that owns this."""

    def __init__(
        self, config: ServeConfig, folder: DataFolder, book: JobBook, socket: Socket, address: str
    ):
        self.config, self.book, self.store = config, book, book.store
        self.crew = Crew(config, folder, socket, address)
        self.ends = Ends(book, lambda job: self.changed(job))
        self.workers = self.crew.workers
        self.changed: Callable[[str], None] = lambda job: None
        self.pictured: Callable[[Mesh | Texture], None] = lambda picture: None
        self.interval_of: Callable[[str], float] = lambda job: 0.0
        self.stopping = False
        self.hurry = False  # a worker has become free: `tick` should not wait its turn

    # ---- at the start and the end ----

    def recover(self) -> None:
        """Jobs that ran when the last server ended: done if their outcome is there, else queued."""
        for row in self.store.page(("running",), 10_000):
            if self.book.has_outcome(row.id):
                self.book.finish(row.id)
            else:
                self.book.halted(row, {})

    def stop(self) -> None:
        """Asks every worker to save; `tick` until `all_off`."""
        self.stopping = True
        for worker in self.workers:
            if worker.state == "running":
                self.crew.stop(worker)
            elif worker.state in ("idle", "starting"):
                worker.kill()

    # ---- what clients want ----

    def info(self, job: str) -> JobInfo:
        return self.info_of(self.book.row(job))

    def info_of(self, row: JobRow) -> JobInfo:
        worker = self.crew.on(row.id)
        return self.book.info(row, worker.beat if worker else None)

    def halt(self, job: str, wanted: str) -> JobInfo:
        """wanted: "paused" or "cancelled". Raises RemoteError `wrong_state`."""
        row = self.book.row(job)
        if row.state == wanted:
            return self.info_of(row)
        allowed = ("queued", "running") if wanted == "paused" else ("queued", "running", "paused")
        if row.state not in allowed:
            raise wrong_state(row, wanted)
        if worker := self.crew.on(job):
            if row.wanted != "cancelled":
                self.store.update(job, wanted=wanted)
            self.crew.stop(worker)
        else:
            self.book.halt(row, wanted)
        self.changed(job)
        return self.info(job)

    def resume(self, job: str) -> JobInfo:
        """A paused or failed job queues again, one that is to be paused goes on once its worker
        has stopped. Raises RemoteError `wrong_state`."""
        row = self.book.row(job)
        if row.state in ("paused", "failed"):
            self.book.requeue(row)
            self.changed(job)
        elif row.state == "running" and row.wanted == "paused":
            self.store.update(job, wanted="")
            self.changed(job)
        elif row.state not in ("queued", "running") or row.wanted:
            raise wrong_state(row, "resumed")
        return self.info(job)

    def delete(self, job: str) -> None:
        """Raises RemoteError `wrong_state` for a job that runs."""
        row = self.book.row(job)
        if self.crew.on(job) or row.state == "running":
            raise wrong_state(row, "deleted")
        self.book.delete(job)

    def watch(self, job: str) -> None:
        """Tells a job's worker how often somebody wants to see it."""
        if worker := self.crew.on(job):
            self.crew.send(worker, link.Watch(self.interval_of(job)))

    # ---- messages from the workers ----

    def receive(self, frames: Sequence[Any]) -> None:
        route, *rest = frames
        worker, message = self.crew.read(rest)
        if worker is None:
            return
        worker.heard = time.monotonic()
        if isinstance(message, link.Ready):
            worker.route, worker.on, worker.wait = bytes(route), message.device, 1.0
            worker.become("idle")
            self.hurry = True
        elif isinstance(message, link.Beat):
            self._beat(worker, message)
        elif isinstance(message, link.Ended):
            self._ended(worker, message)
        elif message.job == worker.last_job:  # its last pictures may come after its end
            self.pictured(message)  # first: somebody waits for that
            self.crew.send(worker, link.Taken())

    def _beat(self, worker: Worker, beat: link.Beat) -> None:
        news = (beat.job, beat.count) != (worker.beat.job, worker.beat.count)
        worker.beat = beat
        if news and beat.job and beat.job == worker.job:
            worker.stepped = worker.heard
            self.changed(beat.job)

    def _ended(self, worker: Worker, ended: link.Ended) -> None:
        if ended.job != worker.job:
            return
        worker.job, self.hurry = "", True
        worker.become("idle")
        if ended.end in ("out_of_memory", "crashed"):
            worker.kill()  # what is left of its memory may be in pieces
        self.ends.said(ended, worker)

    # ---- ten times a second ----

    def try_tick(self) -> None:
        """`tick`; where the disk can't be read just now, that is trouble and the next one tries."""
        try:
            self.tick()
        except StorageError as error:
            self.book.refused(error)

    def tick(self) -> None:
        now, self.hurry = time.monotonic(), False
        self.crew.forgive_absence(now)
        for worker in self.workers:
            if (status := worker.ended()) is not None:
                self._died(worker, status)
            else:
                row = self.store.find(worker.job) if worker.state == "stopping" else None
                cancelled = row is not None and row.wanted == "cancelled"
                self.crew.supervise(worker, now, self.stopping, cancelled)
        self.ends.retry()
        if self.book.settle() and not self.stopping:
            self._assign(now)

    def _assign(self, now: float) -> None:
        """The first job of the queue to a free worker; where none runs yet, one is started."""
        starting = sum(worker.state == "starting" for worker in self.workers)
        for worker in self.workers:
            if worker.state == "idle":
                if (row := self.store.next_queued()) is None:
                    return
                self._run(worker, row)
            elif worker.state == "off" and now >= worker.not_before:
                if self.store.counts()["queued"] <= starting:
                    return
                self._start(worker)
                starting += 1

    def _start(self, worker: Worker) -> None:
        try:
            worker.start(self.crew.address)
        except OSError as error:  # no process or memory left: the job can't help it, so it waits
            log.error("worker %s can't be started: %s", worker.name, error)
            self._start_failed(worker, "killed")

    def _run(self, worker: Worker, row: JobRow) -> None:
        values = {"attempts": row.attempts + 1, "device": worker.on, "wanted": ""}
        began = row.started or wall_clock()
        try:
            self.store.update(row.id, state="running", started=began, **values)
        except StorageError as error:
            self.book.refused(error)
            return
        worker.job, worker.last_job, worker.stepped = row.id, row.id, time.monotonic()
        worker.become("running")
        log.info("job %s runs on worker %s (%s)", row.id, worker.name, worker.on)
        self.crew.send(worker, self._order(row))
        self.watch(row.id)
        self.changed(row.id)

    def _order(self, row: JobRow) -> link.Run:
        settings = row.asked()
        prior = self.config.offered().get(settings.prior, settings.prior)
        folder = str(self.book.folder.of(row.id))
        uploads = tuple(
            link.UploadedFile(digest, str(self.book.uploads.path(row.client, digest)))
            for digest in row.uploads.split()
        )
        return link.Run(row.id, settings, prior, folder, self.config.checkpoint_seconds, uploads)

    def _died(self, worker: Worker, status: int) -> None:
        """The process is gone."""
        job, kind, spoke = worker.job, self.crew.why_ended(worker, status), bool(worker.route)
        log.info("worker %s ended with status %d (%s)", worker.name, status, worker.state)
        worker.job, worker.route = "", b""
        worker.become("off")
        if job:
            self.ends.died(job, kind, worker, status, self.stopping)
        if not spoke:  # last: it asks the disk, which may refuse
            self._start_failed(worker, kind)

    def _start_failed(self, worker: Worker, kind: str) -> None:
        """Nobody could run the first job of the queue: it counts as its failure, or the server
        would try for ever."""
        self.crew.put_off(worker)
        row = None if self.stopping else self.store.next_queued()
        if row is not None and kind != "killed":
            text = f"its libraries or device '{worker.device}' can't be loaded"
            self.book.failed(row.id, kind, "start", text, {})
            self.changed(row.id)
