"""Procedural props: figurines of animals at home; they look at -Y. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import animal_head, ball, both, prism, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, lathe, tube


def cat(u: Uniform) -> list[Part]:
    h = u(0.85, 1.0)
    parts = [
        lathe(
            [(0, 0), (0.38, 0.02), (0.42, 0.22), (0.3, 0.6), (0.2, h), (0, h)], "main", 18
        ).scaled(0.9, 1.15, 1)
    ]
    parts.append(ellipsoid((0.2, 0.12, 0.3), (0, -0.3, 0.42), "light", 12))
    parts += animal_head(0.32, (0, -0.12, h + 0.18), 0.12)
    ear = lathe([(0.14, 0), (0, 0.26)], "main", 8).turned("y", 14).moved(0.19, -0.1, h + 0.38)
    leg = [
        strut((0.14, -0.32, 0.5), (0.14, -0.42, 0.05), 0.085),
        ellipsoid((0.1, 0.14, 0.07), (0.14, -0.48, 0.07), "light", 10),
        ellipsoid((0.14, 0.25, 0.2), (0.34, 0.05, 0.18), "main", 12),
    ]
    inner = lathe([(0.08, 0), (0, 0.16)], "melon", 6).turned("y", 14).moved(0.19, -0.16, h + 0.39)
    tail = tube(
        [(0.1, 0.4, 0.08), (0.4, 0.55, 0.1), (0.6, 0.35, 0.25), (0.6, 0.2, 0.5)],
        [0.08, 0.085, 0.08, 0.05],
    )
    if u(0, 1) < 0.4:
        parts.append(cylinder(0.225, 0.09, (0, -0.06, h - 0.02), "collar"))
    return [*parts, *both([ear, leg[0], leg[1], leg[2], inner]), tail]


def dog(u: Uniform) -> list[Part]:
    h = u(0.55, 0.7)
    parts = [
        ellipsoid((0.27, 0.55, 0.28), (0, 0.05, h + 0.1), segments=16),
        tube([(0, -0.35, h + 0.15), (0, -0.52, h + 0.45)], 0.19),
    ]
    parts += animal_head(0.29, (0, -0.58, h + 0.62), 0.22)
    floppy = (
        ellipsoid((0.08, 0.14, 0.27), (0, 0, 0), "deep", 10)
        .turned("y", -14)
        .moved(0.3, -0.52, h + 0.58)
    )
    legs = [strut((0.16, y, h), (0.17, y - 0.02, 0.04), 0.1) for y in (-0.32, 0.4)]
    paws = [ellipsoid((0.11, 0.15, 0.07), (0.17, y - 0.06, 0.06), "light", 8) for y in (-0.32, 0.4)]
    tail = tube([(0, 0.55, h + 0.2), (0, 0.75, h + 0.4), (0, 0.8, h + 0.62)], [0.085, 0.075, 0.04])
    if u(0, 1) < 0.5:
        parts.append(cylinder(0.21, 0.1, slot="collar").turned("x", 25).moved(0, -0.47, h + 0.36))
    return [*parts, *both([floppy, *legs, *paws]), tail]


def rabbit(u: Uniform) -> list[Part]:
    parts = [
        ellipsoid((0.38, 0.46, 0.42), (0, 0.08, 0.42), segments=16),
        *animal_head(0.29, (0, -0.28, 0.95), 0.1),
    ]
    long = u(0.32, 0.42)
    ear = (
        ellipsoid((0.1, 0.06, long), (0, 0, long), "main", 12)
        .turned("y", 10)
        .moved(0.12, -0.22, 1.1)
    )
    inner = (
        ellipsoid((0.055, 0.04, long * 0.75), (0, -0.04, long), "melon", 10)
        .turned("y", 10)
        .moved(0.12, -0.22, 1.1)
    )
    foot = ellipsoid((0.13, 0.28, 0.09), (0.24, -0.3, 0.09), "light", 10)
    return [
        *parts,
        *both(
            [
                ear,
                inner,
                foot,
                ellipsoid((0.16, 0.28, 0.26), (0.3, 0.12, 0.28), "main", 12),
                strut((0.14, -0.28, 0.5), (0.13, -0.38, 0.12), 0.075),
            ]
        ),
        ball(0.15, (0, 0.55, 0.32), "white", 10),
    ]


def pig(u: Uniform) -> list[Part]:
    parts = [
        ellipsoid((0.42, 0.62, 0.42), (0, 0.1, 0.55), segments=18),
        ball(0.34, (0, -0.5, 0.68), segments=16),
        cylinder(0.15, 0.14, slot="shade").turned("x", 90).moved(0, -0.86, 0.64),
    ]
    parts += both(
        [
            ball(0.035, (0.06, -0.94, 0.65), "eye", 6),
            ball(0.05, (0.16, -0.78, 0.8), "eye", 8),
            lathe([(0.13, 0), (0, 0.24)], "shade", 6).turned("x", 25).moved(0.2, -0.5, 0.94),
            *(cylinder(0.12, 0.34, (0.22, y, 0.16)) for y in (-0.25, 0.42)),
        ]
    )
    a = np.linspace(0, 7, 12)
    return [
        *parts,
        tube(np.stack([0.07 * np.cos(a), 0.7 + 0.03 * a, 0.65 + 0.07 * np.sin(a)], -1), 0.04),
    ]


def piggy_bank(u: Uniform) -> list[Part]:
    return [*pig(u), box((0.1, 0.35, 0.05), (0, 0.1, 0.96), "black")]


def fish(u: Uniform) -> list[Part]:
    thick, tall = u(0.22, 0.3), u(0.42, 0.52)
    parts = [
        ellipsoid((0.75, thick, tall), segments=20),
        prism([(0.6, 0), (1.15, 0.42), (1.0, 0), (1.15, -0.42)], 0.09, "shade").turned("x", 90),
    ]
    parts[1] = parts[1].moved(y=0.045)
    parts.append(
        prism([(-0.25, 0.32), (0.3, 0.28), (0.25, 0.68), (-0.1, 0.62)], 0.08, "shade")
        .turned("x", 90)
        .moved(y=0.04)
    )
    parts.append(
        prism([(-0.05, -0.3), (0.3, -0.28), (0.28, -0.58)], 0.08, "shade")
        .turned("x", 90)
        .moved(y=0.04)
    )
    for s in (-1, 1):
        parts += [
            ball(0.11, (-0.45, s * thick * 0.78, 0.12), "white", 10),
            ball(0.06, (-0.47, s * (thick * 0.78 + 0.08), 0.12), "eye", 8),
            ellipsoid((0.18, 0.05, 0.11), (0.02, s * thick * 1.0, -0.06), "deep", 10).turned(
                "y", 20
            ),
        ]
    return [*parts, ellipsoid((0.08, 0.1, 0.06), (-0.74, 0, -0.05), "light", 8)]


def elephant(u: Uniform) -> list[Part]:
    parts = [
        ellipsoid((0.45, 0.62, 0.45), (0, 0.15, 0.78), segments=18),
        ball(0.36, (0, -0.55, 1.0), segments=16),
    ]
    parts.append(
        tube(
            [(0, -0.82, 0.95), (0, -1.0, 0.65), (0, -1.02, 0.3), (0, -1.15, 0.15)],
            [0.16, 0.13, 0.1, 0.08],
        )
    )
    side = [
        ellipsoid((0.33, 0.07, 0.36), (0.48, -0.42, 1.02), "shade", 14),
        ball(0.05, (0.2, -0.82, 1.1), "eye", 8),
        tube([(0.17, -0.8, 0.82), (0.22, -1.05, 0.7)], [0.06, 0.02], "stem"),
        *(cylinder(0.15, 0.55, (0.24, y, 0.27)) for y in (-0.18, 0.5)),
    ]
    return [*parts, *both(side), tube([(0, 0.72, 0.9), (0, 0.85, 0.55)], [0.05, 0.04])]


def horse(u: Uniform) -> list[Part]:
    parts = [
        ellipsoid((0.25, 0.55, 0.28), (0, 0.1, 0.95), segments=16),
        tube([(0, -0.28, 1.05), (0, -0.55, 1.5)], [0.22, 0.15]),
        tube([(0, -0.48, 1.55), (0, -0.88, 1.32)], [0.16, 0.1]),
    ]
    parts += [
        tube([(0, -0.22, 1.25), (0, -0.36, 1.5), (0, -0.46, 1.7)], [0.08, 0.11, 0.07], "mane"),
        tube([(0, 0.6, 1.05), (0, 0.8, 0.9), (0, 0.82, 0.45)], [0.08, 0.1, 0.04], "mane"),
    ]
    side = [
        tube([(0.15, y, 0.85), (0.16, y + d, 0.45), (0.16, y, 0.06)], [0.12, 0.08, 0.07])
        for y, d in ((-0.28, 0.0), (0.45, 0.06))
    ]
    hoofs = [cylinder(0.09, 0.1, (0.16, y, 0.05), "dark") for y in (-0.28, 0.45)]
    return [
        *parts,
        *both(
            [
                *side,
                *hoofs,
                lathe([(0.06, 0), (0, 0.16)], "main", 6).moved(0.08, -0.45, 1.66),
                ball(0.04, (0.13, -0.62, 1.52), "eye", 6),
            ]
        ),
    ]


CERAMIC = ("ceramic",)


KINDS = {
    "cat": Kind(
        cat,
        ("toy cat", "cat figurine", "kitten"),
        CERAMIC,
        ("orange", "black", "grey", "white"),
        0.9,
        whole=True,
    ),
    "dog": Kind(
        dog,
        ("toy dog", "dog figurine", "puppy"),
        CERAMIC,
        ("brown", "beige", "white", "black"),
        0.9,
        whole=True,
    ),
    "rabbit": Kind(
        rabbit,
        ("bunny", "toy rabbit", "hare"),
        CERAMIC,
        ("white", "beige", "brown", "grey"),
        0.8,
        whole=True,
    ),
    "pig": Kind(pig, ("toy pig",), CERAMIC, ("pink",), 0.5, whole=True),
    "piggy bank": Kind(piggy_bank, ("money box",), CERAMIC, ("pink",), 0.7, whole=True),
    "elephant": Kind(elephant, ("toy elephant",), CERAMIC, ("grey",), 0.7, whole=True),
    "horse": Kind(horse, ("pony",), CERAMIC, ("brown", "white", "black"), 0.7, whole=True),
    "fish": Kind(fish, ("toy fish", "fish figurine"), CERAMIC, ("orange", "blue"), 0.9, whole=True),
}
