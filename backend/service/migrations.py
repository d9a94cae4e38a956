"""The database's shape, version by version: each entry takes it from the one before.

In: an open connection of any version. Out: the newest. What an entry says is never edited.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from backend.errors import InputError

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE jobs (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            client TEXT NOT NULL,
            settings TEXT NOT NULL,
            priority INTEGER NOT NULL DEFAULT 0,
            state TEXT NOT NULL DEFAULT 'queued',
            wanted TEXT NOT NULL DEFAULT '',
            created REAL NOT NULL,
            started REAL,
            finished REAL,
            attempts INTEGER NOT NULL DEFAULT 0,
            error_code TEXT NOT NULL DEFAULT '',
            error TEXT NOT NULL DEFAULT '',
            result TEXT NOT NULL DEFAULT '{}'
        )""",
        "CREATE INDEX jobs_queue ON jobs (state, priority DESC, number)",
    ),
    (  # where a job stands, so that the list says so after a restart too
        "ALTER TABLE jobs ADD COLUMN device TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE jobs ADD COLUMN stage TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE jobs ADD COLUMN step INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE jobs ADD COLUMN steps INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX jobs_client ON jobs (client, state)",
    ),
    (  # digests of the files that a job needs, with spaces between
        "ALTER TABLE jobs ADD COLUMN uploads TEXT NOT NULL DEFAULT ''",
    ),
    (  # the order in which jobs ended, which no clock decides
        "ALTER TABLE jobs ADD COLUMN ended INTEGER",
        """UPDATE jobs SET ended = ranked.place FROM (
            SELECT number, ROW_NUMBER() OVER (ORDER BY finished, number) AS place
            FROM jobs WHERE finished IS NOT NULL
        ) AS ranked WHERE ranked.number = jobs.number""",
        "CREATE INDEX jobs_ended ON jobs (ended)",
    ),
)
NEWEST = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Each step in one transaction; an older database is copied beside itself first.

    Raises InputError for a database of a newer version.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > NEWEST:
        raise InputError(
            f"The jobs in '{path}' are of a newer Propsmith (version {version} of the database, "
            f"this one knows {NEWEST}); update this one, or name another folder with --data."
        )
    if 0 < version < NEWEST:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy2(path, path.with_name(f"{path.name}.version{version}"))
    for number in range(version, NEWEST):
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in MIGRATIONS[number]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")
