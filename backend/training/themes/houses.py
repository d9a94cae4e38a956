"""Procedural props: houses, large and small. The table is at the end."""

from __future__ import annotations

import itertools

import numpy as np

from backend.training.forms import arch, both, ring_of, rod_x, rod_y, rounded, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, extrude, lathe


def _gable_roof(
    w: float, d: float, rise: float, z: float, slot: str, over: float = 0.12
) -> list[Part]:
    """Two slabs that lean on each other; the ridge runs along Y."""
    slope = np.hypot(w / 2 + over, rise * (1 + 2 * over / w))
    angle = np.degrees(np.arctan2(rise, w / 2))
    slab = box((slope, d, 0.09), (slope / 2, 0, 0), slot).turned("y", angle)
    return [p.moved(z=z + rise + 0.02) for p in both(slab)]


def dog_house(u: Uniform) -> list[Part]:
    w, d, h, rise = u(0.9, 1.05), u(1.0, 1.25), u(0.6, 0.72), u(0.38, 0.52)
    roof = ("deep", "roof", "roof", "accent")[u.count(0, 3)]
    boards = 5
    parts = []
    for k in range(boards):  # clapboards: each a little wider below
        grow = 1.02 if k % 2 else 1.0
        size = (w * grow, d * grow, h / boards * 0.98)
        parts.append(box(size, (0, 0, (k + 0.5) * h / boards), "main" if k % 2 else "shade"))
    parts.append(extrude([(-w / 2, 0), (w / 2, 0), (0, rise)], d * 0.99, "main").moved(z=h))
    parts += _gable_roof(w, d * 1.22, rise, h, roof)
    doorway = arch(w * 0.5, h * 0.95)
    parts.append(extrude(arch(w * 0.6, h * 1.02), 0.05, "light").moved(0, -d / 2, 0))
    parts.append(extrude(doorway, 0.08, "black").moved(0, -d / 2, 0.0))
    if u(0, 1) < 0.6:  # a board with a bone over the door
        parts.append(box((w * 0.4, 0.06, 0.13), (0, -d / 2 - 0.03, h + rise * 0.36), "label"))
    return [*parts, box((w * 1.12, d * 1.1, 0.08), (0, 0, 0.0), "inset")]


def house(u: Uniform) -> list[Part]:
    w, d, h, rise = u(1.0, 1.3), u(0.9, 1.2), u(0.65, 0.85), u(0.42, 0.6)
    parts = [
        box((w, d, h), (0, 0, h / 2)),
        extrude([(-w / 2, 0), (w / 2, 0), (0, rise)], d).moved(z=h),
    ]
    parts += _gable_roof(w, d * 1.15, rise, h, "roof")
    parts += [
        box((0.28, 0.06, 0.48), (0, -d / 2, 0.24), "white"),
        box((0.22, 0.08, 0.44), (0, -d / 2, 0.22), "bark"),
    ]
    for x in (-0.34, 0.34):
        for y in (-d / 2, d / 2):
            parts += [
                box((0.26, 0.05, 0.28), (x * w, y, h * 0.58), "white"),
                box((0.2, 0.07, 0.22), (x * w, y, h * 0.58), "glass"),
            ]
    for y in (-0.22, 0.22):
        parts += both(box((0.06, 0.2, 0.24), (w / 2, y * d, h * 0.58), "glass"))
    return [*parts, box((0.18, 0.18, 0.45), (w * 0.25, d * 0.2, h + rise * 0.75), "roof")]


def bird_house(u: Uniform) -> list[Part]:
    parts = [
        box((0.6, 0.55, 0.7), (0, 0, 1.2)),
        extrude([(-0.3, 0), (0.3, 0), (0, 0.28)], 0.55).moved(z=1.55),
    ]
    parts += _gable_roof(0.6, 0.7, 0.28, 1.55, "accent")
    parts += [
        rod_y(0.13, 0.03, (0, -0.28, 1.3), "black"),
        rod_y(0.035, 0.2, (0, -0.36, 1.08), "wood"),
    ]
    return [*parts, strut((0, 0, 0), (0, 0, 0.9), 0.07, "wood")]


