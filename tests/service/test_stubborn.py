"""Hard cases of jobs that stop: who asks twice, who changes his mind, a disk that won't be read."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import zmq

from backend.errors import StorageError
from backend.service import link
from backend.service.book import JobBook
from backend.service.config import ServeConfig
from backend.service.folder import OUTCOME, DataFolder
from backend.service.scheduler import Scheduler
from backend.service.server import Server
from backend.service.store import JobStore, Outcome
from backend.service.streams import Streams
from shared import messages as m
from shared.client import Client
from tests.service.conftest import Served, finish, submit, wait_for

Serve, Connect = Callable[..., Served], Callable[..., Client]
A = "a" * 32


def has_stepped(event: Any) -> bool:
    return isinstance(event, m.News) and event.info.step > 2


def test_who_cancels_again_and_again_does_not_keep_a_hung_worker_alive(
    serve: Serve, connect: Connect
) -> None:
    serve(cancel_seconds=2.0)
    client = connect()
    job = submit(client, "steps=5 hang=3")
    client.subscribe(job, interval=0)
    wait_for(client, has_stepped)
    began = time.monotonic()
    while client.call(m.Cancel(job)).info.state != "cancelled":
        assert time.monotonic() - began < 60
        client.pump(0.5)


def test_a_pause_that_was_taken_back_lets_the_job_go_on(serve: Serve, connect: Connect) -> None:
    """The worker is in the middle of a step, or has heard of the pause already."""
    serve()
    client = connect()
    for steps, pause in ((300, 0.01), (8, 0.4)):  # some seconds: not over before the pause is heard
        job = submit(client, f"steps={steps} pause={pause}")
        client.subscribe(job, interval=0)
        wait_for(client, has_stepped)
        client.call(m.Pause(job))
        info = client.call(m.Resume(job)).info
        assert info.state in ("running", "queued") and not info.wanted
        assert finish(client, job).state == "done"


def test_a_cancel_can_not_be_taken_back(serve: Serve, connect: Connect) -> None:
    serve(cancel_seconds=3.0)
    client = connect()
    job = submit(client, "steps=5 hang=3")
    client.subscribe(job, interval=0)
    wait_for(client, has_stepped)
    client.call(m.Cancel(job))
    client.call(m.Pause(job))
    with pytest.raises(Exception, match="can't be resumed"):
        client.call(m.Resume(job))
    assert finish(client, job).state == "cancelled"


@pytest.fixture
def scheduler(tmp_path: Path) -> Any:
    """With one idle worker that never speaks."""
    config = ServeConfig(tmp_path / "data", tmp_path / "file", devices=("cpu",))
    context: zmq.Context[Any] = zmq.Context()
    with DataFolder(config.data) as folder, JobStore(folder.path / "jobs.sqlite") as store:
        store.add(A, "tests", m.Settings("a chair"), 0)
        book = JobBook(config, folder, store)
        yield Scheduler(config, folder, book, context.socket(zmq.ROUTER), "inproc://nowhere")
    context.destroy(linger=0)


class Unreadable:
    """A database whose disk is away."""

    def execute(self, *_: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")


@pytest.mark.parametrize("how", ["said", "died"])
def test_an_end_that_the_disk_did_not_take_is_kept(
    scheduler: Scheduler, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [worker] = scheduler.workers
    scheduler.store.update(A, state="running")
    worker.job = worker.last_job = A
    folder = scheduler.book.folder.of(A)
    folder.mkdir(parents=True)
    (folder / OUTCOME).write_text(Outcome(faces=7).text())
    told: list[str] = []
    scheduler.changed = told.append
    with monkeypatch.context() as patch:
        patch.setattr(scheduler.store, "_db", Unreadable())
        if how == "said":
            scheduler._ended(worker, link.Ended(A, "done"))
        else:
            statuses = iter([-9])
            patch.setattr(worker, "ended", lambda: next(statuses, None))
        for _ in range(3):
            scheduler.try_tick()
        assert scheduler.book.trouble and not told and not worker.job
        assert worker.state == ("idle" if how == "said" else "off")
    scheduler.stopping = True  # no other run
    monkeypatch.setattr("backend.service.book.SAVE_SECONDS", 0.0)
    scheduler.book._next_try = 0.0
    scheduler.try_tick()
    assert scheduler.book.row(A).state == "done" and told == [A]
    assert not scheduler.book.trouble


def test_news_that_the_disk_did_not_tell_comes_later() -> None:
    sent: list[Any] = []
    away = [True]

    def info_of(job: str) -> m.JobInfo:
        if away:
            raise StorageError("The disk is away.")
        return m.JobInfo(job, "done", m.Settings("a chair"))

    def send(_: Any, message: Any) -> bool:
        sent.append(message)
        return True

    streams = Streams(info_of, send, lambda job: None)
    wish = m.Subscribe((A,), interval=0)
    streams.subscribe("session", b"route", wish, [])
    streams.changed(A)
    assert not sent
    away.clear()
    streams.subscribe("session", b"route", wish, [])  # as every two seconds
    assert [message.info.job for message in sent] == [A]


def test_the_data_folder_is_counted_in_slices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No slice is longer than what it is given, but for one folder; the sum is right."""
    config = ServeConfig(tmp_path / "data", tmp_path / "file", data_limit=10**9)
    with DataFolder(config.data) as folder, JobStore(folder.path / "jobs.sqlite") as store:
        server = Server.__new__(Server)
        server.config, server.folder, server.store = config, folder, store
        server.book = JobBook(config, folder, store)
        for number in range(40):
            (folder.jobs / str(number)).mkdir()
            (folder.jobs / str(number) / "prop.glb").write_bytes(bytes(1000))
        clock = iter(range(10_000))
        monkeypatch.setattr(time, "monotonic", lambda: next(clock) * 0.004)
        server._keeping, server._counted, server.data_size = None, 0, -1
        server.sessions = server.streams = server.scheduler = Mock()  # type: ignore[assignment]
        server.sessions.forget_silent.return_value = server.scheduler.workers = []
        server._sweep()
        slices = 0
        while server._keeping is not None:
            server._keep_limit()
            slices += 1
            assert slices < 100
        assert slices > 10 and server.data_size == folder.size() > 40_000


