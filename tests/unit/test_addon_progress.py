"""A job's bar in the add-on never goes back, ends full, and its time left adds up."""

from __future__ import annotations

import importlib.util
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def progress() -> ModuleType:
    # By its path: the package itself needs Blender.
    spec = importlib.util.spec_from_file_location("p", ROOT / "blender_addon" / "progress.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("refined", [False, True])
def test_the_bar_never_goes_back_and_ends_full(progress: ModuleType, refined: bool) -> None:
    stages = list(progress.REFINED if refined else progress.SHARES)
    steps = [(stage, step, 10) for stage in stages for step in range(11)]
    shares = [progress.of_the_job(*at, 0.0, refined)[0] for at in steps]
    assert shares[0] == 0 and shares[-1] == pytest.approx(1)
    assert all(a <= b for a, b in pairwise(shares))
    assert progress.of_the_job("report", 0, 1, 0.0, refined)[0] == 1


def test_the_time_left_is_that_of_all_that_remains(progress: ModuleType) -> None:
    """At the pace of the stage: half of the Gaussians took as long as the other half will."""
    done, left = progress.of_the_job("gaussians", 400, 800, 30.0, False)
    shares = progress.SHARES
    whole = sum(shares.values())
    assert done == pytest.approx((shares["prior"] + shares["gaussians"] / 2) / whole)
    assert left == pytest.approx(60.0 / shares["gaussians"] * whole * (1 - done))
    assert progress.of_the_job("gaussians", 400, 800, 0.0, False)[1] == 0


def test_a_stage_without_steps_or_a_name_counts_nothing_of_its_own(progress: ModuleType) -> None:
    before = progress.of_the_job("gaussians", 800, 800, 0.0, False)[0]
    assert progress.of_the_job("solid", 0, 1, 0.0, False) == (before, 0.0)
    assert progress.of_the_job("", 0, 0, 0.0, False) == (0.0, 0.0)
