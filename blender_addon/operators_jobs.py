"""What can be done with a job of the queue: cancel, pause, resume, delete, show.

Each acts on the job of that id, or on the chosen row of the queue.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import StringProperty

from . import jobs, live, objects, refine_show, session
from .settings import title_of
from .translations import n_, told
from .wire import messages

STOPPED = n_("Not connected to a server: connect first.")
UNHEARD = n_("The server has not taken the job yet: wait until it has, or cancel it.")


def chosen(context: bpy.types.Context) -> str:
    """The job of the queue's active row, or ""."""
    seen = context.window_manager.propsmith
    return seen.jobs[seen.active].job if 0 <= seen.active < len(seen.jobs) else ""


class JobOperator:
    """What these have in common."""

    states: tuple[str, ...] = ()  # in which it makes sense
    job: StringProperty(name="Job", options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        job = self.job or chosen(context)
        info = jobs.infos.get(job)
        if info is None:
            self.report({"ERROR"}, rpt_("Choose a job in the queue."))
            return {"CANCELLED"}
        if info.state not in self.states or (jobs.is_refused(info) and "done" not in self.states):
            state = "refused" if jobs.is_refused(info) else info.state
            self.report(
                {"ERROR"}, rpt_("The job is {}, so that can't be done.").format(rpt_(state))
            )
            return {"CANCELLED"}
        self.act(context, info)
        return {"FINISHED"}

    def act(self, context: bpy.types.Context, info: messages.JobInfo) -> None:
        raise AssertionError("a subclass says what to do")

    def ask(self, message: Any) -> None:
        if session.now.client is None:
            self.report({"ERROR"}, rpt_(STOPPED))
        elif message.job in jobs.unheard:
            self.report({"ERROR"}, rpt_(UNHEARD))
        else:
            jobs.ask(message)


class PROPSMITH_OT_cancel(JobOperator, bpy.types.Operator):
    bl_idname = "propsmith.cancel"
    bl_label = "Cancel Prop"
    bl_description = "End the job for good; what is in the scene stays as it is"
    states = ("queued", "running", "paused")

    def act(self, _context: bpy.types.Context, info: messages.JobInfo) -> None:
        if info.job in jobs.unheard:
            jobs.cancel(info.job)
        else:
            self.ask(messages.Cancel(info.job))


class PROPSMITH_OT_pause(JobOperator, bpy.types.Operator):
    bl_idname = "propsmith.pause"
    bl_label = "Pause Prop"
    bl_description = "Save the job's state and free the device for other jobs"
    states = ("queued", "running")

    def act(self, _context: bpy.types.Context, info: messages.JobInfo) -> None:
        self.ask(messages.Pause(info.job))


class PROPSMITH_OT_resume(JobOperator, bpy.types.Operator):
    bl_idname = "propsmith.resume"
    bl_label = "Resume Prop"
    bl_description = "Go on with a paused or failed job from where it was"
    states = ("paused", "failed")

    def act(self, _context: bpy.types.Context, info: messages.JobInfo) -> None:
        self.ask(messages.Resume(info.job))


class PROPSMITH_OT_delete(JobOperator, bpy.types.Operator):
    bl_idname = "propsmith.delete"
    bl_label = "Delete Job"
    bl_description = "Take the job and its files off the server; props in scenes stay"
    states = ("queued", "paused", "done", "failed", "cancelled")

    def act(self, _context: bpy.types.Context, info: messages.JobInfo) -> None:
        if info.job in jobs.unheard or jobs.is_refused(info):
            jobs.forget(info.job)
        else:
            self.ask(messages.Delete(info.job))


class PROPSMITH_OT_show(JobOperator, bpy.types.Operator):
    bl_idname = "propsmith.show"
    bl_label = "Show Prop"
    bl_description = "Bring the job's prop into this scene, at the 3D cursor"
    bl_options = {"REGISTER", "UNDO"}
    states = ("queued", "running", "paused", "done")

    def act(self, context: bpy.types.Context, info: messages.JobInfo) -> None:
        settings = info.settings
        if settings.refine is not None:
            if sentence := refine_show.show(context, info):
                self.report({"ERROR"}, told(sentence))
            return
        thing = objects.make(context, info.job, title_of(settings), settings.height or 0.0)
        jobs.follow(info.job, live.Prop(info.job, thing.propsmith.uid))


classes = (
    PROPSMITH_OT_cancel,
    PROPSMITH_OT_pause,
    PROPSMITH_OT_resume,
    PROPSMITH_OT_delete,
    PROPSMITH_OT_show,
)
