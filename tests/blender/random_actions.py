"""What a restless user does to props while they stream, one random action after the other.

In: a seed, a folder for files. Out: `act()` does one thing and says what; the same seed, the same
actions. Nothing here knows the add-on: operators and data of Blender alone.
"""

from __future__ import annotations

import random
from pathlib import Path

import bpy

WEIGHTS = {
    "move": 20,
    "rename": 5,
    "hide": 5,
    "duplicate": 3,
    "undo": 16,
    "redo": 10,
    "delete": 6,
    "edit": 14,
    "edit_mesh": 4,
    "new_object": 4,
    "new_scene": 2,
    "next_scene": 4,
    "save": 3,
    "load": 2,
    "new_file": 1,
}


class Restless:
    """step: what ends an action as Blender's window does; without a window nobody pushes undo."""

    def __init__(self, seed: int, folder: Path):
        self.random, self.folder = random.Random(seed), folder
        self.saved: Path | None = None
        self._left: set[str] = set()  # names of the objects when the last action had ended

    def act(self) -> str:
        name = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        getattr(self, name)()
        self._left = _names()
        return name

    def lost(self) -> list[str]:
        """Objects that have gone since the last action, which nobody deleted."""
        return sorted(self._left - _names())

    def _thing(self) -> bpy.types.Object | None:
        meshes = [o for o in bpy.context.view_layer.objects if o.type == "MESH"]
        return self.random.choice(meshes) if meshes else None

    def _take(self) -> bpy.types.Object | None:
        """A mesh object, alone selected, in object mode."""
        self._leave()
        thing = self._thing()
        if thing is not None:
            for other in bpy.context.view_layer.objects:
                other.select_set(other == thing)
            bpy.context.view_layer.objects.active = thing
        return thing

    def _leave(self) -> None:
        active = bpy.context.view_layer.objects.active
        if active is not None and active.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")

    def _push(self, what: str) -> None:
        if bpy.ops.ed.undo_push.poll():
            bpy.ops.ed.undo_push(message=what)

    def move(self) -> None:
        if (thing := self._take()) is not None:
            thing.location = [self.random.uniform(-2, 2) for _ in range(3)]
            self._push("Move")

    def rename(self) -> None:
        if (thing := self._take()) is not None:
            thing.name = f"thing {self.random.randrange(9)}"
            self._push("Rename")

    def hide(self) -> None:
        if (thing := self._take()) is not None:
            thing.hide_set(not thing.hide_get())
            self._push("Hide")

    def duplicate(self) -> None:
        if self._take() is not None and len(bpy.data.objects) < 12:
            bpy.ops.object.duplicate(linked=self.random.random() < 0.3)
            self._push("Duplicate")

    def undo(self) -> None:
        if bpy.ops.ed.undo.poll():
            _unless_refused(bpy.ops.ed.undo)

    def redo(self) -> None:
        if bpy.ops.ed.redo.poll():
            _unless_refused(bpy.ops.ed.redo)

    def delete(self) -> None:
        if (thing := self._take()) is not None:
            bpy.data.objects.remove(thing)
            self._push("Delete")

    def edit(self) -> None:
        """In, or out again."""
        active = bpy.context.view_layer.objects.active
        if active is not None and active.mode == "EDIT":
            self._leave()
        elif (thing := self._take()) is not None and thing.visible_get():
            bpy.ops.object.mode_set(mode="EDIT")
        self._push("Edit Mode")

    def edit_mesh(self) -> None:
        thing = self._take()
        if thing is not None and len(thing.data.vertices):
            thing.data.vertices[0].co.x += 0.01
            thing.data.update()
            self._push("Edit")

    def new_object(self) -> None:
        self._leave()
        if len(bpy.data.objects) < 12:
            mesh = bpy.data.meshes.new("mine")
            mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
            bpy.context.scene.collection.objects.link(bpy.data.objects.new("mine", mesh))
            self._push("Add")

    def new_scene(self) -> None:
        self._leave()
        if len(bpy.data.scenes) < 4:
            self._show(bpy.data.scenes.new("Scene"))

    def next_scene(self) -> None:
        self._leave()
        self._show(self.random.choice(list(bpy.data.scenes)))

    def _show(self, scene: bpy.types.Scene) -> None:
        windows = bpy.context.window_manager.windows
        if windows:
            windows[0].scene = scene
            self._push("Scene")

    def save(self) -> None:
        self._leave()
        self.saved = self.folder / f"{self.random.randrange(3)}.blend"
        bpy.ops.wm.save_as_mainfile(filepath=str(self.saved))

    def load(self) -> None:
        if self.saved is not None:
            bpy.ops.wm.open_mainfile(filepath=str(self.saved))

    def new_file(self) -> None:
        bpy.ops.wm.read_homefile(use_empty=True, app_template="")


def _unless_refused(operator: object) -> None:
    """There may be nothing to undo, which is an error of the operator alone."""
    try:
        operator()
    except RuntimeError as refused:
        if "poll" not in str(refused):
            raise


def _names() -> set[str]:
    return {thing.name for thing in bpy.data.objects}
