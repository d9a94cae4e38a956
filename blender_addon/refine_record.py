"""What an object remembers of its refinement: the mesh before, the mesh after, which one it shows.

In: a mesh object. Out: the same object with its record changed: begun, shown as A or B, applied,
discarded. All of it lies in properties of the object, so undo, save and reopen take it along.

A is the object as it was, B the refined one. Slots whose material belongs to the object rather
than to the mesh are remembered for either side. A mesh in the record has two users, so Blender
itself keeps the user from applying transforms to one side only.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

SIDES = (("A", "A", "The object as it was"), ("B", "B", "The refined object"))
STATES = (
    ("NONE", "None", "No refinement"),
    ("RUNNING", "Running", "The refinement is being made"),
    ("DONE", "Done", "The refinement waits to be applied or discarded"),
)
HIDDEN = {"HIDDEN"}


class PROPSMITH_PG_refine_slot(bpy.types.PropertyGroup):
    """One material slot of one side."""

    link: StringProperty(default="DATA", options=HIDDEN)
    material: PointerProperty(type=bpy.types.Material)


class PROPSMITH_PG_refine(bpy.types.PropertyGroup):
    """The refinement of one object; `Object.propsmith_refine`."""

    job: StringProperty(options=HIDDEN)
    token: StringProperty(options=HIDDEN)  # of this object alone, also among its duplicates
    state: EnumProperty(items=STATES, options=HIDDEN)
    shown: EnumProperty(items=SIDES, options=HIDDEN)
    follows: BoolProperty(default=True, options=HIDDEN)  # previews may show B by themselves
    a_mesh: PointerProperty(type=bpy.types.Mesh)
    b_mesh: PointerProperty(type=bpy.types.Mesh)
    base: PointerProperty(type=bpy.types.Mesh)  # what was sent; becomes the result
    a_slots: CollectionProperty(type=PROPSMITH_PG_refine_slot)
    b_slots: CollectionProperty(type=PROPSMITH_PG_refine_slot)
    a_had_fake_user: BoolProperty(options=HIDDEN)
    mode: StringProperty(options=HIDDEN)
    frame: FloatVectorProperty(size=9, options=HIDDEN)
    group: IntProperty(default=-1, options=HIDDEN)  # the mask's index among the base's groups
    uv_layer: StringProperty(options=HIDDEN)
    note: StringProperty(options=HIDDEN)  # for the panel


def record_of(thing: bpy.types.Object | None) -> Any:
    """The record of an object that has a refinement, running or done."""
    record = getattr(thing, "propsmith_refine", None)
    return record if record is not None and record.state != "NONE" else None


def begin(
    thing: bpy.types.Object,
    job: str,
    mode: str,
    base: bpy.types.Mesh,
    frame: list[float],
    uv_layer: str = "",
    group: str = "",
) -> PROPSMITH_PG_refine:
    """Remembers the object as it is. base: a copy of its mesh, which is not shown yet.

    The mesh of the previews is made here too, inside the operator's undo step. Were it made later
    by a timer, an undo to a step that leaves the object alone would take the mesh away and leave
    the object pointing at it: Blender crashes on that.
    """
    record = thing.propsmith_refine
    forget(record)
    record.job, record.mode, record.frame = job, mode, frame
    record.token, record.state, record.shown = secrets.token_hex(8), "RUNNING", "A"
    record.uv_layer = uv_layer
    record.group = thing.vertex_groups[group].index if group else -1
    record.a_mesh, record.a_had_fake_user = thing.data, thing.data.use_fake_user
    record.base = base
    record.base.name = f"{thing.data.name} refined"
    record.b_mesh = base.copy()
    record.b_mesh.name = f"{thing.data.name} preview"
    _remember(thing, record.a_slots)
    _remember(thing, record.b_slots)
    return record


def running(job: str = "") -> Iterator[bpy.types.Object]:
    """The objects whose refinement is running; only that of `job`, if one is named."""
    for thing in bpy.data.objects:
        record = record_of(thing)
        if record and record.state == "RUNNING" and job in ("", record.job):
            yield thing


def can_swap(thing: bpy.types.Object) -> bool:
    """Whether the object's mesh may be exchanged now: not in edit, sculpt or paint modes."""
    return thing.mode == "OBJECT" and thing.library is None


def show(thing: bpy.types.Object, side: str) -> None:
    """Shows A or B; what the user has changed on the side that was shown stays with it."""
    record = thing.propsmith_refine
    mesh = record.a_mesh if side == "A" else record.b_mesh
    if side == record.shown or mesh is None:
        return
    if record.shown == "A":
        record.a_mesh = thing.data
    else:
        record.b_mesh = thing.data
    _remember(thing, record.a_slots if record.shown == "A" else record.b_slots)
    thing.data, record.shown = mesh, side
    _restore(thing, record.a_slots if side == "A" else record.b_slots)
    record.a_mesh.use_fake_user = side == "B" or record.a_had_fake_user


def apply(thing: bpy.types.Object) -> None:
    """B for good. A's mesh is left to Blender: it goes with the next save unless it has users."""
    show(thing, "B")
    record = thing.propsmith_refine
    record.a_mesh.use_fake_user = record.a_had_fake_user
    forget(record)


def discard(thing: bpy.types.Object) -> None:
    """A as it was; what was made for B alone is removed."""
    show(thing, "A")
    record = thing.propsmith_refine
    extra = [mesh for mesh in (record.b_mesh, record.base) if mesh and mesh != thing.data]
    record.a_mesh.use_fake_user = record.a_had_fake_user
    forget(record)
    materials = {material for mesh in extra for material in mesh.materials if material}
    remove_unused(bpy.data.meshes, extra)
    remove_unused(bpy.data.materials, [m for m in materials if "propsmith_refine" in m])


def forget(record: PROPSMITH_PG_refine) -> None:
    """As if there had been no refinement; datablocks stay."""
    for name in ("job", "token", "state", "shown", "follows", "mode", "group", "note", "uv_layer"):
        record.property_unset(name)
    record.property_unset("frame")
    record.a_mesh = record.b_mesh = record.base = None
    record.a_slots.clear()
    record.b_slots.clear()


def _remember(thing: bpy.types.Object, slots: bpy.types.bpy_prop_collection) -> None:
    slots.clear()
    for slot in thing.material_slots:
        entry = slots.add()
        entry.link = slot.link
        entry.material = slot.material if slot.link == "OBJECT" else None


def _restore(thing: bpy.types.Object, slots: bpy.types.bpy_prop_collection) -> None:
    for slot, entry in zip(thing.material_slots, slots, strict=False):
        slot.link = entry.link
        if entry.link == "OBJECT":
            slot.material = entry.material


def remove_unused(collection: bpy.types.bpy_prop_collection, items: list[bpy.types.ID]) -> None:
    """Removes what nothing uses any more but perhaps a fake user."""
    for item in {i.session_uid: i for i in items}.values():
        if item.users == int(item.use_fake_user):
            collection.remove(item)


classes = (PROPSMITH_PG_refine_slot, PROPSMITH_PG_refine)


def register() -> None:
    bpy.types.Object.propsmith_refine = PointerProperty(type=PROPSMITH_PG_refine)


def unregister() -> None:
    del bpy.types.Object.propsmith_refine
