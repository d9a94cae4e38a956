"""The queue: its rows, progress of the chosen one, and what can be done with it."""

from __future__ import annotations

import bpy

from .panels import Sidebar

ICONS = {
    "queued": "TIME",
    "running": "PLAY",
    "paused": "PAUSE",
    "done": "CHECKMARK",
    "failed": "ERROR",
    "cancelled": "X",
}
ACTIONS = {
    "queued": ("pause", "cancel", "show"),
    "running": ("pause", "cancel", "show"),
    "paused": ("resume", "cancel", "show"),
    "done": ("show", "delete"),
    "failed": ("resume", "delete"),
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


class PROPSMITH_UL_jobs(bpy.types.UIList):
    def draw_item(
        self, _context, layout, _data, item, _icon, _active, _property, _index=0, _flags=0
    ) -> None:
        row = layout.row(align=True)
        row.label(text=item.name, icon=ICONS.get(item.state, "QUESTION"))
        if item.state == "running":
            row.label(text=f"{item.stage} {item.progress:.0%}")


class PROPSMITH_PT_queue(Sidebar, bpy.types.Panel):
    bl_label = "Queue"
    bl_parent_id = "PROPSMITH_PT_main"

    def draw(self, context: bpy.types.Context) -> None:
        layout, seen = self.layout, context.window_manager.propsmith
        layout.template_list("PROPSMITH_UL_jobs", "", seen, "jobs", seen, "active", rows=3)
        if not 0 <= seen.active < len(seen.jobs):
            return
        item = seen.jobs[seen.active]
        if item.state == "running":
            left = time_left(item.seconds_left)
            text = f"{item.stage.title()} {item.progress:.0%}" + (f", {left} left" if left else "")
            layout.progress(factor=item.progress, text=text)
        elif item.error:
            layout.label(text=item.error, icon="ERROR")
        row = layout.row(align=True)
        for name in ACTIONS.get(item.state, ()):
            row.operator(f"propsmith.{name}", text=name.title()).job = item.job


classes = (PROPSMITH_UL_jobs, PROPSMITH_PT_queue)
