"""Jobs in SQLite: what is asked for, in which state, and how it ended. No torch.

In: calls of the server, the only one who writes. Out: rows as `JobRow`. Every change is one
transaction and on the disk when the call returns; order is by numbers, of arriving and of ending,
so a clock that jumps changes nothing. Raises StorageError where the disk refuses.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from backend.errors import InputError, StorageError
from backend.service.migrations import migrate
from shared.checks import Record, plain
from shared.errors import RemoteError
from shared.messages import OVER, STATES, FileInfo, Settings, StageTime


@dataclass(frozen=True)
class JobRow:
    """A row of the table; the names are its columns'."""

    number: int
    id: str
    client: str
    settings: str  # JSON of shared.messages.Settings
    priority: int
    state: str
    wanted: str  # "paused" or "cancelled" while the worker still stops
    created: float
    started: float | None
    finished: float | None
    attempts: int
    error_code: str
    error: str
    result: str  # JSON of `Outcome`
    device: str
    stage: str
    step: int
    steps: int
    uploads: str  # digests, with spaces between

    def asked(self) -> Settings:
        return Record(Settings)(json.loads(self.settings), "settings")

    def outcome(self) -> Outcome:
        return Outcome.read(self.result)


@dataclass(frozen=True)
class Outcome:
    """What a worker leaves behind a job, as plain values."""

    weights: str = ""
    faces: int = 0
    notes: Sequence[str] = ()
    files: Sequence[dict[str, Any]] = ()  # of FileInfo; emptied when the data's limit took them
    stages: Sequence[dict[str, Any]] = ()  # of StageTime

    @classmethod
    def read(cls, text: str) -> Outcome:
        """Unknown keys, of a newer version, are left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{k: v for k, v in json.loads(text).items() if k in known})

    def text(self) -> str:
        """For the column `result`, and for outcome.json."""
        return json.dumps(asdict(self), sort_keys=True)

    def as_fields(self) -> dict[str, Any]:
        """For JobInfo."""
        return {
            "weights": self.weights,
            "faces": self.faces,
            "notes": tuple(self.notes),
            "files": tuple(FileInfo(**f) for f in self.files),
            "stages": tuple(StageTime(**s) for s in self.stages),
        }


def wall_clock() -> float:
    """Seconds since 1970, for people to read. It may jump, so nothing is decided by it."""
    return max(0.0, time.time())


def uploads_of(settings: Settings) -> list[str]:
    """Digests of the files that a job needs."""
    mesh = settings.refine.mesh if settings.refine else None
    return [digest for digest in (settings.image, mesh) if digest]


NEEDING = ("queued", "running", "paused", "failed")  # states of which a job may go on
_COLUMNS = ", ".join(field.name for field in fields(JobRow))


class JobStore:
    """A context manager; the file is made or migrated when it opens."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            migrate(self._db, path)
        except (sqlite3.Error, OSError) as error:
            raise InputError(
                f"The jobs in '{path}' cannot be opened: {error}; free some space or mend the "
                "folder's rights, or move a damaged file away and start anew."
            ) from error

    def __enter__(self) -> JobStore:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    # ---- reading ----

    def get(self, job: str) -> JobRow:
        """Raises RemoteError `unknown_job`."""
        rows = self._rows("WHERE id = ?", (job,))
        if not rows:
            raise RemoteError("unknown_job", f"There is no job {job}; it may have been deleted.")
        return rows[0]

    def find(self, job: str) -> JobRow | None:
        return next(iter(self._rows("WHERE id = ?", (job,))), None)

    def page(self, states: Sequence[str], limit: int, before: int | None = None) -> list[JobRow]:
        """Newest first."""
        marks = ", ".join("?" * len(states))
        where = f"WHERE state IN ({marks}) AND number < ? ORDER BY number DESC LIMIT ?"
        return self._rows(where, (*states, before if before is not None else 2**62, limit))

    def next_queued(self) -> JobRow | None:
        order = "WHERE state = 'queued' ORDER BY priority DESC, number LIMIT 1"
        return next(iter(self._rows(order)), None)

    def counts(self, client: str | None = None) -> dict[str, int]:
        """Jobs in each state."""
        where, values = ("", ()) if client is None else ("WHERE client = ?", (client,))
        sql = f"SELECT state, COUNT(*) FROM jobs {where} GROUP BY state"
        return dict.fromkeys(STATES, 0) | dict(self._run(sql, values).fetchall())

    def newest(self, limit: int) -> list[str]:
        """Ids of the last ones that were submitted."""
        found = self._run("SELECT id FROM jobs ORDER BY number DESC LIMIT ?", (limit,))
        return [job for (job,) in found.fetchall()]

    def over_oldest_first(self) -> list[tuple[str, bool]]:
        """Ids of those whose files may go, and whether any are listed still."""
        marks = ", ".join("?" * len(OVER))
        listed = """result LIKE '%"files": [{%'"""
        sql = f"SELECT id, {listed} FROM jobs WHERE state IN ({marks}) ORDER BY ended, number"
        return [(job, bool(files)) for job, files in self._run(sql, OVER).fetchall()]

    def uploads_needed(self) -> set[tuple[str, str]]:
        """Clients and digests, of jobs that run or may yet."""
        marks = ", ".join("?" * len(NEEDING))
        sql = f"SELECT client, uploads FROM jobs WHERE state IN ({marks}) AND uploads != ''"
        found = self._run(sql, NEEDING).fetchall()
        return {(client, digest) for client, digests in found for digest in digests.split()}

    # ---- writing ----

    def add(self, job: str, client: str, settings: Settings, priority: int) -> JobRow:
        """A queued job; one that is there already stays as it is."""
        sql = (
            "INSERT INTO jobs (id, client, settings, priority, created, uploads)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
        )
        text, uploads = json.dumps(plain(settings), sort_keys=True), " ".join(uploads_of(settings))
        self._run(sql, (job, client, text, priority, wall_clock(), uploads))
        return self.get(job)

    def update(self, job: str, **values: Any) -> JobRow:
        """Sets columns of one job. Raises StorageError; nothing has changed then."""
        sets = ", ".join(f"{name} = ?" for name in values)
        if values.get("state") in OVER:
            sets += ", ended = (SELECT COALESCE(MAX(ended), 0) + 1 FROM jobs)"
        self._run(f"UPDATE jobs SET {sets} WHERE id = ?", (*values.values(), job))
        return self.get(job)

    def delete(self, job: str) -> None:
        self._run("DELETE FROM jobs WHERE id = ?", (job,))

    def _rows(self, rest: str, values: Sequence[Any] = ()) -> list[JobRow]:
        found = self._run(f"SELECT {_COLUMNS} FROM jobs {rest}", values)
        return [JobRow(*row) for row in found.fetchall()]

    def _run(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(sql, tuple(values))
        except sqlite3.Error as error:
            raise StorageError(
                f"The jobs in '{self.path}' cannot be read or written: {error}; free some space, "
                "or mend the disk."
            ) from error
