"""For all tests: what comes before and after them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from tests import gpu_half

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


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # pytest-xdist starts its workers after this
        gpu_half.compile_gsplat()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = [str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped]
    for line in gpu_half.not_run(reasons):
        terminalreporter.write_line(line, yellow=True)
