"""What is true only while Blender runs, mirrored for the panels: the connection, the queue.

The truth lies in session.py and jobs.py; `mirror` copies it onto the window manager, where lists
and operators of Blender can see it. It is emptied before a file is saved: it belongs to no file.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import jobs
from .progress import Watch, shares_of
from .settings import title_of
from .wire import messages

_watch = Watch()
_chosen = ""  # the job whose row is to be chosen once it is there


class PROPSMITH_PG_job(bpy.types.PropertyGroup):
    """A row of the queue; `name` is the job's title, which Blender's lists filter by."""

    job: StringProperty(name="Job")
    state: StringProperty(name="State")
    stage: StringProperty(name="Stage")
    progress: FloatProperty(name="Progress", min=0, max=1, subtype="FACTOR")  # of the job
    seconds_left: FloatProperty(name="Time Left")  # of the job
    error: StringProperty(name="Error")
    shown: BoolProperty(name="In This Scene", description="An object of this file shows the prop")
    number: IntProperty(name="Number")


class PROPSMITH_PG_runtime(bpy.types.PropertyGroup):
    link: StringProperty(name="Connection", default="off")  # off, connecting, up, lost
    sentence: StringProperty(name="What to Do")
    jobs: CollectionProperty(type=PROPSMITH_PG_job)
    active: IntProperty(name="Active Job", description="The job that the buttons below act on")


classes = (PROPSMITH_PG_job, PROPSMITH_PG_runtime)


def register() -> None:
    bpy.types.WindowManager.propsmith = PointerProperty(type=PROPSMITH_PG_runtime)


def unregister() -> None:
    for manager in bpy.data.window_managers:
        manager.propsmith.jobs.clear()
    del bpy.types.WindowManager.propsmith


def choose(job: str) -> None:
    """Its row is chosen as soon as there is one."""
    global _chosen
    _chosen = job


def mirror(link: str, sentence: str, infos: list[messages.JobInfo], shown: set[str]) -> None:
    """Newest first; the chosen row stays chosen."""
    global _chosen
    order = [info.job for info in infos]
    _watch.keep(order)
    wanted, _chosen = (_chosen, "") if _chosen in order else ("", _chosen)
    for manager in bpy.data.window_managers:
        seen = manager.propsmith
        seen.link, seen.sentence = link, sentence
        active = seen.jobs[seen.active].job if 0 <= seen.active < len(seen.jobs) else ""
        active = wanted or active
        if [row.job for row in seen.jobs] != order:
            seen.jobs.clear()
            for _ in infos:
                seen.jobs.add()
        for row, info in zip(seen.jobs, infos, strict=True):
            _fill(row, info, info.job in shown)
        seen.active = order.index(active) if active in order else 0


def clear() -> None:
    for manager in bpy.data.window_managers:
        manager.propsmith.jobs.clear()


def _fill(row: Any, info: messages.JobInfo, shown: bool) -> None:
    row.name, row.job, row.number = title_of(info.settings), info.job, min(info.number, 2**31 - 1)
    row.state = "refused" if jobs.is_refused(info) else info.wanted or info.state
    row.stage, row.error = info.stage, info.error
    at = (info.stage, info.step, info.steps, info.seconds_left)
    refine, image = info.settings.refine, info.settings.image
    shares = shares_of(refine.mode, refine.strength) if refine else shares_of("", 1.0, bool(image))
    row.progress, row.seconds_left = _watch.look(info.job, at, shares)
    row.shown = shown


def redraw() -> None:
    """Panels and viewports; cheap where there is no window."""
    for manager in bpy.data.window_managers:
        for window in manager.windows:
            for area in window.screen.areas:
                if area.type in ("VIEW_3D", "PREFERENCES"):
                    area.tag_redraw()
