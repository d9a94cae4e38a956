"""The server's panel: where it is, how it is, and what can be done about it."""

from __future__ import annotations

import bpy

from . import session
from .panels import Sidebar
from .preferences import preferences
from .translations import n_

LINKS = {"off": n_("Not connected"), "connecting": n_("Connecting"), "lost": n_("Reconnecting")}


class PROPSMITH_PT_server(Sidebar, bpy.types.Panel):
    bl_label = "Server"
    bl_order = 10

    def draw(self, _context: bpy.types.Context) -> None:
        layout, state, chosen = self.layout, session.now, preferences()
        layout.use_property_split, layout.use_property_decorate = True, False
        if isinstance(chosen, bpy.types.AddonPreferences):
            self.draw_choice(layout, chosen)
        if state.welcome is not None:
            layout.label(text=state.welcome.server, icon="LINKED")
        else:
            layout.label(text=LINKS.get(state.link, state.link), icon="UNLINKED")
        if state.status is not None:
            for worker in state.status.workers:
                memory = f", {worker.memory / 2**30:.1f} GB" if worker.memory else ""
                layout.label(text=f"{worker.device}: {worker.state}{memory}")
        row = layout.row(align=True)
        row.operator("propsmith.disconnect" if state.client else "propsmith.connect")
        row = layout.row(align=True)
        if chosen.mode == "LOCAL":
            name = "stop_backend" if session.is_up() else "start_backend"
            row.operator(f"propsmith.{name}")
        row.operator("propsmith.open_log", text="Log")
        if session.is_up():
            layout.operator("propsmith.release_memory")

    def draw_choice(self, layout: bpy.types.UILayout, chosen: bpy.types.AddonPreferences) -> None:
        layout.prop(chosen, "mode", text="")
        fields = {
            "LOCAL": ("python",),
            "REMOTE": ("address", "pairing_key"),
            "FILE": ("connection_file",),
        }
        for name in fields[chosen.mode]:
            layout.prop(chosen, name, text="Program" if name == "python" else None)


classes = (PROPSMITH_PT_server,)
