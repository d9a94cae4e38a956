"""A refinement streams while the user goes on working: nothing breaks, nothing is lost."""

from __future__ import annotations

import random
from types import ModuleType, SimpleNamespace

import bpy  # isort: skip  (before bmesh, which comes with it)
import bmesh
import numpy as np
import pytest
from refine_objects import JOB, OBJECTS, modules, moved, positions, start


@pytest.fixture
def refine(addon: ModuleType) -> SimpleNamespace:
    found = modules(addon)
    found.live.forget_all()
    return found


class Stream:
    """What a backend sends of one job: waves that grow, in canonical units; then the result."""

    def __init__(self, refine: SimpleNamespace, thing: bpy.types.Object, **options: str):
        self.refine, self.step = refine, 0
        self.reading = start(refine, thing, **options)
        self.canonical = refine.frame.Canonical(np.array((0.1, -0.2, 0.3)), 0.45)

    def preview(self) -> bool:
        self.step += 1
        wave = moved(self.refine, self.reading, 0.02 * self.step).vertices
        canonical = ((wave - self.canonical.center) * self.canonical.scale).astype(np.float32)
        return self.refine.live.preview(JOB, canonical, self.canonical)

    def finish(self) -> bool:
        result = moved(self.refine, self.reading, 0.5)
        return self.refine.live.finish(JOB, result, lambda layer: bpy.data.materials.new("Refined"))


def named(name: str) -> bpy.types.Object:
    return bpy.data.objects[name]


def record(name: str) -> object:
    return named(name).propsmith_refine


def select(thing: bpy.types.Object) -> None:
    bpy.ops.object.select_all(action="DESELECT")
    thing.select_set(True)
    bpy.context.view_layer.objects.active = thing


def test_previews_show_on_b_and_a_stays(refine: SimpleNamespace) -> None:
    thing = OBJECTS["mirrored"]()
    a_mesh, before = thing.data, positions(thing.data)
    stream = Stream(refine, thing)
    assert thing.data == a_mesh  # nothing to see yet
    for _ in range(3):
        assert stream.preview()
    wanted = moved(refine, stream.reading, 0.06).vertices
    shown = stream.reading.frame.to_file(positions(thing.data))
    assert np.abs(shown - wanted).max() < 1e-5
    assert thing.data != a_mesh and thing.propsmith_refine.a_mesh == a_mesh
    assert positions(a_mesh).tobytes() == before.tobytes()
    preview = thing.data.name
    assert stream.finish()
    assert preview not in bpy.data.meshes
    assert not stream.preview()


def test_previews_move_shape_keys_too(refine: SimpleNamespace) -> None:
    thing = OBJECTS["with_keys_and_armature"]()
    stream = Stream(refine, thing)
    assert stream.preview() and stream.preview()
    keys = thing.data.shape_keys.key_blocks
    a_keys = thing.propsmith_refine.a_mesh.shape_keys.key_blocks
    for key, a_key in zip(keys, a_keys, strict=True):
        offset = np.array(key.data[5].co) - np.array(keys[0].data[5].co)
        a_offset = np.array(a_key.data[5].co) - np.array(a_keys[0].data[5].co)
        assert np.abs(offset - a_offset).max() < 1e-6


def test_a_mask_holds_in_previews(refine: SimpleNamespace) -> None:
    thing = OBJECTS["quads_and_ngons"]()
    before = positions(thing.data)
    stream = Stream(refine, thing, group="top")
    assert stream.preview()
    outside = stream.reading.file.mask == 0
    assert positions(thing.data)[outside].tobytes() == before[outside].tobytes()
    assert (positions(thing.data)[~outside] != before[~outside]).any()


def test_edit_mode_makes_it_wait(refine: SimpleNamespace) -> None:
    thing = OBJECTS["shared_mesh"]()
    stream = Stream(refine, thing)
    select(thing)
    for mode in ("EDIT", "SCULPT", "WEIGHT_PAINT"):
        bpy.ops.object.mode_set(mode=mode)
        assert not stream.preview() and not stream.finish()
        assert not refine.live.ended(JOB)
        assert thing.mode == mode and thing.propsmith_refine.shown == "A"
        bpy.ops.object.mode_set(mode="OBJECT")
    assert stream.preview()
    assert stream.finish()


