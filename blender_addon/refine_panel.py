"""The panel of Refine Selected: what may change, then A and B and what to do with them.

In: the active object and its record. Out: the panel; the prompt is the main panel's.
"""

from __future__ import annotations

import bpy

from . import refine_live as live
from . import refine_record as records
from .refine import losses
from .refine_read import why_not
from .sentences import draw_sentence


class PROPSMITH_PT_refine(bpy.types.Panel):
    """Under the main panel's prompt, which it shares."""

    bl_label = "Refine Selected"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Propsmith"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 20

    def draw(self, context: bpy.types.Context) -> None:
        layout, thing = self.layout, context.active_object
        layout.use_property_split, layout.use_property_decorate = True, False
        record = records.record_of(thing)
        if record is not None:
            draw_record(layout, record, context)
            return
        wishes = context.scene.propsmith_refine
        layout.prop(wishes, "mode")
        layout.prop(wishes, "strength")
        if thing is not None and thing.type == "MESH" and wishes.mode != "remesh":
            layout.prop_search(wishes, "group", thing, "vertex_groups", text="Only In")
        lost = losses(thing, wishes.mode) if thing is not None and not why_not(thing) else ""
        for sentence in (why_not(thing), lost):
            if sentence:
                draw_sentence(layout, sentence, context)
        row = layout.row(align=True)
        row.operator("propsmith.refine", icon="MOD_SMOOTH")
        row.operator("propsmith.texture_only", icon="TEXTURE")


def draw_record(
    layout: bpy.types.UILayout, record: records.PROPSMITH_PG_refine, context: bpy.types.Context
) -> None:
    """The A/B switch and what to do with the result."""
    if record.state == "RUNNING":
        undone = live.was_taken(record.job)
        layout.label(text="Undone; redo brings it back" if undone else "Refining...", icon="TIME")
    if record.note:
        draw_sentence(layout, record.note, context)
    row = layout.row(align=True)
    for side, text in (("A", "A: Before"), ("B", "B: Refined")):
        row.operator("propsmith.refine_ab", text=text, depress=record.shown == side).side = side
    row = layout.row(align=True)
    row.operator("propsmith.refine_apply", icon="CHECKMARK")
    row.operator("propsmith.refine_discard", icon="X")


classes = (PROPSMITH_PT_refine,)
