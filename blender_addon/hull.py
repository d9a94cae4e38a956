"""Collision shapes as engines take them: a convex hull, a box, or some convex parts.

In: a mesh object and a shape. Out: small closed meshes, children of the object, named as the
engine expects (Unreal: UCX_NAME_00 and UBX_NAME_00; Godot: NAME-convcolonly). The object itself is
not touched; collision shapes that were made before are replaced.
"""

from __future__ import annotations

from collections.abc import Sequence

import bmesh
import bpy
import numpy as np
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import EnumProperty, IntProperty

from . import hull_parts
from .sentences import is_mesh

COLLISION = "propsmith_collision"  # on each shape: its number
SHAPES = (
    ("HULL", "Convex hull", "One convex shape around everything: cheapest, fills all hollows"),
    ("BOX", "Box", "A box along the object's own axes"),
    ("PARTS", "Convex parts", "Several convex shapes that follow legs, handles and hollows"),
)
ENGINES = (
    ("UNREAL", "Unreal Engine", "UCX_NAME_00 for convex shapes, UBX_NAME_00 for a box"),
    ("GODOT", "Godot", "NAME-convcolonly: becomes a collision shape on import"),
    ("PLAIN", "Other", "NAME_collision_00"),
)
NAMES = {"UNREAL": "{kind}_{name}_{i:02d}", "GODOT": "{name}_{i:02d}-convcolonly"}
Points = np.ndarray  # (N, 3) float, in the mesh's own space


def shape_name(engine: str, shape: str, name: str, index: int) -> str:
    kind = "UBX" if shape == "BOX" else "UCX"
    return NAMES.get(engine, "{name}_collision_{i:02d}").format(kind=kind, name=name, i=index)


def points_of(mesh: bpy.types.Mesh) -> Points:
    """Vertices that a face uses."""
    places = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", places)
    used = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", used)
    return places.reshape(-1, 3)[np.unique(used)].astype(np.float64)


def hull_mesh(name: str, points: Points, most: int) -> bpy.types.Mesh | None:
    """The convex hull of the points as a mesh of at most `most` vertices; None where they are
    flat. With too many it is the hull of those that lie farthest in `most` even directions, which
    is a little smaller."""
    mesh = bpy.data.meshes.new(name)
    _fill(mesh, points)
    if len(mesh.vertices) > most:
        _fill(mesh, extremes(points_of(mesh), most))
    if len(mesh.polygons) < 4 or hull_parts.volume(mesh) < 1e-12:
        bpy.data.meshes.remove(mesh)
        return None
    return mesh


def extremes(points: Points, count: int) -> Points:
    """Those farthest out in `count` directions of a Fibonacci lattice (Gonzalez 2010)."""
    turn = np.arange(count) * (np.pi * (3 - np.sqrt(5)))
    z = 1 - (2 * np.arange(count) + 1) / count
    ring = np.sqrt(1 - z * z)
    directions = np.stack([ring * np.cos(turn), ring * np.sin(turn), z])
    return points[np.unique((points @ directions).argmax(axis=0))]


def box_points(points: Points) -> Points:
    low, high = points.min(axis=0), points.max(axis=0)
    corners = np.indices((2, 2, 2)).reshape(3, 8).T
    return np.where(corners == 1, high, low)


def shapes_of(mesh: bpy.types.Mesh, shape: str, parts: int) -> Sequence[Points]:
    """The points of each convex shape."""
    points = points_of(mesh)
    if shape == "BOX":
        return [box_points(points)]
    if shape == "PARTS":
        return hull_parts.split(mesh, parts)
    return [points]


def make_collision(
    thing: bpy.types.Object, shape: str, engine: str, parts: int = 8, vertices: int = 32
) -> list[bpy.types.Object]:
    """The new objects; none where the mesh is flat or empty."""
    remove_collision(thing)
    found = [p for p in shapes_of(thing.data, shape, parts) if len(p) >= 4]
    made: list[bpy.types.Object] = []
    for points in found:
        name = shape_name(engine, shape, thing.name, len(made))
        mesh = hull_mesh(name, points, max(vertices, 8))
        if mesh is not None:
            made.append(_child(thing, name, mesh, len(made)))
    return made


def remove_collision(thing: bpy.types.Object) -> None:
    for child in [c for c in thing.children if COLLISION in c]:
        mesh = child.data
        bpy.data.objects.remove(child)
        if mesh is not None and mesh.users == 0:
            bpy.data.meshes.remove(mesh)


def _child(
    thing: bpy.types.Object, name: str, mesh: bpy.types.Mesh, number: int
) -> bpy.types.Object:
    child = bpy.data.objects.new(name, mesh)
    child.parent = thing
    child.display_type, child.hide_render, child[COLLISION] = "WIRE", True, number
    child.propsmith.role = "HULL"
    for collection in thing.users_collection:
        collection.objects.link(child)
    return child


def _fill(mesh: bpy.types.Mesh, points: Points) -> None:
    """Makes the mesh the convex hull of the points."""
    work = bmesh.new()
    for point in points:
        work.verts.new(point)
    result = bmesh.ops.convex_hull(work, input=work.verts, use_existing_faces=False)
    inside = {*result["geom_interior"], *result["geom_unused"]}
    spare = [v for v in inside if isinstance(v, bmesh.types.BMVert) and v.is_valid]
    bmesh.ops.delete(work, geom=spare, context="VERTS")
    bmesh.ops.recalc_face_normals(work, faces=work.faces)
    work.to_mesh(mesh)
    work.free()


class PROPSMITH_OT_make_collision(bpy.types.Operator):
    bl_idname = "propsmith.make_collision"
    bl_label = "Make Collision Shape"
    bl_description = (
        "Convex meshes around the active mesh for an engine's physics, as its children and named "
        "as the engine expects"
    )
    bl_options = {"REGISTER", "UNDO"}

    shape: EnumProperty(name="Shape", items=SHAPES, description="How closely it follows the mesh")
    engine: EnumProperty(name="Engine", items=ENGINES, description="Decides the shapes' names")
    parts: IntProperty(
        name="Parts", default=8, min=2, max=32, description="At most this many convex parts"
    )
    vertices: IntProperty(
        name="Vertices", default=32, min=8, max=255,
        description="At most this many for each shape; fewer make physics faster",
    )  # fmt: skip

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return is_mesh(cls, context)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "shape")
        layout.prop(self, "engine")
        if self.shape == "PARTS":
            layout.prop(self, "parts")
        if self.shape != "BOX":
            layout.prop(self, "vertices")

    def execute(self, context: bpy.types.Context) -> set[str]:
        thing = context.active_object
        if not len(thing.data.polygons):
            self.report({"ERROR"}, rpt_("The active mesh has no faces for a collision shape"))
            return {"CANCELLED"}
        made = make_collision(thing, self.shape, self.engine, self.parts, self.vertices)
        if not made:
            self.report({"ERROR"}, rpt_("The active mesh is flat: it has no volume to fill"))
            return {"CANCELLED"}
        count = sum(len(child.data.vertices) for child in made)
        self.report({"INFO"}, rpt_("Collision shapes: {}, vertices: {}").format(len(made), count))
        return {"FINISHED"}


classes = (PROPSMITH_OT_make_collision,)
