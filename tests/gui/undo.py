"""Undo and redo by their keys in a real window: a finished prop goes and comes in one step.

    python -m tests.gui.undo CHROOT EXTENSION.zip OUT

The server is the real one with the embedded prior and few steps. Writes OUT/NAME.png of each stage
and prints one line of JSON: what was in the scene after each key. Exit code 1 where that is wrong.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from tests.gui.backend import Backend
from tests.gui.live import generate
from tests.gui.window import SIZE, Window

PROMPT = "a red wooden chair"
SCENE = (
    "sorted([o.name, o.propsmith.role, o.propsmith_refine.state, o.propsmith_refine.shown, "
    "len(o.data.vertices), round(o.location.x, 2)] for o in bpy.data.objects)"
)
UNDO, REDO = "ctrl+z", "ctrl+shift+z"


class Story:
    """One window; what it shows after each thing that the user does."""

    def __init__(self, window: Window, out: Path):
        self.window, self.out = window, out
        self.told: dict[str, Any] = {}
        self.wrong: list[str] = []

    def scene(self) -> Any:
        return self.window.ask(SCENE)

    def press(self, name: str, *keys: str) -> Any:
        """Keys over the viewport; the scene a moment later."""
        self.window.move(SIZE[0] * 0.3, SIZE[1] * 0.6)
        if keys:
            self.window.key(*keys)
        time.sleep(1.5)
        self.told[name] = self.scene()
        self.window.picture(self.out / f"{name}.png")
        return self.told[name]

    def expect(self, name: str, wanted: Any, *keys: str) -> None:
        if (found := self.press(name, *keys)) != wanted:
            self.wrong.append(f"{name}: {found} and not {wanted}")


def of_a_prop(story: Story) -> None:
    """The button, the end, and back and forth; then with a step of the user's on top."""
    window, before = story.window, story.scene()
    generate(window, PROMPT)
    window.wait("props() and props()[0].propsmith.role == 'DONE'")
    after = story.press("1-finished")
    story.expect("2-undone", before, UNDO)
    story.expect("3-redone", after, REDO)
    story.expect("4-back-and-forth", after, *[UNDO, REDO] * 4)
    story.press("5-moved", "g", "x", "1", "Return")
    story.expect("6-move-undone", after, UNDO)
    story.expect("7-undone", before, UNDO)
    story.expect("8-all-redone", story.told["5-moved"], REDO, REDO)


def of_a_refinement(story: Story) -> None:
    """Of the prop that the first part left."""
    window, before = story.window, story.scene()
    window.ask("run(\"bpy.context.scene.propsmith.prompt = 'a blue metal chair'\")")
    window.ask("in_view(\"bpy.ops.propsmith.texture_only('INVOKE_DEFAULT', True)\")")
    window.wait("props()[0].propsmith_refine.state == 'DONE'")
    after = story.press("9-refined")
    story.expect("10-refinement-undone", before, UNDO)
    story.expect("11-refinement-redone", after, REDO)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chroot", type=Path)
    parser.add_argument("extension", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--display", type=int, default=77)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with Window(arguments.chroot, arguments.display) as window:
        window.start(arguments.extension)
        with Backend(window.exchange, "short_worker.py"):
            window.wait("addon is not None")
            window.ask("tidy_view()")
            window.ask(
                "in_view(\"bpy.ops.mesh.primitive_cube_add('EXEC_DEFAULT', True, size=0.6)\")"
            )
            window.ask('in_view("bpy.context.object.location.x = -1")')
            window.ask("in_view(\"bpy.ops.ed.undo_push(message='Move')\")")
            window.wait("show_tab()")
            window.ask("part('session').connect()")
            window.wait("part('session').is_up()")
            story = Story(window, arguments.out)
            of_a_prop(story)
            of_a_refinement(story)
            story.wrong += window.ask("errors")
    print(json.dumps({"wrong": story.wrong, "scenes": story.told}))
    if story.wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