def test_a_preview_that_the_user_changes_is_theirs(refine: SimpleNamespace) -> None:
    thing = OBJECTS["quads_and_ngons"]()
    stream = Stream(refine, thing)
    assert stream.preview()
    select(thing)
    bpy.ops.object.mode_set(mode="EDIT")
    work = bmesh.from_edit_mesh(thing.data)
    bmesh.ops.translate(work, verts=list(work.verts)[:4], vec=(0, 0, 3))
    bmesh.ops.delete(work, geom=list(work.verts)[-1:], context="VERTS")
    bmesh.update_edit_mesh(thing.data)
    bpy.ops.object.mode_set(mode="OBJECT")
    theirs, name = positions(thing.data), thing.data.name
    assert not stream.preview()
    assert positions(thing.data).tobytes() == theirs.tobytes()
    assert stream.finish()
    assert positions(bpy.data.meshes[name]).tobytes() == theirs.tobytes()
    assert bpy.data.meshes[name].use_fake_user
    assert name in thing.propsmith_refine.note
    assert thing.data.name != name and len(thing.data.vertices) == len(theirs) + 1


def test_looking_at_a_meanwhile_is_respected(refine: SimpleNamespace) -> None:
    thing = OBJECTS["shared_mesh"]()
    stream = Stream(refine, thing)
    assert stream.preview()
    refine.record.show(thing, "A")
    thing.propsmith_refine.follows = False  # as the switch does
    assert not stream.preview()
    assert stream.finish()
    assert thing.propsmith_refine.shown == "A"
    assert thing.propsmith_refine.b_mesh is not None


def test_rename_and_move(refine: SimpleNamespace) -> None:
    thing = OBJECTS["mirrored"]()
    stream = Stream(refine, thing)
    assert stream.preview()
    thing.name, thing.location.x = "Mitten", 100
    thing.rotation_euler.z += 1  # the frame is that of the start: the result fits the mesh
    assert stream.preview()
    assert stream.finish()
    wanted = moved(refine, stream.reading, 0.5).vertices
    shown = stream.reading.frame.to_file(positions(named("Mitten").data))
    assert np.abs(shown - wanted).max() < 1e-5


def test_a_duplicate_stays_as_it_was_made(refine: SimpleNamespace) -> None:
    thing = OBJECTS["quads_and_ngons"]()
    stream = Stream(refine, thing)
    assert stream.preview()
    select(thing)
    for linked in (False, True):
        bpy.ops.object.duplicate(linked=linked)
        select(thing)
    copy, twin = named("Drum.001"), named("Drum.002")
    before = positions(copy.data)
    assert copy.data != thing.data and twin.data == thing.data
    assert stream.preview()
    assert positions(copy.data).tobytes() == before.tobytes()
    assert stream.finish()
    assert refine.record.record_of(thing).state == "DONE"
    assert refine.record.record_of(copy) is None and refine.record.record_of(twin) is None
    assert len(twin.data.polygons) == len(thing.data.polygons)  # its mesh was not taken away


def test_delete_and_its_undo(refine: SimpleNamespace) -> None:
    thing = OBJECTS["quads_and_ngons"]()
    bpy.ops.ed.undo_push(message="made")
    stream = Stream(refine, thing)
    bpy.ops.ed.undo_push(message="begun")
    assert stream.preview()
    select(named("Drum"))
    bpy.ops.object.delete()
    bpy.ops.ed.undo_push(message="deleted")
    assert "Drum" not in bpy.data.objects
    assert not stream.preview() and not stream.finish()
    bpy.ops.ed.undo()
    assert stream.preview()
    assert stream.finish()
    assert record("Drum").state == "DONE"


def test_undo_in_mid_stream(refine: SimpleNamespace) -> None:
    thing = OBJECTS["several_materials"]()
    before = positions(thing.data)
    bpy.ops.ed.undo_push(message="made")
    stream = Stream(refine, thing)
    bpy.ops.ed.undo_push(message="begun")
    assert stream.preview()
    named("Lamp").location.x = 5
    bpy.ops.ed.undo_push(message="moved")
    assert stream.preview()
    bpy.ops.ed.undo()
    assert named("Lamp").location.x == 0
    assert stream.preview() and record("Lamp").shown == "B"
    bpy.ops.ed.undo()  # the beginning itself
    assert refine.record.record_of(named("Lamp")) is None
    assert positions(named("Lamp").data).tobytes() == before.tobytes()
    assert not stream.preview() and not stream.finish()
    assert positions(named("Lamp").data).tobytes() == before.tobytes()
    bpy.ops.ed.redo()
    assert stream.preview()
    assert stream.finish()
    assert record("Lamp").shown == "B"


