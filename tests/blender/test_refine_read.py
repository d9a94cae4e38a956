"""Objects of the scene as mesh files: nothing is lost, and one sentence where it can't be."""

from __future__ import annotations

import io
import math
from types import ModuleType, SimpleNamespace

import bpy
import numpy as np
import pytest
import refine_objects
from refine_objects import OBJECTS, positions


@pytest.fixture
def refine(addon: ModuleType) -> SimpleNamespace:
    return refine_objects.modules(addon)


def read(refine: SimpleNamespace, thing: bpy.types.Object, group: str = "") -> object:
    bpy.context.view_layer.update()
    base = refine.read.copy_mesh(thing)
    return refine.read.read_object(thing, base, group)


@pytest.mark.parametrize("name", OBJECTS)
def test_triangles_cover_the_polygons_with_their_uvs(refine: SimpleNamespace, name: str) -> None:
    thing = OBJECTS[name]()
    reading = read(refine, thing)
    mesh, file = thing.data, reading.file
    assert len(file.faces) == sum(p.loop_total - 2 for p in mesh.polygons)
    corners = np.array([loop.vertex_index for loop in mesh.loops])
    assert np.array_equal(corners[reading.loops], file.faces)
    for loops, polygon in zip(reading.loops, reading.polygons, strict=True):
        assert set(loops) <= set(mesh.polygons[polygon].loop_indices)
    uvs = np.array([list(e.vector) for e in mesh.uv_layers.active.uv], np.float32)
    assert np.array_equal(uvs[reading.loops], file.corner_uvs)


@pytest.mark.parametrize("name", OBJECTS)
def test_the_same_object_gives_the_same_bytes(refine: SimpleNamespace, name: str) -> None:
    thing = OBJECTS[name]()
    first = read(refine, thing)
    frame = refine.frame.frame_from([np.float32(v) for v in first.frame.values])
    again = refine.read.read_mesh(thing.data.copy(), frame)
    for array in ("vertices", "faces", "corner_uvs"):
        assert getattr(first.file, array).tobytes() == getattr(again.file, array).tobytes()
    file = io.BytesIO()
    refine.mesh_file.write_mesh(file, first.file)
    assert len(refine.mesh_file.read_mesh(file).faces) == len(first.file.faces)


@pytest.mark.parametrize("name", OBJECTS)
def test_faces_look_outwards_as_the_user_sees_them(refine: SimpleNamespace, name: str) -> None:
    file = read(refine, OBJECTS[name]()).file
    a, b, c = (file.vertices[file.faces[:, i]].astype(np.float64) for i in range(3))
    middle = (a + b + c).mean(axis=0) / 3
    volume = np.einsum("ij,ij->i", a - middle, np.cross(b - middle, c - middle)).sum() / 6
    assert volume > 0


def test_the_file_stands_as_in_the_world_but_faces_the_front(refine: SimpleNamespace) -> None:
    thing = OBJECTS["quads_and_ngons"]()
    start = positions(thing.data)
    thing.scale = (1, 2, 5)
    thing.location = (7, 8, 9)
    for turn in (0.0, 0.7, math.pi, -2.0):
        thing.rotation_euler.z = turn
        assert np.abs(read(refine, thing).file.vertices - start * (1, 2, 5)).max() < 1e-5
    # A file with Y up, as an import leaves it: upright in the world, so upright for the prior.
    thing.scale, thing.rotation_euler = (1, 1, 1), (math.pi / 2, 0, 0)
    upright = np.stack([start[:, 0], -start[:, 2], start[:, 1]], axis=1)
    assert np.abs(read(refine, thing).file.vertices - upright).max() < 1e-6


def test_an_object_that_was_not_moved_is_sent_to_the_bit(refine: SimpleNamespace) -> None:
    thing = OBJECTS["several_materials"]()
    assert read(refine, thing).file.vertices.tobytes() == positions(thing.data).tobytes()


def test_there_and_back(refine: SimpleNamespace) -> None:
    thing = OBJECTS["mirrored"]()
    reading = read(refine, thing)
    assert reading.frame.mirrors
    start = positions(thing.data)
    assert np.abs(reading.frame.from_file(reading.file.vertices) - start).max() < 1e-5
    came = reading.file.vertices.copy()
    came[3] += 0.1
    moves = reading.frame.displacement(reading.file.vertices, came)
    assert np.flatnonzero(moves.any(axis=1)).tolist() == [3]
    seen = np.array(thing.matrix_world.to_3x3()) @ moves[3]
    assert np.linalg.norm(seen) == pytest.approx(0.1 * math.sqrt(3), rel=1e-4)


def test_the_mask_is_the_vertex_group(refine: SimpleNamespace) -> None:
    thing = OBJECTS["quads_and_ngons"]()
    mask = read(refine, thing, "top").file.mask
    heights = positions(thing.data)[:, 2]
    assert np.array_equal(mask > 0, heights > 0)
    assert mask.max() == 1
    thing.vertex_groups.new(name="nothing")
    with pytest.raises(refine.frame.RefineError, match="No vertex has a weight"):
        read(refine, thing, "nothing")
    with pytest.raises(refine.frame.RefineError, match="no vertex group 'gone'"):
        read(refine, thing, "gone")


