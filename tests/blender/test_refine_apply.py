"""Results on objects: what must stay stays to the bit; A and B, applied, thrown away, undone."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import bpy
import numpy as np
import pytest
from refine_objects import (
    JOB,
    OBJECTS,
    fingerprint,
    key_offsets,
    modules,
    moved,
    positions,
    start,
)


@pytest.fixture
def refine(addon: ModuleType) -> SimpleNamespace:
    found = modules(addon)
    found.live.forget_all()
    return found


def new_material(layer: str) -> bpy.types.Material:
    material = bpy.data.materials.new("Refined")
    material["layer"] = layer
    return material


def finish(refine: SimpleNamespace, reading: object) -> object:
    result = moved(refine, reading)
    assert refine.live.finish(JOB, result, new_material)
    return result


def materials(thing: bpy.types.Object) -> list[str]:
    return [slot.material.name if slot.material else "" for slot in thing.material_slots]


@pytest.mark.parametrize("name", OBJECTS)
def test_only_positions_and_materials_differ(refine: SimpleNamespace, name: str) -> None:
    thing = OBJECTS[name]()
    reading = start(refine, thing)
    before, offsets = fingerprint(thing), key_offsets(thing.data)
    a_mesh, a_positions, a_materials = thing.data, positions(thing.data), materials(thing)
    result = finish(refine, reading)
    assert thing.data != a_mesh
    assert fingerprint(thing) == before
    bpy.context.view_layer.update()
    linear = np.array(thing.matrix_world.to_3x3())
    seen = (positions(thing.data) - a_positions) @ linear.T
    wanted = (result.vertices - reading.file.vertices) @ (
        linear @ np.linalg.inv(reading.frame.matrix)
    ).T
    assert np.abs(seen - wanted).max() < 2e-5
    assert np.abs(wanted).max() > 0.05
    for key, offset in key_offsets(thing.data).items():
        assert np.abs(offset - offsets[key]).max() < 1e-6
        assert (offset[(offsets[key] == 0).all(axis=1)] == 0).all()
    assert set(materials(thing)) == {"Refined"}
    assert thing.active_material["layer"] == "UVMap"
    # A is as it was.
    refine.record.show(thing, "A")
    assert thing.data == a_mesh
    assert positions(a_mesh).tobytes() == a_positions.tobytes()
    assert materials(thing) == a_materials
    assert fingerprint(thing) == before


@pytest.mark.parametrize("name", OBJECTS)
def test_outside_the_mask_nothing_changes_by_a_bit(refine: SimpleNamespace, name: str) -> None:
    thing = OBJECTS[name]()
    reading = start(refine, thing, group="top")
    before, a_positions, a_materials = fingerprint(thing), positions(thing.data), materials(thing)
    keys = key_offsets(thing.data)
    a_indices = refine.read.material_indices(thing.data)
    wild = reading.file.vertices + np.float32(0.5)  # even of a backend that minds no mask
    result = refine.mesh_file.MeshFile(wild, reading.file.faces, reading.file.corner_uvs)
    assert refine.live.finish(JOB, result, new_material)
    outside = reading.file.mask == 0
    assert outside.sum() > 20 and (~outside).sum() > 20
    after = positions(thing.data)
    assert after[outside].tobytes() == a_positions[outside].tobytes()
    assert (after[~outside] != a_positions[~outside]).any(axis=1).all()
    for key, offset in key_offsets(thing.data).items():
        assert offset[outside].tobytes() == keys[key][outside].tobytes()
    # Polygons that can't change keep their materials, the others have the new one.
    may = np.array([any(not outside[v] for v in p.vertices) for p in thing.data.polygons])
    slots = refine.read.material_indices(thing.data)
    names = np.array(materials(thing) or [""])[slots]
    assert (names[may] == "Refined").all()
    old = np.array(a_materials or [""])[a_indices]
    assert (names[~may] == old[~may]).all() or not a_materials
    after_print = fingerprint(thing)
    for part in set(before) - {"slots"}:
        assert after_print[part] == before[part], part


def test_a_and_b_many_times(refine: SimpleNamespace) -> None:
    thing = OBJECTS["several_materials"]()
    finish(refine, start(refine, thing))
    sides = {}
    for side in "ABABAB":
        refine.record.show(thing, side)
        links = [slot.link for slot in thing.material_slots]
        state = (thing.data.name, materials(thing), links, positions(thing.data).tobytes())
        assert sides.setdefault(side, state) == state
    assert sides["A"][1] == ["Shade", "Foot", "Bulb of this lamp"]
    assert sides["A"][2] == ["DATA", "DATA", "OBJECT"]
    assert sides["B"][1] == ["Refined"] * 3


def test_what_the_user_changes_on_a_side_stays_with_it(refine: SimpleNamespace) -> None:
    thing = OBJECTS["several_materials"]()
    finish(refine, start(refine, thing))
    gold = bpy.data.materials.new("Gold")
    thing.material_slots[1].material = gold
    thing.data = thing.data.copy()
    copy = thing.data
    refine.record.show(thing, "A")
    assert "Gold" not in materials(thing)
    refine.record.show(thing, "B")
    assert thing.data == copy
    assert materials(thing)[1] == "Gold"


def test_other_users_of_the_mesh_keep_it(refine: SimpleNamespace) -> None:
    thing = OBJECTS["shared_mesh"]()
    twins = [t for t in bpy.data.objects if t != thing]
    a_mesh, before = thing.data, positions(thing.data)
    finish(refine, start(refine, thing))
    assert [twin.data for twin in twins] == [a_mesh, a_mesh]
    assert positions(a_mesh).tobytes() == before.tobytes()
    refine.record.apply(thing)
    assert {m.name for m in twins[0].data.materials} == {"Oak"}
    assert a_mesh.users == 2 and not a_mesh.use_fake_user


def test_apply_keeps_b_and_lets_go_of_a(refine: SimpleNamespace) -> None:
    thing = OBJECTS["with_keys_and_armature"]()
    finish(refine, start(refine, thing))
    a_mesh, b_mesh = thing.propsmith_refine.a_mesh, thing.data
    assert a_mesh.use_fake_user  # nothing else would keep it in a saved file while it waits
    refine.record.show(thing, "A")
    refine.record.apply(thing)
    assert thing.data == b_mesh
    assert refine.record.record_of(thing) is None
    assert a_mesh.users == 0


def test_discard_leaves_nothing_behind(refine: SimpleNamespace) -> None:
    thing = OBJECTS["several_materials"]()
    counts = {k: len(getattr(bpy.data, k)) for k in ("meshes", "materials", "objects")}
    before, start_positions = fingerprint(thing), positions(thing.data)
    had = thing.data
    had.use_fake_user = True
    finish(refine, start(refine, thing))
    refine.record.discard(thing)
    assert thing.data == had and had.use_fake_user
    assert fingerprint(thing) == before
    assert positions(had).tobytes() == start_positions.tobytes()
    assert {k: len(getattr(bpy.data, k)) for k in counts} == counts


def test_each_step_is_one_undo(refine: SimpleNamespace) -> None:
    thing = OBJECTS["several_materials"]()
    push = bpy.ops.ed.undo_push
    push(message="made")
    reading = start(refine, thing)
    push(message="begun")
    finish(refine, reading)
    push(message="refined")
    refine.record.apply(find("Lamp"))
    push(message="applied")
    applied = positions(find("Lamp").data).tobytes()
    bpy.ops.ed.undo()
    thing = find("Lamp")
    assert thing.propsmith_refine.state == "DONE" and thing.propsmith_refine.shown == "B"
    refine.record.show(thing, "A")
    refine.record.show(thing, "B")
    bpy.ops.ed.undo()
    assert find("Lamp").propsmith_refine.state == "RUNNING"
    assert materials(find("Lamp")) == ["Shade", "Foot", "Bulb of this lamp"]
    # The result has been undone: the job does not put it there again.
    assert not refine.live.finish(JOB, moved(refine, reading), new_material)
    bpy.ops.ed.undo()
    assert refine.record.record_of(find("Lamp")) is None
    for _ in range(3):
        bpy.ops.ed.redo()
    thing = find("Lamp")
    assert positions(thing.data).tobytes() == applied
    assert set(materials(thing)) == {"Refined"}
    assert refine.record.record_of(thing) is None


def test_new_faces(refine: SimpleNamespace) -> None:
    thing = OBJECTS["mirrored"]()
    thing.modifiers.new("Rounder", "SUBSURF")
    reading = start(refine, thing, mode="remesh")
    place = [list(row) for row in thing.matrix_world]
    keep = reading.file.faces[: len(reading.file.faces) // 2]
    uvs = np.random.default_rng(0).random((len(keep), 3, 2), np.float32)
    result = refine.mesh_file.MeshFile(reading.file.vertices, keep, uvs)
    assert refine.live.finish(JOB, result, new_material)
    mesh = thing.data
    assert len(mesh.polygons) == len(keep)
    assert [list(row) for row in thing.matrix_world] == place
    assert [m.name for m in thing.modifiers] == ["Rounder"]
    assert materials(thing) == ["Refined"]
    assert thing.active_material["layer"] == mesh.uv_layers.active.name
    old = thing.propsmith_refine.a_mesh
    normals = {tuple(sorted(p.vertices)): p.normal for p in mesh.polygons}
    old.calc_loop_triangles()
    for triangle in old.loop_triangles:
        key = tuple(sorted(triangle.vertices))
        assert key not in normals or normals[key].dot(triangle.normal) > 0.99
    refine.record.show(thing, "A")
    assert len(thing.data.polygons) != len(keep)


def test_uvs_for_a_mesh_that_had_none(refine: SimpleNamespace) -> None:
    thing = OBJECTS["quads_and_ngons"]()
    thing.data.uv_layers.remove(thing.data.uv_layers[0])
    reading = start(refine, thing)
    assert reading.file.corner_uvs is None and reading.uv_layer == ""
    uvs = np.random.default_rng(0).random((len(reading.file.faces), 3, 2), np.float32)
    for corner in np.unique(reading.loops):  # triangles of one polygon share its corners
        uvs[reading.loops == corner] = uvs[reading.loops == corner][0]
    result = refine.mesh_file.MeshFile(reading.file.vertices, reading.file.faces, uvs)
    assert refine.live.finish(JOB, result, new_material)
    layer = thing.data.uv_layers[thing.active_material["layer"]]
    there = np.array([list(e.vector) for e in layer.uv], np.float32)
    assert np.array_equal(there[reading.loops], uvs)


def test_texture_only_moves_nothing(refine: SimpleNamespace) -> None:
    thing = OBJECTS["with_keys_and_armature"]()
    before = positions(thing.data)
    finish(refine, start(refine, thing, mode="texture-only"))
    assert positions(thing.data).tobytes() == before.tobytes()
    assert materials(thing) == ["Refined"]


def test_results_after_save_and_reopen(refine: SimpleNamespace, tmp_path: object) -> None:
    thing = OBJECTS["mirrored"]()
    reading = start(refine, thing, group="top")
    before = positions(thing.data)
    path = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    refine.live.forget_all()
    finish(refine, reading)
    outside = reading.file.mask == 0
    after = positions(find("Glove").data)
    assert after[outside].tobytes() == before[outside].tobytes()
    assert (after != before).any()
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    refine.record.show(find("Glove"), "A")
    assert positions(find("Glove").data).tobytes() == before.tobytes()


def find(name: str) -> bpy.types.Object:
    return bpy.data.objects[name]
