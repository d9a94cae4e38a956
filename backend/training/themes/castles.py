"""Procedural props: towers, castles and monuments. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import arch, ball, both, ring_of, rod_y, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, extrude, lathe, torus, tube


def windmill(u: Uniform) -> list[Part]:
    h = u(1.1, 1.35)
    parts = [
        cylinder(0.5, h, (0, 0, h / 2), "main", 0.33, 12),
        lathe([(0.4, 0), (0.02, 0.4), (0, 0.4)], "roof", 12, (0, 0, h)),
    ]
    parts += [
        extrude(arch(0.24, 0.42), 0.1, "bark").moved(0, -0.47, 0),
        box((0.16, 0.1, 0.18), (0, -0.41, h * 0.55), "glass"),
    ]
    turn = u.turn(90)
    hub = np.array([0, -0.46, h + 0.02])
    sail = [
        box((0.22, 0.04, 0.62), (0.1, 0, 0.48), "label"),
        strut((0, 0, 0), (0, 0, 0.82), 0.04, "bark", 6),
    ]
    for k in range(4):
        parts += [p.turned("y", turn + 90 * k).moved(*hub) for p in sail]
    return [*parts, rod_y(0.08, 0.3, (0, -0.35, h + 0.02), "bark")]


def castle_tower(u: Uniform) -> list[Part]:
    r, h = u(0.42, 0.5), u(1.1, 1.4)
    parts = [
        cylinder(r * 1.08, h, (0, 0, h / 2), "main", r, 20),
        cylinder(r * 1.25, 0.22, (0, 0, h + 0.08), segments=20),
    ]
    parts += ring_of(box((0.16, 0.22, 0.2), (r * 1.16, 0, h + 0.28)), 8)
    parts.append(extrude(arch(0.28, 0.46), 0.1, "bark").moved(0, -r * 1.06, 0))
    parts += [
        extrude(arch(0.12, 0.26), 0.1, "black").moved(0, -r * 0.98, h * 0.6).turned("z", 120 * k)
        for k in range(3)
    ]
    if u(0, 1) < 0.5:
        parts.append(lathe([(r * 1.1, 0), (0.02, 0.65), (0, 0.65)], "roof", 20, (0, 0, h + 0.2)))
        parts += [
            strut((0, 0, h + 0.8), (0, 0, h + 1.1), 0.025, "wood"),
            box((0.24, 0.03, 0.15), (0.13, 0, h + 1.02), "red"),
        ]
    return parts


def castle(u: Uniform) -> list[Part]:
    parts = [box((1.0, 1.0, 0.5), (0, 0, 0.25)), box((0.5, 0.5, 1.0), (0, 0.1, 0.5))]
    roof = "roof" if u(0, 1) < 0.6 else "accent"
    for x in (-0.55, 0.55):
        for y in (-0.55, 0.55):
            parts += [
                cylinder(0.2, 0.85, (x, y, 0.42), segments=14),
                lathe([(0.27, 0), (0.01, 0.4), (0, 0.4)], roof, 14, (x, y, 0.85)),
            ]
    parts += [
        box((0.12, 0.12, 0.14), (x, s * 0.45, 0.55)) for x in (-0.25, 0.0, 0.25) for s in (-1, 1)
    ]
    parts += both([box((0.12, 0.12, 0.14), (0.45, y, 0.55)) for y in (-0.2, 0.1)])
    parts.append(extrude([(-0.36, 0), (0.36, 0), (0, 0.4)], 0.7, roof).moved(0, 0.1, 1.0))
    return [
        *parts,
        extrude(arch(0.3, 0.38), 0.06, "bark").moved(0, -0.5, 0),
        extrude(arch(0.12, 0.2), 0.04, "black").moved(0, -0.16, 0.7),
    ]


def lighthouse(u: Uniform) -> list[Part]:
    h = u(1.4, 1.7)
    parts = []
    for k in range(5):
        a, b = 0.4 - 0.035 * k, 0.4 - 0.035 * (k + 1)
        parts.append(
            cylinder(a, h / 5, (0, 0, (k + 0.5) * h / 5), "main" if k % 2 == 0 else "white", b, 20)
        )
    parts += [
        cylinder(0.34, 0.07, (0, 0, h + 0.03), "dark", segments=20),
        cylinder(0.17, 0.26, (0, 0, h + 0.2), "lit", segments=14),
    ]
    parts += ring_of(strut((0.3, 0, h), (0.3, 0, h + 0.18), 0.022, "dark", 5), 8)
    parts.append(lathe([(0.24, 0), (0.02, 0.22), (0, 0.22)], "main", 16, (0, 0, h + 0.33)))
    parts += [
        extrude(arch(0.2, 0.34), 0.08, "bark").moved(0, -0.4, 0),
        cylinder(0.62, 0.12, (0, 0, -0.05), "stone", 0.5, 12),
    ]
    return parts


def fountain(u: Uniform) -> list[Part]:
    basin = [(0, 0), (0.9, 0), (0.95, 0.3), (0.82, 0.3), (0.8, 0.16), (0, 0.16)]
    parts = [
        lathe(basin, "main", 26),
        cylinder(0.8, 0.02, (0, 0, 0.22), "water", segments=24),
        cylinder(0.14, 0.8, (0, 0, 0.5), "main", 0.1),
    ]
    parts += [
        lathe([(0.1, 0), (0.5, 0.15), (0.48, 0.2), (0, 0.14)], "main", 22, (0, 0, 0.68)),
        cylinder(0.42, 0.02, (0, 0, 0.84), "water", segments=20),
    ]
    return [
        *parts,
        lathe([(0.09, 0.0), (0.06, 0.3), (0.2, 0.42), (0, 0.5)], "main", 16, (0, 0, 0.8)),
    ]


def pillar(u: Uniform) -> list[Part]:
    r, h = u(0.28, 0.36), u(1.5, 1.9)
    shaft = lathe([(r, 0), (r * 0.86, h)], "main", 24)
    v = shaft.vertices.copy()
    v[np.arange(len(v)) % 2 == 0, :2] *= 0.9
    parts = [Part(v, shaft.faces)]
    for z, s in ((0, 1), (h, -1)):
        parts += [
            torus(r * 1.05, 0.08, "main", 22, 8).moved(z=z + s * 0.06),
            box((r * 2.7, r * 2.7, 0.14), (0, 0, z - s * 0.08)),
        ]
    return parts


def statue(u: Uniform) -> list[Part]:
    parts = [
        box((0.7, 0.7, 0.35), (0, 0, 0.17), "shade"),
        box((0.8, 0.8, 0.1), (0, 0, 0.05), "shade"),
        ball(0.17, (0, 0, 1.75), segments=14),
    ]
    parts += [
        lathe(
            [
                (0, 0.35),
                (0.32, 0.35),
                (0.2, 0.9),
                (0.18, 1.1),
                (0.27, 1.4),
                (0.08, 1.55),
                (0.07, 1.65),
            ],
            "main",
            16,
        ).scaled(1, 0.75, 1)
    ]
    arm = tube([(0.24, 0, 1.42), (0.38, -0.05, 1.15), (0.28, -0.25, 1.0)], [0.085, 0.075, 0.06])
    return [*parts, *both(arm)]


STONE = ("stone", "stone", "brick")


KINDS = {
    "windmill": Kind(windmill, ("mill",), ("stone", "wooden", "brick"), ("white", "brown"), 0.7),
    "castle tower": Kind(castle_tower, ("tower", "watchtower"), STONE, ("grey",), 0.9),
    "castle": Kind(castle, ("fortress",), STONE, ("grey",), 0.7),
    "lighthouse": Kind(lighthouse, ("light house",), ("stone",), ("red", "blue"), 0.8),
    "fountain": Kind(fountain, ("water fountain",), ("stone", "marble"), ("grey",), 0.7),
    "pillar": Kind(pillar, ("column", "greek column"), ("stone", "marble"), ("white",), 0.7),
    "statue": Kind(statue, ("sculpture",), ("stone", "marble", "copper"), ("grey",), 0.4),
}
