"""Sentences of any length in a panel, and why a button is grey. In: text. Out: labels, tooltips."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from .translations import n_, told

LETTER, BESIDE = 6, 80  # pixels of a letter, on the average, and of tabs, margins and the icon
NO_MESH = n_("Select a mesh object first")
NOT_OBJECT_MODE = n_("Leave the present mode first: it works in object mode")


def draw_sentence(
    layout: bpy.types.UILayout, sentence: str, context: bpy.types.Context, icon: str = "INFO"
) -> None:
    """Over as many lines as the sidebar needs."""
    box = layout.box().column(align=True)
    for line in lines_of(told(sentence), context):
        box.label(text=line, icon=icon, translate=False)
        icon = "BLANK1"


def lines_of(sentence: str, context: bpy.types.Context) -> list[str]:
    """Broken between words, each line as wide as the region at most."""
    pixels = context.region.width / context.preferences.system.ui_scale
    width = max(20, int((pixels - BESIDE) / LETTER))
    lines: list[str] = []
    for word in sentence.split():
        if lines and len(lines[-1]) + len(word) < width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def is_mesh(operator: Any, context: bpy.types.Context) -> bool:
    """For `poll`: whether a mesh object is active, in object mode; else the button says why not."""
    thing = context.active_object
    if thing is None or thing.type != "MESH":
        operator.poll_message_set(rpt_(NO_MESH))
        return False
    if thing.mode != "OBJECT":
        operator.poll_message_set(rpt_(NOT_OBJECT_MODE))
        return False
    return True
