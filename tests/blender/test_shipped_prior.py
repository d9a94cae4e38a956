"""What a user does from the first click to the saved file, with the embedded prior as it ships.

The server is a real one, its worker the real one with a tenth of the draft's steps: what comes out
is a rough prop, but one that the prior made. Looked at is what a user sees: objects, materials and
images, before and after the file is saved and opened.
"""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from conftest import INSTALLED, PARTS, Backend, connect, find_extension
from streaming import generate, moves, state

CHAIR, SIZE = "a red wooden chair", 512
SPACES = {"albedo": "sRGB", "orm": "Non-Color", "normal": "Non-Color"}
INPUTS = {"albedo": ("Base Color",), "orm": ("Roughness", "Metallic"), "normal": ("Normal",)}
EDGE = 0.5  # metres


@pytest.fixture
def user(
    addon: ModuleType, start_backend: Callable[..., Backend], monkeypatch: pytest.MonkeyPatch
) -> Iterator[SimpleNamespace]:
    monkeypatch.setenv("PROPSMITH_TEST_SHARE", "0.15")
    parts = {name: importlib.import_module(f"{addon.__name__}.{name}") for name in PARTS}
    user = SimpleNamespace(addon=addon, **parts)
    user.backend = start_backend("short_worker.py", checkpoint_seconds=0.5)
    connect(user, addon)
    panel = bpy.context.scene.propsmith
    panel.height, panel.texture_size = EDGE, str(SIZE)
    panel.seed, panel.seed_locked = 5, True
    yield user
    user.session.disconnect()


def test_from_the_first_click_to_the_file(user: SimpleNamespace, tmp_path: Path) -> None:
    assert (user.addon.__name__ == INSTALLED) == bool(find_extension())
    cancelled_one(user)
    chair = made_through_a_crash(user)
    looks_like_a_red_prop(chair)
    saved_and_opened(user, chair.name, tmp_path / "scene.blend")
    refined_and_kept(user, bpy.data.objects[CHAIR], tmp_path / "scene.blend")
    unregistered_twice_nothing_is_left(user)


def cancelled_one(user: SimpleNamespace) -> None:
    """It shows something, and keeps that; nothing of it is waited for."""
    thing = generate("a blue ball")
    job = thing.propsmith.job
    user.wait(lambda: len(thing.data.polygons), "a first mesh")
    assert bpy.ops.propsmith.cancel(job=job) == {"FINISHED"}
    user.wait(lambda: state(user, job) == "cancelled", "the cancellation")
    assert thing.propsmith.role == "DONE" and len(thing.data.polygons)
    assert job not in user.jobs.followers
    bpy.data.objects.remove(thing)


def made_through_a_crash(user: SimpleNamespace) -> bpy.types.Object:
    """Server and worker are killed in the middle: the job goes on from its checkpoint, in the same
    object, which has been moved meanwhile."""
    thing = generate(CHAIR)
    job, uid = thing.propsmith.job, thing.propsmith.uid
    folder = user.backend.folder / "data/jobs" / job / "checkpoint"
    user.wait(lambda: len(thing.data.polygons), "a first mesh")
    user.wait(lambda: step_of(user, job, "gaussians") > 25, "steps")
    assert list(folder.glob("*.pt"))
    kill_all(user.backend)
    user.wait(lambda: user.session.now.link == "lost", "the loss")
    thing.location = (1, 2, 3)
    heard: list[int] = []
    user.jobs.listeners.append(lambda info: heard.append(step_of(user, job, "gaussians")))
    user.backend.start()
    user.wait(user.session.is_up, "the connection")
    user.wait(lambda: any(heard), "steps after the restart")
    user.jobs.listeners.pop()
    assert min(step for step in heard if step) > 5, "it began anew"
    moves(user, thing, "it grows again")
    user.wait(lambda: thing.propsmith.role == "DONE", "the prop")
    assert user.objects.find(uid) is None  # nothing streams into it any more
    assert bpy.data.objects[CHAIR] == thing and thing.location[:] == (1, 2, 3)
    assert [other.name for other in bpy.data.objects] == [CHAIR]
    info = user.jobs.infos[job]
    assert (info.state, info.settings.seed, info.error) == ("done", 5, "")
    return thing


def step_of(user: SimpleNamespace, job: str, stage: str) -> int:
    """0 in other stages."""
    info = user.jobs.infos.get(job)
    return info.step if info and info.stage == stage else 0


def kill_all(backend: Backend) -> None:
    """As a power cut would: the server, and what it has started."""
    server = backend.process.pid
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == server:
            os.kill(int(folder.name), signal.SIGKILL)
    backend.kill()


