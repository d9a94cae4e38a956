"""All workers of a server: who they are, what is said to them, and who of them hangs. No torch.

In: the configuration, the workers' socket, `supervise` ten times a second. Out: messages of workers
that are really ours; processes that are started and ended. Which job runs where is the scheduler's.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Sequence
from typing import Any

import zmq

from backend.service import link
from backend.service.config import ServeConfig
from backend.service.folder import DataFolder
from backend.service.worker_process import Worker, out_of_memory_kills, was_killed_from_outside
from shared.codec import Envelope, decode, encode
from shared.errors import WireError

log = logging.getLogger(__name__)
Socket = Any  # zmq.Socket, whose type parameter differs between pyzmq's versions
AWAY_SECONDS = 5.0  # without a look at the workers: the server itself was stopped, or asleep


class Crew:
    """One worker for each device."""

    def __init__(self, config: ServeConfig, folder: DataFolder, socket: Socket, address: str):
        self.config, self.socket, self.address = config, socket, address
        self.workers = [_worker(config, folder, i) for i in range(len(config.devices))]
        self._seq = itertools.count(1)
        self._memory_kills = out_of_memory_kills()
        self._looked = time.monotonic()

    def on(self, job: str) -> Worker | None:
        """Who has this job."""
        return next((w for w in self.workers if w.job == job and job), None)

    # ---- messages ----

    def read(self, frames: Sequence[Any]) -> tuple[Worker | None, Any]:
        """Whose key fits decides who sent it: others are not heard."""
        for worker in self.workers:
            if worker.process is None:
                continue
            try:
                return worker, decode(frames, worker.key_in, link.FROM_WORKER)[1]
            except WireError as error:
                log.debug("not of worker %s: %s", worker.name, error)
        return None, None

    def send(self, worker: Worker, message: Any) -> None:
        frames = encode(message, Envelope(next(self._seq)), worker.key_out)
        try:
            self.socket.send_multipart([worker.route, *frames], zmq.NOBLOCK)
        except zmq.ZMQError as error:  # gone, or its queue is full: `supervise` will see what it is
            log.warning("worker %s can't be reached: %s", worker.name, error)

    def stop(self, worker: Worker) -> None:
        """It saves its job and stops; who asks again and again gives it no more time."""
        self.send(worker, link.Stop(worker.job))
        if worker.state != "stopping":
            worker.become("stopping")

    # ---- their lives ----

    def forgive_absence(self, now: float) -> None:
        """After Ctrl-Z, a debugger or a sleep of the machine nobody's silence means anything."""
        gap, self._looked = now - self._looked, now
        if gap > AWAY_SECONDS:
            log.warning("the server was away for %.0f s", gap)
            for worker in self.workers:
                worker.since += gap
                worker.heard += gap
                worker.stepped += gap

    def supervise(self, worker: Worker, now: float, stopping: bool, cancelled: bool) -> None:
        """Ends it where it hangs, is not needed, or does not stop. cancelled: its job is."""
        config, waited = self.config, now - worker.since
        patience = config.cancel_seconds if cancelled else config.pause_seconds
        late = worker.state == "stopping" and worker.job and waited > patience
        spare = worker.state == "idle" and (stopping or waited > config.idle_seconds)
        if self._hangs(worker, now):
            log.warning("worker %s hangs (%s)", worker.name, worker.state)
            worker.kill("hung")
        elif late or spare:
            worker.kill()

    def _hangs(self, worker: Worker, now: float) -> bool:
        """Does not get ready, gives no sign of life, or makes no step."""
        config = self.config
        if worker.state in ("off", "starting"):
            return worker.state == "starting" and now - worker.since > config.start_seconds
        silent = now - worker.heard > config.silent_seconds
        stuck = worker.state == "running" and now - worker.stepped > config.hang_seconds
        return silent or stuck

    def why_ended(self, worker: Worker, status: int) -> str:
        """ "hung", "out_of_memory", "killed" from outside, or "worker_died" by itself."""
        kills, before = out_of_memory_kills(), self._memory_kills
        self._memory_kills = kills
        if worker.why_ended:
            return worker.why_ended
        if kills > before and was_killed_from_outside(status):
            return "out_of_memory"
        return "killed" if was_killed_from_outside(status) else "worker_died"

    def put_off(self, worker: Worker) -> None:
        """One that does not start waits twice as long each time."""
        worker.not_before = time.monotonic() + worker.wait
        worker.wait = min(worker.wait * 2, 60.0)

    def release(self) -> None:
        """Ends the idle workers: their process is what holds the memory."""
        for worker in self.workers:
            if worker.state == "idle":
                worker.kill()

    def all_off(self) -> bool:
        return all(worker.process is None for worker in self.workers)

    def kill_all(self) -> None:
        for worker in self.workers:
            worker.kill()


def _worker(config: ServeConfig, folder: DataFolder, index: int) -> Worker:
    lock, output = folder.path / f"worker-{index}.lock", folder.logs / f"worker-{index}.txt"
    return Worker(str(index), config.devices[index], config, lock, output)
