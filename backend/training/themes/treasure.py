"""Procedural props: treasure, books and what else is found in dungeons. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    prism,
    regular,
    rod_x,
    rod_y,
    rounded,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, extrude, lathe, torus, tube


def ring(u: Uniform) -> list[Part]:
    parts = [torus(0.6, u(0.1, 0.15), "main", 30, 10).turned("x", 90)]
    stone = lathe(
        [(0, -0.18), (0.27, 0.06), (0.2, 0.2), (0, 0.2)], "gem" if u(0, 1) < 0.4 else "stone2", 8
    )
    return [*parts, cylinder(0.16, 0.12, (0, 0, 0.72), "main", 0.22), stone.moved(z=0.92)]


def coins(u: Uniform) -> list[Part]:
    parts = []
    spots = [(0, 0, 7), (0.55, -0.15, 4), (-0.3, -0.5, 5)][: u.count(1, 3)]
    for x, y, n in spots:
        for k in range(n):
            c = (x + u.anywhere(-0.03, 0.03), y + u.anywhere(-0.03, 0.03), 0.05 + 0.1 * k)
            parts.append(cylinder(0.3, 0.085, c, "main" if k % 2 else "shade", segments=18))
    return [
        *parts,
        cylinder(0.3, 0.08, (0, 0, 0), "shade", segments=18)
        .turned("x", 65)
        .moved(0.1, -0.72, 0.27),
    ]


def gem(u: Uniform) -> list[Part]:
    n = u.count(6, 10)
    cut = lathe([(0, -0.75), (0.7, 0.15), (0.42, 0.45), (0, 0.45)], "main", n)
    face = cylinder(0.4, 0.02, (0, 0, 0.455), "light", segments=n)
    flat = [
        Part(p.vertices[p.faces].reshape(-1, 3), np.arange(p.faces.size).reshape(-1, 3), p.slot)
        for p in (cut, face)
    ]
    return flat


def key(u: Uniform) -> list[Part]:
    head = torus(0.3, 0.09, "main", 22, 8).turned("x", 90).moved(z=0.75)
    parts = [
        head,
        strut((0, 0, 0.45), (0, 0, -0.85), 0.085),
        torus(0.1, 0.05, "main", 14, 8).moved(z=0.4),
    ]
    parts += [box((0.3, 0.1, 0.11), (0.18, 0, z)) for z in (-0.78, -0.55)]
    if u(0, 1) < 0.5:
        parts += both(torus(0.17, 0.07, "main", 16, 8).turned("x", 90).moved(0.33, 0, 0.72))
    return parts


def book(u: Uniform) -> list[Part]:
    w, h, d = u(0.8, 0.95), u(1.1, 1.25), u(0.22, 0.34)
    parts = [box((w * 0.96, d * 0.75, h * 0.94), (0.01, 0, 0), "paper")]
    parts += [box((w, d * 0.14, h), (0, s * d * 0.43, 0)) for s in (-1, 1)]
    parts.append(rounded((0.12, d, h), (-w / 2, 0, 0), power=5))
    parts += [
        box((w * 0.6, 0.02, 0.08), (0.02, -d / 2 - 0.005, z), "gold") for z in (h * 0.26, h * 0.14)
    ]
    if u(0, 1) < 0.5:
        parts.append(
            rod_y(0.14, 0.03, (0.02, -d / 2, -h * 0.15), "gold" if u(0, 1) < 0.5 else "accent")
        )
        for sx in (-0.46, 0.5):
            for sz in (-0.46, 0.46):
                parts.append(box((0.14, d * 1.05, 0.14), (sx * w * 0.94, 0, sz * h * 0.94), "gold"))
    if u(0, 1) < 0.4:
        return [p.turned("x", -75).turned("z", 25) for p in parts]
    return parts


def books(u: Uniform) -> list[Part]:
    parts, z = [], 0.0
    for k in range(u.count(3, 5)):
        t, w, turn = u.anywhere(0.16, 0.26), u.anywhere(0.9, 1.15), u.anywhere(-18, 18)
        slot = "main" if k == 0 else f"book{k}"
        one = [
            box((w * 0.95, 0.72, t * 0.7), slot="paper"),
            *(box((w, 0.76, t * 0.16), (0, 0, s * t * 0.42), slot) for s in (-1, 1)),
            box((0.08, 0.76, t), (-w / 2, 0, 0), slot),
        ]
        parts += [p.turned("z", turn + 90).moved(z=z + t / 2) for p in one]
        z += t
    return parts


def scroll(u: Uniform) -> list[Part]:
    if u(0, 1) < 0.5:
        parts = [
            rod_x(0.22, 1.3, slot="paper"),
            *both(
                [
                    rod_x(0.08, 0.24, (0.75, 0, 0), "wood"),
                    ball(0.1, (0.87, 0, 0), "wood", 8),
                    rod_x(0.19, 0.04, (0.64, 0, 0), "shade"),
                ]
            ),
        ]
        return [
            *parts,
            rod_x(0.235, 0.16, slot="main"),
            ellipsoid((0.12, 0.06, 0.12), (0, -0.22, 0), "red", 10),
        ]
    sheet = [
        box((1.0, 0.04, 1.3), slot="paper"),
        *(box((0.7, 0.05, 0.05), (0, -0.005, 0.35 - 0.17 * k), "dark") for k in range(5)),
    ]
    for z in (0.7, -0.7):
        sheet += [
            rod_x(0.13, 1.05, (0, -0.03, z), "paper"),
            *both(rod_x(0.075, 0.2, (0.6, -0.03, z), "main")),
        ]
    return sheet


def torch(u: Uniform) -> list[Part]:
    parts = [
        cylinder(0.09, 1.2, (0, 0, 0.6), "main", 0.12),
        cylinder(0.15, 0.28, (0, 0, 1.22), "label", 0.19),
        torus(0.16, 0.045, "iron", 14, 6).moved(z=1.1),
        torus(0.19, 0.045, "iron", 14, 6).moved(z=1.36),
    ]
    fire = [(0, 0), (0.2, 0.12), (0.22, 0.25), (0.1, 0.5), (0, 0.7)]
    return [
        *parts,
        lathe(fire, "fire", 12, (0, 0, 1.34)),
        lathe(np.array(fire) * 0.7, "flame", 10, (0.06, -0.1, 1.42)),
    ]


def trophy(u: Uniform) -> list[Part]:
    parts = [
        box((0.6, 0.6, 0.22), (0, 0, 0.11), "dark" if u(0, 1) < 0.6 else "wood"),
        box((0.3, 0.02, 0.1), (0, -0.31, 0.11), "gold"),
    ]
    parts.append(
        lathe(
            [
                (0.24, 0.22),
                (0.1, 0.35),
                (0.07, 0.55),
                (0.12, 0.62),
                (0.34, 0.85),
                (0.44, 1.25),
                (0.48, 1.3),
                (0.4, 1.3),
                (0.25, 0.9),
                (0, 0.8),
            ],
            "main",
            24,
        )
    )
    a = np.linspace(-1.4, 1.7, 9)
    bow_ = tube(np.stack([0.4 + 0.22 * np.cos(a), 0 * a, 1.02 + 0.2 * np.sin(a)], -1), 0.06)
    parts += both(bow_)
    if u(0, 1) < 0.4:
        parts.append(
            prism(regular(5, 0.16, 0.07), 0.06, "main").turned("x", 90).moved(0, -0.46, 1.08)
        )
    return parts


def skull(u: Uniform) -> list[Part]:
    parts = [
        ellipsoid((0.52, 0.6, 0.52), (0, 0, 0.55), segments=18),
        rounded((0.6, 0.55, 0.45), (0, -0.25, 0.15), power=4),
    ]
    parts += both(ellipsoid((0.16, 0.1, 0.17), (0.2, -0.5, 0.45), "black", 12))
    parts.append(extrude([(-0.08, 0), (0.08, 0), (0, 0.16)], 0.1, "black").moved(0, -0.52, 0.17))
    return (
        parts
        + [box((0.07, 0.06, 0.16), (x, -0.5, 0.0), "white") for x in (-0.2, -0.1, 0, 0.1, 0.2)]
        + [box((0.5, 0.05, 0.03), (0, -0.51, 0.0), "black")]
    )


KINDS = {
    "ring": Kind(ring, ("diamond ring", "wedding ring"), ("golden", "silver"), ("yellow",), 0.8),
    "coins": Kind(
        coins,
        ("coin stack", "stack of coins", "pile of coins"),
        ("golden", "silver", "copper"),
        ("yellow",),
        0.8,
    ),
    "gem": Kind(
        gem,
        ("diamond", "jewel", "gemstone"),
        ("glass",),
        ("red", "light blue", "green", "purple"),
        0.9,
    ),
    "key": Kind(key, ("door key",), ("golden", "brass", "iron"), ("yellow",), 0.8),
    "book": Kind(book, ("spell book", "closed book"), ("leather",), ("red", "blue", "brown"), 1.0),
    "stack of books": Kind(books, ("books", "pile of books"), (), ("red", "blue", "brown"), 0.7),
    "scroll": Kind(scroll, ("parchment", "rolled scroll"), (), ("red", "brown"), 0.7),
    "trophy": Kind(
        trophy, ("trophy cup", "award cup"), ("golden", "golden", "silver"), ("yellow",), 0.9
    ),
    "skull": Kind(skull, ("human skull",), (), ("cream",), 0.7, whole=True),
    "torch": Kind(torch, ("burning torch", "wall torch"), ("wooden",), ("brown",), 0.8),
}
