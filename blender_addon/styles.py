"""Style presets, by Blender's preset system: words for the prompt and against it.

In: a preset's file, one of ours in presets/ or one that the user has saved. Out: the panel's style,
negative prompt and whatever else the file sets. The style's words stand behind the prompt when a
job is made, so they can be changed without touching what the prop is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bl_operators.presets import AddPresetBase
from bpy.app.translations import pgettext_rpt as rpt_

from .translations import n_

SUBDIR = "propsmith/styles"
HOME = Path(__file__).parent
NOTE = n_("The embedded prior knows materials, colours and few looks; other words may be left out.")


def folders() -> list[str]:
    """Where presets are looked for: the user's and ours."""
    found = list(bpy.utils.preset_paths(SUBDIR))
    own = str(HOME / "presets" / SUBDIR)
    return found if own in found else [*found, own]  # Blender 4.2 can't be told of our folder


class PROPSMITH_MT_styles(bpy.types.Menu):
    bl_label = "Style Presets"
    bl_idname = "PROPSMITH_MT_styles"
    preset_subdir = SUBDIR
    preset_operator = "propsmith.apply_style"

    def draw(self, context: bpy.types.Context) -> None:
        self.path_menu(
            folders(),
            self.preset_operator,
            props_default={"menu_idname": self.bl_idname},
            filter_ext=lambda ext: ext.lower() == ".py",
        )


class PROPSMITH_OT_apply_style(bpy.types.Operator):
    bl_idname = "propsmith.apply_style"
    bl_label = "Apply Style"
    bl_description = "Use this style's words, for and against, behind the prompt"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    menu_idname: bpy.props.StringProperty(options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        # A preset is a script: only those in folders that presets live in are run.
        allowed = {Path(folder).resolve() for folder in folders()}
        path = Path(self.filepath)
        if path.suffix != ".py" or path.resolve().parent not in allowed or not path.is_file():
            self.report({"ERROR"}, rpt_("That is no style preset; choose one from the menu"))
            return {"CANCELLED"}
        name = PROPSMITH_MT_styles.bl_idname
        return bpy.ops.script.execute_preset(filepath=str(path), menu_idname=name)


class PROPSMITH_OT_style_add(AddPresetBase, bpy.types.Operator):
    bl_idname = "propsmith.style_add"
    bl_label = "Add Style Preset"
    bl_description = "Keep the style's words and the negative prompt under a name, or remove them"
    preset_menu = "PROPSMITH_MT_styles"
    preset_subdir = SUBDIR
    preset_defines = ["panel = bpy.context.scene.propsmith"]
    preset_values = ["panel.style", "panel.negative"]


def draw(layout: bpy.types.UILayout, panel: Any) -> None:
    """The row with the menu, and the style's words."""
    row = layout.row(align=True)
    row.menu("PROPSMITH_MT_styles", text=PROPSMITH_MT_styles.bl_label)
    row.operator("propsmith.style_add", text="", icon="ADD")
    row.operator("propsmith.style_add", text="", icon="REMOVE").remove_active = True
    layout.prop(panel, "style")


classes = (PROPSMITH_MT_styles, PROPSMITH_OT_apply_style, PROPSMITH_OT_style_add)


def register() -> None:
    if hasattr(bpy.utils, "register_preset_path"):
        bpy.utils.register_preset_path(str(HOME))


def unregister() -> None:
    PROPSMITH_MT_styles.bl_label = "Style Presets"  # Blender writes the last one's name there
    if hasattr(bpy.utils, "unregister_preset_path"):
        bpy.utils.unregister_preset_path(str(HOME))
