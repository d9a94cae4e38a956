"""Refine Selected and Texture Only: the operators, and the settings that are theirs.

In: the active object, the prompt of the main panel, the connected server. Out: a job that works on
the object's mesh; then A and B, applied or discarded. Each operator is one undo step.

The job itself, and what comes of it, is the business of refine_jobs.py.
"""

from __future__ import annotations

import secrets
from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import EnumProperty, FloatProperty, PointerProperty, StringProperty

from . import bridge, jobs, objects, provenance, refine_jobs, session, submission, undo
from . import refine_live as live
from . import refine_record as records
from .camera_views import NoViewError, panel_settings
from .properties import MOST_SEED
from .refine_frame import RefineError
from .refine_read import copy_mesh, read_object, why_not
from .translations import n_, told
from .wire import errors, mesh_file

MODES = (
    ("auto", "Keep Faces", "Vertices move; faces, UVs, groups, shape keys and names stay"),
    ("remesh", "New Mesh", "A new surface with its own UVs. Vertex groups and shape keys go"),
)
NOT_CONNECTED = n_("There is no server: start one in the Server panel, or connect to one.")
TOO_OLD = n_("The connected server can't refine meshes: update Propsmith there.")
NO_PROMPT = n_("Write a prompt first: what the object is, in words.")
PENDING = n_("Apply or discard this object's last refinement first.")


class PROPSMITH_PG_refine_settings(bpy.types.PropertyGroup):
    """Saved with the scene; the prompt and all else are the main panel's."""

    mode: EnumProperty(name="Mode", description="What may change", items=MODES)
    strength: FloatProperty(
        name="Strength",
        description="How far a vertex may move, as a share of the object's radius",
        min=0,
        max=1,
        default=0.3,
        subtype="FACTOR",
    )
    group: StringProperty(
        name="Vertex Group",
        description="Only what has weight in it may change; empty: everything may",
    )


class _Refine:
    """What both buttons do; `mode_of` differs."""

    report: Any  # these two come with bpy.types.Operator
    poll_message_set: Any

    def mode_of(self, context: bpy.types.Context) -> str:
        """Of the job."""
        return "auto"

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        thing = context.active_object
        sentence = why_not(thing) or (PENDING if records.record_of(thing) else "")
        if not sentence and not context.scene.propsmith.prompt.strip():
            sentence = NO_PROMPT
        cls.poll_message_set(told(sentence))
        return not sentence

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        lost = losses(context.active_object, self.mode_of(context))
        if not lost:
            return self.execute(context)
        texts = {"title": "New Mesh", "message": told(lost)}
        return context.window_manager.invoke_confirm(self, event, **texts)

    def execute(self, context: bpy.types.Context) -> set[str]:
        thing, wishes = context.active_object, context.scene.propsmith_refine
        try:
            check_connection()
            note = begin(context, thing, self.mode_of(context), wishes)
        except (RefineError, NoViewError, mesh_file.MeshFileError, errors.WireError) as error:
            self.report({"ERROR"}, told(str(error)))
            return {"CANCELLED"}
        self.report({"INFO"}, note)
        return {"FINISHED"}


class PROPSMITH_OT_refine(_Refine, bpy.types.Operator):
    bl_idname = "propsmith.refine"
    bl_label = "Refine Selected"
    bl_description = (
        "Work on the active object's mesh and texture by the prompt; the object keeps what it is"
    )

    def mode_of(self, context: bpy.types.Context) -> str:
        return context.scene.propsmith_refine.mode


class PROPSMITH_OT_texture_only(_Refine, bpy.types.Operator):
    bl_idname = "propsmith.texture_only"
    bl_label = "Texture Only"
    bl_description = "Make new textures for the active object by the prompt; no vertex moves"

    def mode_of(self, context: bpy.types.Context) -> str:
        return "texture-only"


class _OnRecord:
    poll_message_set: Any
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        thing = context.active_object
        if records.record_of(thing) is None:
            cls.poll_message_set(rpt_("The active object has no refinement."))
            return False
        if not records.can_swap(thing):
            cls.poll_message_set(rpt_("Leave the present mode first: it works on the mesh shown."))
            return False
        return True


