"""The disk and the clock: full, read-only, and jumping. Databases: test_database.py."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from backend.errors import InputError, StorageError
from backend.service.book import JobBook
from backend.service.config import ServeConfig
from backend.service.folder import OUTCOME, DataFolder
from backend.service.store import JobStore, Outcome
from shared import messages as m
from shared.client import Client
from shared.errors import RemoteError
from tests.service.conftest import Served, finish, state_is, submit, wait_for, wait_until

Serve, Connect = Callable[..., Served], Callable[..., Client]
A, B, C = "a" * 32, "b" * 32, "c" * 32
SETTINGS = m.Settings("a chair", seed=2**63 - 1)


def fill(store: JobStore) -> None:
    """No page more fits into the database: what SQLite says on a full disk."""
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")


def free(store: JobStore) -> None:
    store._db.execute("PRAGMA max_page_count = 1000000")


@pytest.fixture
def book(tmp_path: Path) -> JobBook:
    config = ServeConfig(tmp_path / "data", tmp_path / "connection.json")
    folder = DataFolder(config.data)
    folder.jobs.mkdir(parents=True)
    return JobBook(config, folder, JobStore(config.data / "jobs.sqlite"))


def test_a_full_disk_loses_no_end_of_a_job(book: JobBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.service.book.SAVE_SECONDS", 0.0)
    long = m.Settings("x" * 2000, negative="y" * 2000)
    for job in (A, B):
        book.store.add(job, "tests", long, 0)
        book.store.update(job, state="running")
    fill(book.store)
    with pytest.raises(StorageError, match="free some space"):
        for n in range(50):
            book.store.add(f"{n:032x}", "tests", long, 0)
    book.end(A, "generation", "e" * 1900)
    book.end(B, "generation", "f" * 1900)
    assert book.trouble and not book.settle()
    assert book.row(A).state == book.row(B).state == "failed"  # told all the same
    assert {book.store.get(A).state, book.store.get(B).state} != {"failed"}
    free(book.store)
    assert book.settle() and not book.trouble
    assert book.store.get(A).state == book.store.get(B).state == "failed"


def test_files_that_cannot_be_written_pause_the_job_and_nothing_is_lost(
    serve: Serve, connect: Connect
) -> None:
    served, client = serve(), connect()
    first = submit(client, "steps=2")
    finish(client, first)
    [worker] = served.worker_pids()
    allowed = resource.prlimit(worker, resource.RLIMIT_FSIZE)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (1000, allowed[1]))  # as if the disk were full
    job = submit(client, "steps=5 bytes=200000")
    client.subscribe(job, interval=0)
    news = wait_for(client, state_is("paused", "failed"))
    assert (news.info.state, news.info.error_code) == ("paused", "storage")
    assert finish(client, first).state == "done"
    resource.prlimit(worker, resource.RLIMIT_FSIZE, allowed)
    client.call(m.Resume(job))
    info = finish(client, job)
    assert info.state == "done" and not info.error
    assert len(b"".join(client.fetch(job, "prop.glb"))) == 200_000


def test_a_server_on_a_full_disk_answers_and_recovers(serve: Serve, connect: Connect) -> None:
    served, client = serve(), connect()
    job = submit(client, "steps=600 pause=0.01")
    client.subscribe(job, interval=0)
    wait_for(client, state_is("running"))
    assert served.process is not None
    pid = served.process.pid
    allowed = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    size = max(p.stat().st_size for p in (served.folder / "data").glob("jobs.sqlite*"))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, allowed[1]))

    def refused() -> bool:
        try:
            submit(client, "x" * 1900)
        except RemoteError as error:
            assert error.code == "storage", error
            return True
        return False

    wait_until(refused, "the disk's end")
    assert client.call(m.GetStatus()).running == 1
    resource.prlimit(pid, resource.RLIMIT_FSIZE, allowed)
    assert finish(client, job).state == "done"
    client.call(m.GetJob(submit(client, "steps=1")))


def test_folders_that_cannot_be_used_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "data", Path("/proc/propsmith"), Path("/sys/propsmith")):
        with pytest.raises(InputError, match="--data"), DataFolder(path):
            pass


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_folder_is_one_sentence(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "data"):
        pass
    (tmp_path / "data").chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"), DataFolder(tmp_path / "data"):
        pass


def test_one_folder_has_one_server(serve: Serve) -> None:
    served = serve()
    with pytest.raises(InputError, match="Another server"), DataFolder(served.folder / "data"):
        pass


def test_a_clock_that_jumps_changes_no_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with JobStore(tmp_path / "jobs.sqlite") as store:
        for job, now in ((A, 2e9), (B, 0.0), (C, 1e9)):
            monkeypatch.setattr(time, "time", lambda now=now: now)
            store.add(job, "tests", SETTINGS, 0)
        assert [row.id for row in store.page(m.STATES, 9)] == [C, B, A]
        order = []
        while row := store.next_queued():
            order.append(row.id)
            store.update(row.id, state="done")
        assert order == [A, B, C]


def test_the_data_limit_takes_the_files_of_the_longest_finished(book: JobBook) -> None:
    for number, job in enumerate((A, B, C)):
        book.store.add(job, "tests", SETTINGS, 0)
        folder = book.folder.of(job)
        folder.mkdir()
        (folder / "prop.glb").write_bytes(bytes(1_000_000))
        outcome = Outcome("ab" * 32, 7, (), ({"name": "prop.glb", "size": 1_000_000},), ())
        (folder / OUTCOME).write_text(outcome.text())
        if job != C:
            book.store.update(job, state="done", finished=float(number), result=outcome.text())
    size = book.folder.keep_limit(2_500_000, book.store)
    assert size <= 2_500_000
    assert [book.folder.of(job).exists() for job in (A, B, C)] == [False, True, True]
    assert book.store.get(A).outcome() == Outcome("ab" * 32, 7, [], [], [])
    assert book.store.get(B).outcome().files
    size = book.folder.keep_limit(10, book.store)  # unfinished jobs are never touched
    assert [book.folder.of(job).exists() for job in (A, B, C)] == [False, False, True]
    assert size > 10


def test_a_clock_that_was_set_back_does_not_choose_whose_files_go(
    book: JobBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that ended first makes way, whatever the clock said then."""
    for job, now in ((A, 2e9), (B, 1e9), (C, -5.0)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        book.store.add(job, "tests", SETTINGS, 0)
        book.folder.of(job).mkdir()
        (book.folder.of(job) / OUTCOME).write_text(Outcome().text())
        book.finish(job)
        assert book.info(book.row(job)).finished == max(now, 0)
    assert [job for job, _ in book.store.over_oldest_first()] == [A, B, C]


def test_outcomes_of_a_newer_version_are_read() -> None:
    values = {**asdict(Outcome(faces=3)), "novelty": 1}
    assert Outcome.read(json.dumps(values)).faces == 3


def test_a_full_data_folder_refuses_new_jobs(serve: Serve, connect: Connect) -> None:
    serve(data_limit=1)
    client = connect()

    def refused() -> bool:
        try:
            submit(client, "hang=0")
        except RemoteError as error:
            assert error.code == "data_full" and "--data-limit" in error.text
            return True
        return False

    wait_until(refused, "the folder to be counted")
