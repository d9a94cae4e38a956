"""Vertex colours in Solid shading: it shows materials' plain colours unless told otherwise.

In: the viewport that Generate was pressed in. It shows vertex colours from then on, and textures
once the prop has some; a viewport whose user has chosen a colour meanwhile is left as it is.
"""

from __future__ import annotations

import bpy

_switched: set[int] = set()  # addresses of the viewports


def show_colors(context: bpy.types.Context) -> None:
    """Only where the plain default is set."""
    space = context.space_data
    if isinstance(space, bpy.types.SpaceView3D) and space.shading.color_type == "MATERIAL":
        space.shading.color_type = "VERTEX"
        _switched.add(space.as_pointer())


def show_textures() -> None:
    """In the viewports that were switched here."""
    for manager in bpy.data.window_managers:
        for window in manager.windows:
            for area in window.screen.areas:
                _texture(area.spaces.active)


def _texture(space: bpy.types.Space) -> None:
    if space is None or space.as_pointer() not in _switched:
        return
    if space.shading.color_type == "VERTEX":
        space.shading.color_type = "TEXTURE"
    _switched.discard(space.as_pointer())
