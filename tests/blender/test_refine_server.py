"""Refine Selected against a server of its own process: upload, previews, files, the object.

The worker is the real one with tiny presets: the prop is no better for it, but all that must stay
has to stay here too.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace

import bpy
import numpy as np
import pytest
from conftest import Backend, connect
from refine_objects import OBJECTS, fingerprint, modules, positions

FEATURES = ["upload", "image", "refine"]


@pytest.fixture
def refine(addon: ModuleType, start_backend: Callable[..., Backend]) -> Iterator[SimpleNamespace]:
    found = modules(addon)
    for name in ("bridge", "jobs", "session", "refine_jobs", "preferences"):
        setattr(found, name, importlib.import_module(f"{addon.__name__}.{name}"))
    found.refine_jobs.forget_all()
    found.backend = start_backend("tiny_worker.py", features=FEATURES)
    connect(found, addon)
    yield found
    found.session.disconnect()


def press(name: str, make: str, group: str = "") -> bpy.types.Object:
    thing = OBJECTS[make]()
    bpy.ops.object.select_all(action="DESELECT")
    thing.select_set(True)
    bpy.context.view_layer.objects.active = thing
    bpy.context.scene.propsmith.prompt = "a red wooden barrel"
    bpy.context.scene.propsmith_refine.group = group
    bpy.context.scene.propsmith_refine.strength = 0.5
    assert getattr(bpy.ops.propsmith, name)() == {"FINISHED"}
    return thing


def finished(refine: SimpleNamespace, thing: bpy.types.Object) -> None:
    def over() -> bool:
        assert thing.propsmith_refine.state != "NONE", refine.session.now.sentence
        return thing.propsmith_refine.state == "DONE"

    refine.wait(over, "a refined mesh")


def test_a_masked_refinement_of_a_real_worker(refine: SimpleNamespace) -> None:
    thing = press("refine", "quads_and_ngons", group="top")
    before, start = fingerprint(thing), positions(thing.data)
    shown = []
    job = thing.propsmith_refine.job
    preview = refine.live.preview
    refine.refine_jobs.live.preview = lambda *given: shown.append(preview(*given))
    try:
        finished(refine, thing)
    finally:
        refine.refine_jobs.live.preview = preview
    assert any(shown)
    outside = np.array([not vertex.groups for vertex in thing.data.vertices])
    after = positions(thing.data)
    assert after[outside].tobytes() == start[outside].tobytes()
    assert (after[~outside] != start[~outside]).any()
    there = fingerprint(thing)
    for part in set(before) - {"slots"}:
        assert there[part] == before[part], part
    material = thing.material_slots[-1].material
    images = [n.image for n in material.node_tree.nodes if n.type == "TEX_IMAGE"]
    assert images and all(image.packed_file for image in images)
    assert job not in refine.jobs.followers


def test_texture_only_of_a_real_worker(refine: SimpleNamespace) -> None:
    thing = press("texture_only", "mirrored")
    before, start = fingerprint(thing), positions(thing.data)
    finished(refine, thing)
    assert positions(thing.data).tobytes() == start.tobytes()
    assert fingerprint(thing) == before
    assert bpy.ops.propsmith.refine_discard() == {"FINISHED"}
    assert positions(thing.data).tobytes() == start.tobytes()
    assert not thing.material_slots or thing.material_slots[0].material is None


def test_the_server_dies_and_comes_back(refine: SimpleNamespace) -> None:
    thing = press("refine", "shared_mesh")
    refine.wait(lambda: refine.jobs.followers, "the job at the server")
    refine.wait(lambda: not refine.jobs.unheard, "its answer")
    refine.backend.kill()
    refine.backend.start()
    finished(refine, thing)
