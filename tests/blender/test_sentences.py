"""Long sentences break into lines that fit; grey buttons say why they are grey."""

from __future__ import annotations

import importlib
from types import ModuleType, SimpleNamespace

import bpy
import pytest


@pytest.fixture
def sentences(addon: ModuleType) -> ModuleType:
    return importlib.import_module(f"{addon.__name__}.sentences")


def context_of(width: int, scale: float) -> SimpleNamespace:
    system = SimpleNamespace(ui_scale=scale)
    preferences = SimpleNamespace(system=system)
    return SimpleNamespace(region=SimpleNamespace(width=width), preferences=preferences)


@pytest.mark.parametrize(("width", "scale"), [(280, 1.0), (560, 2.0), (700, 1.0), (60, 1.0)])
def test_lines_fit_and_nothing_is_lost(sentences: ModuleType, width: int, scale: float) -> None:
    text = "The server has ended: press Start Server; its jobs go on where they were."
    lines = sentences.lines_of(text, context_of(width, scale))
    assert " ".join(lines) == text
    assert max(map(len, lines)) <= max(20, (width / scale - sentences.BESIDE) / sentences.LETTER)
    assert len(lines) == {280: 3, 560: 3, 700: 1, 60: 4}[width]


@pytest.mark.parametrize("name", ["make_lods", "make_collision"])
def test_a_grey_button_says_why(addon: ModuleType, name: str) -> None:
    said: list[str] = []
    kind = getattr(bpy.types, f"PROPSMITH_OT_{name}")
    button = SimpleNamespace(poll_message_set=said.append)
    poll = kind.poll.__func__
    assert not poll(button, bpy.context)
    bpy.ops.mesh.primitive_cube_add()
    assert poll(button, bpy.context)
    bpy.ops.object.mode_set(mode="EDIT")
    assert not poll(button, bpy.context)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert said == [
        "Select a mesh object first",
        "Leave the present mode first: it works in object mode",
    ]
