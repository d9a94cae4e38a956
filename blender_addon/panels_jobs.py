"""The queue: its rows, progress of the chosen one, and what can be done with it."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as iface_

from .panels import Sidebar
from .sentences import draw_sentence
from .translations import n_

# What the server's stages are to somebody who waits for a chair.
STAGES = {
    "": n_("Starting"),
    "prior": n_("Loading the prior"),
    "picture": n_("Looking at the picture"),
    "read": n_("Reading the mesh"),
    "gaussians": n_("Finding the shape"),
    "solid": n_("Closing the surface"),
    "mesh": n_("Refining the surface"),
    "unwrap": n_("Laying out textures"),
    "materials": n_("Painting"),
    "bake": n_("Baking textures"),
    "export": n_("Writing the file"),
    "report": n_("Writing the report"),
}
ICONS = {
    "queued": "TIME",
    "running": "PLAY",
    "paused": "PAUSE",
    "done": "CHECKMARK",
    "failed": "ERROR",
    "refused": "ERROR",
    "cancelled": "X",
}
ACTIONS = {
    "queued": ("pause", "cancel", "show"),
    "running": ("pause", "cancel", "show"),
    "paused": ("resume", "cancel", "show"),
    "done": ("show", "delete"),
    "failed": ("resume", "delete"),
    "refused": ("delete",),
    "cancelled": ("delete",),
}


def time_left(seconds: float) -> str:
    """ "2 min 5 s"; empty where nothing is known."""
    whole = round(seconds)
    if whole <= 0:
        return ""
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def doing(item: Any) -> str:
    """What a running job does, and how much of all is done: "Painting 85 %"."""
    title = iface_(STAGES[item.stage]) if item.stage in STAGES else item.stage.title()
    return f"{title} {100 * item.progress:.0f} %"


class PROPSMITH_UL_jobs(bpy.types.UIList):
    def draw_item(
        self, _context, layout, _data, item, _icon, _active, _property, _index=0, _flags=0
    ) -> None:
        row = layout.row(align=True)
        row.label(text=item.name, icon=ICONS.get(item.state, "QUESTION"), translate=False)
        if item.state == "running":
            share = row.row()
            share.alignment = "RIGHT"
            share.label(text=f"{100 * item.progress:.0f} %", translate=False)


class PROPSMITH_PT_queue(Sidebar, bpy.types.Panel):
    bl_label = "Queue"
    bl_parent_id = "PROPSMITH_PT_main"
    bl_order = 0  # what is being made stands right below Generate

    def draw(self, context: bpy.types.Context) -> None:
        layout, seen = self.layout, context.window_manager.propsmith
        layout.template_list("PROPSMITH_UL_jobs", "", seen, "jobs", seen, "active", rows=3)
        if not 0 <= seen.active < len(seen.jobs):
            return
        item = seen.jobs[seen.active]
        if item.state == "running":
            left = time_left(item.seconds_left)
            text = doing(item) + (", " + iface_("{} left").format(left) if left else "")
            layout.progress(factor=item.progress, text=text, translate=False)
        elif item.error and item.error != seen.sentence:  # which stands above
            draw_sentence(layout, item.error, context, "ERROR")
        row = layout.row(align=True)
        for name in ACTIONS.get(item.state, ()):
            row.operator(f"propsmith.{name}", text=name.title()).job = item.job


classes = (PROPSMITH_UL_jobs, PROPSMITH_PT_queue)
