"""A job's bar in the add-on never goes back, ends full, and its time left adds up."""

from __future__ import annotations

import importlib.util
import sys
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
    module = sys.modules["p"] = importlib.util.module_from_spec(spec)  # dataclasses look there
    spec.loader.exec_module(module)
    del sys.modules["p"]
    return module


def kinds(progress: ModuleType) -> dict[str, dict[str, float]]:
    """Shares by what a job is."""
    modes = ("", "auto", "keep-topology", "texture-only", "remesh")
    found = {mode: progress.shares_of(mode) for mode in modes}
    return {**found, "picture": progress.shares_of("", pictured=True)}


@pytest.mark.parametrize("kind", ["", "auto", "keep-topology", "texture-only", "remesh", "picture"])
def test_the_bar_never_goes_back_and_ends_full(progress: ModuleType, kind: str) -> None:
    given = kinds(progress)[kind]
    steps = [(stage, step, 10) for stage in given for step in range(11)]
    shares = [progress.of_the_job(*at, 0.0, given)[0] for at in steps]
    assert shares[0] == 0 and shares[-1] == pytest.approx(1)
    assert all(a <= b + 1e-12 for a, b in pairwise(shares))
    assert progress.of_the_job("report", 0, 1, 0.0, given)[0] == 1


def test_each_way_of_refining_has_its_own_stages(progress: ModuleType) -> None:
    assert "mesh" not in progress.shares_of("texture-only")
    assert progress.shares_of("auto", 0.0) is progress.shares_of("texture-only")
    assert "read" not in progress.shares_of("remesh")
    assert {"solid", "unwrap"} <= progress.shares_of("remesh").keys()


def test_the_time_left_is_that_of_all_that_remains(progress: ModuleType) -> None:
    """At the pace of the stage: half of the Gaussians took as long as the other half will."""
    shares = progress.SHARES
    done, left, pace = progress.of_the_job("gaussians", 400, 800, 30.0, shares)
    whole = sum(shares.values())
    assert done == pytest.approx((shares["prior"] + shares["gaussians"] / 2) / whole)
    assert left == pytest.approx(60.0 / shares["gaussians"] * whole * (1 - done))
    assert pace == pytest.approx(left / (1 - done))
    assert progress.of_the_job("gaussians", 400, 800, 0.0, shares)[1] == 0


def test_a_stage_that_tells_no_seconds_goes_by_the_last_ones(progress: ModuleType) -> None:
    shares, pace = progress.SHARES, 100.0
    before = progress.of_the_job("gaussians", 800, 800, 0.0, shares)[0]
    assert progress.of_the_job("solid", 0, 1, 0.0, shares)[:2] == pytest.approx((before, 0.0))
    assert progress.of_the_job("", 0, 0, 0.0, shares)[:2] == (0.0, 0.0)
    for stage in ("solid", "unwrap", "bake", "export"):
        done, left, kept = progress.of_the_job(stage, 0, 1, 0.0, shares, pace)
        assert kept == pace and left == pytest.approx(pace * (1 - done)) and left > 0


def test_a_picture_counts_with_its_steps_and_seconds(progress: ModuleType) -> None:
    shares = progress.shares_of("", pictured=True)
    first, rest = (progress.of_the_job("picture", n, 10, 10.0 - n, shares) for n in (0, 5))
    assert rest[0] > first[0] and first[1] > 10.0
    # Also where the add-on did not know of a picture.
    assert progress.of_the_job("picture", 5, 10, 5.0, progress.SHARES)[1] >= 5.0


def test_a_resumed_job_does_not_fall_back(progress: ModuleType) -> None:
    watch, shares = progress.Watch(), progress.SHARES
    before = watch.look("a", ("materials", 5, 10, 10.0), shares)[0]
    for at in (("", 0, 0, 0.0), ("prior", 0, 1, 0.0), ("materials", 4, 10, 12.0)):
        assert watch.look("a", at, shares)[0] == before
    assert watch.look("a", ("materials", 6, 10, 8.0), shares)[0] > before
    watch.keep(["b"])
    assert watch.look("a", ("prior", 0, 1, 0.0), shares)[0] == 0
