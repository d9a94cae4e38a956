"""Procedural props: swords, axes, bows. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    ring_of,
    rod_x,
    rounded,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, extrude, lathe, torus, tube


def _blade(long: float, w: float, tip: float = 0.85) -> list[Part]:
    """A double-edged blade with a ridge; it stands on z = 0."""
    outline = [(-w / 2, 0), (w / 2, 0), (w * 0.43, long * tip), (0, long), (-w * 0.43, long * tip)]
    return [
        extrude(outline, 0.05, "blade"),
        extrude(np.array(outline) * [0.3, 0.93], 0.09, "blade"),
    ]


def sword(u: Uniform) -> list[Part]:
    long, w, guard = u(1.4, 1.8), u(0.2, 0.28), u(0.55, 0.75)
    parts = _blade(long, w)
    if u(0, 1) < 0.5:
        parts.append(rounded((guard, 0.15, 0.13), power=6))
    else:
        parts.append(
            tube(
                [
                    (-guard / 2, 0, 0.14),
                    (-guard * 0.3, 0, 0.0),
                    (guard * 0.3, 0, 0.0),
                    (guard / 2, 0, 0.14),
                ],
                0.07,
            )
        )
    parts.append(cylinder(0.07, 0.44, (0, 0, -0.25), "grip"))
    parts += [torus(0.07, 0.025, "deep", 12, 6).moved(z=-0.12 - 0.1 * k) for k in range(3)]
    if u(0, 1) < 0.3:
        parts.append(ball(0.07, (0, -0.06, 0), "gem", 8))
    return [*parts, ball(0.12, (0, 0, -0.52), "main", 10)]


def katana(u: Uniform) -> list[Part]:
    z = np.linspace(0, 1.6, 8)
    bend = 0.12 * (z / 1.6) ** 2
    left = np.stack([bend - 0.09, z], -1)
    right = np.stack([bend + 0.09, z], -1)
    parts = []
    for i in range(7):
        o = [left[i], right[i], right[i + 1] if i < 6 else [bend[7] - 0.05, z[7]], left[i + 1]]
        parts.append(extrude(o, 0.06, "blade"))
    return [
        *parts,
        cylinder(0.2, 0.06, slot="gold"),
        cylinder(0.075, 0.6, (0, 0, -0.32)),
        *(torus(0.075, 0.025, "inner", 10, 6).moved(z=-0.1 * k - 0.1) for k in range(5)),
    ]


def dagger(u: Uniform) -> list[Part]:
    parts = _blade(u(0.75, 0.95), u(0.2, 0.28), 0.6)
    parts += [
        rounded((u(0.4, 0.55), 0.14, 0.12), power=5),
        cylinder(0.075, 0.36, (0, 0, -0.2), "grip"),
    ]
    return [*parts, ball(0.1, (0, 0, -0.42), "gem" if u(0, 1) < 0.4 else "main", 10)]


def axe(u: Uniform) -> list[Part]:
    h, w = u(1.3, 1.7), u(0.42, 0.56)
    blade = [
        (0.0, -0.15),
        (w * 0.6, -0.22),
        (w, -0.45),
        (w * 1.1, 0),
        (w, 0.45),
        (w * 0.6, 0.22),
        (0, 0.15),
    ]
    edge = [(w * 0.93, -0.42), (w, -0.46), (w * 1.17, 0), (w, 0.46), (w * 0.93, 0.42), (w, 0)]
    z = h * 0.84
    parts = [
        cylinder(0.07, h, (0, 0, h / 2), "wood"),
        extrude(blade, 0.11).moved(z=z),
        extrude(edge, 0.06, "blade").moved(z=z),
    ]
    if u(0, 1) < 0.4:
        parts += [
            extrude([(-x, a) for x, a in blade], 0.11).moved(z=z),
            extrude([(-x, a) for x, a in edge], 0.06, "blade").moved(z=z),
        ]
    else:
        parts.append(box((0.26, 0.16, 0.24), (-0.1, 0, z)))
    parts += [torus(0.075, 0.03, "grip", 12, 6).moved(z=0.12 + 0.1 * k) for k in range(4)]
    return [*parts, cylinder(0.1, 0.1, (0, 0, 0.03), "main")]


def bow(u: Uniform) -> list[Part]:
    z = np.linspace(-1, 1, 15)
    depth = u(0.4, 0.55)
    x = depth * (1 - z**2) - 0.12 * np.exp(-(((np.abs(z) - 1) / 0.12) ** 2))
    limb = tube(np.stack([x, 0 * z, z], -1), 0.075 - 0.03 * np.abs(z))
    parts = [
        limb,
        strut((x[0], 0, -1), (x[-1], 0, 1), 0.022, "label", 5),
        cylinder(0.095, 0.34, (depth, 0, 0), "grip"),
    ]
    if u(0, 1) < 0.4:
        parts += [
            rod_x(0.03, 1.0, (depth - 0.15, 0, 0), "wood"),
            lathe([(0.08, 0), (0, 0.2)], "blade", 6).turned("y", 90).moved(depth + 0.35, 0, 0),
        ]
    return parts


def arrow(u: Uniform) -> list[Part]:
    parts = [
        cylinder(0.04, 1.7, slot="wood"),
        lathe([(0, 0), (0.13, 0), (0, 0.3)], "blade", 4, (0, 0, 0.82)),
    ]
    feather = extrude([(0, 0), (0.16, -0.1), (0.16, -0.32), (0, -0.25)], 0.04, "main")
    return parts + ring_of(feather.moved(0.03, 0, -0.5), 3)


def spear(u: Uniform) -> list[Part]:
    tip = [(-0.13, 0.1), (0, 0), (0.13, 0.1), (0, 0.5)]
    return [
        cylinder(0.06, 1.9, (0, 0, 0), "wood"),
        extrude(tip, 0.09, "blade").moved(z=0.9),
        cylinder(0.085, 0.16, (0, 0, 0.9), "main"),
        *both(ellipsoid((0.05, 0.05, 0.16), (0.09, 0, 0.72), "accent", 8)),
    ]


METALS = ("metal", "iron")


BLADES = ("metal", "golden", "silver")


HAFT = (*METALS, "golden")


KINDS = {
    "sword": Kind(
        sword,
        ("longsword", "broadsword", "knight sword"),
        BLADES,
        ("brown", "grey"),
        1.3,
        whole=True,
    ),
    "katana": Kind(katana, ("samurai sword",), (), ("black", "red"), 0.5),
    "dagger": Kind(dagger, ("short sword",), BLADES, ("brown", "grey"), 0.9, whole=True),
    "axe": Kind(axe, ("battle axe", "battleaxe", "war axe"), HAFT, ("grey",), 1.1),
    "bow": Kind(bow, ("longbow", "archery bow"), ("wooden",), ("brown",), 0.8),
    "arrow": Kind(arrow, (), (), ("red", "white"), 0.4),
    "spear": Kind(spear, ("lance",), METALS, ("grey",), 0.5),
}
