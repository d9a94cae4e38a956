"""Levels of detail: lighter by the share asked for, UVs in place, the original untouched."""

from __future__ import annotations

import hashlib
import importlib
from types import ModuleType

import bpy
import numpy as np
import pytest


@pytest.fixture
def lods(addon: ModuleType) -> ModuleType:
    return importlib.import_module(f"{addon.__name__}.lods")


def ball() -> bpy.types.Object:
    bpy.ops.mesh.primitive_uv_sphere_add(segments=48, ring_count=24, location=(1, 2, 3))
    thing = bpy.context.active_object
    thing.name = "Ball"
    thing.vertex_groups.new(name="top").add(range(20), 0.5, "REPLACE")
    thing.data.materials.append(bpy.data.materials.new("Red"))
    return thing


def digest(mesh: bpy.types.Mesh) -> str:
    places = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", places)
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    return hashlib.sha256(places.tobytes() + corners.tobytes()).hexdigest()


def test_each_level_has_its_share_of_the_triangles(lods: ModuleType) -> None:
    thing = ball()
    total = lods.triangle_count(thing.data)
    levels = lods.make_lods(bpy.context, thing, [0.5, 0.25, 0.1])
    assert [level.number for level in levels] == [0, 1, 2, 3]
    for level, share in zip(levels, (1, 0.5, 0.25, 0.1), strict=True):
        assert level.triangles == pytest.approx(share * total, rel=0.05)
        assert lods.triangle_count(level.thing.data) == level.triangles
    away = [level.deviation for level in levels]
    assert away == sorted(away) and away[0] == 0 and 0 < away[3] < 0.1


def test_uvs_groups_materials_and_place_are_kept(lods: ModuleType) -> None:
    thing = ball()
    before = digest(thing.data)
    lods.make_lods(bpy.context, thing, [0.3])
    assert digest(thing.data) == before
    lighter = bpy.data.objects["Ball_LOD1"]
    assert lighter.matrix_world == thing.matrix_world
    assert lighter.data.materials[:] == thing.data.materials[:]
    assert [group.name for group in lighter.vertex_groups] == ["top"]
    # On a UV sphere u tells the longitude: a corner's UV still says where its vertex is.
    uvs = lighter.data.uv_layers.active.uv
    off = []
    for loop in lighter.data.loops:
        x, y, z = lighter.data.vertices[loop.vertex_index].co
        u, _ = uvs[loop.index].vector
        if abs(z) < 0.8:
            off.append((np.arctan2(y, x) / (2 * np.pi) - u) % 0.5)
    off = np.minimum(off, 0.5 - np.array(off))
    assert np.median(off) < 0.02


def test_shape_keys_are_baked_in_as_they_are_set(lods: ModuleType) -> None:
    thing = ball()
    thing.shape_key_add(name="Basis")
    tall = thing.shape_key_add(name="tall")
    for point in tall.data:
        point.co.z *= 2
    tall.value = 1.0
    lods.make_lods(bpy.context, thing, [0.5])
    lighter = bpy.data.objects["Ball_LOD1"].data
    assert lighter.shape_keys is None
    assert max(v.co.z for v in lighter.vertices) == pytest.approx(2, abs=0.05)


def test_again_replaces_the_levels_and_only_them(lods: ModuleType) -> None:
    ball()
    bpy.ops.propsmith.make_lods(count=4, keep=50)
    collection = bpy.data.collections["Ball LODs"]
    mine = bpy.data.objects.new("mine", None)
    collection.objects.link(mine)
    assert bpy.ops.propsmith.make_lods(count=2, keep=50) == {"FINISHED"}
    names = {thing.name for thing in collection.objects}
    assert names == {"mine", "Ball_LOD0", "Ball_LOD1", "Ball_LOD2"}
    assert len([mesh for mesh in bpy.data.meshes if mesh.users]) == 3
    assert collection.hide_viewport


def test_levels_that_would_be_no_shape_are_left_out(lods: ModuleType) -> None:
    bpy.ops.mesh.primitive_cube_add()
    levels = lods.make_lods(bpy.context, bpy.context.active_object, [0.9, 0.5])
    assert len(levels) == 1  # 12 triangles: 6 of them close nothing


def test_a_mesh_without_faces_is_refused_with_a_sentence(lods: ModuleType) -> None:
    thing = bpy.data.objects.new("Points", bpy.data.meshes.new("Points"))
    bpy.context.collection.objects.link(thing)
    bpy.context.view_layer.objects.active = thing
    with pytest.raises(RuntimeError, match="no faces"):
        bpy.ops.propsmith.make_lods()
    assert "Points LODs" not in bpy.data.collections
