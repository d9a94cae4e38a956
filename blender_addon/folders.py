"""Where the add-on may write: a folder of its own that outlives updates. Out: paths."""

from __future__ import annotations

from pathlib import Path

import bpy


def user_folder(name: str = "") -> Path:
    """Made if it is not there; in the source tree, which is no extension, among the settings."""
    try:
        found = bpy.utils.extension_path_user(__package__, path=name, create=True)
    except ValueError:
        found = bpy.utils.user_resource("CONFIG", path=f"propsmith/{name}", create=True)
    return Path(found)
