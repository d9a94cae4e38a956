"""One undo step for each job: Blender's own of the operator, and one when the job is over.

In: what is to be a step; undos and redos of the user's. Pushed while the user drags something, a
step would hold half of the drag; in edit mode it would be a step of edit mode. So it waits until
nothing of that is going on. Previews push none.

The operator's own step shows what its job began with: an empty object. Once the job is over nobody
wants to see that, so an undo or redo that ends there goes one step further. An object is `fresh` in
that step alone: the first tick afterwards takes the mark away, before the user can push another.
"""

from __future__ import annotations

from collections.abc import Callable

import bpy

from . import objects

_pending: list[str] = []
_stepped = ""  # "undo" or "redo": what Blender has just done, and nothing else since
is_over: list[Callable[[bpy.types.Object], bool]] = []  # of a fresh object: has its job ended?


def push(message: str) -> None:
    """Soon: what has been changed until then becomes one step."""
    _pending.append(message)


def forget() -> None:
    """Another file has been opened, or the add-on goes."""
    global _stepped
    _stepped = ""
    _pending.clear()


def push_pending() -> None:
    while _pending and is_calm():
        _run(bpy.ops.ed.undo_push, message=_pending.pop(0))


def stepped(direction: str) -> None:
    """direction: "undo" or "redo". From a handler, as Blender is still at it."""
    global _stepped
    _stepped = direction
    if len(bpy.context.window_manager.windows):  # before it looks at the user's next key
        bpy.app.timers.register(go_on, first_interval=0.0)


def go_on() -> None:
    """At the first tick after an undo or redo: another one, where this ended in the operator's step
    of a job that is over. Nothing of Blender's is kept from before it."""
    global _stepped
    direction, _stepped = _stepped, ""
    if not direction:
        return
    if is_calm() and _is_to_be_passed():
        _run(getattr(bpy.ops.ed, direction))
    else:
        objects.find_fresh()


def _is_to_be_passed() -> bool:
    fresh = (thing for thing in bpy.data.objects if objects.is_fresh(thing))
    return any(over(thing) for thing in fresh for over in is_over)


def _run(operator: Callable[..., object], **options: str) -> None:
    windows = bpy.context.window_manager.windows
    with bpy.context.temp_override(**({"window": windows[0]} if len(windows) else {})):
        if operator.poll():  # type: ignore[attr-defined]
            operator(**options)


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
