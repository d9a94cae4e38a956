"""Procedural props: fruit and vegetables. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import ball, sector, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, cylinder, ellipsoid, extrude, lathe, tube


def apple(u: Uniform) -> list[Part]:
    a = np.linspace(-np.pi / 2, np.pi / 2, 16)
    r = 0.62 * np.cos(a) ** 0.75 * (1 + 0.12 * np.sin(a))
    z = 0.55 * np.sin(a) - 0.2 * np.exp(-((r / 0.2) ** 2)) * np.sign(np.sin(a))
    body = lathe(list(zip(np.maximum(r, 0), z, strict=True)), "main", 22)
    stem = tube([(0, 0, 0.3), (0.02, 0, 0.5), (0.08, 0, 0.68)], 0.05, "bark", 6)
    leaf = (
        ellipsoid((0.2, 0.1, 0.04), slot="leaves", segments=10)
        .turned("y", -25)
        .moved(0.24, 0, 0.62)
    )
    return [body, stem, leaf] if u(0, 1) < 0.8 else [body, stem]


def pear(u: Uniform) -> list[Part]:
    prof = [
        (0, -0.6),
        (0.3, -0.58),
        (0.5, -0.35),
        (0.52, -0.12),
        (0.4, 0.2),
        (0.26, 0.42),
        (0.2, 0.62),
        (0.1, 0.72),
        (0, 0.72),
    ]
    return [
        lathe(prof, "main", 22),
        tube([(0, 0, 0.7), (0.06, 0, 0.95)], 0.05, "bark", 6),
        ellipsoid((0.18, 0.09, 0.035), (0.2, 0, 0.86), "leaves", 8),
    ]


def orange(u: Uniform) -> list[Part]:
    return [
        ellipsoid((0.6, 0.6, 0.56), segments=22),
        cylinder(0.06, 0.08, (0, 0, 0.56), "leaves", segments=8),
        ellipsoid((0.22, 0.11, 0.04), (0.2, 0, 0.62), "leaves", 8),
    ]


def banana(u: Uniform) -> list[Part]:
    a = np.linspace(-1.1, 1.1, 12)
    path = np.stack([np.sin(a), 0 * a, -np.cos(a)], -1)
    radius = 0.2 * np.cos(a * 1.1) ** 0.4 + 0.03
    one = [
        tube(path, radius, "main", 6),
        tube([path[-1], path[-1] * 1.12 + [0, 0, 0.1]], 0.055, "bark", 6),
        ball(0.06, path[0], "dark", 6),
    ]
    if u(0, 1) < 0.4:
        return [p.turned("x", t).moved(y=t * 0.006) for t in (-22, 0, 22) for p in one]
    return one


def carrot(u: Uniform) -> list[Part]:
    body = lathe(
        [
            (0, -1.0),
            (0.05, -0.95),
            (0.16, -0.4),
            (0.27, 0.1),
            (0.28, 0.25),
            (0.15, 0.36),
            (0, 0.36),
        ],
        "main",
        16,
    )
    greens = [
        tube(
            [
                (0, 0, 0.34),
                (0.1 * np.cos(a), 0.1 * np.sin(a), 0.6),
                (0.28 * np.cos(a), 0.28 * np.sin(a), 0.85),
            ],
            [0.05, 0.07, 0.05],
            "leaves",
            6,
        )
        for a in np.arange(5) * 1.257
    ]
    return [body, *greens, strut((0, 0, 0.34), (0, 0, 0.92), 0.06, "leaves")]


def watermelon_slice(u: Uniform) -> list[Part]:
    a = np.linspace(np.pi, 2 * np.pi, 14)
    rind = [(np.cos(t), np.sin(t)) for t in a]
    seeds = [
        ellipsoid((0.035, 0.02, 0.06), (x, s * 0.13, z), "eye", 6)
        for s in (-1, 1)
        for x, z in (
            (-0.5, -0.2),
            (-0.2, -0.3),
            (0.15, -0.22),
            (0.48, -0.25),
            (0.0, -0.6),
            (-0.3, -0.6),
            (0.32, -0.58),
        )
    ]
    return [
        extrude(rind, 0.24, "main"),
        extrude(np.array(rind) * 0.92, 0.245, "stem"),
        extrude(np.array(rind) * 0.86, 0.25, "melon"),
        *seeds,
    ]


def watermelon(u: Uniform) -> list[Part]:
    parts = []
    angles = np.linspace(-np.pi / 2, np.pi / 2, 13)
    for k in range(16):
        prof = [(0.62 * np.cos(t), 0.8 * np.sin(t)) for t in angles]
        parts.append(
            sector(prof, k * 22.5, k * 22.5 + 22.5, "main" if k % 2 else "deep", 2).turned("y", 90)
        )
    return parts


def pumpkin(u: Uniform, carved: bool = False) -> list[Part]:
    squash, lobes = u(0.7, 0.9), 10
    body = ellipsoid((0.75, 0.75, 0.75 * squash), segments=40)
    v = body.vertices.copy()
    bump = np.abs(np.cos(np.arctan2(v[:, 1], v[:, 0]) * lobes / 2)) ** 0.6
    v[:, :2] *= (0.87 + 0.13 * bump)[:, None]
    v[:, 2] -= 0.14 * np.sign(v[:, 2]) * np.exp(-(np.hypot(v[:, 0], v[:, 1]) ** 2) / 0.04)
    keep = Part(v, body.faces, "main")
    parts = [
        keep,
        tube(
            [(0, 0, 0.35 * squash), (0, 0, 0.72 * squash + 0.08), (0.12, 0, 0.72 * squash + 0.24)],
            [0.12, 0.09, 0.08],
            "leaves",
        ),
    ]
    if carved:
        eye = extrude([(-0.12, -0.08), (0.12, -0.08), (0, 0.14)], 0.12, "black")
        parts += [eye.moved(s * 0.24, -0.64, 0.16 * squash) for s in (-1, 1)]
        parts.append(
            extrude(
                [
                    (-0.34, 0.06),
                    (-0.16, -0.1),
                    (0.16, -0.1),
                    (0.34, 0.06),
                    (0.12, 0.0),
                    (-0.12, 0.0),
                ],
                0.16,
                "black",
            ).moved(0, -0.62, -0.18)
        )
    return parts


def jack_o_lantern(u: Uniform) -> list[Part]:
    return pumpkin(u, carved=True)


KINDS = {
    "apple": Kind(apple, (), (), ("red", "green"), 0.8, whole=True),
    "pear": Kind(pear, (), (), ("leaf", "yellow"), 0.5, whole=True),
    "orange": Kind(orange, ("orange fruit", "tangerine"), (), ("orange",), 0.4, whole=True),
    "banana": Kind(banana, (), (), ("banana",), 0.7, whole=True),
    "carrot": Kind(carrot, (), (), ("carrot",), 0.6, whole=True),
    "watermelon": Kind(watermelon, ("melon",), (), ("green",), 0.5, whole=True),
    "watermelon slice": Kind(
        watermelon_slice, ("slice of watermelon",), (), ("green",), 0.4, whole=True
    ),
    "pumpkin": Kind(pumpkin, ("round pumpkin",), (), ("pumpkin",), 0.9, whole=True),
    "jack o lantern": Kind(
        jack_o_lantern, ("halloween pumpkin", "carved pumpkin"), (), ("pumpkin",), 0.6, whole=True
    ),
}
