"""The pump: everything the add-on does beside operators, a few milliseconds at a time.

One persistent timer calls `pump`; tests and batch runs call it themselves. No threads, no waiting.
Work that takes longer than a tick is a generator given to `later`: each `next` is a slice. It
yields WAITING where it can do no more before something happens, or wants the next tick from its
beginning.

Python's garbage collector stays out of a tick: of all that Blender's Python holds (70,000 objects
in 4.3 as it starts) a full collection takes 30 to 40 ms, and it comes where it likes. It then runs
when other code of Python's does.
"""

from __future__ import annotations

import gc
import logging
import time
from collections import deque
from collections.abc import Generator
from typing import Any

import bpy

from . import jobs, objects, runtime, session, undo
from .preferences import preferences
from .session import WAITING

log = logging.getLogger(__name__)
BUSY, CALM, IDLE = 0.01, 0.05, 0.25  # seconds to the next tick
REDRAW_SECONDS = 0.2  # between two of the panels, at most

Work = Generator[Any, None, Any]
_queue: deque[Work] = deque()
_drawn = 0.0

__all__ = ["WAITING", "later", "pump"]


def later(work: Work) -> None:
    """Runs in slices from the next tick on; an exception in it ends it alone, and is logged."""
    _queue.append(work)


def pump(budget_s: float = 0.008) -> None:
    """One tick: takes what has come, then works up to `budget_s` seconds, one slice at least."""
    end, collects = time.perf_counter() + budget_s, gc.isenabled()
    gc.disable()
    try:
        undo.go_on()
        objects.settle()
        _take()
        _work(end)
        undo.push_pending()
        if session.now.changed and time.monotonic() - _drawn > REDRAW_SECONDS:
            _mirror()
    finally:
        if collects:
            gc.enable()


def _take() -> None:
    """What has come."""
    try:
        for event in session.step():
            jobs.take(event)
    except Exception:  # whatever it is, the timer must go on
        log.exception("A message of the server could not be used")


def _work(end: float) -> None:
    waiting: list[Work] = []
    while _queue:
        work = _queue.popleft()
        if _slice(work, waiting):
            _queue.append(work)
        if time.perf_counter() >= end:
            break
    _queue.extend(waiting)


def _slice(work: Work, waiting: list[Work]) -> bool:
    """Whether it wants to go on in this tick."""
    try:
        if next(work) is not WAITING:
            return True
        waiting.append(work)
    except StopIteration:
        session.changed()
    except Exception as error:
        log.exception("Work of Propsmith ended early")
        session.tell(f"Something went wrong: {error}. Blender's console has more.")
    return False


def _mirror() -> None:
    global _drawn
    _drawn = time.monotonic()
    session.now.changed = False
    state = session.now
    runtime.mirror(state.link, state.sentence, jobs.newest_first(), objects.shown())
    runtime.redraw()


def _tick() -> float:
    """The timer. Its exceptions would end it."""
    try:
        pump(preferences().budget / 1000)
    except Exception:
        log.exception("A tick of Propsmith failed")
    if _queue:
        return BUSY
    return CALM if session.now.client is not None else IDLE


def register() -> None:
    bpy.app.timers.register(_tick, first_interval=0.5, persistent=True)


def unregister() -> None:
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    for work in _queue:
        work.close()
    _queue.clear()
    session.disconnect()
