"""What the server has made before: pages of finished jobs with thumbnails.

In: a connection. Out: rows on `WindowManager.propsmith_history`, newest first; operators to take
up a job's settings, bring its prop into the scene, or delete it at the server. Nothing here waits:
pages and pictures arrive over the bridge.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import Any

import bpy
import bpy.utils.previews
import numpy as np
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import CollectionProperty, IntProperty, StringProperty

from . import bridge, glb, jobs, live, objects, session, thumbnail
from .settings import show_settings
from .wire import errors, messages

log = logging.getLogger(__name__)
PAGE = 12
PICTURES = ("preview.png", "thumbnail.png")
PROP = "prop.glb"
MOST_BYTES = 32 << 20  # of a prop that is fetched for its thumbnail
NO_SERVER = "There is no connection to a Propsmith server: connect first"

known: dict[str, messages.JobInfo] = {}
more = False
_previews: Any = None
_asked: set[str] = set()  # whose thumbnails are there or on their way


class PROPSMITH_PG_past(bpy.types.PropertyGroup):
    """A finished job; `name` is its prompt."""

    job: StringProperty(name="Job")
    state: StringProperty(name="State")


def icon_of(job: str) -> int:
    """The thumbnail's icon number; 0 where there is none yet."""
    return _previews[job].icon_id if _previews is not None and job in _previews else 0


def ask_page(before: int | None = None) -> None:
    """before: only jobs with a smaller number; None: from the newest."""
    session.send(messages.ListJobs(messages.OVER, PAGE, before), lambda a: take_page(a, before))


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
        if info.job not in _asked and info.state == "done":
            _asked.add(info.job)
            bridge.later(_load(info))


def show() -> None:
    rows = sorted(known.values(), key=lambda info: -info.number)
    for manager in bpy.data.window_managers:
        manager.propsmith_history.clear()
        for info in rows:
            row = manager.propsmith_history.add()
            row.name, row.job, row.state = info.settings.prompt, info.job, info.state
    session.changed()


def _load(info: messages.JobInfo) -> Generator[Any, None, None]:
    """The server's picture of the job, or one of our own from the prop."""
    sizes = {file.name: file.size for file in info.files}
    name = next((n for n in PICTURES if n in sizes), PROP)
    if not 0 < sizes.get(name, 0) <= MOST_BYTES:
        return
    try:
        data = yield from jobs.download(info.job, name)
        if name != PROP:
            pixels = _decode(data)
        else:
            prop = yield from glb.read(data)
            albedo = _decode(prop.images["albedo"]) if "albedo" in prop.images else None
            yield
            pixels = thumbnail.picture(prop.positions, prop.faces, prop.corner_uvs, albedo)
    except (errors.RemoteError, glb.GlbError, RuntimeError) as error:
        log.info("No thumbnail of job %s: %s", info.job, error)
        return
    yield
    _keep(info.job, pixels)


def _decode(data: bytes) -> np.ndarray:
    """(H, W, 4) float, row 0 at the bottom. Raises RuntimeError for what is no picture."""
    image = bpy.data.images.new("propsmith_thumbnail", 1, 1)
    try:
        image.pack(data=data, data_len=len(data))
        image.source = "FILE"
        wide, high = image.size
        if not 0 < wide * high <= 4096**2:
            raise RuntimeError("it is no picture")
        if max(wide, high) > 256:
            image.scale(
                max(1, wide * 256 // max(wide, high)), max(1, high * 256 // max(wide, high))
            )
        wide, high = image.size
        pixels = np.empty(wide * high * 4, np.float32)
        image.pixels.foreach_get(pixels)
        return pixels.reshape(high, wide, 4)
    finally:
        bpy.data.images.remove(image)


def _keep(job: str, pixels: np.ndarray) -> None:
    if _previews is None:
        return
    preview = _previews[job] if job in _previews else _previews.new(job)
    high, wide = pixels.shape[:2]
    preview.icon_size = preview.image_size = (wide, high)
    preview.icon_pixels_float = preview.image_pixels_float = pixels.ravel()
    session.changed()


class _OfJob:
    """What acts on one job; without a number, on nothing."""

    job: StringProperty(name="Job", options={"HIDDEN", "SKIP_SAVE"})

    def found(self) -> messages.JobInfo | None:
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
        return more and session.is_up()

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
        jobs.infos.setdefault(info.job, info)
        objects.make(context, info.job, info.settings.prompt, info.settings.height or 0.0)
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
    global _previews
    _previews = bpy.utils.previews.new()
    manager = bpy.types.WindowManager
    manager.propsmith_history = CollectionProperty(type=PROPSMITH_PG_past)
    manager.propsmith_history_active = IntProperty(name="Chosen Job")


def unregister() -> None:
    global _previews
    del bpy.types.WindowManager.propsmith_history_active
    del bpy.types.WindowManager.propsmith_history
    bpy.utils.previews.remove(_previews)
    _previews = None
    known.clear()
    _asked.clear()
