"""What the server has made before: pages of finished jobs with thumbnails.

In: a connection. Out: rows on `WindowManager.propsmith_history`, newest first; operators to take
up a job's settings, bring its prop into the scene, or delete it at the server. Nothing here waits:
pages and pictures arrive over the bridge.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import CollectionProperty, IntProperty, StringProperty

from . import bridge, history_pictures, jobs, live, objects, refine_show, session
from .settings import show_settings, title_of
from .translations import n_, told
from .wire import errors, messages

PAGE = 12
NO_SERVER = n_("There is no connection to a Propsmith server: connect first")
NO_OLDER = n_("There are no older jobs")

known: dict[str, messages.JobInfo] = {}
more = False
_seen: tuple[str, int] | None = None  # session and jobs over, when the first page was asked for
_over: set[str] = set()  # jobs that have ended while this Blender listened


class PROPSMITH_PG_past(bpy.types.PropertyGroup):
    """A finished job; `name` is its prompt."""

    job: StringProperty(name="Job")
    state: StringProperty(name="State")


def ask_page(before: int | None = None) -> None:
    """before: only jobs with a smaller number; None: from the newest."""
    session.send(messages.ListJobs(messages.OVER, PAGE, before), lambda a: take_page(a, before))


def keep_up() -> None:
    """Whenever the panel is drawn: the first page is asked for anew where there is more to see."""
    global _seen
    welcome = session.now.welcome
    if welcome is None or _seen == (welcome.session, len(_over)):
        return
    _seen = (welcome.session, len(_over))
    bridge.later(_refresh())


def _refresh() -> Generator[None, None, None]:
    ask_page()
    yield


def _heard(info: messages.JobInfo) -> None:
    if info.state in messages.OVER:
        _over.add(info.job)


def take_page(answer: Any, before: int | None) -> None:
    global more
    if isinstance(answer, errors.RemoteError):
        session.tell(answer.text)
        return
    if before is None:
        known.clear()
    known.update({info.job: info for info in answer.jobs})
    more = answer.more
    show()
    for info in answer.jobs:
        history_pictures.ask(info)


def show() -> None:
    rows = sorted(known.values(), key=lambda info: -info.number)
    for manager in bpy.data.window_managers:
        manager.propsmith_history.clear()
        for info in rows:
            row = manager.propsmith_history.add()
            row.name, row.job, row.state = title_of(info.settings), info.job, info.state
    session.changed()


def chosen() -> str:
    """The job of the list's active row, or ""."""
    manager = bpy.context.window_manager
    rows, active = manager.propsmith_history, manager.propsmith_history_active
    return rows[active].job if 0 <= active < len(rows) else ""


class _OfJob:
    """What acts on one job: the one of that id, or the history's chosen row."""

    job: StringProperty(name="Job", options={"HIDDEN", "SKIP_SAVE"})

    def found(self) -> messages.JobInfo | None:
        self.job = self.job or chosen()
        info = known.get(self.job) or jobs.infos.get(self.job)
        if info is None:
            self.report({"ERROR"}, rpt_("That job is not in the history: refresh it"))
        return info

    def reached(self) -> bool:
        """Whether there is a server to ask; else the user is told."""
        if not session.is_up():
            self.report({"ERROR"}, rpt_(NO_SERVER))
        return session.is_up()


class PROPSMITH_OT_history_refresh(bpy.types.Operator):
    bl_idname = "propsmith.history_refresh"
    bl_label = "Refresh History"
    bl_description = "Ask the server for the newest jobs that are over, with their thumbnails"

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not session.is_up():
            self.report({"ERROR"}, rpt_(NO_SERVER))
            return {"CANCELLED"}
        ask_page()
        return {"FINISHED"}


class PROPSMITH_OT_history_more(bpy.types.Operator):
    bl_idname = "propsmith.history_more"
    bl_label = "Older Jobs"
    bl_description = "Ask the server for the jobs before those in the list"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not more or not session.is_up():
            cls.poll_message_set(rpt_(NO_OLDER if session.is_up() else NO_SERVER))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        ask_page(min((info.number for info in known.values()), default=None))
        return {"FINISHED"}


class PROPSMITH_OT_history_settings(_OfJob, bpy.types.Operator):
    bl_idname = "propsmith.history_settings"
    bl_label = "Use These Settings Again"
    bl_description = "Put the job's prompt, seed and all other settings into the panel"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        info = self.found()
        if info is None:
            return {"CANCELLED"}
        show_settings(context.scene, info.settings)
        context.scene.propsmith.seed_locked = True
        return {"FINISHED"}


class PROPSMITH_OT_history_load(_OfJob, bpy.types.Operator):
    bl_idname = "propsmith.history_load"
    bl_label = "Bring into Scene"
    bl_description = "Add the job's finished prop to the scene again, at the 3D cursor"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        info = self.found()
        if info is None:
            return {"CANCELLED"}
        if info.state != "done" or not info.files:
            self.report({"ERROR"}, rpt_("That job has no prop at the server any more"))
            return {"CANCELLED"}
        if not self.reached():
            return {"CANCELLED"}
        if info.settings.refine is not None:
            if sentence := refine_show.show(context, info):
                self.report({"ERROR"}, told(sentence))
                return {"CANCELLED"}
            return {"FINISHED"}
        jobs.infos.setdefault(info.job, info)
        objects.make(context, info.job, title_of(info.settings), info.settings.height or 0.0)
        live.find_props()
        return {"FINISHED"}


class PROPSMITH_OT_history_delete(_OfJob, bpy.types.Operator):
    bl_idname = "propsmith.history_delete"
    bl_label = "Delete Job"
    bl_description = "Delete the job and its files at the server, for good; objects here stay"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        if self.found() is None or not self.reached():
            return {"CANCELLED"}
        job = self.job
        session.send(messages.Delete(job), lambda answer: _deleted(job, answer))
        return {"FINISHED"}


def _deleted(job: str, answer: Any) -> None:
    if isinstance(answer, errors.RemoteError) and answer.code != "unknown_job":
        session.tell(answer.text)
        return
    known.pop(job, None)
    jobs.forget(job)
    show()


classes = (
    PROPSMITH_PG_past,
    PROPSMITH_OT_history_refresh,
    PROPSMITH_OT_history_more,
    PROPSMITH_OT_history_settings,
    PROPSMITH_OT_history_load,
    PROPSMITH_OT_history_delete,
)


def register() -> None:
    manager = bpy.types.WindowManager
    manager.propsmith_history = CollectionProperty(type=PROPSMITH_PG_past)
    manager.propsmith_history_active = IntProperty(name="Chosen Job")
    jobs.listeners.append(_heard)


def unregister() -> None:
    global _seen
    _seen = None
    jobs.listeners.remove(_heard)
    del bpy.types.WindowManager.propsmith_history_active
    del bpy.types.WindowManager.propsmith_history
    known.clear()
