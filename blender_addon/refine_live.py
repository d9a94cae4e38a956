"""A running refinement on its object: previews, the result, the end without one.

In: what a refine job brings, at the tick of the pump that brings it. Out: the object shows B, which
follows the job; A, the mesh the user had, is never written to.

Each call finds the object and its record anew, as undo, file loads and the user may have changed
everything since the last one. What can't be done now, since the object is in edit mode or was
deleted and may come back with an undo, returns False and is tried again later.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import bpy
import numpy as np

from . import refine_record as records
from .objects import is_rendering
from .refine_apply import (
    NEW_LAYER,
    displacement,
    give_material,
    is_kept,
    lay_uvs,
    move,
    new_mesh,
    place_material,
)
from .refine_frame import Canonical, frame_from
from .refine_read import Reading, basis, canonical_of, read_mesh
from .wire import mesh_file

Dress = Callable[[str], bpy.types.Material]
STAMP = "propsmith_refine"  # property of what was made here: a mesh's is its positions' checksum


@dataclass
class Running:
    """What this session of Blender knows of one job; all of it can be worked out again."""

    owner: int = 0  # session_uid of the object: stable under rename and undo, not of a duplicate
    reading: Reading | None = None
    canonical: Canonical | None = None
    taken: bool = field(default=False)  # its end has been shown: an undo must not repeat it


_jobs: dict[str, Running] = {}


def know(job: str, thing: bpy.types.Object, reading: Reading) -> None:
    """Right after `records.begin`: spares reading the mesh again."""
    _jobs[job] = Running(thing.session_uid, reading)
    stamp(thing.propsmith_refine.b_mesh)


def forget_all() -> None:
    """Before another file comes, and at the end."""
    _jobs.clear()


def was_taken(job: str) -> bool:
    """Whether this session has put the job's result on its object before, or taken it back."""
    return job in _jobs and _jobs[job].taken


def owner_of(job: str) -> bpy.types.Object | None:
    """The object that a job refines. Duplicates made in the meantime stay as they are."""
    things = list(records.running(job))
    if not things:
        return None
    known = _jobs.setdefault(job, Running())
    known.owner = known.owner or things[0].session_uid
    owner = next((t for t in things if t.session_uid == known.owner), None)
    if owner is None:  # deleted, and an undo may bring it back: a duplicate is no heir
        return None
    for thing in things:
        if thing != owner:
            records.forget(thing.propsmith_refine)
    return owner


def reading_of(job: str, record: records.PROPSMITH_PG_refine) -> Reading:
    """What was sent, worked out from the record's copy of the mesh where it is not known."""
    known = _jobs.setdefault(job, Running())
    if known.reading is None:
        frame = frame_from(record.frame)
        known.reading = read_mesh(record.base, frame, record.group, layer=record.uv_layer)
    return known.reading


def canonical_of_job(job: str, record: records.PROPSMITH_PG_refine) -> Canonical:
    """Where its previews lie; worked out once, as it takes 16 ms for 50,000 vertices."""
    reading, known = reading_of(job, record), _jobs[job]
    if known.canonical is None:
        known.canonical = canonical_of(reading)
    return known.canonical


def preview(job: str, positions: np.ndarray, canonical: Canonical) -> bool:
    """positions: (V, 3) f4, canonical, in the order that was sent. Whether B shows them now."""
    thing = owner_of(job)
    if thing is None or not records.can_swap(thing) or was_taken(job) or is_rendering():
        return False
    record = thing.propsmith_refine
    reading = reading_of(job, record)
    if not record.follows or len(positions) != len(reading.file.vertices):
        return False
    records.show(thing, "B")
    if not is_ours(record.b_mesh):
        record.follows = False
        record.note = "You changed the preview, so it is left to you; the result comes beside it."
        return False
    move(record.b_mesh, displacement(reading, canonical.to_file(positions)), record.base)
    stamp(record.b_mesh)
    return True


def finish(job: str, result: mesh_file.MeshFile, dress: Dress | None) -> bool:
    """The result becomes B. False where the object can't take it now.

    dress: the new material, made for the UV layer of the name it gets; None keeps the old ones.
    """
    thing = owner_of(job)
    if thing is None or not records.can_swap(thing) or was_taken(job):
        return False
    record, reading = thing.propsmith_refine, reading_of(job, thing.propsmith_refine)
    shown = record.shown
    records.show(thing, "A")
    mesh, before = _result_mesh(record, reading, result), record.b_mesh
    if dress is not None:
        _dress(record, reading, result, mesh, dress)
    mesh[STAMP] = 0
    base, record.base = record.base, None
    record.b_mesh, record.state = mesh, "DONE"
    if base != mesh:
        records.remove_unused(bpy.data.meshes, [base])
    if shown == "B" or record.follows:
        records.show(thing, "B")
    _leave(record, before)
    _jobs[job].taken = True
    return True


def ended(job: str) -> bool:
    """The job brings nothing any more: A again. False where that can't be done now."""
    thing = owner_of(job)
    if thing is None:
        return True
    if not records.can_swap(thing):
        return False
    records.discard(thing)
    close(job)
    return True


def close(job: str) -> None:
    """Nothing of it is to be shown any more, also where an undo brings its record back."""
    _jobs.setdefault(job, Running()).taken = True


def is_over(thing: bpy.types.Object) -> bool:
    """For undo.py: as live.is_over."""
    record = records.record_of(thing)
    return record is not None and record.state == "RUNNING" and was_taken(record.job)


def stamp(mesh: bpy.types.Mesh) -> None:
    """Says that the positions are what was written here."""
    mesh[STAMP] = _checksum(mesh)


def is_ours(mesh: bpy.types.Mesh) -> bool:
    """Whether nobody has changed the positions since `stamp`."""
    return mesh.get(STAMP) == _checksum(mesh)


def _checksum(mesh: bpy.types.Mesh) -> int:
    return zlib.crc32(basis(mesh).tobytes()) >> 1  # 31 bits: what a property of Blender's holds


def _result_mesh(
    record: records.PROPSMITH_PG_refine, reading: Reading, result: mesh_file.MeshFile
) -> bpy.types.Mesh:
    if not is_kept(reading, result):
        return new_mesh(record.base.name, reading, result, record.base)
    mesh = record.base
    if record.mode != "texture-only":
        move(mesh, displacement(reading, result.vertices))
    return mesh


def _dress(
    record: records.PROPSMITH_PG_refine,
    reading: Reading,
    result: mesh_file.MeshFile,
    mesh: bpy.types.Mesh,
    dress: Dress,
) -> None:
    kept = is_kept(reading, result)
    material = dress(lay_uvs(mesh, reading, result) if kept else NEW_LAYER)
    material[STAMP] = record.job
    if not kept:
        mesh.materials.append(material)
        record.b_slots.clear()
        return
    for slot in give_material(mesh, material, place_material(mesh, reading)):
        if slot < len(record.b_slots):
            record.b_slots[slot].link = "DATA"


def _leave(record: records.PROPSMITH_PG_refine, preview: bpy.types.Mesh | None) -> None:
    """The preview goes, but for one that the user has changed: that stays in the file."""
    if preview is None:
        return
    if is_ours(preview):
        records.remove_unused(bpy.data.meshes, [preview])
        return
    preview.use_fake_user = True
    record.note = f"Your changed preview is kept as the mesh '{preview.name}'."