def barn(u: Uniform) -> list[Part]:
    w, d = u(1.1, 1.25), u(1.2, 1.5)
    outline = [
        (-w / 2, 0),
        (w / 2, 0),
        (w / 2, 0.6),
        (w * 0.36, 0.88),
        (0, 1.08),
        (-w * 0.36, 0.88),
        (-w / 2, 0.6),
    ]
    parts = [extrude(outline, d)]
    path = np.array(outline[2:]) * [1.05, 1.03]
    for a, b in itertools.pairwise(path):
        mid, gap = (a + b) / 2, b - a
        slab = box((np.hypot(*gap) * 1.05, d * 1.1, 0.08), slot="stone").turned(
            "y", -np.degrees(np.arctan2(gap[1], gap[0]))
        )
        parts.append(slab.moved(mid[0], 0, mid[1]))
    parts += [
        box((0.5, 0.06, 0.56), (0, -d / 2, 0.28), "white"),
        box((0.42, 0.08, 0.5), (0, -d / 2, 0.26), "inset"),
    ]
    cross = box((0.62, 0.1, 0.05), slot="white").turned("y", 50)
    parts += [cross.moved(0, -d / 2, 0.27), cross.scaled(-1, 1, 1).moved(0, -d / 2, 0.27)]
    return [
        *parts,
        box((0.24, 0.08, 0.22), (0, -d / 2, 0.8), "white"),
        box((0.17, 0.1, 0.16), (0, -d / 2, 0.8), "black"),
    ]


def tent(u: Uniform) -> list[Part]:
    w, d, h = u(1.2, 1.5), u(1.4, 1.8), u(0.85, 1.05)
    if u(0, 1) < 0.3:  # a tipi
        parts = [lathe([(0.8, 0), (0.06, 1.5)], "main", 12)]
        parts += ring_of(strut((0.85, 0, 0), (-0.14, 0, 1.78), 0.035, "wood", 6), 5)
        door = extrude([(-0.22, 0), (0.22, 0), (0, 0.75)], 0.04, "black").turned("x", -28)
        return [*parts, door.moved(0, -0.8, 0.02)]
    parts = [extrude([(-w / 2, 0), (w / 2, 0), (0, h)], d)]
    parts.append(
        extrude([(-w * 0.24, 0.0), (w * 0.24, 0), (0, h * 0.8)], 0.04, "black").moved(0, -d / 2, 0)
    )
    flap = extrude([(0, 0), (w * 0.16, 0), (w * 0.06, h * 0.6)], 0.05, "light")
    parts += both(flap.moved(w * 0.12, -d / 2 - 0.02, 0))
    parts += [
        strut((0, s * d * 0.52, 0), (0, s * d * 0.52, h + 0.14), 0.045, "wood") for s in (-1, 1)
    ]
    return parts


def well(u: Uniform) -> list[Part]:
    r, h = u(0.55, 0.65), u(0.5, 0.6)
    parts = [
        lathe(
            [
                (r, 0),
                (r, h),
                (r * 1.08, h),
                (r * 1.08, h + 0.1),
                (r * 0.8, h + 0.1),
                (r * 0.8, 0.1),
                (0, 0.1),
            ],
            "main",
            20,
        )
    ]
    for row in range(3):  # stones stand out
        parts += ring_of(
            rounded(
                (0.1, 0.3, 0.15), (r, 0, 0.1 + 0.17 * row), "shade" if row % 2 else "inset", 4, 8
            ),
            9,
            20 * (row % 2),
        )
    parts += both(box((0.1, 0.1, 1.0), (r * 0.95, 0, h + 0.5), "wood"))
    parts += [
        p.turned("z", 90)
        for p in _gable_roof(0.8, 2.3 * r, 0.32, h + 0.8, "roof" if u(0, 1) < 0.6 else "bark")
    ]
    parts += [
        rod_x(0.07, 2 * r, (0, 0, h + 0.6), "bark"),
        strut((0, 0, h + 0.6), (0, 0, h + 0.3), 0.025, "label", 5),
    ]
    return [
        *parts,
        cylinder(0.11, 0.2, (0, 0, h + 0.22), "bark", 0.14),
        cylinder(r * 0.8, 0.02, (0, 0, h * 0.8), "black"),
    ]


STONE = ("stone", "stone", "brick")


KINDS = {
    "dog house": Kind(
        dog_house,
        ("doghouse", "kennel", "dog kennel"),
        ("wooden",),
        ("brown", "brown", "red", "white"),
        2.0,
        trim=("accent", "with {} roof"),
    ),
    "house": Kind(
        house,
        ("cottage", "hut", "cabin"),
        ("stone", "wooden", "brick"),
        ("white", "yellow", "brown"),
        1.0,
    ),
    "bird house": Kind(
        bird_house,
        ("birdhouse",),
        ("wooden",),
        ("brown", "white"),
        0.6,
        trim=("accent", "with {} roof"),
    ),
    "barn": Kind(barn, ("farm barn",), ("wooden",), ("red", "brown"), 0.6),
    "tent": Kind(tent, ("camping tent",), ("fabric",), ("green", "orange", "beige"), 0.9),
    "well": Kind(well, ("water well", "wishing well"), STONE, ("grey",), 0.9),
}
