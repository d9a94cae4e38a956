"""For all tests: says plainly what a machine without a GPU could not check."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

# Threads that spin while they wait make small kernels many times slower where processors are
# shared with other work; numba's pool reads this when it starts.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(autouse=True)
def subnormal_floats() -> Iterator[None]:
    """A command that runs in the tests' own process leaves it flushing subnormal floats to zero;
    the next test gets IEEE arithmetic back."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum("CUDA" in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(
            f"No CUDA device here: {count} test(s) of the GPU paths DID NOT RUN.", yellow=True
        )
