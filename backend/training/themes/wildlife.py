"""Procedural props: figurines of other animals; they look at -Y. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import animal_head, ball, both, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, cylinder, ellipsoid, lathe, tube


def penguin(u: Uniform) -> list[Part]:
    h = u(0.62, 0.72)
    parts = [
        ellipsoid((0.44, 0.4, h), (0, 0, h), segments=18),
        ellipsoid((0.35, 0.2, h * 0.85), (0, -0.24, h * 0.88), "white", 16),
        ball(0.31, (0, -0.02, h * 2 + 0.08), segments=16),
    ]
    z = h * 2 + 0.08
    wing = (
        ellipsoid((0.08, 0.2, 0.42), (0, 0, -0.35), "main", 12)
        .turned("y", -20)
        .moved(0.38, 0, h * 1.55)
    )
    face = ellipsoid((0.13, 0.06, 0.15), (0.11, -0.27, z), "white", 10)
    foot = ellipsoid((0.17, 0.24, 0.06), (0.2, -0.22, 0.03), "beak", 10)
    return [
        *parts,
        *both([wing, face, foot, ball(0.05, (0.12, -0.32, z + 0.03), "eye", 8)]),
        lathe([(0.1, 0), (0, 0.24)], "beak", 8).turned("x", 90).moved(0, -0.28, z - 0.06),
    ]


def owl(u: Uniform) -> list[Part]:
    parts = [
        ellipsoid((0.46, 0.4, 0.58), (0, 0, 0.58), segments=18),
        ellipsoid((0.34, 0.2, 0.42), (0, -0.25, 0.5), "light", 14),
        ellipsoid((0.44, 0.38, 0.34), (0, -0.02, 1.12), segments=16),
    ]
    side = [
        ellipsoid((0.19, 0.07, 0.19), (0.17, -0.33, 1.16), "white", 14),
        ball(0.09, (0.17, -0.38, 1.16), "eye", 10),
        lathe([(0.12, 0), (0, 0.28)], "main", 6).turned("y", 18).moved(0.27, 0, 1.35),
        ellipsoid((0.1, 0.28, 0.42), (0.44, 0.05, 0.6), "deep", 12),
        *(ball(0.07, (0.14 + d, -0.34, 0.04), "beak", 6) for d in (-0.07, 0.07)),
    ]
    return [
        *parts,
        *both(side),
        lathe([(0.08, 0), (0, 0.2)], "beak", 6).turned("x", 130).moved(0, -0.38, 1.08),
    ]


def turtle(u: Uniform) -> list[Part]:
    parts = [
        ellipsoid((0.6, 0.7, 0.48), (0, 0, 0.2), "deep", 20, cut=0.0),
        cylinder(0.66, 0.1, (0, 0, 0.18), "shade", segments=22),
        *animal_head(0.2, (0, -0.85, 0.4), 0.06, 0.045, "main"),
    ]
    parts += [
        ellipsoid((0.15, 0.15, 0.06), (0.36 * np.cos(a), 0.42 * np.sin(a), 0.54), "inner", 6)
        for a in np.arange(6) * np.pi / 3
    ]
    return [
        *parts,
        tube([(0, -0.6, 0.25), (0, -0.8, 0.36)], 0.13),
        *both([ellipsoid((0.2, 0.16, 0.1), (0.55, y, 0.08), "main", 10) for y in (-0.45, 0.45)]),
        tube([(0, 0.65, 0.2), (0, 0.9, 0.1)], [0.09, 0.02]),
    ]


def dinosaur(u: Uniform) -> list[Part]:
    parts = [
        ellipsoid((0.33, 0.45, 0.45), (0, 0.1, 0.8), segments=16),
        ellipsoid((0.24, 0.25, 0.36), (0, -0.22, 0.74), "light", 12),
        tube([(0, -0.1, 1.05), (0, -0.3, 1.45)], [0.24, 0.2]),
    ]
    parts += [
        ellipsoid((0.24, 0.36, 0.22), (0, -0.48, 1.52), "main", 14),
        tube([(0, 0.35, 0.75), (0, 0.75, 0.45), (0, 1.15, 0.25)], [0.3, 0.18, 0.03]),
    ]
    spine = [(0.02, 1.75), (0.2, 1.42), (0.42, 1.15), (0.62, 0.85), (0.85, 0.6)]
    parts += [
        lathe([(0.09, 0), (0, 0.2)], "accent", 4).turned("x", -35).moved(0, y, z - 0.08)
        for y, z in spine
    ]
    side = [
        ellipsoid((0.16, 0.22, 0.32), (0.27, 0.15, 0.42), "main", 12),
        ellipsoid((0.14, 0.24, 0.1), (0.28, -0.02, 0.1), "main", 10),
        tube([(0.22, -0.25, 0.95), (0.3, -0.45, 0.85)], [0.085, 0.06]),
        ball(0.055, (0.2, -0.6, 1.62), "eye", 8),
    ]
    return [*parts, *both(side)]


def bird(u: Uniform) -> list[Part]:
    parts = [
        ellipsoid((0.32, 0.45, 0.34), (0, 0.05, 0.55), segments=16),
        ellipsoid((0.24, 0.25, 0.24), (0, -0.2, 0.48), "light", 12),
        ball(0.26, (0, -0.3, 0.98), segments=14),
        lathe([(0.09, 0), (0, 0.26)], "beak", 8).turned("x", 95).moved(0, -0.53, 0.97),
    ]
    tail = tube([(0, 0.4, 0.58), (0, 0.85, 0.75)], [0.14, 0.08], "deep")
    return [
        *parts,
        tail,
        *both(
            [
                ellipsoid((0.08, 0.36, 0.22), (0.3, 0.12, 0.6), "deep", 12),
                ball(0.05, (0.15, -0.48, 1.05), "eye", 8),
                strut((0.1, 0, 0.25), (0.12, -0.04, 0.0), 0.04, "beak"),
                ellipsoid((0.09, 0.14, 0.04), (0.12, -0.1, 0.0), "beak", 8),
            ]
        ),
    ]


def snail(u: Uniform) -> list[Part]:
    a = np.linspace(0, 5 * np.pi, 44)
    q = 0.08 + 0.42 * (a / a[-1])
    spiral = tube(
        np.stack([0.06 * np.sin(a), q * np.cos(a + 1) + 0.15, 0.68 + q * np.sin(a + 1)], -1),
        0.07 + 0.12 * a / a[-1],
        "main",
        8,
    )
    foot = tube(
        [(0, 0.95, 0.08), (0, 0.4, 0.12), (0, -0.5, 0.12), (0, -0.75, 0.3), (0, -0.85, 0.6)],
        [0.04, 0.15, 0.18, 0.15, 0.13],
        "skin",
    )
    return [
        spiral,
        foot,
        *both(
            [
                strut((0.06, -0.85, 0.65), (0.13, -0.95, 0.98), 0.035, "skin"),
                ball(0.06, (0.13, -0.95, 1.0), "eye", 8),
            ]
        ),
    ]


def bee(u: Uniform) -> list[Part]:
    parts = []
    for k in range(5):
        y = -0.3 + 0.22 * k
        r = 0.38 * np.sqrt(max(0.1, 1 - ((y - 0.1) / 0.68) ** 2))
        parts.append(ellipsoid((r, 0.16, r), (0, y, 0.5), "main" if k % 2 == 0 else "black", 14))
    parts += [
        ball(0.29, (0, -0.55, 0.55), "black", 14),
        lathe([(0.07, 0), (0, 0.22)], "black", 6).turned("x", -90).moved(0, 0.68, 0.5),
    ]
    return [
        *parts,
        *both(
            [
                ellipsoid((0.42, 0.22, 0.04), slot="glass", segments=12)
                .turned("y", -30)
                .moved(0.38, 0.05, 0.98),
                ball(0.09, (0.14, -0.78, 0.62), "white", 8),
                strut((0.08, -0.65, 0.78), (0.16, -0.78, 1.02), 0.03, "black"),
            ]
        ),
    ]


def ladybug(u: Uniform) -> list[Part]:
    parts = [
        ellipsoid((0.62, 0.7, 0.5), (0, 0, 0.1), segments=20, cut=0.0),
        ellipsoid((0.36, 0.26, 0.26), (0, -0.66, 0.18), "black", 14),
    ]
    spots = [(0.3, -0.2), (0.36, 0.25), (0.15, 0.48), (-0.3, -0.2), (-0.36, 0.25), (-0.15, 0.48)]
    parts += [
        ellipsoid(
            (0.12, 0.12, 0.09),
            (x, y, 0.1 + 0.5 * np.sqrt(1 - (x / 0.62) ** 2 - (y / 0.7) ** 2)),
            "black",
            8,
        )
        for x, y in spots
    ]
    y = np.linspace(-0.55, 0.66, 8)
    parts.append(
        tube(np.stack([0 * y, y, 0.1 + 0.5 * np.sqrt(1 - (y / 0.7) ** 2)], -1), 0.03, "black", 6)
    )
    return [
        *parts,
        *both(
            [
                ball(0.08, (0.18, -0.86, 0.28), "white", 8),
                *(
                    strut((0.5, t, 0.12), (0.78, t * 1.1, 0.0), 0.045, "black")
                    for t in (-0.35, 0.0, 0.35)
                ),
            ]
        ),
    ]


CERAMIC = ("ceramic",)


KINDS = {
    "penguin": Kind(penguin, ("toy penguin",), CERAMIC, ("black", "navy"), 0.9, whole=True),
    "owl": Kind(owl, ("owl figurine",), CERAMIC, ("brown", "grey"), 0.8, whole=True),
    "turtle": Kind(turtle, ("tortoise",), CERAMIC, ("green",), 0.6, whole=True),
    "dinosaur": Kind(
        dinosaur,
        ("toy dinosaur", "dino"),
        CERAMIC,
        ("green",),
        0.7,
        whole=True,
        trim=("accent", "with {} spikes"),
    ),
    "bird": Kind(
        bird, ("toy bird", "sparrow"), CERAMIC, ("blue", "red", "yellow"), 0.6, whole=True
    ),
    "snail": Kind(snail, (), CERAMIC, ("brown", "orange"), 0.5, whole=True),
    "bee": Kind(bee, ("bumblebee", "honey bee"), CERAMIC, ("yellow",), 0.4, whole=True),
    "ladybug": Kind(ladybug, ("ladybird",), CERAMIC, ("red",), 0.4, whole=True),
}
