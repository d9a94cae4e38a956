"""The main panel in the 3D viewport's sidebar, and its menu, by which F3 finds everything.

In: the scene's settings. Nothing here decides anything: it draws properties and operators.
"""

from __future__ import annotations

import bpy

from . import session
from .sentences import draw_sentence

IN_MENU = (
    *("generate", "refine", "texture_only", "cancel", "pause", "resume", "show", "delete"),
    *("new_seed", "connect", "disconnect", "start_backend", "stop_backend", "open_log"),
    *("release_memory", "cameras_from_scene", "cameras_from_view", "look_from_favoured"),
    *(
        "make_lods",
        "make_collision",
        "mark_asset",
        "save_to_library",
        "reproduce",
        "refine_ab",
        "refine_apply",
    ),
    *("refine_discard", "history_refresh", "history_more", "history_settings", "history_load"),
    *("history_delete", "style_add"),
)


def has(name: str) -> bool:
    """Whether the operator is registered: a part of the add-on may be missing."""
    return hasattr(bpy.types, f"PROPSMITH_OT_{name}")


class Sidebar:
    """Where the panels are."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Propsmith"


class PROPSMITH_PT_main(Sidebar, bpy.types.Panel):
    bl_label = "Propsmith"

    def draw(self, context: bpy.types.Context) -> None:
        layout, panel = self.layout, context.scene.propsmith
        layout.prop(panel, "prompt", text="", placeholder="A red wooden chair")
        layout.prop(panel, "negative", text="", placeholder="Not this")
        column = layout.column()
        column.use_property_split, column.use_property_decorate = True, False
        column.prop(panel, "preset_menu")
        row = column.row(align=True)
        row.prop(panel, "seed")
        row.prop(panel, "seed_locked", text="", icon="LOCKED" if panel.seed_locked else "UNLOCKED")
        row.operator("propsmith.new_seed", text="", icon="FILE_REFRESH")
        column.prop(panel, "height")
        button = layout.row()
        button.scale_y = 1.5
        button.operator("propsmith.generate", icon="MESH_MONKEY")
        if has("refine"):
            row = layout.row(align=True)
            row.operator("propsmith.refine")
            row.operator("propsmith.texture_only")
        if session.now.sentence:
            draw_sentence(layout, session.now.sentence, context)


class PROPSMITH_PT_details(Sidebar, bpy.types.Panel):
    bl_label = "Details"
    bl_parent_id = "PROPSMITH_PT_main"
    bl_order = 2
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, panel = self.layout, context.scene.propsmith
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(panel, "image")
        if panel.image:
            layout.prop(panel, "image_elevation")
        for name in ("prior_menu", "distillation_menu", "distillation_settings", "timesteps_menu"):
            layout.prop(panel, name)
        for name in ("guidance_scale", "perp_neg", "faces", "texture_size"):
            layout.prop(panel, name)


class PROPSMITH_PT_cameras(Sidebar, bpy.types.Panel):
    bl_label = "Cameras"
    bl_parent_id = "PROPSMITH_PT_main"
    bl_order = 3
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, panel = self.layout, context.scene.propsmith
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(panel, "camera_source")
        if panel.camera_source == "SLIDERS":
            for name in ("azimuth", "elevation", "distance", "fov"):
                layout.prop(panel, name)
        layout.prop(panel, "use_favour")
        if panel.use_favour:
            layout.prop(panel, "favour")
            if panel.favour == "OWN":
                layout.prop(panel, "favour_angles")


class PROPSMITH_MT_main(bpy.types.Menu):
    bl_label = "Propsmith"

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.menu("PROPSMITH_MT_styles")
        for name in IN_MENU:
            if has(name):
                self.layout.operator(f"propsmith.{name}")


def _in_menu(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.menu("PROPSMITH_MT_main")


classes = (PROPSMITH_PT_main, PROPSMITH_PT_details, PROPSMITH_PT_cameras, PROPSMITH_MT_main)


def register() -> None:
    bpy.types.VIEW3D_MT_object.append(_in_menu)
    bpy.types.VIEW3D_MT_mesh_add.append(_in_menu)


def unregister() -> None:
    bpy.types.VIEW3D_MT_mesh_add.remove(_in_menu)
    bpy.types.VIEW3D_MT_object.remove(_in_menu)
