"""Panels beside the main one: styles, buttons for cameras, finishing a prop, the server's history.

In: the scene, the active object, the history's rows. Nothing here decides anything.
"""

from __future__ import annotations

from typing import Any

import bpy

from . import history, history_pictures, provenance, session, styles
from .sentences import draw_sentence


class _InSidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Propsmith"
    bl_options = {"DEFAULT_CLOSED"}


class PROPSMITH_PT_finish(_InSidebar, bpy.types.Panel):
    bl_idname = "PROPSMITH_PT_finish"
    bl_label = "Finish"
    bl_order = 20

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column(align=True)
        column.operator("propsmith.mark_asset", icon="ASSET_MANAGER")
        column.operator("propsmith.save_to_library", icon="FILE_TICK")
        column.operator("propsmith.make_lods", icon="MOD_DECIM")
        column.operator("propsmith.make_collision", icon="MESH_ICOSPHERE")
        thing = context.active_object
        origin = provenance.read(thing) if thing is not None else None
        if origin:
            draw_origin(self.layout, origin)


def draw_origin(layout: bpy.types.UILayout, origin: dict[str, Any]) -> None:
    """Who made it from what; the texts may be anybody's."""
    box = layout.box()
    for title, name in (
        ("Prompt", "prompt"),
        ("Seed", "seed"),
        ("Prior", "prior"),
        ("Licence", "licence"),
        ("Made By", "server"),
    ):
        if text := str(origin.get(name, "")):
            split = box.split(factor=0.3)
            split.label(text=title)
            split.label(text=text[:200], translate=False)
    box.operator("propsmith.reproduce", icon="FILE_REFRESH")


class PROPSMITH_UL_history(bpy.types.UIList):
    bl_idname = "PROPSMITH_UL_history"

    def draw_item(self, context, layout, data, item, icon, active_data, active_property) -> None:
        number = history_pictures.icon_of(item.job)
        if number:
            layout.label(text=item.name, icon_value=number, translate=False)
        else:
            plain = "MESH_DATA" if item.state == "done" else "CANCEL"
            layout.label(text=item.name, icon=plain, translate=False)


class PROPSMITH_PT_history(_InSidebar, bpy.types.Panel):
    bl_idname = "PROPSMITH_PT_history"
    bl_label = "History"
    bl_order = 30

    def draw(self, context: bpy.types.Context) -> None:
        manager, layout = context.window_manager, self.layout
        history.keep_up()
        if not session.is_up():
            draw_sentence(layout, history.NO_SERVER, context)
        row = layout.row(align=True)
        row.operator("propsmith.history_refresh", icon="FILE_REFRESH")
        row.operator("propsmith.history_more", icon="TRIA_DOWN")
        rows, active = manager.propsmith_history, manager.propsmith_history_active
        layout.template_list(
            "PROPSMITH_UL_history", "", manager, "propsmith_history", manager,
            "propsmith_history_active", rows=4,
        )  # fmt: skip
        if not 0 <= active < len(rows):
            return
        job = rows[active].job
        if number := history_pictures.icon_of(job):
            layout.template_icon(icon_value=number, scale=6)
        column = layout.column(align=True)
        for name in ("history_settings", "history_load", "history_delete"):
            column.operator(f"propsmith.{name}").job = job


class PROPSMITH_PT_style(_InSidebar, bpy.types.Panel):
    bl_idname = "PROPSMITH_PT_style"
    bl_label = "Style"
    bl_parent_id = "PROPSMITH_PT_main"
    bl_order = 1

    def draw(self, context: bpy.types.Context) -> None:
        panel = context.scene.propsmith
        styles.draw(self.layout, panel)
        if panel.style and panel.prior == "embedded":
            draw_sentence(self.layout, styles.NOTE, context)


def draw_cameras(self: bpy.types.Panel, context: bpy.types.Context) -> None:
    """At the end of the cameras' panel: its sliders filled by a click."""
    column = self.layout.column(align=True)
    column.operator("propsmith.cameras_from_scene", icon="CAMERA_DATA")
    column.operator("propsmith.cameras_from_view", icon="VIEW3D")
    if context.scene.propsmith.use_favour:
        column.operator("propsmith.look_from_favoured", icon="HIDE_OFF")


classes = (PROPSMITH_PT_style, PROPSMITH_PT_finish, PROPSMITH_UL_history, PROPSMITH_PT_history)


def register() -> None:
    bpy.types.PROPSMITH_PT_cameras.append(draw_cameras)


def unregister() -> None:
    bpy.types.PROPSMITH_PT_cameras.remove(draw_cameras)
