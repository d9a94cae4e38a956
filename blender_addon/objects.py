"""Objects that show jobs: made, found again, and told from their duplicates.

In: a uid. Out: the object, found anew at each use, as undo and file loads leave no reference alive.
A duplicate has the uid of its original: the one whose session_uid was seen first is the original,
the other becomes a COPY that no job writes to.
"""

from __future__ import annotations

import secrets

import bpy

from . import materials

LIVE_ROLES = ("LIVE",)
ORIGIN = "propsmith_origin"  # custom property of what was made: provenance.py
_sessions: dict[str, int] = {}  # uid -> session_uid of the original
_names: dict[str, str] = {}  # uid -> its name when last seen: the quick way
_fresh: set[str] = set()  # names of objects whose job began since the last tick
_count = -1  # of objects, when last looked through


def make(context: bpy.types.Context, job: str, prompt: str, height: float) -> bpy.types.Object:
    """An empty mesh object at the 3D cursor, active and selected, that shows `job`."""
    name = (prompt.strip() or "Prop")[:60]
    thing = bpy.data.objects.new(name, bpy.data.meshes.new(name))
    collection = context.collection or context.scene.collection
    collection.objects.link(thing)
    thing.location = context.scene.cursor.location
    mark(thing, job, height)
    # Now, inside the operator's undo step: a material that a timer makes between two steps is taken
    # away by an undo while the mesh still points at it, and Blender crashes.
    materials.give(thing, materials.live_material(job, name))
    if context.mode == "OBJECT":
        for other in context.selected_objects:
            other.select_set(False)
        if thing.name in context.view_layer.objects:
            thing.select_set(True)
            context.view_layer.objects.active = thing
    return thing


def mark(thing: bpy.types.Object, job: str, height: float) -> None:
    """It shows `job` from now on."""
    link = thing.propsmith
    link.job, link.uid, link.role, link.height = job, secrets.token_hex(8), "LIVE", height
    _know(thing)
    begin(thing)


def begin(thing: bpy.types.Object) -> None:
    """The undo step that Blender pushes at the operator's end is the one of a job's begin."""
    thing.propsmith.fresh = True
    _fresh.add(thing.name)


def settle() -> None:
    """At each tick, so that no later step is taken for that one; and before the file is saved.

    Also while something is rendered: no renderer reads the mark, and the user's steps go on.
    """
    for name in _fresh:
        if (thing := bpy.data.objects.get(name)) is not None:
            thing.propsmith.fresh = False
    _fresh.clear()


def find_fresh() -> None:
    """After an undo or redo to such a step, where the user goes on from it; or in a file that was
    saved there."""
    _fresh.update(thing.name for thing in bpy.data.objects if is_fresh(thing))


def is_fresh(thing: bpy.types.Object) -> bool:
    """A linked one shows its own file's steps, and can't be written to."""
    return thing.propsmith.fresh and not thing.library


def find(uid: str) -> bpy.types.Object | None:
    """None where it is not in this file, or not any more."""
    _look_for_duplicates()
    thing = bpy.data.objects.get(_names.get(uid, ""))
    if thing is not None and _is_original(thing, uid):
        return thing
    for thing in bpy.data.objects:
        if _is_original(thing, uid):
            _names[uid] = thing.name
            return thing
    return None


def all_live() -> list[bpy.types.Object]:
    """Those that show a job that is not over, as far as this file knows."""
    _look_for_duplicates()
    return [thing for thing in bpy.data.objects if _is_live(thing)]


def shown() -> set[str]:
    """Jobs that an object of this file shows."""
    return {thing.propsmith.job for thing in bpy.data.objects if thing.propsmith.job}


def is_busy(thing: bpy.types.Object) -> bool:
    """The user is inside it: edit mode, sculpting, painting; or a render reads it."""
    return thing.mode != "OBJECT" or thing.data.is_editmode or is_rendering()


def is_rendering() -> bool:
    """Renders and bakes read meshes in a thread of their own: what is written then may crash it."""
    return any(bpy.app.is_job_running(kind) for kind in ("RENDER", "OBJECT_BAKE"))


def is_bare(thing: bpy.types.Object) -> bool:
    """Nothing has been shown in it, and nobody has put anything there."""
    used = len(thing.data.vertices) or thing.children or thing.modifiers or thing.constraints
    return not used and thing.data.users == 1 and not thing.library


def has(uid: str) -> bool:
    """Whether this file has it, whatever its role."""
    return any(thing.propsmith.uid == uid for thing in bpy.data.objects)


def remove_bare(uid: str) -> bool:
    """Takes it away with its mesh and its material; False where it is not bare, or not there."""
    found = [t for t in bpy.data.objects if t.type == "MESH" and t.propsmith.uid == uid]
    if not found or not is_bare(found[0]):
        return False
    mesh = found[0].data
    given = [slot.material for slot in found[0].material_slots if slot.material]
    bpy.data.objects.remove(found[0])
    bpy.data.meshes.remove(mesh)
    for material in given:
        if material.get("propsmith_live") and not material.users:
            bpy.data.materials.remove(material)
    look_again()
    return True


def look_again() -> None:
    """After an undo or a file load nothing is as it was."""
    global _count
    _count = -1
    _names.clear()


def forget() -> None:
    """Another file: its objects have other session_uids."""
    _sessions.clear()
    _fresh.clear()
    look_again()


def _is_live(thing: bpy.types.Object) -> bool:
    return thing.propsmith.role in LIVE_ROLES and not thing.library and thing.type == "MESH"


def _is_original(thing: bpy.types.Object, uid: str) -> bool:
    known = _sessions.get(uid)
    return _is_live(thing) and thing.propsmith.uid == uid and known in (None, thing.session_uid)


def _know(thing: bpy.types.Object) -> None:
    _sessions[thing.propsmith.uid], _names[thing.propsmith.uid] = thing.session_uid, thing.name


def _look_for_duplicates() -> None:
    """Only when the number of objects has changed since the last look."""
    global _count
    if _count == len(bpy.data.objects):
        return
    _count = len(bpy.data.objects)
    for thing in bpy.data.objects:
        if not _is_live(thing):
            continue
        known = _sessions.setdefault(thing.propsmith.uid, thing.session_uid)
        if known != thing.session_uid:
            thing.propsmith.role, thing.propsmith.uid = "COPY", secrets.token_hex(8)