def test_a_job_that_goes_on_while_the_limit_is_kept_keeps_its_files(tmp_path: Path) -> None:
    config = ServeConfig(tmp_path / "data", tmp_path / "file")
    with DataFolder(config.data) as folder, JobStore(folder.path / "jobs.sqlite") as store:
        jobs = [A, "b" * 32, "c" * 32]
        for job in jobs:
            store.add(job, "tests", m.Settings("a chair"), 0)
            store.update(job, state="failed")
            folder.of(job).mkdir()
            (folder.of(job) / "checkpoint").write_bytes(bytes(1000))
        slices = folder.keeping(0, store, lambda: None)
        while folder.of(A).is_dir():
            next(slices)
        store.update(jobs[1], state="queued")  # resumed
        store.delete(jobs[2])
        list(slices)
        assert folder.of(jobs[1]).is_dir()


def test_a_job_that_is_deleted_is_gone_for_those_who_watch(serve: Serve, connect: Connect) -> None:
    """Also for a client that was away meanwhile."""
    served, client, other = serve(), connect("watcher"), connect("other")
    jobs = [submit(client), submit(client)]
    for job in jobs:
        finish(client, job)
    client.subscribe(*jobs, interval=0)
    client.pump(1.0)
    other.call(m.Delete(jobs[0]))
    assert wait_for(client, lambda e: isinstance(e, m.Gone)).job == jobs[0]
    served.kill()
    served.start()
    other.call(m.Delete(jobs[1]), 60)
    wait_for(client, lambda e: isinstance(e, m.Gone) and e.job == jobs[1])
