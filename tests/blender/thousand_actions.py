"""1,000 random actions of a user while a prop streams: no exception, no lost object or timer.

test_random_actions.py runs this in a process of its own. By hand: PROPSMITH_SEED=7 python -m pytest
-o addopts= --confcutdir=tests/blender tests/blender/thousand_actions.py
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import pytest
from conftest import Backend, pump_until
from random_actions import Restless

SEED = int(os.environ.get("PROPSMITH_SEED", "1"))
ACTIONS = 1000
PROMPT = "steps=10000000 pause=0.02 save=0 vertices=600 turn=5"


def test_a_thousand_actions(
    addon: ModuleType,
    start_backend: Callable[..., Backend],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = ("bridge", "jobs", "objects", "live", "session", "preferences", "wire")
    part = {name: importlib.import_module(f"{addon.__name__}.{name}") for name in names}
    bridge, jobs, objects, live = (part[name] for name in names[:4])
    chosen = part["preferences"].preferences()
    chosen.mode, chosen.connection_file = "FILE", str(start_backend("stream_worker.py").file)
    chosen.interval = 0.05
    part["session"].connect()
    job = jobs.new_id()
    jobs.submit(job, part["wire"].messages.Settings(PROMPT))

    def show() -> bpy.types.Object:
        thing = objects.make(bpy.context, job, "streamed", 0.0)
        jobs.follow(job, live.Prop(job, thing.propsmith.uid))
        bpy.ops.ed.undo_push(message="Generate")  # as the operator's end does
        return thing

    restless, shown, done = Restless(SEED, tmp_path), 0, []
    caplog.set_level(logging.WARNING)
    for number in range(ACTIONS):
        if not objects.all_live() and bpy.context.mode == "OBJECT":
            show()
            shown += 1
        if number % 20 == 0:
            pump_until(addon, lambda: _fresh(part["session"]), "the server is there")
        done.append(restless.act())
        before = {thing.name for thing in bpy.data.objects}
        for _ in range(3):
            bridge.pump()
        assert {thing.name for thing in bpy.data.objects} == before, done[-5:]
        assert not [r for r in caplog.records if r.levelno >= logging.ERROR], done[-5:]
    assert shown > 1 and len(set(done)) > 10
    restless._leave()
    uid = show().propsmith.uid
    pump_until(addon, lambda: len(objects.find(uid).data.polygons) > 500, "a new prop streams")


def _fresh(session: ModuleType) -> bool:
    return session.now.link == "up"
