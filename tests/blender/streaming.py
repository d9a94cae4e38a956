"""Props that stream, for tests with conftest's `core`: made, waited for, asked after."""

from __future__ import annotations

from types import SimpleNamespace

import bpy

LONG = "steps=10000 pause=0.02 vertices=300"


def generate(prompt: str) -> bpy.types.Object:
    bpy.context.scene.propsmith.prompt = prompt
    assert bpy.ops.propsmith.generate() == {"FINISHED"}
    return bpy.context.view_layer.objects.active


def state(core: SimpleNamespace, job: str) -> str:
    return core.jobs.infos[job].state if job in core.jobs.infos else ""


def streaming(core: SimpleNamespace, prompt: str = LONG) -> bpy.types.Object:
    """An object that has had its first mesh."""
    thing = generate(prompt)
    core.wait(lambda: len(thing.data.vertices) == 300, "the first mesh")
    return thing


def moves(core: SimpleNamespace, thing: bpy.types.Object, what: str) -> None:
    """It follows its job."""
    before = thing.data.propsmith.written
    core.wait(lambda: thing.data.propsmith.written != before, what)
