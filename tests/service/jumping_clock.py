"""A wall clock that a test sets while servers and workers run. The monotonic clock stays.

`fake` names a way and a file in the environment of processes that are started later; `jump` writes
the file. Ways: "libfaketime", where it is installed, which also deceives what is no Python; and
"python", which replaces `time.time` in processes that call `jump_with_the_file`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

LIBRARIES = (
    *Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"),
    *Path("/usr/lib").glob("faketime/libfaketimeMT.so.1"),
)
VARIABLE = "PROPSMITH_TEST_CLOCK"


def environment_for(way: str, file: Path) -> dict[str, str]:
    """What processes need so that their clock follows the file."""
    if way == "python":
        return {VARIABLE: str(file)}
    return {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def jump(file: Path, seconds: float) -> None:
    """So far from now; at once, for all of them."""
    spare = file.with_suffix(".new")
    spare.write_text(f"{seconds:+.0f}\n")
    os.replace(spare, file)


def jump_with_the_file() -> None:
    """Where the environment says so."""
    if file := os.environ.get(VARIABLE):
        real = time.time
        time.time = lambda: real() + float(Path(file).read_text())