def looks_like_a_red_prop(thing: bpy.types.Object) -> None:
    mesh = thing.data
    assert len(mesh.polygons) > 500 and not mesh.validate()
    heights = np.array([vertex.co.z for vertex in mesh.vertices])
    assert heights.min() == pytest.approx(0, abs=1e-5)
    assert heights.max() == pytest.approx(EDGE, abs=1e-5)
    assert pictures_of(thing).keys() == SPACES.keys()
    pixels = np.empty(SIZE * SIZE * 4, np.float32)
    pictures_of(thing)["albedo"].pixels.foreach_get(pixels)
    red, green, blue = pixels.reshape(-1, 4)[:, :3].mean(axis=0)
    assert red > 1.5 * max(green, blue)


def pictures_of(thing: bpy.types.Object) -> dict[str, Any]:
    """Of the material that its faces have, wired to the shader; each packed, with its space."""
    material = thing.material_slots[thing.data.polygons[0].material_index].material
    nodes = material.node_tree.nodes
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    found = [node.image for node in nodes if node.type == "TEX_IMAGE"]
    images = {image.name.split()[-1].partition(".")[0]: image for image in found}
    for kind, inputs in INPUTS.items():
        linked = {shader.inputs[name].is_linked for name in inputs}
        assert linked == {kind in images}, kind
    for kind, image in images.items():
        assert image.colorspace_settings.name == SPACES[kind]
        assert image.packed_file and not image.is_dirty and tuple(image.size) == (SIZE, SIZE)
    return images


def seen(thing: bpy.types.Object) -> list[Any]:
    """All that must be as before in an opened file."""
    positions = np.empty(len(thing.data.vertices) * 3, np.float32)
    thing.data.attributes["position"].data.foreach_get("vector", positions)
    uvs = np.empty(len(thing.data.loops) * 2, np.float32)
    thing.data.uv_layers.active.uv.foreach_get("vector", uvs)
    packed = {kind: image.packed_file.data for kind, image in pictures_of(thing).items()}
    place = [round(number, 6) for row in thing.matrix_world for number in row]
    return [thing.name, place, positions.tobytes(), uvs.tobytes(), packed]


def saved_and_opened(user: SimpleNamespace, name: str, path: Path) -> None:
    bpy.context.view_layer.update()
    before = seen(bpy.data.objects[name])
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_empty=True, app_template="")
    assert name not in bpy.data.objects
    bpy.ops.wm.open_mainfile(filepath=str(path))
    for _ in range(20):  # nothing is made or taken away by what the add-on does then
        user.bridge.pump()
    assert seen(bpy.data.objects[name]) == before
    assert user.session.is_up()


def refined_and_kept(user: SimpleNamespace, thing: bpy.types.Object, path: Path) -> None:
    """Blue now; faces and UVs are those that were there."""
    bpy.context.view_layer.objects.active = thing
    thing.select_set(True)
    before = seen(thing)
    panel = bpy.context.scene.propsmith
    panel.prompt, panel.seed_locked = "a blue metal chair", True
    bpy.context.scene.propsmith_refine.strength = 0.05
    assert bpy.ops.propsmith.refine() == {"FINISHED"}
    user.wait(lambda: thing.propsmith_refine.state == "DONE", "the refined chair")
    assert bpy.ops.propsmith.refine_ab(side="A") == {"FINISHED"}
    assert seen(thing) == before
    assert bpy.ops.propsmith.refine_ab(side="B") == {"FINISHED"}
    assert bpy.ops.propsmith.refine_apply() == {"FINISHED"}
    after = seen(thing)
    assert after[:2] == before[:2] and after[3] == before[3]
    assert after[2] != before[2] and after[4]["albedo"] != before[4]["albedo"]
    saved_and_opened(user, CHAIR, path)


def unregistered_twice_nothing_is_left(user: SimpleNamespace) -> None:
    """While it is connected, too."""

    def left() -> list[Any]:
        kinds = [name for name in dir(bpy.types) if name.startswith("PROPSMITH_")]
        owners = (bpy.types.Scene, bpy.types.Object, bpy.types.Mesh, bpy.types.WindowManager)
        fields = [name for owner in owners for name in dir(owner) if name.startswith("propsmith")]
        handlers = [len(getattr(bpy.app.handlers, name)) for name in HANDLERS]
        timer = bpy.app.timers.is_registered(user.bridge._tick)
        return [kinds, fields, handlers, timer]

    there = left()
    for _ in range(2):
        user.addon.unregister()
        gone = left()
        assert gone[0] == gone[1] == [] and not gone[3]
        assert sum(gone[2]) < sum(there[2]) and user.session.now.client is None
        user.addon.register()
        assert left() == there


HANDLERS = ("load_pre", "load_post", "save_pre", "save_post", "undo_post", "redo_post")
