"""An object of the scene, as the mesh file that a refine job starts from.

In: a mesh object, or a copy of its mesh with the frame and the vertex group that were chosen.
Out: a `Reading`: the `MeshFile`, and what leads from its triangles back to the polygons.

It is the mesh itself that is sent, in its basis shape: modifiers and other shape keys act on the
result as they did before. Reading the same mesh twice gives the same bytes, so what was sent can be
worked out again from a copy, after a file load too.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from .refine_albedo import base_color
from .refine_frame import Canonical, Frame, RefineError, frame_of
from .wire import mesh_file


@dataclass(frozen=True)
class Reading:
    """file: what is sent. loops: (F, 3) u4, the polygon corner of each triangle corner. polygons:
    (F,) u4, the polygon of each triangle. uv_layer: the layer whose UVs were sent, or ""."""

    file: mesh_file.MeshFile
    frame: Frame
    loops: np.ndarray
    polygons: np.ndarray
    uv_layer: str
    notes: tuple[str, ...] = ()


def why_not(thing: bpy.types.Object | None) -> str:
    """A sentence for the user where this object can't be refined, else ""."""
    if thing is None:
        return "Select a mesh object first: there is no active object."
    if thing.type != "MESH":
        kind = thing.bl_rna.properties["type"].enum_items[thing.type].name.lower()
        return f"'{thing.name}' is no mesh ({kind}): only meshes can be refined, so convert it."
    if thing.library is not None or thing.override_library is not None:
        return f"'{thing.name}' belongs to another file: make it local first (Object > Relations)."
    if not thing.data.polygons and thing.mode != "EDIT":
        return f"'{thing.name}' has no faces, so there is nothing to refine."
    return ""


def copy_mesh(thing: bpy.types.Object) -> bpy.types.Mesh:
    """The object's mesh as it is now, as a datablock of its own; edit mode is not left for it.

    Raises RefineError where the object can't be refined.
    """
    if sentence := why_not(thing):
        raise RefineError(sentence)
    if thing.mode == "EDIT":
        thing.update_from_editmode()
    return thing.data.copy()


def read_object(thing: bpy.types.Object, base: bpy.types.Mesh, group: str = "") -> Reading:
    """What is to be sent of an object. base: what `copy_mesh` made of it.

    group: the vertex group outside of which nothing may change; "" lets everything change.
    Raises RefineError or MeshFileError: one sentence for the user.
    """
    index = -1
    if group:
        if group not in thing.vertex_groups:
            raise RefineError(f"'{thing.name}' has no vertex group '{group}' any more: choose one.")
        index = thing.vertex_groups[group].index
    materials = [slot.material for slot in thing.material_slots]
    return read_mesh(base, frame_of(thing.matrix_world), index, materials)


def read_mesh(
    mesh: bpy.types.Mesh,
    frame: Frame,
    group: int = -1,
    materials: list[bpy.types.Material | None] | None = None,
    layer: str = "",
) -> Reading:
    """As `read_object`, from a mesh alone. group: index of the vertex group, -1 for none.

    materials: of the slots, to look for the present base colour; None leaves it out. layer: whose
    UVs are sent where the base colour does not name one, "" for the active one's.
    """
    mesh.calc_loop_triangles()
    count = len(mesh.loop_triangles)
    mesh_file.check_counts(len(mesh.vertices), count)
    faces, loops = np.empty((count, 3), np.uint32), np.empty((count, 3), np.uint32)
    polygons = np.empty(count, np.uint32)
    mesh.loop_triangles.foreach_get("vertices", faces.ravel())
    mesh.loop_triangles.foreach_get("loops", loops.ravel())
    mesh.loop_triangles.foreach_get("polygon_index", polygons)
    if frame.mirrors:
        faces, loops = faces[:, ::-1].copy(), loops[:, ::-1].copy()
    slots = material_indices(mesh)
    color = base_color(materials or [], slots)
    wanted = (color.uv_layer, layer, _active_layer(mesh))
    name = next((name for name in wanted if name in mesh.uv_layers), "")
    uvs = corner_uvs(mesh, name)
    file = mesh_file.MeshFile(
        vertices=frame.to_file(basis(mesh)),
        faces=faces,
        corner_uvs=None if uvs is None else uvs[loops],
        mask=None if group < 0 else weights(mesh, group),
        albedo=None if uvs is None else color.pixels,
        material=slots[polygons] if slots.any() else None,
    )
    return Reading(file, frame, loops, polygons, name, color.notes)


def canonical_of(reading: Reading) -> Canonical:
    """Where the server's previews lie: shared/mesh_file.py says how it places a mesh."""
    used = np.unique(reading.file.faces)
    return Canonical(*mesh_file.canonical_frame(reading.file.vertices[used]))


def basis(mesh: bpy.types.Mesh) -> np.ndarray:
    """(V, 3) f4: the positions that shape keys start from."""
    points = np.empty((len(mesh.vertices), 3), np.float32)
    keys = mesh.shape_keys
    source = keys.reference_key.data if keys else mesh.vertices
    source.foreach_get("co", points.ravel())
    return points


def weights(mesh: bpy.types.Mesh, group: int) -> np.ndarray:
    """(V,) f4 in [0, 1]: the vertex group as a mask; 0 outside of it.

    Raises RefineError where nothing may change.
    """
    mask = np.zeros(len(mesh.vertices), np.float32)
    for index, vertex in enumerate(mesh.vertices):
        for element in vertex.groups:
            if element.group == group:
                mask[index] = element.weight
    if not mask.any():
        raise RefineError(
            "No vertex has a weight in the chosen vertex group, so nothing may change: "
            "paint the part that may."
        )
    return np.clip(mask, 0, 1)


def corner_uvs(mesh: bpy.types.Mesh, name: str) -> np.ndarray | None:
    """(L, 2) f4 of a layer, one for each polygon corner; None where there is no such layer."""
    if not name:
        return None
    uvs = np.empty((len(mesh.loops), 2), np.float32)
    mesh.uv_layers[name].uv.foreach_get("vector", uvs.ravel())
    return uvs


def material_indices(mesh: bpy.types.Mesh) -> np.ndarray:
    """(P,) u2: the slot of each polygon."""
    indices = np.zeros(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", indices)
    return np.clip(indices, 0, 65535).astype(np.uint16)


def _active_layer(mesh: bpy.types.Mesh) -> str:
    active = mesh.uv_layers.active
    return active.name if active else ""
