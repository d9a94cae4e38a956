"""Collision shapes: convex, closed, around everything, and named as engines want them."""

from __future__ import annotations

import importlib
from types import ModuleType

import bmesh
import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector


@pytest.fixture
def hull(addon: ModuleType) -> ModuleType:
    return importlib.import_module(f"{addon.__name__}.hull")


def table() -> bpy.types.Object:
    """A top of 1 x 1 x 0.1 on four legs; 13.6 % of its bounding box is solid."""
    work = bmesh.new()
    legs = [((x * 0.45, y * 0.45, 0.45), (0.1, 0.1, 0.9)) for x in (-1, 1) for y in (-1, 1)]
    for middle, sides in [((0, 0, 0.95), (1, 1, 0.1)), *legs]:
        place = Matrix.Translation(Vector(middle)) @ Matrix.Diagonal((*sides, 1))
        bmesh.ops.create_cube(work, size=1, matrix=place)
    mesh = bpy.data.meshes.new("Table")
    work.to_mesh(mesh)
    work.free()
    return add(mesh)


def add(mesh: bpy.types.Mesh) -> bpy.types.Object:
    thing = bpy.data.objects.new(mesh.name, mesh)
    bpy.context.collection.objects.link(thing)
    bpy.context.view_layer.objects.active = thing
    return thing


def monkey() -> bpy.types.Object:
    bpy.ops.mesh.primitive_monkey_add()
    return bpy.context.active_object


def planes(mesh: bpy.types.Mesh) -> tuple[np.ndarray, np.ndarray]:
    normals = np.array([p.normal for p in mesh.polygons])
    return normals, (normals * np.array([p.center for p in mesh.polygons])).sum(axis=1)


def outside(mesh: bpy.types.Mesh, points: np.ndarray) -> np.ndarray:
    """How far each point lies outside a convex mesh; below 0 inside."""
    normals, offsets = planes(mesh)
    return (points @ normals.T - offsets).max(axis=1)


@pytest.mark.parametrize("shape", ["HULL", "BOX", "PARTS"])
@pytest.mark.parametrize("make", [table, monkey])
def test_shapes_are_convex_closed_and_cover_the_surface(hull, make, shape: str) -> None:
    thing = make()
    made = hull.make_collision(thing, shape, "UNREAL", parts=8, vertices=255)
    assert len(made) == 1 if shape != "PARTS" else 2 <= len(made) <= 8
    points = hull.points_of(thing.data)
    nearest = np.full(len(points), np.inf)
    for child in made:
        work = bmesh.new()
        work.from_mesh(child.data)
        assert all(edge.is_manifold for edge in work.edges)
        assert work.calc_volume(signed=True) > 0
        work.free()
        assert outside(child.data, hull.points_of(child.data)).max() < 1e-4
        nearest = np.minimum(nearest, outside(child.data, points))
    assert nearest.max() < 1e-4


def test_parts_leave_the_hollow_under_a_table_free(hull: ModuleType) -> None:
    thing = table()
    made = hull.make_collision(thing, "PARTS", "UNREAL", parts=8)
    assert sum(hull.hull_parts.volume(child.data) for child in made) < 0.2
    under = np.array([[0.0, 0.0, 0.4]])
    assert all(outside(child.data, under)[0] > 0.1 for child in made)


def test_names_are_the_engines(hull: ModuleType) -> None:
    thing = table()
    for shape, engine, name in (
        ("HULL", "UNREAL", "UCX_Table_00"),
        ("BOX", "UNREAL", "UBX_Table_00"),
        ("HULL", "GODOT", "Table_00-convcolonly"),
        ("HULL", "PLAIN", "Table_collision_00"),
    ):
        bpy.ops.propsmith.make_collision(shape=shape, engine=engine)
        assert [child.name for child in thing.children] == [name]


def test_it_moves_with_the_object_and_is_no_part_of_a_render(hull: ModuleType) -> None:
    thing = table()
    thing.location = (3, 0, 0)
    child = hull.make_collision(thing, "HULL", "UNREAL")[0]
    bpy.context.view_layer.update()
    assert child.matrix_world == thing.matrix_world
    assert child.hide_render and child.display_type == "WIRE"


def test_a_hull_has_no_more_vertices_than_asked_for(hull: ModuleType) -> None:
    bpy.ops.mesh.primitive_uv_sphere_add(segments=64, ring_count=32)
    child = hull.make_collision(bpy.context.active_object, "HULL", "UNREAL", vertices=24)[0]
    assert 16 <= len(child.data.vertices) <= 24
    assert hull.hull_parts.volume(child.data) > 0.7 * 4 / 3 * np.pi


def test_again_replaces_its_own_and_nothing_else(hull: ModuleType) -> None:
    thing = table()
    mine = add(bpy.data.meshes.new("mine"))
    mine.parent = thing
    hull.make_collision(thing, "PARTS", "UNREAL")
    hull.make_collision(thing, "BOX", "UNREAL")
    assert sorted(child.name for child in thing.children) == ["UBX_Table_00", "mine"]
    assert not [mesh.name for mesh in bpy.data.meshes if mesh.name.startswith("UCX")]


def test_what_has_no_volume_is_refused_with_a_sentence(hull: ModuleType) -> None:
    flat = bpy.data.meshes.new("Flat")
    flat.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [], [(0, 1, 2, 3)])
    add(flat)
    for shape in ("HULL", "BOX", "PARTS"):
        with pytest.raises(RuntimeError, match="is flat"):
            bpy.ops.propsmith.make_collision(shape=shape)
    add(bpy.data.meshes.new("Empty"))
    with pytest.raises(RuntimeError, match="no faces"):
        bpy.ops.propsmith.make_collision()
