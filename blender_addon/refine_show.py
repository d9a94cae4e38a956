"""Show, for a job that refines: the object that it is about, or else what came of it.

In: what is known of the job. Out: that object selected; where it is not in this file, the finished
mesh beside, at the 3D cursor, in an undo step of its own. The job's own follower is left alone, so
that a refinement that runs goes on. `again` is the same job once more, for an object that is gone.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import bpy

from . import bridge, jobs, live, objects, refined_files, runtime, session, submission, undo
from . import refine_record as records
from .settings import title_of
from .translations import n_
from .wire import errors, messages, preview

ELSEWHERE = n_(
    "The object that this job refines is not in this file: open the file that has it, or show the "
    "job again when it is done."
)
NO_FILES = n_("The files of that refinement are not on the server any more: refine again.")
Slices = Generator[Any, None, None]


def show(context: bpy.types.Context, info: messages.JobInfo) -> str:
    """What to tell the user, or "": it is selected, or comes soon."""
    thing = object_of(info.job)
    if thing is not None:
        return _select(context, thing)
    if info.state != "done":
        return ELSEWHERE
    if not refined_files.main_file([file.name for file in info.files]):
        return NO_FILES
    bridge.later(_bring(info))
    return ""


def object_of(job: str) -> bpy.types.Object | None:
    """The one whose refinement it is, or was before it was applied."""
    for thing in bpy.data.objects:
        record = records.record_of(thing)
        if record is not None and record.job == job:
            return thing
    for thing in bpy.data.objects:
        if getattr(thing.get(objects.ORIGIN), "get", {}.get)("job") == job:
            return thing
    return None


@dataclass(frozen=True)
class Arrival:
    """Follows a job that no object shows: its result comes in beside."""

    job: str

    def info(self, info: messages.JobInfo) -> None:
        if info.state in messages.OVER:
            jobs.unfollow(self.job)
        if info.state == "done":
            bridge.later(_bring(info))

    def mesh(self, view: preview.MeshView, mesh: messages.Mesh) -> None:
        """There is nothing to show it on."""

    def texture(self, texture: messages.Texture) -> None:
        """Comes with the files."""

    def gone(self) -> None:
        jobs.unfollow(self.job)


def again(settings: messages.Settings) -> str:
    """The job's id. Raises WireError. A server that has no more of the mesh says so."""
    if problem := submission.why_not(settings):
        raise errors.bad(problem)
    job = jobs.new_id()
    jobs.follow(job, Arrival(job))
    submission.start(job, settings)
    runtime.choose(job)
    return job


def _select(context: bpy.types.Context, thing: bpy.types.Object) -> str:
    if thing.name not in context.view_layer.objects:
        return f"'{thing.name}' is not in this scene: look for it in the file's other scenes."
    if context.mode == "OBJECT":
        thing.hide_set(False)
        for other in context.selected_objects:
            other.select_set(False)
        thing.select_set(True)
        context.view_layer.objects.active = thing
    return ""


def _bring(info: messages.JobInfo) -> Slices:
    """For `later`: downloads, then objects, all in one tick with their undo step."""
    files: dict[str, bytes] = {}
    try:
        for name in refined_files.needed([file.name for file in info.files]):
            files[name] = yield from jobs.download(info.job, name)
    except errors.RemoteError as error:
        session.tell(str(error))
        return
    while not undo.is_calm():
        yield session.WAITING
    windows = bpy.context.window_manager.windows
    with bpy.context.temp_override(**({"window": windows[0]} if len(windows) else {})):
        try:
            things = refined_files.bring_in(files, title_of(info.settings)[:60])
        except refined_files.RefinedError as error:
            session.tell(str(error))
            return
        for thing in things:
            if thing.parent is None:
                thing.location += bpy.context.scene.cursor.location
            for listener in live.on_finished:
                listener(thing, info, {})
        bpy.context.view_layer.update()  # or it does not know them yet
        _select(bpy.context, things[0])
    undo.push(f"Propsmith: {things[0].name}"[:60])
    undo.push_pending()
