"""Arrays into a mesh of Blender, by foreach_set, and never over what somebody else wrote.

In: positions, faces, colours, UVs. Out: the mesh holds them, and remembers by a hash that it was
us. `is_ours` tells afterwards whether anyone has changed it since: then it is theirs.

What takes long (the edges) is worked out before the mesh is touched, so a mesh is never half
written when a tick ends.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator
from dataclasses import dataclass

import bpy
import numpy as np

from .topology import edges_of

COLORS, UVS = "Color", "UVMap"
# Of a mesh that holds nothing but what is written here; names with a dot in front are Blender's.
OWN_ATTRIBUTES = {"position", "sharp_face", COLORS, UVS}
# sRGB bytes to linear floats, as a colour attribute holds them.
_STEPS = np.arange(256) / 255
LINEAR = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4)
LINEAR = LINEAR.astype(np.float32)


@dataclass(frozen=True)
class Geometry:
    """All of a mesh, ready to be written."""

    positions: np.ndarray  # (V, 3) f4, metres
    faces: np.ndarray  # (F, 3) i4
    edges: np.ndarray  # (E, 2) i4
    corner_edges: np.ndarray  # (F * 3,) i4
    topology: str  # equal: same faces and UVs
    corner_uvs: np.ndarray | None = None  # (F * 3, 2) f4, Blender's: v = 0 at the bottom
    colors: np.ndarray | None = None  # (V, 4) f4, linear


def geometry(
    positions: np.ndarray,
    faces: np.ndarray,
    topology: str,
    vertex_uvs: np.ndarray | None = None,
    colors: np.ndarray | None = None,
) -> Generator[None, None, Geometry]:
    """In slices. vertex_uvs (V, 2): glTF's, v = 0 at the top. colors (V, 3) u1: sRGB."""
    edges, corner_edges = yield from edges_of(faces)
    yield
    uvs = wide = None
    if vertex_uvs is not None:
        uvs = vertex_uvs[faces.ravel()].astype(np.float32)
        uvs[:, 1] = 1 - uvs[:, 1]
    if colors is not None:
        wide = linear(colors)
    whole = faces.astype(np.int32)
    yield
    return Geometry(positions, whole, edges, corner_edges, topology, uvs, wide)


def linear(colors: np.ndarray) -> np.ndarray:
    """(V, 3) u1, sRGB -> (V, 4) f4, as a colour attribute holds them."""
    wide = np.ones((len(colors), 4), np.float32)
    wide[:, :3] = LINEAR[colors]
    return wide


def placed(positions: np.ndarray, height: float) -> np.ndarray:
    """(V, 3) canonical -> metres as the exporter does it: on the ground, the footprint's middle at
    the origin; height 0: the longest side is 1 m."""
    if not len(positions):
        return positions
    low, high = positions.min(axis=0), positions.max(axis=0)
    side = high[2] - low[2] if height else (high - low).max()
    scale = np.float32((height or 1.0) / max(float(side), 1e-6))
    base = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]], np.float32)
    return (positions - base) * scale


# ---- whose it is ----


def stamp(mesh: bpy.types.Mesh) -> str:
    """Of the vertices and the numbers of the rest; about 0.3 ms for 50,000 vertices."""
    positions = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.attributes["position"].data.foreach_get("vector", positions) if len(positions) else None
    return f"{zlib.crc32(positions.tobytes()):08x}/{len(mesh.loops)}/{len(mesh.polygons)}"


def is_ours(mesh: bpy.types.Mesh) -> bool:
    """Nobody has changed its shape since it was last written here, or it is new and empty."""
    if mesh.shape_keys or mesh.library:
        return False
    written = mesh.propsmith.written
    return stamp(mesh) == written if written else not len(mesh.vertices)


def has_more(thing: bpy.types.Object) -> bool:
    """The user has added what a new topology would take away: weights, layers, face materials."""
    names = {attribute.name for attribute in thing.data.attributes}
    added = {name for name in names if not name.startswith(".")} - OWN_ATTRIBUTES
    return bool(added) or bool(len(thing.vertex_groups))


def fits(mesh: bpy.types.Mesh, topology: str) -> bool:
    """Only positions and colours have to be written."""
    return bool(topology) and mesh.propsmith.topology == topology


# ---- writing ----


def write(mesh: bpy.types.Mesh, new: Geometry) -> None:
    """Everything anew; materials and custom properties of the mesh stay."""
    mesh.clear_geometry()
    mesh.vertices.add(len(new.positions))
    mesh.edges.add(len(new.edges))
    mesh.loops.add(new.faces.size)
    mesh.polygons.add(len(new.faces))
    if len(new.faces):
        _set(mesh, ".edge_verts", "INT32_2D", "EDGE", "value", new.edges)
        _set(mesh, ".corner_vert", "INT", "CORNER", "value", new.faces)
        _set(mesh, ".corner_edge", "INT", "CORNER", "value", new.corner_edges)
        mesh.polygons.foreach_set("loop_start", np.arange(0, new.faces.size, 3, dtype=np.int32))
    _positions(mesh, new.positions)
    if new.corner_uvs is not None:
        mesh.uv_layers.new(name=UVS, do_init=False)
        _set(mesh, UVS, "FLOAT2", "CORNER", "vector", new.corner_uvs)
    write_colors(mesh, new.colors)
    mesh.propsmith.topology = new.topology
    _written(mesh)


def move(mesh: bpy.types.Mesh, positions: np.ndarray, colors: np.ndarray | None) -> None:
    """Same topology, other positions and colours (V, 4) f4, linear."""
    _positions(mesh, positions)
    write_colors(mesh, colors)
    _written(mesh)


def write_colors(mesh: bpy.types.Mesh, colors: np.ndarray | None) -> None:
    """(V, 4) f4, linear: the active colour attribute, which Solid shading can show too."""
    if colors is None or len(colors) != len(mesh.vertices):
        return
    _set(mesh, COLORS, "FLOAT_COLOR", "POINT", "color", colors)
    if mesh.color_attributes.active_color_name != COLORS:
        mesh.color_attributes.active_color_name = COLORS


def _positions(mesh: bpy.types.Mesh, positions: np.ndarray) -> None:
    if len(positions):
        _set(mesh, "position", "FLOAT_VECTOR", "POINT", "vector", positions.astype(np.float32))


def _set(
    mesh: bpy.types.Mesh, name: str, kind: str, domain: str, field: str, values: np.ndarray
) -> None:
    attribute = mesh.attributes.get(name)
    if attribute is None:
        attribute = mesh.attributes.new(name, kind, domain)
    attribute.data.foreach_set(field, np.ascontiguousarray(values).ravel())


def _written(mesh: bpy.types.Mesh) -> None:
    mesh.propsmith.written = stamp(mesh)
    mesh.update()
