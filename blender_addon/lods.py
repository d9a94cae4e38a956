"""Levels of detail: lighter copies of a mesh in a collection of their own.

In: a mesh object. Out: a collection "NAME LODs" with NAME_LOD0 (the object's own mesh, shared),
NAME_LOD1 and so on, each with a share of the triangles of the one before. Blender's Decimate
(collapse by quadrics) makes them and keeps UVs, materials and vertex groups; shape keys are baked
in as they are set. The object itself is not touched. Levels that were made before are replaced.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import BoolProperty, FloatProperty, IntProperty
from mathutils.bvhtree import BVHTree

from .sentences import is_mesh

MADE_FOR = "propsmith_lods_of"  # on the collection: the object's name when they were made
LEVEL = "propsmith_lod"  # on each level's object: its number
FEWEST = 12  # triangles, below which a level would be no shape


@dataclass(frozen=True)
class Level:
    """What became of one level."""

    number: int
    thing: bpy.types.Object
    triangles: int
    deviation: float  # metres: the farthest that the original's vertices lie from its surface


def make_lods(
    context: bpy.types.Context, thing: bpy.types.Object, shares: list[float]
) -> list[Level]:
    """shares: of the original's triangles, in (0, 1), for level 1 and on. Levels that would have
    fewer than FEWEST triangles are left out."""
    collection = lod_collection(context.scene, thing)
    total = triangle_count(thing.data)
    levels = [Level(0, _copy(thing, thing.data, collection, 0), total, 0.0)]
    for number, share in enumerate(shares, start=1):
        if share * total < FEWEST:
            break
        mesh = decimated(context, thing, share)
        mesh.name = f"{thing.data.name}_LOD{number}"
        copy = _copy(thing, mesh, collection, number)
        scale = max(abs(value) for value in thing.matrix_world.to_scale())
        away = deviation(thing.data, mesh) * scale
        levels.append(Level(number, copy, triangle_count(mesh), away))
    return levels


def lod_collection(scene: bpy.types.Scene, thing: bpy.types.Object) -> bpy.types.Collection:
    """The collection of this object's levels, empty."""
    for collection in scene.collection.children_recursive:
        if collection.get(MADE_FOR) == thing.name:
            for level in [o for o in collection.objects if LEVEL in o]:
                _remove(level)
            return collection
    collection = bpy.data.collections.new(f"{thing.name} LODs")
    collection[MADE_FOR] = thing.name
    scene.collection.children.link(collection)
    return collection


def decimated(context: bpy.types.Context, thing: bpy.types.Object, share: float) -> bpy.types.Mesh:
    """A new mesh with about `share` of the triangles; the object's other modifiers stay out of it,
    so that its copies can keep them."""
    spare = bpy.data.objects.new("propsmith_decimate", thing.data)
    context.scene.collection.objects.link(spare)
    try:
        modifier = spare.modifiers.new("Decimate", "DECIMATE")
        modifier.ratio = share
        modifier.use_collapse_triangulate = True
        graph = context.evaluated_depsgraph_get()
        return bpy.data.meshes.new_from_object(
            spare.evaluated_get(graph), preserve_all_data_layers=True, depsgraph=graph
        )
    finally:
        bpy.data.objects.remove(spare)


def triangle_count(mesh: bpy.types.Mesh) -> int:
    corners = np.zeros(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_total", corners)
    return int((corners - 2).sum())


def deviation(original: bpy.types.Mesh, lighter: bpy.types.Mesh, most: int = 20_000) -> float:
    """The farthest of the original's vertices (evenly thinned to about `most`) from the lighter
    surface, in the mesh's units."""
    tree = BVHTree.FromPolygons(
        [v.co for v in lighter.vertices], [tuple(p.vertices) for p in lighter.polygons]
    )
    places = np.empty(len(original.vertices) * 3, np.float32)
    original.vertices.foreach_get("co", places)
    chosen = places.reshape(-1, 3)[:: max(1, len(original.vertices) // most)].tolist()
    away = (tree.find_nearest(place)[3] for place in chosen)
    return max((distance for distance in away if distance is not None), default=0.0)


def _copy(
    thing: bpy.types.Object, mesh: bpy.types.Mesh, collection: bpy.types.Collection, number: int
) -> bpy.types.Object:
    """With the object's transform, parent, modifiers, vertex groups and properties; no animation,
    so that an export does not write it twice."""
    copy = thing.copy()
    copy.name, copy.data = f"{thing.name}_LOD{number}", mesh
    copy.animation_data_clear()
    copy[LEVEL] = number
    copy.propsmith.role, copy.propsmith.uid = "LOD", ""  # not what a job goes on with
    if copy.asset_data is not None:
        copy.asset_clear()
    collection.objects.link(copy)
    return copy


def _remove(level: bpy.types.Object) -> None:
    mesh = level.data
    bpy.data.objects.remove(level)
    if mesh is not None and mesh.users == 0:
        bpy.data.meshes.remove(mesh)


class PROPSMITH_OT_make_lods(bpy.types.Operator):
    bl_idname = "propsmith.make_lods"
    bl_label = "Make LODs"
    bl_description = (
        "Lighter copies of the active mesh in a collection of their own, UVs and materials kept; "
        "the object itself is not changed"
    )
    bl_options = {"REGISTER", "UNDO"}

    count: IntProperty(
        name="Levels", default=3, min=1, max=8, description="Levels beside the original (LOD0)"
    )
    keep: FloatProperty(
        name="Keep", default=50.0, min=1.0, max=95.0, precision=0, subtype="PERCENTAGE",
        description="Percentage of the triangles of one level that the next one has",
    )  # fmt: skip
    hide: BoolProperty(
        name="Hide", default=True,
        description="Hide the levels in the viewport, where they would lie inside the original",
    )  # fmt: skip

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return is_mesh(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        thing = context.active_object
        if triangle_count(thing.data) == 0:
            self.report({"ERROR"}, rpt_("The active mesh has no faces to lighten"))
            return {"CANCELLED"}
        shares = [(self.keep / 100) ** level for level in range(1, self.count + 1)]
        levels = make_lods(context, thing, shares)
        levels[0].thing.users_collection[0].hide_viewport = self.hide
        told = ", ".join(
            f"LOD{level.number} {level.triangles:,} ({level.deviation * 1000:.1f} mm)"
            for level in levels[1:]
        )
        self.report({"INFO"}, rpt_("Triangles and largest deviation: {}").format(told or "-"))
        return {"FINISHED"}


classes = (PROPSMITH_OT_make_lods,)
