"""The pump: slices within a budget, work that waits, and nothing that ends the timer."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Generator
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def bridge(addon: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    bridge = importlib.import_module(f"{addon.__name__}.bridge")
    monkeypatch.setattr(bridge, "_queue", type(bridge._queue)())
    return bridge


def steps(done: list[str], *what: Any) -> Generator[Any, None, None]:
    for one in what:
        done.append(str(one))
        yield one


def test_a_tick_ends_with_its_budget_and_the_next_goes_on(bridge: ModuleType) -> None:
    done: list[str] = []
    bridge.later(steps(done, 1, 2, 3))
    bridge.pump(budget_s=0.0)
    assert done == ["1"]  # one slice at least
    bridge.pump(budget_s=60.0)
    assert done == ["1", "2", "3"] and not bridge._queue


def test_work_that_waits_goes_on_in_the_next_tick(bridge: ModuleType) -> None:
    done: list[str] = []
    bridge.later(steps(done, 1, bridge.WAITING, 2))
    bridge.pump(budget_s=60.0)
    assert len(done) == 2
    bridge.pump(budget_s=60.0)
    assert done[-1] == "2" and not bridge._queue


def test_work_that_fails_ends_alone_and_is_told(bridge: ModuleType) -> None:
    def failing() -> Generator[None, None, None]:
        yield
        raise ValueError("the disk is on fire")

    done: list[str] = []
    bridge.later(failing())
    bridge.later(steps(done, 1, 2))
    bridge.pump(budget_s=60.0)
    assert done == ["1", "2"] and not bridge._queue
    assert "the disk is on fire" in bridge.session.now.sentence


@pytest.mark.parametrize("fails", [False, True])
def test_no_garbage_is_collected_in_a_tick(
    bridge: ModuleType, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    seen: list[bool] = []

    def push() -> None:
        seen.append(gc.isenabled())
        if fails:
            raise RuntimeError("undo")

    monkeypatch.setattr(bridge.undo, "push_pending", push)
    try:
        bridge.pump()
    except RuntimeError:
        assert fails
    assert seen == [False] and gc.isenabled()
    gc.disable()  # somebody's wish
    try:
        bridge.pump()
    except RuntimeError:
        assert fails
    finally:
        left = gc.isenabled()
        gc.enable()
    assert not left
