"""A server that is killed at the Nth thing it does to the disk: each is a moment of its own.

`die_at_its_point` counts files that are opened for writing, renamed, removed and made, and before
and after each statement that changes the database; the environment names which one is the last.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from backend.service.store import JobStore

VARIABLE = "PROPSMITH_TEST_CRASH"
EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod"}
WRITING = os.O_WRONLY | os.O_RDWR
CHANGES = ("INSERT", "UPDATE", "DELETE")


class Countdown:
    def __init__(self, last: int):
        self.left = last

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS or (event == "open" and arguments[2] & WRITING):
            self()


def die_at_its_point() -> None:
    """Where the environment says so."""
    if not (last := os.environ.pop(VARIABLE, "")):
        return
    count, run = Countdown(int(last)), JobStore._run

    def counted(store: JobStore, sql: str, values: Sequence[Any] = ()) -> Any:
        changes = sql.startswith(CHANGES)
        if changes:
            count()
        result = run(store, sql, values)
        if changes:
            count()
        return result

    JobStore._run = counted  # type: ignore[method-assign]
    sys.addaudithook(count.audit)
