"""Menus whose entries the server names. The name is what is kept, not its place in the list.

Blender keeps an enum as a number, and one with other entries then means something else. So the
value lives in a text property, and the enum only reads and writes that. A name that the connected
server does not have stays, and is shown as such.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bpy

DEFAULT = ""  # leave it to the preset
_kept: dict[str, list[tuple[str, str, str]]] = {}  # Blender needs the texts to stay alive
_offers: dict[str, tuple[str, ...]] = {}


def offer(kind: str, names: Sequence[str]) -> None:
    """What the server has of a kind: "preset", "prior", "distillation", "timesteps"."""
    _offers[kind] = tuple(names)


def offered(kind: str) -> tuple[str, ...]:
    return _offers.get(kind, ())


def menu(kind: str, title: str, description: str, default: str | None = DEFAULT) -> Any:
    """An enum beside the text property called `kind`. default: shown as "Default" where it is
    empty; None: there is always a name."""

    def entries(self: Any, _context: Any) -> list[tuple[str, str, str]]:
        names = list(offered(kind))
        if (now := getattr(self, kind)) and now not in names:
            names.append(now)
        empty = [("default", "Default", "As the preset of quality has it")]
        found = [] if default is None else empty
        found += [(name, _title(name), _meaning(kind, name)) for name in names]
        return _kept.setdefault(f"{kind}/{found}", found)

    def read(self: Any) -> int:
        names = [entry[0] for entry in entries(self, None)]
        now = getattr(self, kind) or "default"
        return names.index(now) if now in names else 0

    def write(self: Any, index: int) -> None:
        name = entries(self, None)[index][0]
        setattr(self, kind, DEFAULT if name == "default" else name)

    return bpy.props.EnumProperty(
        name=title, description=description, items=entries, get=read, set=write
    )


def _title(name: str) -> str:
    return name.replace("_", " ").replace("-", " ").title() if name.islower() else name


def _meaning(kind: str, name: str) -> str:
    if name in offered(kind):
        return MEANINGS.get((kind, name), f"{name}, as the connected server has it")
    return f"{name}: the connected server does not have it"


MEANINGS: dict[tuple[str, str], str] = {
    ("preset", "draft"): "The fastest: a shape to judge the prompt by",
    ("preset", "standard"): "More steps and a finer surface",
    ("preset", "high"): "The most steps, the finest surface and the largest textures",
    ("prior", "embedded"): "The small prior that comes with Propsmith; needs no download",
}

Entries = Callable[[Any, Any], list[tuple[str, str, str]]]
