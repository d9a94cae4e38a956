"""One undo for a prop or a refinement, whatever Blender's own step of the operator holds."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import bpy
import pytest
from conftest import Backend, connect
from refine_objects import OBJECTS, fingerprint, modules, positions
from streaming import LONG, state

SHORT = "steps=30 pause=0.02 vertices=300"


@pytest.fixture
def scene(core: SimpleNamespace) -> SimpleNamespace:
    """A cube of the user's, in a step of its own, and the pump at work."""
    bpy.ops.ed.undo_push(message="Open")  # which a file does in a window
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.ed.undo_push(message="Add Cube")
    return core


def press(core: SimpleNamespace, prompt: str = SHORT) -> str:
    """The button, whose step Blender pushes as in a window; the new object's uid."""
    bpy.context.scene.propsmith.prompt = prompt
    assert bpy.ops.propsmith.generate("EXEC_DEFAULT", True) == {"FINISHED"}
    return bpy.context.view_layer.objects.active.propsmith.uid


def find(uid: str) -> bpy.types.Object | None:
    return next((thing for thing in bpy.data.objects if thing.propsmith.uid == uid), None)


def finished(core: SimpleNamespace, uid: str) -> None:
    core.wait(lambda: find(uid).propsmith.role == "DONE", "the prop")


def undo(core: SimpleNamespace, name: str = "undo", ticks: int = 5) -> None:
    """A key of the user's, and what the timer does then."""
    assert getattr(bpy.ops.ed, name)() == {"FINISHED"}
    for _ in range(ticks):
        core.bridge.pump()


def names() -> set[str]:
    return {thing.name for thing in bpy.data.objects}


def material_of(uid: str) -> str:
    return find(uid).material_slots[0].material.name


def test_a_finished_prop_goes_and_comes_in_one_step(scene: SimpleNamespace) -> None:
    uid = press(scene)
    finished(scene, uid)
    material, count = material_of(uid), len(find(uid).data.vertices)
    for _ in range(3):
        undo(scene)
        assert names() == {"Cube"}
        undo(scene, "redo")
        assert find(uid).propsmith.role == "DONE"
        assert (material_of(uid), len(find(uid).data.vertices)) == (material, count)
    images = [image for image in bpy.data.images if image.size[0] > 1]
    assert len(images) == 3 and all(image.packed_file for image in images)
    undo(scene)
    undo(scene)
    assert names() == set()  # the step before is the next one


def test_while_it_streams_a_step_is_a_step(scene: SimpleNamespace) -> None:
    uid = press(scene, LONG)
    scene.wait(lambda: len(find(uid).data.vertices) == 300, "the first mesh")
    find(uid).location.x = 3
    bpy.ops.ed.undo_push(message="Move")
    undo(scene)
    assert find(uid).location.x == 0
    scene.wait(lambda: len(find(uid).data.vertices) == 300, "it is up to date again")
    undo(scene)
    assert names() == {"Cube"}
    undo(scene, "redo")
    scene.wait(lambda: len(find(uid).data.vertices) == 300, "it streams again")


def test_nothing_of_the_user_s_is_undone_along(scene: SimpleNamespace) -> None:
    """Steps of the user's lie between the button and the end."""
    uid = press(scene)
    scene.wait(lambda: len(find(uid).data.vertices) == 300, "the first mesh")
    bpy.data.objects["Cube"].location.x = 3
    bpy.ops.ed.undo_push(message="Move")
    finished(scene, uid)
    bpy.data.objects["Cube"].location.y = 4
    bpy.ops.ed.undo_push(message="Move")
    seen = []
    for _ in range(3):
        undo(scene)
        thing = find(uid)
        place = tuple(bpy.data.objects["Cube"].location[:2])
        seen.append((place, thing and thing.propsmith.role))
    assert seen == [((3, 0), "DONE"), ((3, 0), "LIVE"), ((0, 0), None)]
    undo(scene, "redo")
    assert bpy.data.objects["Cube"].location.x == 3
    assert find(uid).propsmith.role == "LIVE" and len(find(uid).data.vertices) == 300
    assert "redo brings the end back" in scene.session.now.sentence
    undo(scene, "redo")
    assert find(uid).propsmith.role == "DONE"


