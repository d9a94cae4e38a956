"""The queue's rows, as the window manager has them."""

from __future__ import annotations

import importlib
from dataclasses import replace
from types import ModuleType

import bpy
import pytest


def test_a_job_that_goes_on_keeps_its_bar_and_its_time_left(addon: ModuleType) -> None:
    runtime, wire = (importlib.import_module(f"{addon.__name__}.{n}") for n in ("runtime", "wire"))
    refine = wire.messages.Refine("a" * 64, "texture-only")
    settings = wire.messages.Settings("a chair", refine=refine)
    info = wire.messages.JobInfo("c" * 32, "running", settings, 1)

    def row(stage: str, step: int, steps: int, seconds: float) -> tuple[float, float]:
        now = replace(info, stage=stage, step=step, steps=steps, seconds_left=seconds)
        runtime.mirror("up", "", [now], set())
        (found,) = bpy.context.window_manager.propsmith.jobs
        return found.progress, found.seconds_left

    painting, left = row("materials", 50, 100, 30.0)
    assert painting == pytest.approx(0.08 + 0.08 + 0.69 / 2) and left > 30
    assert row("prior", 0, 1, 0.0)[0] == painting  # its server has been started again
    baking, left = row("bake", 0, 1, 0.0)
    assert baking > painting and left > 0
    runtime.mirror("up", "", [], set())