def test_an_end_without_a_result_gives_a_back(refine: SimpleNamespace) -> None:
    thing = OBJECTS["several_materials"]()
    names = {mesh.name for mesh in bpy.data.meshes}
    a_mesh = thing.data
    stream = Stream(refine, thing)
    assert stream.preview()
    assert refine.live.ended(JOB)
    assert thing.data == a_mesh and refine.record.record_of(thing) is None
    assert {mesh.name for mesh in bpy.data.meshes} == names
    assert refine.live.ended(JOB)  # again: nothing to do


def test_another_file_and_back(refine: SimpleNamespace, tmp_path: object) -> None:
    thing = OBJECTS["with_keys_and_armature"]()
    stream = Stream(refine, thing)
    assert stream.preview()
    path = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile(use_empty=True, app_template="")
    assert not stream.preview() and not stream.finish()
    bpy.ops.wm.open_mainfile(filepath=path)
    refine.live.forget_all()
    assert stream.preview()
    assert stream.finish()
    assert record("Worm").state == "DONE"
    assert record("Worm").a_mesh.name == "Worm"


@pytest.mark.parametrize("seed", range(4))
def test_random_users(refine: SimpleNamespace, seed: int) -> None:
    """60 actions, in any order, while it streams."""
    luck = random.Random(seed)
    thing = OBJECTS[luck.choice(sorted(OBJECTS))]()
    name, a_positions = thing.name, positions(thing.data).tobytes()
    bpy.ops.ed.undo_push(message="made")
    stream = Stream(refine, thing)
    bpy.ops.ed.undo_push(message="begun")
    bpy.ops.ed.undo_push(message="floor")  # the user's undo stops here
    depth = top = 0
    for _ in range(60):
        action = luck.choice(("preview", "move", "undo", "redo", "edit", "sides", "copy", "delete"))
        here = bpy.data.objects.get(name)
        if action == "preview":
            stream.preview()
        elif action == "undo" and depth:
            bpy.ops.ed.undo()
            depth -= 1
        elif action == "redo" and depth < top:
            bpy.ops.ed.redo()
            depth += 1
        elif here is not None and action in ("move", "edit", "sides", "copy", "delete"):
            {"move": act_move, "edit": act_edit, "sides": act_sides, "copy": act_copy}.get(
                action, act_delete
            )(refine, here)
            bpy.ops.ed.undo_push(message=action)
            depth = top = depth + 1
    if name not in bpy.data.objects:
        while name not in bpy.data.objects:
            bpy.ops.ed.undo()
    assert stream.finish()
    thing = bpy.data.objects[name]
    assert thing.propsmith_refine.state == "DONE"
    assert positions(thing.propsmith_refine.a_mesh).tobytes() == a_positions
    wanted = moved(refine, stream.reading, 0.5).vertices
    shown = stream.reading.frame.to_file(positions(thing.propsmith_refine.b_mesh))
    assert np.abs(shown - wanted).max() < 1e-5


def act_move(refine: SimpleNamespace, thing: bpy.types.Object) -> None:
    thing.location.x += 1


def act_edit(refine: SimpleNamespace, thing: bpy.types.Object) -> None:
    """In and out of edit mode, with a change only where B is shown: A is compared in the end."""
    select(thing)
    bpy.ops.object.mode_set(mode="EDIT")
    if thing.propsmith_refine.shown == "B":
        work = bmesh.from_edit_mesh(thing.data)
        work.verts.ensure_lookup_table()
        work.verts[0].co.x += 1
        bmesh.update_edit_mesh(thing.data)
    assert not refine.live.preview(JOB, np.zeros((1, 3)), None)
    bpy.ops.object.mode_set(mode="OBJECT")


def act_sides(refine: SimpleNamespace, thing: bpy.types.Object) -> None:
    refine.record.show(thing, "A")


def act_copy(refine: SimpleNamespace, thing: bpy.types.Object) -> None:
    select(thing)
    bpy.ops.object.duplicate()


def act_delete(refine: SimpleNamespace, thing: bpy.types.Object) -> None:
    select(thing)
    bpy.ops.object.delete()