def test_what_the_user_does_after_an_undo_is_not_undone(scene: SimpleNamespace) -> None:
    """The add-on comes too late to go on: a step of the user's is on top by then."""
    uid = press(scene, LONG)
    scene.wait(lambda: len(find(uid).data.vertices) == 300, "the first mesh")
    bpy.ops.ed.undo_push(message="Select")
    undo(scene)  # to the operator's own step, while the job runs
    bpy.data.objects["Cube"].location.x = 3
    bpy.ops.ed.undo_push(message="Move")
    bpy.ops.propsmith.cancel(job=find(uid).propsmith.job)
    scene.wait(lambda: uid in scene.live._placed, "the end")
    undo(scene)
    assert bpy.data.objects["Cube"].location.x == 3 and find(uid).propsmith.role == "LIVE"


def test_a_cancelled_prop_keeps_what_it_had(scene: SimpleNamespace) -> None:
    uid = press(scene, LONG)
    scene.wait(lambda: len(find(uid).data.vertices) == 300, "the first mesh")
    job = find(uid).propsmith.job
    bpy.ops.propsmith.cancel(job=job)
    scene.wait(lambda: uid in scene.live._placed, "the end")
    shown = positions(find(uid).data).tobytes()
    undo(scene)
    assert names() == {"Cube"}
    undo(scene, "redo")
    assert find(uid).propsmith.role == "DONE" and state(scene, job) == "cancelled"
    assert positions(find(uid).data).tobytes() == shown


def test_a_job_that_made_nothing_brings_no_empty_object_back(scene: SimpleNamespace) -> None:
    scene.wait(lambda: scene.session.now.status is not None, "the connection")
    uid = press(scene, "steps=10000 pause=0.02 vertices=0")
    job = find(uid).propsmith.job
    scene.wait(lambda: state(scene, job) == "running", "its start")
    bpy.ops.propsmith.cancel(job=job)
    scene.wait(lambda: find(uid) is None, "the empty object goes")
    undo(scene)
    assert names() == {"Cube"}
    undo(scene, "redo")
    assert names() == {"Cube"}
    undo(scene)
    undo(scene)
    assert names() == set()


def test_two_at_once(scene: SimpleNamespace) -> None:
    first = press(scene)
    scene.bridge.pump()
    second = press(scene, "steps=60 pause=0.02 vertices=300")
    finished(scene, first)
    finished(scene, second)
    undo(scene)
    undo(scene)
    assert names() == {"Cube"}
    undo(scene, "redo")
    undo(scene, "redo")
    assert find(first).propsmith.role == find(second).propsmith.role == "DONE"


