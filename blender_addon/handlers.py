"""What happens to files and undo steps: objects are looked for anew, jobs taken up again."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import bridge, jobs, live, objects, runtime, session, undo
from .preferences import preferences


@persistent
def loaded(*_: Any) -> None:
    """Another file: its objects may show jobs too, those of the last one are gone."""
    objects.forget()
    objects.find_fresh()
    objects.settle()  # before Blender makes the file's first undo step
    undo.forget()
    live.forget()
    session.changed()
    for find in jobs.finders:
        find()
    if session.now.client is None and preferences().auto_connect and objects.all_live():
        session.connect()


@persistent
def undone(*_: Any) -> None:
    _note("undo")


@persistent
def redone(*_: Any) -> None:
    _note("redo")


def _note(direction: str) -> None:
    """Only that, as Blender is still at it."""
    objects.look_again()
    undo.stepped(direction)
    bridge.later(_after_step())


def _after_step() -> Generator[None, None, None]:
    live.end_quietly()
    for find in jobs.finders:
        find()
    live.show_all()
    live.tell_of_old()
    yield


@persistent
def saving(*_: Any) -> None:
    """The queue belongs to no file, nor does the mark of an undo step."""
    objects.settle()
    runtime.clear()
    session.changed()


HANDLERS = (
    ("load_post", loaded),
    ("undo_post", undone),
    ("redo_post", redone),
    ("save_pre", saving),
)


def register() -> None:
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    for name, handler in HANDLERS:
        found = getattr(bpy.app.handlers, name)
        if handler in found:
            found.remove(handler)
    undo.forget()