def test_the_basis_is_sent_not_what_keys_and_modifiers_make_of_it(refine: SimpleNamespace) -> None:
    thing = OBJECTS["with_keys_and_armature"]()
    thing.parent = None
    thing.active_shape_key_index = 1
    thing.show_only_shape_key = True
    basis = np.array([list(p.co) for p in thing.data.shape_keys.key_blocks[0].data], np.float32)
    assert np.array_equal(read(refine, thing).file.vertices, basis)


def test_edit_mode_is_read_without_leaving_it(refine: SimpleNamespace) -> None:
    import bmesh

    thing = OBJECTS["shared_mesh"]()
    bpy.context.view_layer.objects.active = thing
    bpy.ops.object.mode_set(mode="EDIT")
    work = bmesh.from_edit_mesh(thing.data)
    work.verts.ensure_lookup_table()
    work.verts[0].co.z = 4
    file = read(refine, thing).file
    assert thing.mode == "EDIT"
    assert file.vertices[0, 2] == 4
    bpy.ops.object.mode_set(mode="OBJECT")


def test_other_objects_get_a_sentence(refine: SimpleNamespace) -> None:
    why_not = refine.read.why_not
    assert "no active object" in why_not(None)
    link = bpy.context.scene.collection.objects.link
    curve = bpy.data.objects.new("Rail", bpy.data.curves.new("Rail", "CURVE"))
    text = bpy.data.objects.new("Sign", bpy.data.curves.new("Sign", "FONT"))
    empty = bpy.data.objects.new("Nothing", None)
    bare = bpy.data.objects.new("Bare", bpy.data.meshes.new("Bare"))
    for thing in (curve, text, empty, bare):
        link(thing)
    assert "'Rail' is no mesh (curve)" in why_not(curve)
    assert "'Sign' is no mesh (text)" in why_not(text)
    assert "'Nothing' is no mesh (empty)" in why_not(empty)
    assert "no faces" in why_not(bare)
    for thing in (curve, text, empty, bare):
        with pytest.raises(refine.frame.RefineError):
            read(refine, thing)
    assert why_not(OBJECTS["shared_mesh"]()) == ""


def test_what_can_not_be_refined_is_said(refine: SimpleNamespace) -> None:
    thing = OBJECTS["shared_mesh"]()
    thing.scale.y = 0
    with pytest.raises(refine.frame.RefineError, match="scaled to nothing"):
        read(refine, thing)
    thing.scale.y = 1
    thing.data.vertices[0].co.x = math.nan
    with pytest.raises(refine.mesh_file.MeshFileError, match="not finite"):
        read(refine, thing)


def test_the_present_colour_comes_along(refine: SimpleNamespace) -> None:
    thing = OBJECTS["several_materials"]()
    indices = np.zeros(len(thing.data.polygons), np.int32)
    indices[:3] = 1
    thing.data.polygons.foreach_set("material_index", indices)
    reading = read(refine, thing)
    albedo = reading.file.albedo
    assert albedo.shape == (4, 8, 3)
    assert (albedo[3] == (255, 0, 0)).all()  # the lowest row of Blender is the last of the file
    assert albedo[0, :, 0].tolist() == np.rint(np.linspace(0, 1, 8) * 255).tolist()
    assert "most faces" in reading.notes[0]
    assert reading.file.material.tolist() == indices[reading.polygons].tolist()


def test_a_picture_names_its_uv_layer(refine: SimpleNamespace) -> None:
    thing = OBJECTS["several_materials"]()
    thing.data.polygons.foreach_set("material_index", np.zeros(len(thing.data.polygons), np.int32))
    tree = thing.data.materials[0].node_tree
    node = tree.nodes.new("ShaderNodeUVMap")
    node.uv_map = "Second"
    picture = next(n for n in tree.nodes if n.type == "TEX_IMAGE")
    tree.links.new(node.outputs["UV"], picture.inputs["Vector"])
    thing.data.uv_layers.active_index = 0
    reading = read(refine, thing)
    assert reading.uv_layer == "Second"
    assert reading.file.corner_uvs.max() <= 0.5


def test_plain_colours_and_missing_pictures(refine: SimpleNamespace) -> None:
    thing = OBJECTS["shared_mesh"]()
    material = thing.data.materials[0]
    if material.node_tree is None:
        material.use_nodes = True
    shader = next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (1, 0.2159, 0, 1)
    albedo = read(refine, thing).file.albedo
    assert (albedo == (255, 128, 0)).all()
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = bpy.data.images.new("Gone", 4, 4)
    node.image.source = "FILE"
    node.image.filepath = "/nowhere/at/all.png"
    material.node_tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])
    reading = read(refine, thing)
    assert reading.file.albedo is None
    assert "'Gone' is missing" in reading.notes[0]


def test_every_object_of_the_set_is_what_it_says() -> None:
    """The others stand on it."""
    bpy.ops.wm.read_homefile(use_empty=True, app_template="")
    things = {name: make() for name, make in OBJECTS.items()}
    bpy.context.view_layer.update()
    assert len({len(p.vertices) for p in things["quads_and_ngons"].data.polygons}) > 1
    assert things["shared_mesh"].data.users == 3
    assert things["mirrored"].matrix_world.is_negative
    assert len(things["with_keys_and_armature"].data.shape_keys.key_blocks) == 3
    assert things["several_materials"].data.has_custom_normals
    assert len(refine_objects.fingerprint(things["several_materials"])) > 10
