"""Five objects as users have them, and a fingerprint of all that a refinement must leave alone."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import bpy  # isort: skip  (before bmesh, which comes with it)
import bmesh
import numpy as np

JOB = "0123456789abcdef" * 2
POSITIONS = ("position",)  # the one attribute that a refinement writes


def several_materials() -> bpy.types.Object:
    """Three slots, one of them the object's own; a picture; two UV layers; normals of its own."""
    thing = _sphere("Lamp")
    mesh = thing.data
    for name in ("Shade", "Foot", "Bulb"):
        mesh.materials.append(bpy.data.materials.new(name))
    _picture_into(mesh.materials[0])
    thing.material_slots[2].link = "OBJECT"
    thing.material_slots[2].material = bpy.data.materials.new("Bulb of this lamp")
    indices = np.arange(len(mesh.polygons), dtype=np.int32) % 3
    mesh.polygons.foreach_set("material_index", indices)
    _unwrap(mesh, "Second", 0.5)
    for edge in list(mesh.edges)[::5]:
        edge.use_seam, edge.use_edge_sharp = True, not edge.use_seam
    values = mesh.attributes.new("wear", "FLOAT", "POINT")
    values.data.foreach_set("value", np.linspace(0, 1, len(mesh.vertices), dtype=np.float32))
    mesh.normals_split_custom_set_from_vertices(
        [v.normal.lerp((0, 0, 1), 0.3) for v in mesh.vertices]
    )
    mesh["bought at"] = "the market"
    return thing


def with_keys_and_armature() -> bpy.types.Object:
    """Shape keys, vertex groups, an armature that is parent and modifier, another modifier."""
    thing = _sphere("Worm")
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(armature)
    armature.rotation_euler = (0.3, 0.1, 0.8)
    thing.parent = armature
    thing.modifiers.new("Armature", "ARMATURE").object = armature
    thing.modifiers.new("Rounder", "SUBSURF").levels = 1
    for name, low in (("head", 0.0), ("all", -2.0)):
        group = thing.vertex_groups.new(name=name)
        for vertex in thing.data.vertices:
            if vertex.co.z > low:
                group.add([vertex.index], 0.25 + vertex.co.z / 8, "REPLACE")
    thing.shape_key_add(name="Basis", from_mix=False)
    for number in range(2):
        key = thing.shape_key_add(name=f"Bend {number}", from_mix=False)
        for point in list(key.data)[number::3]:
            point.co.x += 0.3 * point.co.z
        key.value = 0.5
    thing.data.shape_keys.key_blocks[2].relative_key = thing.data.shape_keys.key_blocks[1]
    return thing


def quads_and_ngons() -> bpy.types.Object:
    """A drum: quads around, caps of 24 corners, UV islands; loose vertices and edges too."""
    mesh = bpy.data.meshes.new("Drum")
    work = bmesh.new()
    bmesh.ops.create_cone(work, segments=24, radius1=1, radius2=0.8, depth=1.5, cap_ends=True)
    lone = [work.verts.new((2, 0, z)) for z in (0, 1, 2)]
    work.edges.new(lone[:2])
    work.to_mesh(mesh)
    work.free()
    _unwrap(mesh, "UVMap")
    thing = _linked("Drum", mesh)
    mesh.materials.append(bpy.data.materials.new("Wood"))
    _paint_group(thing)
    return thing


def shared_mesh() -> bpy.types.Object:
    """One of three chairs with the same mesh."""
    thing = _sphere("Chair")
    thing.data.materials.append(bpy.data.materials.new("Oak"))
    for number in range(2):
        twin = _linked(f"Chair {number}", thing.data)
        twin.location.x = 3.0 * (number + 1)
    return thing


