"""A worker that ends before it was spoken to, or can't be started: the server goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import zmq

from backend.errors import StorageError
from backend.service.book import JobBook
from backend.service.config import ServeConfig
from backend.service.folder import DataFolder
from backend.service.scheduler import Scheduler
from backend.service.store import JobStore
from shared.messages import Settings

JOB = "a" * 32


@pytest.fixture
def scheduler(tmp_path: Path) -> Any:
    command = (sys.executable, "-c", "pass")
    config = ServeConfig(
        tmp_path / "data", tmp_path / "file", devices=("cpu",), worker_command=command
    )
    context: zmq.Context[Any] = zmq.Context()
    with DataFolder(config.data) as folder, JobStore(folder.path / "jobs.sqlite") as store:
        store.add(JOB, "tests", Settings("a chair"), 0)
        book = JobBook(config, folder, store)
        yield Scheduler(config, folder, book, context.socket(zmq.ROUTER), "inproc://nowhere")
    context.destroy(linger=0)


class GoneAtOnce(subprocess.Popen[bytes]):
    """Killed and cleared away before anybody can write to it."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.kill()
        self.wait()


def test_a_worker_killed_while_it_starts_is_started_again(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", GoneAtOnce)
    [worker] = scheduler.workers
    scheduler.tick()
    assert worker.state == "starting" and worker.restarts == 0
    scheduler.tick()
    assert worker.process is None and worker.state == "off" and worker.wait > 1
    worker.not_before = 0.0
    scheduler.tick()
    assert worker.state == "starting" and worker.restarts == 1
    assert scheduler.store.get(JOB).state == "queued"


def test_where_there_is_no_process_left_the_job_waits(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    [worker] = scheduler.workers
    for times in range(1, 5):
        worker.not_before = 0.0
        scheduler.tick()
        assert worker.state == "off" and worker.wait == 2.0**times
    assert scheduler.store.get(JOB).state == "queued"
    monkeypatch.undo()
    worker.not_before = 0.0
    scheduler.tick()
    assert worker.state == "starting" and worker.process is not None
    worker.kill()
    worker.process.wait()


def test_absence_of_the_server_is_no_fault_of_its_workers(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-Z, a debugger, a laptop that was shut: all clocks of the server have jumped."""
    [worker] = scheduler.workers
    scheduler.tick()
    assert worker.process is not None
    worker.job, worker.last_job = JOB, JOB
    worker.heard = worker.stepped = now = time.monotonic()
    worker.become("running")

    def tick_at(moment: float) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: moment)
        monkeypatch.setattr(worker, "ended", lambda: None)  # the stand-in ends by itself
        scheduler.tick()
        monkeypatch.undo()

    for later in (10_000.0, 90_000.0):
        tick_at(now + later)
        assert worker.state == "running" and not worker.why_ended
    silent = 0.0
    while not worker.why_ended and silent < 100:  # now it is the worker that is silent
        silent += 1.0
        tick_at(now + 90_000.0 + silent)
    assert worker.why_ended == "hung" and silent > 30 - 1
    worker.process.wait()


def test_without_room_for_its_output_a_worker_runs_all_the_same(scheduler: Scheduler) -> None:
    [worker] = scheduler.workers
    worker.output = worker.output.parent / "none" / "worker.txt"
    scheduler.tick()
    assert worker.process is not None and worker.state == "starting"
    assert worker.process.wait() == 0


def test_a_queue_that_cannot_be_read_just_now_is_trouble_and_no_end(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> dict[str, int]:
        raise StorageError("The jobs cannot be read: disk I/O error.")

    monkeypatch.setattr(scheduler.store, "counts", refuse)
    scheduler.try_tick()
    assert "disk I/O" in scheduler.book.trouble
    monkeypatch.undo()
    scheduler.book._next_try = 0.0
    scheduler.try_tick()
    assert not scheduler.book.trouble and scheduler.workers[0].state == "starting"
    scheduler.crew.kill_all()
