"""What a result says of its stages: their names, times, and the steps that were done."""

from __future__ import annotations

import pytest

from backend.errors import Interrupted
from backend.loop import Progress
from backend.result import StageClock
from tests.unit.test_gaussian_stage import context


def test_the_steps_that_were_done_are_reported_and_not_those_meant() -> None:
    """A stage whose prior guesses does fewer than its settings say."""
    run = context()
    clock = StageClock(run)
    with clock.stage("gaussians", 12):
        run.curves["gaussians"] = [{"albedo": 0.1}] * 5
    with clock.stage("solid"):
        pass
    assert [(stage.name, stage.steps) for stage in clock.stages] == [("gaussians", 5), ("solid", 0)]
    assert all(stage.seconds >= 0 for stage in clock.stages)


def test_a_stage_without_steps_shows_as_one() -> None:
    news: list[Progress] = []
    clock = StageClock(context(progress=news.append))
    with clock.stage("bake"):
        assert [(n.stage, n.step, n.steps) for n in news] == [("bake", 0, 1)]
    assert [(n.stage, n.step, n.steps) for n in news] == [("bake", 0, 1), ("bake", 1, 1)]


def test_between_stages_it_stops_when_asked() -> None:
    clock = StageClock(context(stop_requested=lambda: True))
    with pytest.raises(Interrupted, match="before stage 'mesh'"), clock.stage("mesh", 4):
        raise AssertionError("the stage ran")
    assert clock.stages == []