def mirrored() -> bpy.types.Object:
    """Negative and uneven scale under a parent that turns and squeezes it: a matrix with shear."""
    thing = _sphere("Glove")
    parent = bpy.data.objects.new("Hand", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.rotation_euler, parent.scale = (0.2, 0.5, 2.0), (1, 3, 0.5)
    thing.parent = parent
    thing.rotation_euler, thing.scale = (0.4, 0, 0.9), (-2.0, 0.3, 1.1)
    thing.location = (5, -4, 3)
    return thing


OBJECTS: dict[str, Callable[[], bpy.types.Object]] = {
    make.__name__: make
    for make in (several_materials, with_keys_and_armature, quads_and_ngons, shared_mesh, mirrored)
}


def modules(addon: ModuleType) -> SimpleNamespace:
    """The add-on's modules of refinement, and the mesh file."""
    names = ("frame", "albedo", "read", "record", "apply", "live")
    found = {n: importlib.import_module(f"{addon.__name__}.refine_{n}") for n in names}
    return SimpleNamespace(**found, mesh_file=found["read"].mesh_file)


def start(refine: SimpleNamespace, thing: bpy.types.Object, **options: str) -> object:
    """A refinement of the job JOB, as the operator begins it; returns its Reading."""
    bpy.context.view_layer.update()
    base = refine.read.copy_mesh(thing)
    reading = refine.read.read_object(thing, base, options.get("group", ""))
    refine.record.begin(
        thing,
        JOB,
        options.get("mode", "keep-topology"),
        base,
        reading.frame.values,
        reading.uv_layer,
        options.get("group", ""),
    )
    refine.live.know(JOB, thing, reading)
    return reading


def fingerprint(thing: bpy.types.Object) -> dict[str, str]:
    """A hash for each part of an object and its mesh that is not a position or a material."""
    bpy.context.view_layer.update()
    mesh, result = thing.data, {}
    result["edges"] = _hash(_read(mesh.edges, "vertices", 2, np.int32))
    result["corners"] = _hash(_read(mesh.loops, "vertex_index", 1, np.int32))
    result["polygons"] = _hash(_read(mesh.polygons, "loop_start", 1, np.int32))
    for layer in mesh.uv_layers:
        result[f"uv {layer.name}"] = _hash(_read(layer.uv, "vector", 2, np.float32))
    for attribute in mesh.attributes:
        if attribute.name not in (*POSITIONS, "material_index"):
            result[f"attribute {attribute.name}"] = _hash(_values(attribute))
    groups = [[(g.group, g.weight) for g in vertex.groups] for vertex in mesh.vertices]
    result["weights"] = repr(hash(str(groups)))
    result["groups"] = str([group.name for group in thing.vertex_groups])
    result["modifiers"] = str([(m.name, m.type, m.show_viewport) for m in thing.modifiers])
    result["place"] = str((thing.parent, [list(row) for row in thing.matrix_world]))
    result["slots"] = str(max(1, len(thing.material_slots)))  # where there is none, one is made
    result["custom"] = str(mesh.get("bought at"))
    if mesh.shape_keys:
        for key in mesh.shape_keys.key_blocks:
            result[f"key {key.name}"] = str((key.value, key.relative_key.name, key.mute))
    return result


def positions(mesh: bpy.types.Mesh) -> np.ndarray:
    """(V, 3) f4."""
    return _read(mesh.vertices, "co", 3, np.float32)


def key_offsets(mesh: bpy.types.Mesh) -> dict[str, np.ndarray]:
    """Each shape key, (V, 3), less the basis."""
    keys = mesh.shape_keys.key_blocks if mesh.shape_keys else ()
    return {k.name: _read(k.data, "co", 3, np.float32) - positions(mesh) for k in keys}


def moved(refine: SimpleNamespace, reading: object, amount: float = 0.1) -> object:
    """What a backend might send back: waves on the surface, none where the mask is 0."""
    file = reading.file
    waves = np.sin(file.vertices[:, ::-1] * 7) * amount
    if file.mask is not None:
        waves *= file.mask[:, None]
    vertices = np.where(waves == 0, file.vertices, file.vertices + waves).astype(np.float32)
    return refine.mesh_file.MeshFile(vertices, file.faces, file.corner_uvs, file.mask)


def _sphere(name: str) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    work = bmesh.new()
    bmesh.ops.create_uvsphere(work, u_segments=16, v_segments=10, radius=1)
    work.to_mesh(mesh)
    work.free()
    _unwrap(mesh, "UVMap")
    thing = _linked(name, mesh)
    _paint_group(thing)
    return thing


def _linked(name: str, mesh: bpy.types.Mesh) -> bpy.types.Object:
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def _paint_group(thing: bpy.types.Object) -> None:
    """A vertex group "top": full weight above, none below, and something between."""
    group = thing.vertex_groups.new(name="top")
    for vertex in thing.data.vertices:
        if (weight := min(max(vertex.co.z * 4, 0.0), 1.0)) > 0:
            group.add([vertex.index], weight, "REPLACE")


def _unwrap(mesh: bpy.types.Mesh, name: str, size: float = 1.0) -> None:
    """Each polygon an island of its own, in rows."""
    layer = mesh.uv_layers.new(name=name)
    side = int(np.ceil(np.sqrt(len(mesh.polygons))))
    for polygon in mesh.polygons:
        turns = np.arange(polygon.loop_total) / polygon.loop_total * 2 * np.pi
        middle = np.array(divmod(polygon.index, side)) + 0.5
        for loop, turn in zip(polygon.loop_indices, turns, strict=True):
            uv = (middle + 0.4 * np.array((np.cos(turn), np.sin(turn)))) / side * size
            layer.uv[loop].vector = uv


def _picture_into(material: bpy.types.Material) -> None:
    image = bpy.data.images.new("Shade colour", 8, 4)
    pixels = np.ones((4, 8, 4), np.float32)
    pixels[0] = (1, 0, 0, 1)  # Blender's row 0 is the lowest
    pixels[1:, :, :3] = np.linspace(0, 1, 8)[None, :, None]
    image.pixels.foreach_set(pixels.ravel())
    if material.node_tree is None:
        material.use_nodes = True
    nodes = material.node_tree.nodes
    node = nodes.new("ShaderNodeTexImage")
    node.image = image
    shader = next(n for n in nodes if n.type == "BSDF_PRINCIPLED")
    material.node_tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])


def _read(items: object, name: str, width: int, kind: type) -> np.ndarray:
    values = np.zeros((len(items), width), kind)
    items.foreach_get(name, values.ravel())
    return values


def _values(attribute: bpy.types.Attribute) -> np.ndarray:
    found = []
    for element in attribute.data:
        name = next(n for n in ("value", "vector", "color") if hasattr(element, n))
        value = getattr(element, name)
        found.append(repr(list(value) if hasattr(value, "__len__") else value))
    return np.array(found)


def _hash(values: np.ndarray) -> str:
    return hashlib.sha256(values.tobytes()).hexdigest()[:16]