class PROPSMITH_OT_refine_ab(_OnRecord, bpy.types.Operator):
    bl_idname = "propsmith.refine_ab"
    bl_label = "Show A or B"
    bl_description = "Switch between the object as it was (A) and the refined one (B)"
    side: EnumProperty(
        name="Side",
        items=(("TOGGLE", "Other", "The side that is not shown"), *records.SIDES),
        options={"SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        record = records.record_of(context.active_object)
        other = "B" if record.shown == "A" else "A"
        side = other if self.side == "TOGGLE" else self.side
        records.show(context.active_object, side)
        record.follows = side == "B"
        return {"FINISHED"}


class PROPSMITH_OT_refine_apply(_OnRecord, bpy.types.Operator):
    bl_idname = "propsmith.refine_apply"
    bl_label = "Apply"
    bl_description = "Keep the refined object (B) for good"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if records.record_of(context.active_object).state != "DONE":
            cls.poll_message_set(rpt_("The refinement is still being made."))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        records.apply(context.active_object)
        provenance.adopt(context.active_object)
        return {"FINISHED"}


class PROPSMITH_OT_refine_discard(_OnRecord, bpy.types.Operator):
    bl_idname = "propsmith.refine_discard"
    bl_label = "Discard"
    bl_description = (
        "Go back to the object as it was (A), and cancel the refinement if it still runs"
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        record = records.record_of(context.active_object)
        job, running = record.job, record.state == "RUNNING"
        records.discard(context.active_object)
        if running and not live.was_taken(job):
            live.close(job)
            jobs.unfollow(job)
            jobs.cancel(job)
        return {"FINISHED"}


def begin(
    context: bpy.types.Context,
    thing: bpy.types.Object,
    mode: str,
    wishes: PROPSMITH_PG_refine_settings,
) -> str:
    """Starts a job on an object; returns what to tell the user.

    Raises RefineError, NoViewError, MeshFileError or WireError, with a sentence; the object is then
    untouched.
    """
    context.view_layer.update()  # the matrix is that of what the user sees
    panel = context.scene.propsmith
    if not panel.seed_locked:
        panel.seed = secrets.randbelow(MOST_SEED)
    settings, group = panel_settings(context), "" if mode == "remesh" else wishes.group
    if problem := submission.why_not(settings):
        raise RefineError(problem)
    base = copy_mesh(thing)
    try:
        reading = read_object(thing, base, group)
        data = refine_jobs.file_bytes(reading)
    except (RefineError, mesh_file.MeshFileError):
        bpy.data.meshes.remove(base)
        raise
    job = jobs.new_id()
    records.begin(thing, job, mode, base, reading.frame.values, reading.uv_layer, group)
    live.know(job, thing, reading)
    objects.begin(thing)
    jobs.expect(job, settings)
    options = {"mode": mode, "strength": wishes.strength, "masked": bool(group)}
    bridge.later(refine_jobs.submit(job, data, settings, options))
    return " ".join(map(told, (f"Refining '{thing.name}'.", *reading.notes)))


def losses(thing: bpy.types.Object, mode: str) -> str:
    """What a new mesh can't keep of this object; "" where that is nothing."""
    if mode != "remesh":
        return ""
    names = []
    if thing.vertex_groups:
        names.append(told(f"{len(thing.vertex_groups)} vertex groups"))
    if thing.data.shape_keys:
        names.append(told(f"{len(thing.data.shape_keys.key_blocks)} shape keys"))
    if len(thing.data.uv_layers) > 1:
        names.append(told(f"{len(thing.data.uv_layers)} UV layers"))
    return f"The new mesh will not have the {', '.join(names)} of A." if names else ""


def check_connection() -> None:
    """Raises RefineError where there is no backend, or one that can't refine."""
    if not session.is_up():
        raise RefineError(session.now.sentence or NOT_CONNECTED)
    welcome = session.now.welcome
    if welcome is None or not {"upload", "refine"} <= set(welcome.features):
        raise RefineError(TOO_OLD)


@persistent
def _before_another_file(*_: object) -> None:
    refine_jobs.forget_all()


classes = (
    PROPSMITH_PG_refine_settings,
    PROPSMITH_OT_refine,
    PROPSMITH_OT_texture_only,
    PROPSMITH_OT_refine_ab,
    PROPSMITH_OT_refine_apply,
    PROPSMITH_OT_refine_discard,
)


def register() -> None:
    bpy.types.Scene.propsmith_refine = PointerProperty(type=PROPSMITH_PG_refine_settings)
    bpy.app.handlers.load_pre.append(_before_another_file)
    jobs.finders.append(refine_jobs.find)
    undo.is_over.append(live.is_over)


def unregister() -> None:
    undo.is_over.remove(live.is_over)
    jobs.finders.remove(refine_jobs.find)
    bpy.app.handlers.load_pre.remove(_before_another_file)
    refine_jobs.forget_all()
    del bpy.types.Scene.propsmith_refine