def test_steps_during_a_render_are_the_user_s(
    scene: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them is taken for the button's own and gone past."""
    uid = press(scene)
    with monkeypatch.context() as patch:
        patch.setattr(scene.objects, "is_rendering", lambda: True)
        scene.bridge.pump()
        for place in (1, 2):
            bpy.data.objects["Cube"].location.x = place
            bpy.ops.ed.undo_push(message="Move")
    finished(scene, uid)
    seen = []
    for _ in range(3):
        undo(scene)
        seen.append((bpy.data.objects["Cube"].location.x, find(uid) and find(uid).propsmith.role))
    assert seen == [(2, "LIVE"), (1, "LIVE"), (0, None)]


@pytest.mark.parametrize("older", [True, False])
def test_a_file_that_is_saved_at_once_begins_with_no_such_step(
    scene: SimpleNamespace, tmp_path: Path, older: bool
) -> None:
    """Also one saved by a version that left the mark in it."""
    uid, path = press(scene), str(tmp_path / "saved.blend")
    if older:
        scene.objects._fresh.clear()
    bpy.ops.wm.save_as_mainfile(filepath=path)
    assert find(uid).propsmith.fresh is older
    bpy.ops.wm.open_mainfile(filepath=path)
    assert not find(uid).propsmith.fresh
    bpy.ops.ed.undo_push(message="Open")  # which a file does in a window
    bpy.data.objects["Cube"].location.x = 3
    bpy.ops.ed.undo_push(message="Move")
    finished(scene, uid)
    undo(scene)
    assert (bpy.data.objects["Cube"].location.x, find(uid).propsmith.role) == (3, "LIVE")
    undo(scene)
    assert (bpy.data.objects["Cube"].location.x, find(uid).propsmith.role) == (0, "LIVE")


def test_a_job_cancelled_while_its_object_was_undone_keeps_the_redo(
    scene: SimpleNamespace,
) -> None:
    uid = press(scene, LONG)
    scene.wait(lambda: len(find(uid).data.vertices) == 300, "the first mesh")
    job = find(uid).propsmith.job
    bpy.data.objects["Cube"].location.x = 3
    bpy.ops.ed.undo_push(message="Move")
    undo(scene)
    undo(scene)
    assert names() == {"Cube"} and bpy.data.objects["Cube"].location.x == 0
    bpy.ops.propsmith.cancel(job=job)
    scene.wait(lambda: state(scene, job) == "cancelled", "its end")
    for place in (0, 3):
        undo(scene, "redo", ticks=20)
        assert bpy.data.objects["Cube"].location.x == place
        assert find(uid).propsmith.role == "DONE"
    undo(scene)
    assert bpy.data.objects["Cube"].location.x == 0 and find(uid).propsmith.role == "DONE"
    undo(scene)
    assert names() == {"Cube"}


@pytest.fixture
def refine(addon: ModuleType, start_backend: Callable[..., Backend]) -> Iterator[SimpleNamespace]:
    found = modules(addon)
    for name in ("bridge", "jobs", "session", "refine_jobs", "preferences"):
        setattr(found, name, importlib.import_module(f"{addon.__name__}.{name}"))
    found.refine_jobs.forget_all()
    found.backend = start_backend("tiny_worker.py", features=["upload", "image", "refine"])
    connect(found, addon)
    yield found
    found.session.disconnect()


def press_refine() -> bpy.types.Object:
    bpy.ops.ed.undo_push(message="Open")
    thing = OBJECTS["quads_and_ngons"]()
    bpy.ops.object.select_all(action="DESELECT")
    thing.select_set(True)
    bpy.context.view_layer.objects.active = thing
    bpy.ops.ed.undo_push(message="Add")
    bpy.context.scene.propsmith.prompt = "a red wooden barrel"
    assert bpy.ops.propsmith.refine("EXEC_DEFAULT", True) == {"FINISHED"}
    return thing


def record(name: str = "Drum") -> object:
    return bpy.data.objects[name].propsmith_refine


def test_a_refinement_goes_and_comes_in_one_step(refine: SimpleNamespace) -> None:
    thing = press_refine()
    before = fingerprint(thing)
    refine.wait(lambda: record().state == "DONE", "the refined mesh")
    refined = positions(bpy.data.objects["Drum"].data).tobytes()
    undo(refine)
    assert record().state == "NONE" and fingerprint(bpy.data.objects["Drum"]) == before
    undo(refine, "redo")
    assert (record().state, record().shown) == ("DONE", "B")
    assert positions(bpy.data.objects["Drum"].data).tobytes() == refined


@pytest.mark.parametrize("end", ["discard", "cancel"])
def test_a_refinement_that_ended_is_no_wall(refine: SimpleNamespace, end: str) -> None:
    """Undone, its end is not pushed again on top of what the user goes back to."""
    thing = press_refine()
    before, start = fingerprint(thing), positions(thing.data).tobytes()
    refine.wait(lambda: state(refine, record().job) == "running", "its start")
    if end == "discard":
        assert bpy.ops.propsmith.refine_discard("EXEC_DEFAULT", True) == {"FINISHED"}
    else:
        bpy.ops.propsmith.cancel(job=record().job)
    refine.wait(lambda: record().state == "NONE" and not refine.jobs.followers, "the end")
    undo(refine, ticks=50)
    assert record().state == "NONE" and fingerprint(bpy.data.objects["Drum"]) == before
    assert positions(bpy.data.objects["Drum"].data).tobytes() == start
    undo(refine, ticks=50)
    assert "Drum" not in bpy.data.objects
