"""Procedural props: boats and what belongs to them. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    loft,
    prism,
    ring_of,
    rod_x,
    spoked,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, lathe, torus, tube


def _hull() -> list[Part]:
    """A wooden hull with an inside and a rail; the bow is at y = -1."""
    y = np.linspace(-1, 1, 9)
    w = np.sqrt(np.clip(1 - np.clip(-y, 0, 1) ** 2.2, 0, 1)) * 0.42
    w = w * (1 - 0.15 * np.clip(y, 0, 1)) + 0.012
    z = 0.42 + 0.14 * y**2
    rows = list(zip(w, y, z, strict=True))
    skin = [
        [(-a, t, b), (-a * 0.6, t, 0.06), (0, t, 0.0), (a * 0.6, t, 0.06), (a, t, b)]
        for a, t, b in rows
    ]
    floor = [
        [(-a * 0.85, t * 0.95, b), (a * 0.85, t * 0.95, b), (0, t * 0.95, 0.3)] for a, t, b in rows
    ]
    rail = tube([(a, t, b) for a, t, b in rows], 0.05, "shade", 6)
    return [loft(skin), loft(floor, "wood"), *both(rail)]


def rowboat(u: Uniform) -> list[Part]:
    parts = [*_hull(), *(box((0.7, 0.16, 0.06), (0, t, 0.4), "wood") for t in (-0.3, 0.3))]
    oar = [strut((0.3, 0.1, 0.5), (0.95, -0.05, 0.25), 0.035, "wood")]
    oar.append(ellipsoid((0.2, 0.1, 0.04), (1.0, -0.07, 0.22), "wood", 8))
    return [*parts, *(both(oar) if u(0, 1) < 0.7 else [])]


def sailboat(u: Uniform) -> list[Part]:
    h = u(1.2, 1.4)
    cloth = "white" if u(0, 1) < 0.7 else "sail"
    sail = prism([(0.06, 0), (0.85, 0.0), (0.06, h)], 0.035, cloth).turned("x", 90)
    jib = prism([(-0.05, 0), (-0.7, 0.0), (-0.05, h * 0.8)], 0.035, cloth).turned("x", 90)
    mast = strut((0, -0.05, 0.2), (0, -0.05, h + 0.65), 0.045, "wood")
    parts = [*_hull(), mast, strut((0, 0, 0.55), (0, 0.85, 0.57), 0.035, "wood")]
    return [*parts, *(p.turned("z", 90).moved(z=0.6) for p in (sail, jib))]


def pirate_ship(u: Uniform) -> list[Part]:
    parts = _hull()
    for p in parts:
        p.vertices = p.vertices * [1, 1, 1.1]
    parts += [
        box((0.62, 0.4, 0.3), (0, 0.72, 0.68)),
        box((0.5, 0.03, 0.14), (0, 0.93, 0.7), "lit"),
        strut((0, -0.9, 0.55), (0, -1.3, 0.75), 0.04, "wood"),
    ]
    cloth = "label" if u(0, 1) < 0.6 else "black"
    for y, h in ((-0.35, 1.5), (0.3, 1.7)):
        parts.append(strut((0, y, 0.3), (0, y, h + 0.25), 0.045, "wood"))
        parts += [
            box((0.9, 0.05, 0.5), (0, y - 0.06, h - 0.3), cloth),
            box((0.65, 0.05, 0.32), (0, y - 0.06, h + 0.12), cloth),
        ]
    return [*parts, box((0.03, 0.24, 0.15), (0, 0.42, 1.9), "black")]


def anchor(u: Uniform) -> list[Part]:
    a = np.linspace(np.pi * 1.1, np.pi * 1.9, 9)
    parts = [
        strut((0, 0, -0.75), (0, 0, 0.7), 0.085),
        torus(0.15, 0.055, "main", 16, 8).turned("x", 90).moved(z=0.85),
        rod_x(0.065, 0.8, (0, 0, 0.5)),
    ]
    parts.append(tube(np.stack([0.65 * np.cos(a), 0 * a, -0.18 + 0.62 * np.sin(a)], -1), 0.085))
    fluke = lathe([(0.16, 0), (0, 0.3)], "main", 4).turned("y", 12).moved(0.63, 0, -0.42)
    return [*parts, *both([fluke, ball(0.09, (0.4, 0, 0.5), "main", 8)])]


def ship_wheel(u: Uniform) -> list[Part]:
    parts = spoked(0.62, 0.085, "main", 8)
    knob = tube([(0.65, 0, 0), (0.8, 0, 0), (0.95, 0, 0)], [0.05, 0.075, 0.055])
    return [
        p.turned("x", 90) for p in (*parts, *ring_of(knob, 8), cylinder(0.12, 0.3, slot="gold"))
    ]


KINDS = {
    "rowing boat": Kind(
        rowboat, ("boat", "boat with oars"), ("wooden",), ("brown", "red", "blue"), 0.6
    ),
    "sailboat": Kind(
        sailboat,
        ("sailing boat", "boat"),
        ("wooden",),
        ("brown", "red", "blue"),
        0.7,
        trim=("sail", "with {} sails"),
    ),
    "pirate ship": Kind(pirate_ship, ("ship", "sailing ship"), ("wooden",), ("brown",), 0.7),
    "anchor": Kind(anchor, ("ship anchor",), ("iron", "metal"), ("dark grey",), 0.6),
    "ship wheel": Kind(ship_wheel, ("steering wheel", "helm wheel"), ("wooden",), ("brown",), 0.5),
}
