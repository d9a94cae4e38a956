"""Results onto meshes: positions, UVs and materials, and nothing else.

In: a copy of the mesh that was sent, its `Reading`, and what came back. Out: that copy with the new
shape, or, where faces are new, another mesh.

Everything that is not a position stays as the copy has it: polygons, UV layers, vertex groups,
seams, sharp edges, custom normals, attributes. Vertices that did not move keep every bit. Shape
keys move along with the basis, so that each keeps its offsets.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from .refine_read import Reading, basis, material_indices
from .wire import mesh_file

NEW_LAYER = "Propsmith"  # the UV layer of a mesh that had none to bake onto


@dataclass(frozen=True)
class Placement:
    """Where the new material goes. replaced: slots that get it instead of theirs; moved: (P,) bool,
    polygons that change to a slot of its own, as their slot is also used where nothing changes."""

    replaced: tuple[int, ...]
    moved: np.ndarray


def is_kept(reading: Reading, result: mesh_file.MeshFile) -> bool:
    """Whether the result has the vertices and faces that were sent."""
    sent = reading.file
    return len(sent.vertices) == len(result.vertices) and np.array_equal(sent.faces, result.faces)


def displacement(reading: Reading, vertices: np.ndarray) -> np.ndarray:
    """(V, 3) f8 in the object's axes, from vertices (V, 3) f4 of the file.

    Exactly zero for vertices that came back as they were sent or that the mask protects.
    """
    moves = reading.frame.displacement(reading.file.vertices, vertices)
    if reading.file.mask is not None:
        moves[reading.file.mask == 0] = 0
    return moves


def move(mesh: bpy.types.Mesh, moves: np.ndarray, start: bpy.types.Mesh | None = None) -> None:
    """Adds (V, 3) displacements to the positions of `start` and gives them to `mesh`.

    Both have the same vertices and shape keys; without `start` it is the mesh's own positions.
    """
    keys = mesh.shape_keys.key_blocks if mesh.shape_keys else ()
    starts = (start or mesh).shape_keys.key_blocks if keys else ()
    for key, before in zip(keys, starts, strict=True):
        key.data.foreach_set("co", _moved(before.data, moves).ravel())
    if not keys:
        mesh.vertices.foreach_set("co", _moved((start or mesh).vertices, moves).ravel())
    else:
        mesh.vertices.foreach_set("co", basis(mesh).ravel())
    mesh.update()


def _moved(points: bpy.types.bpy_prop_collection, moves: np.ndarray) -> np.ndarray:
    """(V, 3) f4; where a displacement is zero not a bit differs."""
    positions = np.empty(moves.shape, np.float32)
    points.foreach_get("co", positions.ravel())
    here = moves.any(axis=1)
    positions[here] = positions[here] + moves[here]
    return positions


def lay_uvs(mesh: bpy.types.Mesh, reading: Reading, result: mesh_file.MeshFile) -> str:
    """The layer that the new textures lie on; a new one where the result brings its own UVs.

    Layers that are there stay as they are, and so does which of them is active.
    """
    sent, came = reading.file.corner_uvs, result.corner_uvs
    if came is None or (sent is not None and np.array_equal(sent, came)):
        return reading.uv_layer
    active = mesh.uv_layers.active_index
    layer = mesh.uv_layers.new(name=NEW_LAYER, do_init=False)
    if layer is None:  # eight layers are the most there can be
        return reading.uv_layer
    flat = np.zeros((len(mesh.loops), 2), np.float32)
    flat[reading.loops.ravel()] = came.reshape(-1, 2)
    layer.uv.foreach_set("vector", flat.ravel())
    if sent is not None:
        mesh.uv_layers.active_index = active
    return layer.name


def new_mesh(
    name: str, reading: Reading, result: mesh_file.MeshFile, like: bpy.types.Mesh
) -> bpy.types.Mesh:
    """A mesh of the result's own faces, in the object's axes; raises nothing a checked file has.

    like: whose shading it gets: smooth where most of its polygons are.
    """
    faces, uvs = result.faces, result.corner_uvs
    if reading.frame.mirrors:
        faces, uvs = faces[:, ::-1], None if uvs is None else uvs[:, ::-1]
    mesh = mesh_of(name, reading.frame.from_file(result.vertices), faces, uvs)
    smooth = np.empty(len(like.polygons), bool)
    like.polygons.foreach_get("use_smooth", smooth)
    mesh.polygons.foreach_set("use_smooth", np.full(len(mesh.polygons), smooth.mean() > 0.5))
    return mesh


def mesh_of(
    name: str, points: np.ndarray, faces: np.ndarray, uvs: np.ndarray | None
) -> bpy.types.Mesh:
    """points: (V, 3); faces: (F, 3); uvs: (F, 3, 2), which become the layer NEW_LAYER."""
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(points))
    mesh.loops.add(faces.size)
    mesh.polygons.add(len(faces))
    mesh.vertices.foreach_set("co", np.ascontiguousarray(points, np.float32).ravel())
    mesh.loops.foreach_set("vertex_index", faces.astype(np.int32).ravel())
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 3, dtype=np.int32))
    if uvs is not None:
        layer = mesh.uv_layers.new(name=NEW_LAYER, do_init=False)
        layer.uv.foreach_set("vector", np.ascontiguousarray(uvs, np.float32).ravel())
    mesh.update(calc_edges=True)
    mesh.validate()
    return mesh


def place_material(mesh: bpy.types.Mesh, reading: Reading) -> Placement:
    """Which slots and polygons of a mesh that kept its faces get the new material.

    All that may change does. A polygon of which the mask protects every corner keeps the material
    it has, with all its nodes.
    """
    slots = np.minimum(material_indices(mesh), max(len(mesh.materials) - 1, 0))
    touched = np.ones(len(slots), bool)
    if reading.file.mask is not None:
        touched[:] = False
        may = (reading.file.mask[reading.file.faces] > 0).any(axis=1)
        touched[reading.polygons[may]] = True
    replaced = [int(i) for i in np.unique(slots) if touched[slots == i].all()]
    return Placement(tuple(replaced), touched & ~np.isin(slots, replaced))


def give_material(
    mesh: bpy.types.Mesh, material: bpy.types.Material, placement: Placement
) -> tuple[int, ...]:
    """The slots that now have the new material, in the mesh's own list."""
    if not len(mesh.materials) and placement.replaced:
        mesh.materials.append(None)
    for slot in placement.replaced:
        mesh.materials[slot] = material
    if not placement.moved.any():
        return placement.replaced
    mesh.materials.append(material)
    indices = material_indices(mesh).astype(np.int32)
    indices[placement.moved] = len(mesh.materials) - 1
    mesh.polygons.foreach_set("material_index", indices)
    return (*placement.replaced, len(mesh.materials) - 1)
