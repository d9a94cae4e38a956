"""Props that stream into the scene, from a server whose jobs do what their prompt says."""

from __future__ import annotations

import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from streaming import generate, moves, state, streaming


def test_a_prop_streams_and_is_finished(core: SimpleNamespace) -> None:
    thing = generate("steps=30 pause=0.05 vertices=300")
    core.wait(lambda: len(thing.data.vertices) == 300, "a preview")
    assert thing.data.color_attributes.active_color_name == "Color"
    assert not thing.data.validate()
    assert thing.material_slots[0].material["propsmith_live"]
    core.wait(lambda: thing.propsmith.role == "DONE", "the end")
    assert len(thing.data.vertices) == 10
    material = thing.material_slots[0].material
    images = [n.image for n in material.node_tree.nodes if n.type == "TEX_IMAGE"]
    assert len(images) == 3 and all(image.packed_file for image in images)
    spaces = {image.name.split()[-1]: image.colorspace_settings.name for image in images}
    assert spaces == {"albedo": "sRGB", "orm": "Non-Color", "normal": "Non-Color"}


def test_only_positions_are_written_where_the_faces_stay(core: SimpleNamespace) -> None:
    mesh = bpy.data.meshes.new("m")
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    work, new = core.importer.geometry(points, faces, "a" * 16), None
    while new is None:
        try:
            next(work)
        except StopIteration as end:
            new = end.value
    core.importer.write(mesh, new)
    assert len(mesh.edges) == 5 and not mesh.validate() and core.importer.is_ours(mesh)
    core.importer.move(mesh, points * 2, None)
    assert mesh.vertices[2].co[:] == (2, 2, 0) and core.importer.is_ours(mesh)
    mesh.vertices[2].co.x = 9
    assert not core.importer.is_ours(mesh)


def test_cancel(core: SimpleNamespace) -> None:
    thing = streaming(core)
    job = thing.propsmith.job
    assert bpy.ops.propsmith.cancel(job=job) == {"FINISHED"}
    core.wait(lambda: state(core, job) == "cancelled", "the cancellation")
    assert thing.propsmith.role == "DONE" and len(thing.data.vertices) == 300


def test_pause_and_resume(core: SimpleNamespace) -> None:
    thing = streaming(core)
    job = thing.propsmith.job
    bpy.ops.propsmith.pause(job=job)
    core.wait(lambda: state(core, job) == "paused", "the pause")
    bpy.ops.propsmith.resume(job=job)
    core.wait(lambda: state(core, job) == "running", "the resumption")
    moves(core, thing, "new previews")


