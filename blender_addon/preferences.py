"""The add-on's preferences: which server, how to start one, how often pictures come.

In: Blender's user preferences. Out: `preferences()`, also where the add-on was registered without
being enabled (scripts, tests): then the defaults.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from .folders import user_folder
from .wire import connection

MODES = (
    ("LOCAL", "This Computer", "A server on this computer, started here or by hand"),
    ("REMOTE", "Another Computer", "A server elsewhere, by its address and a pairing key"),
    ("FILE", "Connection File", "A server that a connection file leads to"),
)


class PROPSMITH_AP_preferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    mode: EnumProperty(name="Server", description="Where props are made", items=MODES)
    connection_file: StringProperty(
        name="Connection File",
        description="The file that 'propsmith serve' or 'propsmith keys' wrote",
        subtype="FILE_PATH",
    )
    address: StringProperty(
        name="Address",
        description="Of the other computer, as HOST:PORT; the port that it serves with --port",
    )
    pairing_key: StringProperty(
        name="Pairing Key",
        description="What 'propsmith keys --client NAME' printed on the other computer",
        subtype="PASSWORD",
    )
    python: StringProperty(
        name="Python or Program",
        description="The Python that Propsmith is installed in, or its 'propsmith' program. "
        "Empty: the one found on the PATH",
        subtype="FILE_PATH",
    )
    data: StringProperty(
        name="Data Folder",
        description="Where a server that is started here keeps its jobs. Empty: its own choice",
        subtype="DIR_PATH",
    )
    auto_connect: BoolProperty(
        name="Connect by Itself",
        description="Look for the server when Blender starts, and take up its jobs again",
        default=True,
    )
    interval: FloatProperty(
        name="Update Every",
        description="Seconds between two pictures of a prop while it is made; a shorter time "
        "costs the server more",
        default=0.25,
        min=0.05,
        max=60,
        subtype="TIME_ABSOLUTE",
    )
    budget: IntProperty(
        name="Time a Tick",
        description="Milliseconds that the add-on may take of Blender at a time",
        default=8,
        min=2,
        max=100,
    )

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "mode")
        if self.mode == "LOCAL":
            layout.prop(self, "python")
            layout.prop(self, "data")
        elif self.mode == "REMOTE":
            layout.prop(self, "address")
            layout.prop(self, "pairing_key")
        else:
            layout.prop(self, "connection_file")
        layout.prop(self, "auto_connect")
        layout.prop(self, "interval")
        layout.prop(self, "budget")


class _Defaults:
    """What stands in for the preferences where Blender has none for this package."""

    def __init__(self) -> None:
        self.mode, self.connection_file, self.address, self.pairing_key = "LOCAL", "", "", ""
        self.python, self.data = "", ""
        self.auto_connect, self.interval, self.budget = True, 0.25, 8


_defaults = _Defaults()


def preferences() -> Any:
    """The add-on's preferences; plain defaults, which can be set, where it is not enabled."""
    entry = bpy.context.preferences.addons.get(__package__)
    return entry.preferences if entry and entry.preferences else _defaults


def connection_file() -> Path:
    """Where the server is to be looked for. Raises ConnectionFileError with the user's sentence
    for an address or a key that can't be right."""
    chosen = preferences()
    if chosen.mode == "REMOTE":
        made = connection.paired(chosen.address, chosen.pairing_key)
        path = user_folder("connection") / "remote.json"
        connection.write_connection(path, made)
        return path
    if chosen.mode == "FILE":
        if not chosen.connection_file:
            raise connection.ConnectionFileError("Choose a connection file in the preferences.")
        return Path(bpy.path.abspath(chosen.connection_file))
    return connection.default_connection_file()


classes = (PROPSMITH_AP_preferences,)
