"""Runs inside the Blender of window.py: `blender --python inside.py`.

With -b it installs extension.zip from its folder. In a window it opens the sidebar and answers
questions: a file N.ask with a Python expression gets a file N.answer with {"value": ...} or
{"error": ...}.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import addon_utils
import bpy

FOLDER = Path(__file__).parent
NAME = "bl_ext.user_default.propsmith"
EVERY = 0.02  # seconds between two looks for questions
errors: list[str] = []  # exceptions that reached Python's top level, or that the add-on logged
addon = ticks = drawn = restless = None
sys.path.append(str(FOLDER))


class Heard(logging.Handler):
    """What the add-on caught and logged as an error: its timer outlives those."""

    def emit(self, record: logging.LogRecord) -> None:
        errors.append(self.format(record))


def install() -> None:
    """Without a window: the extension, and no splash screen at the next start."""
    preferences = bpy.context.preferences
    preferences.view.show_splash = False
    preferences.view.show_tooltips = False
    addon_utils.enable("bl_pkg", default_set=True)
    bpy.ops.extensions.package_install_files(
        filepath=str(FOLDER / "extension.zip"), repo="user_default", enable_on_install=True
    )
    bpy.ops.wm.save_userpref()


def set_up() -> None:
    """Once the window is there: the sidebar, and answers."""
    global addon
    addon = importlib.import_module(NAME)
    logging.getLogger(NAME).addHandler(Heard(logging.ERROR))
    view().spaces.active.show_region_ui = True
    bpy.app.timers.register(answer_all, persistent=True)


def answer_all() -> float:
    for question in sorted(FOLDER.glob("*.ask"), key=lambda path: int(path.stem)):
        text = question.read_text()
        question.unlink()
        try:
            answer = {"value": eval(text, globals())}
            content = json.dumps(answer)
        except Exception:
            content = json.dumps({"error": traceback.format_exc(limit=-3)})
        half = question.with_suffix(".writing")
        half.write_text(content)
        half.rename(question.with_suffix(".answer"))
    return EVERY


# ---- for questions ----


def run(code: str) -> None:
    """Statements, in this module's names."""
    exec(code, globals())


def view() -> bpy.types.Area:
    areas = bpy.context.window_manager.windows[0].screen.areas
    return max((a for a in areas if a.type == "VIEW_3D"), key=lambda a: a.width * a.height)


def region(kind: str) -> bpy.types.Region:
    return next(r for r in view().regions if r.type == kind)


def show_tab(name: str = "Propsmith") -> bool:
    """The sidebar's tab; False until it has been drawn."""
    try:
        region("UI").active_panel_category = name
    except (AttributeError, TypeError):
        return False
    region("UI").tag_redraw()
    return region("UI").active_panel_category == name


def sidebar() -> list[int]:
    """Left, top, width and height on the screen, in pixels from the top left."""
    found, window = region("UI"), bpy.context.window_manager.windows[0]
    return [found.x, window.height - found.y - found.height, found.width, found.height]


def forget_clipboard() -> bool:
    bpy.context.window_manager.clipboard = ""
    return True


def clipboard() -> str:
    return bpy.context.window_manager.clipboard


def in_view(code: str) -> None:
    """Statements with the 3D view as their context, as operators of the panel have."""
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window, area=view(), region=region("WINDOW")):
        exec(code, globals())


class Drawn:
    """When the viewport was drawn, and what it showed then of the add-on's objects."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, int, int]] = []  # time, objects, vertices
        self.changes: list[float] = []  # when a mesh's geometry changed
        self._handle = bpy.types.SpaceView3D.draw_handler_add(
            self._draw, (), "WINDOW", "POST_PIXEL"
        )
        bpy.app.handlers.depsgraph_update_post.append(self._update)

    def _draw(self) -> None:
        found = props()
        self.frames.append((time.time(), len(found), sum(len(o.data.vertices) for o in found)))

    def _update(self, scene: bpy.types.Scene, graph: bpy.types.Depsgraph) -> None:
        if any(isinstance(u.id, bpy.types.Mesh) for u in graph.updates):
            self.changes.append(time.time())

    def stop(self) -> None:
        bpy.types.SpaceView3D.draw_handler_remove(self._handle, "WINDOW")
        if self._update in bpy.app.handlers.depsgraph_update_post:
            bpy.app.handlers.depsgraph_update_post.remove(self._update)


def props() -> list[bpy.types.Object]:
    """The objects that the add-on made."""
    found = [o for o in bpy.data.objects if o.type == "MESH" and hasattr(o, "propsmith")]
    return [o for o in found if o.propsmith.uid]


# ---- measuring ----


def part(name: str) -> ModuleType:
    """A module of the add-on."""
    return importlib.import_module(f"{NAME}.{name}")


def preferences(**values: object) -> None:
    chosen = bpy.context.preferences.addons[NAME].preferences
    for name, value in values.items():
        setattr(chosen, name, value)


def stream(prompt: str) -> str:
    """A job whose prop is shown, as the panel's button starts one; its id."""
    session, jobs, objects, live = map(part, ("session", "jobs", "objects", "live"))
    if session.now.client is None:
        session.connect()
    job = jobs.new_id()
    thing = objects.make(bpy.context, job, "streamed", 0.0)
    jobs.submit(job, part("wire").messages.Settings(prompt))
    jobs.follow(job, live.Prop(job, thing.propsmith.uid))
    return job