def test_unfollowed_and_followed_again_nothing_is_missed(
    core: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    thing = streaming(core)
    job = thing.propsmith.job
    for ticks in range(30):
        follower = core.jobs.followers[job]
        core.jobs.unfollow(job)
        for _ in range(ticks % 6):
            core.bridge.pump()
            time.sleep(0.01)
        core.jobs.follow(job, follower)
        step = core.jobs.views[job].positions[0, 0]
        core.wait(lambda at=step: core.jobs.views[job].positions[0, 0] != at, "the next mesh")
    assert not [r for r in caplog.records if "left out" in r.message]


def test_the_server_dies_and_comes_back(core: SimpleNamespace) -> None:
    thing = streaming(core)
    core.backend.kill()
    core.wait(lambda: core.session.now.link == "lost", "the loss")
    core.backend.start()
    core.wait(core.session.is_up, "the connection")
    moves(core, thing, "previews after the restart")


def test_saved_and_opened_again_it_goes_on(core: SimpleNamespace, tmp_path: Path) -> None:
    uid = streaming(core).propsmith.uid
    path = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile(use_empty=True)
    assert core.objects.find(uid) is None
    bpy.ops.wm.open_mainfile(filepath=path)
    assert core.objects.find(uid) is not None
    moves(core, core.objects.find(uid), "previews in the opened file")


def test_moved_renamed_and_hidden_it_stays_so(core: SimpleNamespace) -> None:
    thing = streaming(core)
    thing.location, thing.name, thing.hide_viewport = (1, 2, 3), "Mine", True
    moves(core, thing, "previews")
    assert thing.location[:] == (1, 2, 3) and thing.name == "Mine" and thing.hide_viewport


def test_a_deleted_one_stays_deleted_and_its_job_goes_on(core: SimpleNamespace) -> None:
    thing = streaming(core)
    job = thing.propsmith.job
    bpy.data.objects.remove(thing)
    step = core.jobs.infos[job].step
    core.wait(lambda: core.jobs.infos[job].step > step + 5, "steps")
    assert state(core, job) == "running"
    assert job not in {other.propsmith.job for other in bpy.data.objects}
    rows = bpy.context.window_manager.propsmith.jobs
    assert job in [row.job for row in rows]


def test_of_duplicates_only_the_original_follows(core: SimpleNamespace) -> None:
    thing = streaming(core)
    copy = thing.copy()
    copy.data = thing.data.copy()
    bpy.context.collection.objects.link(copy)
    core.bridge.pump()
    before = copy.data.propsmith.written
    moves(core, thing, "previews")
    assert copy.propsmith.role == "COPY" and copy.data.propsmith.written == before


def test_edit_mode_is_waited_for(core: SimpleNamespace) -> None:
    thing = streaming(core)
    bpy.ops.object.mode_set(mode="EDIT")
    before = thing.data.propsmith.written
    step = core.jobs.infos[thing.propsmith.job].step
    core.wait(lambda: core.jobs.infos[thing.propsmith.job].step > step + 20, "steps")
    assert thing.data.propsmith.written == before
    bpy.ops.object.mode_set(mode="OBJECT")
    moves(core, thing, "previews after edit mode")


def test_what_was_changed_by_hand_is_left_alone(core: SimpleNamespace) -> None:
    thing = streaming(core)
    thing.data.vertices[5].co.z = 77
    core.wait(lambda: thing.propsmith.role == "YOURS", "that it is noticed")
    assert thing.data.vertices[5].co.z == 77
    assert "yours" in core.session.now.sentence


def test_weights_are_not_taken_away(core: SimpleNamespace) -> None:
    thing = streaming(core)
    thing.vertex_groups.new(name="Mine").add([0], 1.0, "REPLACE")
    thing.data.propsmith.topology = "another"  # as if the next mesh had other faces
    core.wait(lambda: thing.propsmith.role == "YOURS", "that it is noticed")
    assert thing.vertex_groups["Mine"].weight(0) == 1.0


@pytest.mark.parametrize("address", ["http://10.0.0.5:7000/", "chair", "10.0.0.5", ""])
def test_wrong_addresses_get_a_sentence(core: SimpleNamespace, address: str) -> None:
    chosen = core.preferences.preferences()
    chosen.mode, chosen.address, chosen.pairing_key = "REMOTE", address, "x"
    assert not core.session.connect()
    assert "HOST:PORT" in core.session.now.sentence


def test_an_absent_server_gets_a_sentence(core: SimpleNamespace, tmp_path: Path) -> None:
    core.preferences.preferences().connection_file = str(tmp_path / "nowhere.json")
    core.session.connect()
    core.bridge.pump()
    assert "start the server" in core.session.now.sentence


def test_registered_twice_nothing_is_left(addon: ModuleType) -> None:
    def left() -> list[Any]:
        kinds = [name for name in dir(bpy.types) if name.startswith("PROPSMITH_")]
        handlers = [len(getattr(bpy.app.handlers, n)) for n in ("load_post", "undo_post")]
        return [kinds, handlers, hasattr(bpy.types.Scene, "propsmith")]

    there = left()
    addon.unregister()
    gone = left()
    assert gone[0] == [] and gone[2] is False
    addon.register()
    assert left() == there
    addon.unregister()
    assert left() == gone
    addon.register()
