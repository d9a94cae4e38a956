"""One undo step for each finished job, pushed when Blender can take it.

Pushed while the user drags something, a step would hold half of the drag; in edit mode it would be
a step of edit mode. So it waits until nothing of that is going on. Previews push none.
"""

from __future__ import annotations

import bpy

from . import objects

_pending: list[str] = []


def push(message: str) -> None:
    """Soon: what has been changed until then becomes one step."""
    _pending.append(message)


def push_pending() -> None:
    while _pending and is_calm():
        message = _pending.pop(0)
        windows = bpy.context.window_manager.windows
        with bpy.context.temp_override(**({"window": windows[0]} if len(windows) else {})):
            if bpy.ops.ed.undo_push.poll():
                bpy.ops.ed.undo_push(message=message)


def is_calm() -> bool:
    """Nobody drags, no object is being edited, nothing is rendered."""
    if objects.is_rendering():
        return False
    for window in bpy.context.window_manager.windows:
        if len(getattr(window, "modal_operators", ())):
            return False
        active = window.view_layer.objects.active
        if active is not None and active.mode != "OBJECT":
            return False
    return True