def stop_and_remove(job: str) -> None:
    """Cancels it and deletes what showed it."""
    jobs = part("jobs")
    jobs.ask(part("wire").messages.Cancel(job))
    for thing in [o for o in props() if o.propsmith.job == job]:
        bpy.data.objects.remove(thing)


def live_info() -> Any:
    """The newest of the first prop's job."""
    return part("jobs").infos[props()[0].propsmith.job]


def act(seed: int, job: str) -> str:
    """One of the actions of random_actions.py; if nothing shows the job any more, it is shown."""
    global restless
    if restless is None:
        restless = importlib.import_module("random_actions").Restless(seed, FOLDER)
    look_for_lost()
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window, area=view(), region=region("WINDOW")):
        if not part("objects").all_live() and bpy.context.mode == "OBJECT":
            thing = part("objects").make(bpy.context, job, "streamed", 0.0)
            part("jobs").follow(job, part("live").Prop(job, thing.propsmith.uid))
            bpy.ops.ed.undo_push(message="Generate")
        return restless.act()


def look_for_lost() -> None:
    """Objects that went without an action are an error."""
    if restless is not None and (lost := restless.lost()):
        errors.append(f"objects were lost: {', '.join(lost)}")


def tidy_view() -> None:
    """Nothing but the viewport's floor, looked at from near; shading is as Blender has it."""
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    space = view().spaces.active
    space.region_3d.view_distance = 3.0
    space.region_3d.view_location = (0, 0, 0.5)


class Ticks:
    """Seconds that each tick of the add-on took, and what was in the longest ones."""

    def __init__(self) -> None:
        self.bridge, self.begun = part("bridge"), time.time()
        self.seconds, self.processor = [], []  # the second: of the processor, whoever else has it
        self.longest: list[tuple[float, float, list[str]]] = []  # wall, processor, what
        self._parts: list[str] = []
        self._collecting = 0.0
        self._kept = {}
        wrapped = [(self.bridge, "_slice"), (self.bridge, "_mirror")]
        wrapped += [(part("session"), "step"), (part("jobs"), "take")]
        for module, name in wrapped:
            self._kept[module, name] = getattr(module, name)
            setattr(module, name, self._told(module, name))
        self._pump = self.bridge.pump
        self.bridge.pump = self._timed
        gc.callbacks.append(self._collected)

    def _timed(self, *arguments: float) -> None:
        self._parts = []
        begun, processor = time.perf_counter(), time.thread_time()
        self._pump(*arguments)
        took = time.perf_counter() - begun, time.thread_time() - processor
        self.seconds.append(took[0])
        self.processor.append(took[1])
        self.longest = sorted([*self.longest, (*took, self._parts)], key=lambda t: -t[1])[:5]

    def _told(self, module: ModuleType, name: str) -> Any:
        """The function, which now says how long it took; a slice also where it began."""
        plain = getattr(module, name)

        def told(*arguments: Any) -> Any:
            what = place(arguments[0]) if name == "_slice" else name
            begun, processor = time.perf_counter(), time.thread_time()
            try:
                return plain(*arguments)
            finally:
                wall, used = time.perf_counter() - begun, time.thread_time() - processor
                self._parts.append(f"{what} {1000 * wall:.1f}/{1000 * used:.1f}")

        return told

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._collecting = time.thread_time()
        else:
            used = 1000 * (time.thread_time() - self._collecting)
            self._parts.append(f"gc of generation {info['generation']} {used:.1f}")

    def stop(self) -> None:
        gc.callbacks.remove(self._collected)
        self.bridge.pump = self._pump
        for (module, name), plain in self._kept.items():
            setattr(module, name, plain)

    def told(self) -> list[str]:
        """The longest: milliseconds by the clock and of the processor, then each part's."""
        return [
            f"{1000 * wall:.1f}/{1000 * used:.1f}: {', '.join(parts)}"
            for wall, used, parts in self.longest
        ]


def place(work: Any) -> str:
    """Where a generator, or the one that it waits for, goes on."""
    while getattr(work, "gi_yieldfrom", None) is not None and hasattr(work.gi_yieldfrom, "gi_code"):
        work = work.gi_yieldfrom
    frame = work.gi_frame
    return f"{work.gi_code.co_name}:{frame.f_lineno if frame else 0}"


def start_measuring() -> None:
    global ticks, drawn
    ticks, drawn = Ticks(), Drawn()


def measured() -> dict[str, float]:
    ticks.stop()
    drawn.stop()
    lasted, took = time.time() - ticks.begun, sorted(1000 * s for s in ticks.seconds)
    used = sorted(1000 * s for s in ticks.processor)
    return {
        "ticks": len(took),
        "median_ms": round(took[len(took) // 2], 3),
        "p99_ms": round(took[int(len(took) * 0.99)], 3),
        "most_ms": round(took[-1], 3),
        "above_30_ms": sum(t > 30 for t in took),
        "processor_median_ms": round(used[len(used) // 2], 3),
        "processor_most_ms": round(used[-1], 3),
        "processor_above_30_ms": sum(t > 30 for t in used),
        "longest": ticks.told(),
        "meshes_per_second": round(len(drawn.changes) / lasted, 2),
        "frames_per_second": round(len(drawn.frames) / lasted, 2),
    }


def hook(kind: type, error: BaseException, trace: object) -> None:
    errors.append("".join(traceback.format_exception(kind, error, trace)))
    sys.__excepthook__(kind, error, trace)


sys.excepthook = hook
if bpy.app.background:
    install()
else:
    bpy.app.timers.register(set_up, first_interval=0.5)
