"""Procedural props: trees, stones and other things of nature. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import ball, ring_of, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, lathe, torus, tube


def tree(u: Uniform) -> list[Part]:
    h = u(0.5, 0.8)
    trunk = lathe([(0, 0), (0.22, 0), (0.14, 0.15), (0.1, h), (0, h)], "bark", 12)
    r = u(0.45, 0.6)
    crown = [ellipsoid((r, r, r * 0.9), (0, 0, h + r * 0.8), "main", 16)]
    for k in range(5):
        a = 2 * np.pi * k / 5 + u(0, 1)
        c = (r * 0.62 * np.cos(a), r * 0.62 * np.sin(a), h + r * u(0.35, 1.0))
        crown.append(ellipsoid((r * 0.62, r * 0.62, r * 0.56), c, "shade" if k % 2 else "main", 12))
    return [trunk, *crown]


def pine_tree(u: Uniform) -> list[Part]:
    tiers, h = u.count(3, 4), 0.28
    parts = [cylinder(0.13, h + 0.2, (0, 0, h / 2), "bark", 0.1)]
    for k in range(tiers):
        r = 0.62 * (1 - k / (tiers + 0.6))
        z = h + 0.36 * k
        skirt = lathe(
            [(0, 0.08), (r, 0), (r * 0.35, 0.4), (0.02, 0.62), (0, 0.62)],
            "main" if k % 2 else "shade",
            16,
            (0, 0, z),
        )
        parts.append(skirt)
    return parts


def christmas_tree(u: Uniform) -> list[Part]:
    parts = pine_tree(u)
    top = max(p.vertices[:, 2].max() for p in parts)
    for k in range(16):
        z = 0.36 + (top - 0.7) * k / 16
        tier = (z - 0.28) % 0.36
        r = 0.5 * (1 - (z - 0.28) / top) * (1.1 - 0.8 * tier)
        a = k * 2.4
        parts.append(
            ball(0.06, (r * np.cos(a), r * np.sin(a), z), ("red", "gold", "book0")[k % 3], 8)
        )
    return [*parts, ball(0.11, (0, 0, top + 0.03), "gold", 5)]


def palm_tree(u: Uniform) -> list[Part]:
    bend = u(0.1, 0.3)
    f = np.linspace(0, 1, 7)
    trunk = tube(np.stack([bend * f**2, 0 * f, 1.3 * f], -1), 0.13 - 0.05 * f, "bark", 10)
    parts = [trunk]
    for k in range(8):
        a = 2 * np.pi * k / 8
        c, s = np.cos(a), np.sin(a)
        path = [
            (bend + c * t, s * t, 1.3 + z)
            for t, z in ((0, 0), (0.3, 0.16), (0.6, 0.06), (0.8, -0.22))
        ]
        leaf = tube(path, [0.05, 0.13, 0.12, 0.02], "main", 6)
        parts.append(leaf)
    return [
        *parts,
        *(
            ball(0.09, (bend + 0.12 * np.cos(a), 0.12 * np.sin(a), 1.22), "bark", 8)
            for a in (0, 2.1, 4.2)
        ),
    ]


def bush(u: Uniform) -> list[Part]:
    parts = []
    for k in range(9):
        a, q = k * 2.4, 0.15 * np.sqrt(k)
        c = (q * 1.3 * np.cos(a), q * 1.3 * np.sin(a), 0.62 - 0.05 * k)
        s = u(0.3, 0.4)
        parts.append(ellipsoid((s, s, s * 0.9), c, ("main", "shade", "inset")[k % 3], 12))
        if u(0, 1) < 0.35:
            parts.append(ball(0.06, (c[0] * 1.5, c[1] * 1.5, c[2] + s * 0.6), "berry", 6))
    return parts


def rock(u: Uniform) -> list[Part]:
    parts = []
    for k in range(1 if u(0, 1) < 0.6 else 3):
        p = ellipsoid((u(0.6, 0.9), u(0.5, 0.75), u(0.4, 0.6)), segments=12)
        v = p.vertices
        w = [u.anywhere(2, 5) for _ in range(6)]
        bump = (
            1
            + 0.13 * np.sin(v[:, :1] * w[0] + w[3])
            + 0.13 * np.sin(v[:, 1:2] * w[1] + w[4])
            + 0.1 * np.sin(v[:, 2:] * w[2] + w[5])
        )
        s = 1.0 if k == 0 else u(0.3, 0.5)
        parts.append(Part(v * bump * s + [0.55 * k * (-1) ** k, -0.3 * k, -0.3 * (k > 0)], p.faces))
    return parts


def log(u: Uniform) -> list[Part]:
    r, long = u(0.28, 0.36), u(1.4, 1.7)

    def one() -> list[Part]:
        return [
            cylinder(r, long, segments=16).turned("y", 90),
            *(
                cylinder(
                    r * 0.86, 0.03, (0, 0, s * (long / 2 + 0.01)), "dough", segments=16
                ).turned("y", 90)
                for s in (-1, 1)
            ),
            *(
                cylinder(
                    r * 0.35, 0.02, (0, 0, s * (long / 2 + 0.03)), "crust", segments=12
                ).turned("y", 90)
                for s in (-1, 1)
            ),
        ]

    if u(0, 1) < 0.35:
        spots = ((0, -r, 0), (0, r, 0), (0, 0, r * 1.72))
        return [p.moved(*s) for s in spots for p in one()]
    return [*one(), strut((0.2, 0, r * 0.5), (0.32, 0, r + 0.2), 0.1)]


def stump(u: Uniform) -> list[Part]:
    r, h = u(0.45, 0.55), u(0.45, 0.65)
    parts = [
        lathe([(r * 1.35, 0), (r * 1.08, 0.12), (r, h), (0, h)], "main", 18),
        cylinder(r * 0.9, 0.03, (0, 0, h), "dough", segments=18),
    ]
    parts += [torus(r * f, 0.03, "crust", 18, 6).moved(z=h + 0.005) for f in (0.3, 0.6)]
    return parts + ring_of(
        tube([(r * 0.8, 0, 0.2), (r * 1.3, 0, 0.08), (r * 1.6, 0, 0.0)], [0.16, 0.13, 0.05]), 5
    )


def campfire(u: Uniform) -> list[Part]:
    parts = ring_of(ellipsoid((0.19, 0.16, 0.14), (0.72, 0, 0.08), "stone", 10), 9)
    parts += ring_of(strut((0.55, 0, 0.06), (-0.06, 0, 0.5), 0.09, "main"), 5, 10)
    for q, h, slot in ((0.26, 0.95, "fire"), (0.17, 0.65, "flame")):
        parts.append(lathe([(0, 0.1), (q, 0.25), (q * 0.7, h * 0.55), (0, h)], slot, 10))
    return [
        *parts,
        *ring_of(lathe([(0, 0.1), (0.14, 0.2), (0, 0.6)], "fire", 8, (0.2, 0, 0)), 3),
        *ring_of(lathe([(0, 0.1), (0.1, 0.2), (0, 0.45)], "flame", 8, (0.28, 0, 0)), 3, 60),
    ]


def crystal(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.55, 0.5, 0.16), (0, 0, 0.02), "stone", 12)]
    spike = lathe([(0, 0), (0.2, 0), (0.2, 0.75), (0, 1.05)], "main", 6)
    parts.append(spike)
    for k in range(4):
        s = u.anywhere(0.5, 0.75)
        parts.append(
            spike.scaled(s, s, s)
            .turned("y", u.anywhere(18, 35))
            .moved(0.14, 0, 0)
            .turned("z", 90 * k + u.anywhere(0, 40))
        )
        parts[-1].slot = "shade" if k % 2 else "main"
    return parts


def shell(u: Uniform) -> list[Part]:
    a = np.linspace(0.25, np.pi - 0.25, 15)
    r = np.where(np.arange(15) % 2 == 0, 0.9, 0.8)
    v = [(0, 0)] + [(np.cos(t) * q, np.sin(t) * q) for t, q in zip(a, r, strict=True)]
    o = np.array(v)
    front = np.stack([o[:, 0], -0.25 * (1 - (np.hypot(o[:, 0], o[:, 1])) ** 2) - 0.03, o[:, 1]], -1)
    front[0, 1] = -0.22
    n = len(v)
    f = np.array([(0, i, i + 1) for i in range(1, n - 1)])
    return [
        Part(front, f),
        Part(front * [1, -1, 1], f),
        box((0.4, 0.16, 0.14), (0, 0, 0.0)),
        *(strut((0, -0.22, 0.05), front[i], 0.05, "shade", 6) for i in range(1, n, 2)),
    ]


KINDS = {
    "tree": Kind(tree, ("oak tree", "leafy tree"), (), ("leaves",), 0.9, whole=True),
    "pine tree": Kind(
        pine_tree, ("fir tree", "pine", "conifer"), (), ("dark green", "leaves"), 0.8, whole=True
    ),
    "christmas tree": Kind(christmas_tree, ("xmas tree",), (), ("dark green",), 0.6),
    "palm tree": Kind(palm_tree, ("palm",), (), ("leaves",), 0.6, whole=True),
    "bush": Kind(bush, ("shrub", "hedge"), (), ("leaves",), 0.6, whole=True),
    "rock": Kind(rock, ("boulder", "stone"), ("stone",), ("grey",), 0.6),
    "log": Kind(log, ("firewood", "tree trunk"), (), ("bark",), 0.6, whole=True),
    "tree stump": Kind(stump, ("stump",), (), ("bark",), 0.6, whole=True),
    "campfire": Kind(campfire, ("bonfire", "camp fire"), (), ("bark",), 0.8),
    "crystal": Kind(
        crystal,
        ("crystals", "crystal cluster"),
        ("glass",),
        ("purple", "light blue", "turquoise"),
        0.8,
    ),
    "seashell": Kind(shell, ("shell", "scallop shell"), (), ("cream", "pink"), 0.4, whole=True),
}
