"""Save to Asset Library: the prop as a .blend of its own in one of the user's libraries.

In: an object, a library of Blender's preferences. Out: a file in that library with the object, its
material and packed textures, tags, licence, catalogue and a picture. No file is overwritten.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import EnumProperty

from . import assets, thumbnail
from .sentences import NO_MESH, NOT_OBJECT_MODE
from .translations import n_

NO_LIBRARY = n_("There is no asset library: add a folder under Preferences > File Paths")
STILL_MADE = n_("The prop is still being made: wait for its end")
_kept: list[tuple[str, str, str]] = []  # Blender needs the texts to stay alive


def libraries() -> dict[str, Path]:
    """Those whose folder is there."""
    found = bpy.context.preferences.filepaths.asset_libraries
    folders = {library.name: Path(bpy.path.abspath(library.path)) for library in found}
    return {name: folder for name, folder in folders.items() if folder.is_dir()}


def free_file(folder: Path, name: str) -> Path:
    """A .blend that is not there yet, named after the object."""
    stem = bpy.path.clean_name(name).strip("_") or "prop"
    return next(path for path in _names(folder, stem) if not path.exists())


def _names(folder: Path, stem: str) -> Iterator[Path]:
    number = 1
    yield folder / f"{stem}.blend"
    while True:
        number += 1
        yield folder / f"{stem}-{number}.blend"


def picture(thing: bpy.types.Object) -> None:
    """Draws the asset's preview here and now: Blender itself would draw it after the file is
    written."""
    mesh = thing.data
    mesh.calc_loop_triangles()
    faces, corners = (np.empty(len(mesh.loop_triangles) * 3, np.int32) for _ in range(2))
    mesh.loop_triangles.foreach_get("vertices", faces)
    mesh.loop_triangles.foreach_get("loops", corners)
    positions = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", positions)
    uvs, albedo = np.zeros((len(mesh.loops), 2), np.float32), _albedo(thing)
    if mesh.uv_layers.active is not None:
        mesh.uv_layers.active.uv.foreach_get("vector", uvs.ravel())
    else:
        albedo = None
    pixels = thumbnail.picture(positions.reshape(-1, 3), faces.reshape(-1, 3), uvs[corners], albedo)
    shown = thing.preview_ensure()
    shown.image_size = pixels.shape[1::-1]
    shown.image_pixels_float = pixels.ravel()


def _albedo(thing: bpy.types.Object) -> np.ndarray | None:
    """(H, W, 4), row 0 at the bottom."""
    material = thing.active_material
    nodes = material.node_tree.nodes if material and material.node_tree else ()
    for node in nodes:
        if node.type == "TEX_IMAGE" and node.label == "albedo" and node.image:
            wide, high = node.image.size
            pixels = np.empty(wide * high * 4, np.float32)
            node.image.pixels.foreach_get(pixels)
            return pixels.reshape(high, wide, 4) if len(pixels) else None
    return None


def save(thing: bpy.types.Object, file: Path) -> None:
    """With all that it uses; no other object. Raises OSError or RuntimeError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    parent, thing.parent = thing.parent, None  # which would come along
    try:
        bpy.data.libraries.write(str(file), {thing}, fake_user=True, compress=True)
    finally:
        thing.parent = parent


def _entries(_self: Any, _context: Any) -> list[tuple[str, str, str]]:
    found = [(name, name, str(folder)) for name, folder in libraries().items()]
    if found != _kept:
        _kept[:] = found
    return _kept


class PROPSMITH_OT_save_to_library(assets.Marking, bpy.types.Operator):
    bl_idname = "propsmith.save_to_library"
    bl_label = "Save to Asset Library"
    bl_description = (
        "Write the active object into a file of its own in an asset library, with textures, tags, "
        "licence and preview: every file of yours can then use it"
    )
    bl_options = {"REGISTER"}

    library: EnumProperty(
        name="Library", items=_entries, description="Of those that the preferences name"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        thing = context.active_object
        if thing is None or thing.type != "MESH" or thing.library is not None:
            cls.poll_message_set(rpt_(NO_MESH))
            return False
        sentence = STILL_MADE if thing.propsmith.role == "LIVE" else ""
        if thing.mode != "OBJECT" or sentence or not libraries():
            otherwise = NOT_OBJECT_MODE if thing.mode != "OBJECT" else NO_LIBRARY
            cls.poll_message_set(rpt_(sentence or otherwise))
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if len(libraries()) == 1:
            return self.execute(context)
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[str]:
        thing, folder = context.active_object, libraries()[self.library]
        marked = thing.asset_data is not None
        self.mark(thing, folder)
        try:
            picture(thing)
            file = free_file(folder, thing.name)
            save(thing, file)
        except (OSError, RuntimeError) as error:
            self.report({"ERROR"}, rpt_("The asset can't be written: {}").format(error))
            return {"CANCELLED"}
        finally:
            if not marked:
                thing.asset_clear()
        self.report({"INFO"}, rpt_("Saved as {}").format(file))
        return {"FINISHED"}


classes = (PROPSMITH_OT_save_to_library,)
