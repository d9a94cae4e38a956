"""Databases of other versions: older ones are migrated with all their jobs, others are refused."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.errors import InputError
from backend.service.migrations import MIGRATIONS, NEWEST
from backend.service.store import JobStore
from shared import messages as m
from shared.checks import plain
from shared.client import Client
from tests.service.conftest import Served, finish

Serve, Connect = Callable[..., Served], Callable[..., Client]
A, B, C = "a" * 32, "b" * 32, "c" * 32
SETTINGS = m.Settings("a chair", seed=2**63 - 1)


def old_database(path: Path, version: int) -> None:
    """As that version left it, with a finished, a queued and an interrupted job."""
    db = sqlite3.connect(path)
    for statements in MIGRATIONS[:version]:
        for statement in statements:
            db.execute(statement)
    db.execute(f"PRAGMA user_version = {version}")
    for job, state in ((A, "done"), (B, "queued"), (C, "running")):
        text = json.dumps(plain(SETTINGS))
        row = (job, "old", text, state, time.time())
        sql = "INSERT INTO jobs (id, client, settings, state, created) VALUES (?, ?, ?, ?, ?)"
        db.execute(sql, row)
    db.commit()
    db.close()


@pytest.mark.parametrize("version", range(1, NEWEST + 1))
def test_every_older_database_opens_with_all_its_jobs(tmp_path: Path, version: int) -> None:
    path = tmp_path / "jobs.sqlite"
    old_database(path, version)
    with JobStore(path) as store:
        assert [row.state for row in store.page(m.STATES, 9)] == ["running", "queued", "done"]
        assert store.get(A).asked() == SETTINGS
        store.update(A, device="cpu", stage="mesh")
    with JobStore(path) as store:
        assert store.get(A).stage == "mesh"
    copies = list(tmp_path.glob("*.version*"))
    assert len(copies) == (version < NEWEST)
    if copies:
        kept = sqlite3.connect(copies[0])
        assert kept.execute("SELECT COUNT(*) FROM jobs").fetchone() == (3,)
        kept.close()


def test_an_old_database_under_a_server_goes_on(serve: Serve, connect: Connect) -> None:
    served = serve()
    served.stop()
    data = served.folder / "data"
    for path in data.glob("jobs.sqlite*"):
        path.unlink()
    old_database(data / "jobs.sqlite", 1)
    served.start()
    client = connect()
    assert {finish(client, job).state for job in (A, B, C)} == {"done"}


def test_a_newer_database_and_a_damaged_one_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    old_database(path, NEWEST)
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {NEWEST + 1}")
    db.close()
    with pytest.raises(InputError, match="newer Propsmith"):
        JobStore(path)
    path.write_bytes(b"this is no database, and it is long enough to be looked at" * 20)
    with pytest.raises(InputError, match="cannot be opened"):
        JobStore(path)


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "jobs.sqlite"
    old_database(path, 1)
    broken = (MIGRATIONS[0], ("ALTER TABLE jobs ADD COLUMN extra TEXT", "NONSENSE"))
    monkeypatch.setattr("backend.service.migrations.MIGRATIONS", broken)
    with pytest.raises(InputError):
        JobStore(path)
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    names = [row[1] for row in db.execute("PRAGMA table_info(jobs)")]
    db.close()
    assert "extra" not in names


def test_an_older_database_keeps_the_order_in_which_its_jobs_ended(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    old_database(path, 3)
    db = sqlite3.connect(path)
    for job, finished in ((A, 30.0), (B, 10.0), (C, 20.0)):
        db.execute("UPDATE jobs SET state='done', finished=? WHERE id=?", (finished, job))
    db.commit()
    db.close()
    with JobStore(path) as store:
        assert [job for job, _ in store.over_oldest_first()] == [B, C, A]
        store.update(B, state="queued")
        store.update(B, state="cancelled")
        assert [job for job, _ in store.over_oldest_first()] == [C, A, B]
