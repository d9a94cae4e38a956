"""Procedural props: plants in pots and flowers. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import ball, ring_of, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, cylinder, ellipsoid, lathe, torus, tube


def _pot(u: Uniform, r: float, h: float, slot: str) -> list[Part]:
    style = u(0, 1)
    body = lathe(
        [(0, 0), (r * 0.68, 0), (r * 0.95, h * 0.78), (r, h), (r * 0.85, h), (0, h * 0.94)],
        slot,
        22,
    )
    parts = [body, cylinder(r * 0.86, 0.04, (0, 0, h * 0.95), "soil", segments=20)]
    if style < 0.7:
        parts.append(
            lathe(
                [(r * 0.9, 0), (r * 1.12, 0), (r * 1.12, h * 0.24), (r * 0.9, h * 0.24)],
                slot,
                22,
                (0, 0, h * 0.78),
            )
        )
    else:
        parts.append(torus(r, 0.05, slot, 22, 8).moved(z=h))
    return parts


def _ribbed(part: Part, columns: int, depth: float = 0.14) -> Part:
    """Every second column of a lathed part pushed in."""
    v = part.vertices.copy()
    odd = (np.arange(len(v)) % columns) % 2 == 1
    middle = v.reshape(-1, columns, 3).mean(1).repeat(columns, 0)
    v[odd] = v[odd] * (1 - depth) + middle[odd] * depth
    return Part(v, part.faces, part.slot)


def cactus(u: Uniform) -> list[Part]:
    pot = "pot" if u(0, 1) < 0.35 else "clay"
    r, h = u(0.36, 0.46), u(0.42, 0.58)
    parts = _pot(u, r, h, pot)
    style = u(0, 1)
    if style < 0.62:  # a saguaro with arms
        tall, w = u(0.95, 1.25), u(0.19, 0.25)
        f = np.array([0, 0.3, 0.7, 0.88, 0.96, 1.0])
        body = tube(
            np.stack([0 * f, 0 * f, h * 0.9 + f * tall], -1),
            w * np.array([0.95, 1, 1, 0.85, 0.55, 0.12]),
            "main",
            16,
        )
        parts.append(_ribbed(body, 16))
        sides = [(-1, u(0.3, 0.45)), (1, u(0.45, 0.6))] if u(0, 1) < 0.8 else [(1, u(0.35, 0.5))]
        for s, at in sides:
            z, x, up = h * 0.9 + tall * at, s * (w + 0.26), u(0.28, 0.42)
            path = [
                (s * w * 0.6, 0, z),
                (x * 0.8, 0, z + 0.02),
                (x, 0, z + 0.12),
                (x, 0, z + up * 0.75),
                (x, 0, z + up),
            ]
            parts.append(
                _ribbed(tube(path, w * np.array([0.6, 0.62, 0.64, 0.58, 0.15]), "main", 12), 12)
            )
        top = (0.0, 0, h * 0.9 + tall)
    elif style < 0.85:  # a barrel cactus
        w = u(0.42, 0.52)
        parts.append(
            _ribbed(ellipsoid((w, w, w * u(0.95, 1.3)), (0, 0, h + w * 0.75), "main", 24), 24)
        )
        top = (0.0, 0, parts[-1].vertices[:, 2].max())
    else:  # a prickly pear
        parts.append(ellipsoid((0.3, 0.12, 0.42), (0, 0, h + 0.35), "main", 14))
        parts.append(
            ellipsoid((0.22, 0.1, 0.3), (0, 0, 0), "main", 12)
            .turned("y", -35)
            .moved(-0.32, 0, h + 0.85)
        )
        parts.append(
            ellipsoid((0.24, 0.1, 0.32), (0, 0, 0), "main", 12)
            .turned("y", 28)
            .moved(0.28, 0, h + 0.95)
        )
        top = (0.38, 0, h + 1.25)
    if u(0, 1) < 0.4:
        parts += [
            ball(0.1, top, "flower", 10),
            *(
                p.moved(*top)
                for p in ring_of(ellipsoid((0.09, 0.05, 0.04), (0.11, 0, 0), "flower", 8), 5)
            ),
        ]
    return parts


def potted_plant(u: Uniform) -> list[Part]:
    r, h = u(0.38, 0.48), u(0.48, 0.62)
    parts = _pot(u, r, h, "main")
    if u(0, 1) < 0.5:  # long leaves that bend outwards
        for k in range(11):
            a, reach, tall = k * 2.4, u.anywhere(0.35, 0.7), u.anywhere(0.5, 1.0)
            c, s = np.cos(a), np.sin(a)
            path = [
                (0, 0, h * 0.9),
                (c * reach * 0.35, s * reach * 0.35, h + tall * 0.75),
                (c * reach * 0.75, s * reach * 0.75, h + tall),
                (c * reach * 1.15, s * reach * 1.15, h + tall * 0.82),
            ]
            parts.append(tube(path, [0.06, 0.1, 0.09, 0.02], "leaves" if k % 3 else "leaf", 6))
        return parts
    for k in range(9):  # a ball of round leaves
        a, e = k * 2.4, u.anywhere(0.1, 1.2)
        c = (0.36 * np.cos(a) * np.cos(e), 0.36 * np.sin(a) * np.cos(e), h + 0.4 + 0.36 * np.sin(e))
        parts.append(ellipsoid((0.27, 0.27, 0.2), c, "leaves" if k % 3 else "leaf", 10))
    return [*parts, strut((0, 0, h * 0.9), (0, 0, h + 0.4), 0.07, "bark")]


def flower_pot(u: Uniform) -> list[Part]:
    r, h = 0.5, u(0.7, 0.85)
    return _pot(u, r, h, "main")


def sunflower(u: Uniform) -> list[Part]:
    h = u(1.2, 1.5)
    petal = ellipsoid((0.11, 0.04, 0.26), (0, 0, 0.4), "main", 8)
    head = [petal.turned("y", 360 * k / 14) for k in range(14)]
    head += [
        ellipsoid((0.27, 0.09, 0.27), (0, -0.03, 0), "meat", 14),
        ellipsoid((0.25, 0.06, 0.25), (0, 0.05, 0), "leaves", 12),
    ]
    parts = [p.turned("x", 10).moved(0, -0.1, h) for p in head]
    parts.append(tube([(0, 0, 0), (0, 0.03, h * 0.5), (0, 0, h)], 0.055, "leaves"))
    leaf = ellipsoid((0.28, 0.12, 0.05), slot="leaves", segments=10)
    return [
        *parts,
        leaf.turned("y", -30).moved(0.26, 0, h * 0.45),
        leaf.turned("y", 30).moved(-0.26, 0, h * 0.33),
    ]


def rose(u: Uniform) -> list[Part]:
    h = u(0.95, 1.15)
    parts = [tube([(0, 0, 0), (0.03, 0, h * 0.5), (0, 0, h)], 0.05, "leaves")]
    slots = ("inset", "main", "shade", "main")
    for k, (r, tall) in enumerate(((0.1, 0.42), (0.2, 0.38), (0.3, 0.32), (0.42, 0.22))):
        cup = lathe([(0.05, 0), (r * 0.9, 0.08), (r, tall * 0.7), (r * 1.08, tall)], slots[k], 20)
        v = cup.vertices
        wave = np.cos((3 + k) * np.arctan2(v[:, 1], v[:, 0]) + k)
        high = v[:, 2] > tall * 0.6
        v[high] *= (1 + 0.09 * wave[high])[:, None]
        parts.append(cup.moved(z=h))
    leaf = ellipsoid((0.2, 0.11, 0.05), slot="leaves", segments=10)
    parts += [
        leaf.turned("y", -25).moved(0.2, 0, h * 0.5),
        leaf.turned("y", 25).moved(-0.18, 0, h * 0.35),
    ]
    return [*parts, cylinder(0.14, 0.1, (0, 0, h), "leaves", 0.2)]


def tulip(u: Uniform) -> list[Part]:
    h = u(0.9, 1.1)
    cup = lathe(
        [
            (0, h),
            (0.2, h + 0.05),
            (0.28, h + 0.25),
            (0.22, h + 0.5),
            (0.18, h + 0.48),
            (0, h + 0.2),
        ],
        "main",
        12,
    )
    v = cup.vertices.copy()
    high = v[:, 2] > h + 0.45
    v[high, 2] += 0.1 * np.cos(3 * np.arctan2(v[high, 1], v[high, 0]))
    leaf = tube([(0, 0, 0.05), (0.14, 0, 0.4), (0.3, 0, 0.75)], [0.06, 0.1, 0.02], "leaves", 6)
    return [
        Part(v, cup.faces),
        tube([(0, 0, 0), (0, 0, h)], 0.05, "leaves"),
        leaf,
        leaf.scaled(-1, 1, 0.85),
    ]


def mushroom(u: Uniform) -> list[Part]:
    r, h = u(0.6, 0.85), u(0.6, 0.9)
    tall = u(0.45, 0.7)
    stem = lathe([(0, 0), (u(0.22, 0.32), 0), (0.17, h * 0.5), (0.2, h), (0, h)], "stem", 16)
    cap = ellipsoid((r, r, tall), (0, 0, h - 0.08), segments=22, cut=0.0)
    parts = [stem, cap, cylinder(r * 0.97, 0.03, (0, 0, h - 0.09), "stem", segments=22)]
    if u(0, 1) < 0.75:
        for ring, count in ((0.3, 3), (0.68, 6), (0.93, 8)):
            for k in range(count):
                a = 2 * np.pi * k / count + ring * 3
                c = (
                    r * ring * np.cos(a),
                    r * ring * np.sin(a),
                    h - 0.08 + tall * np.sqrt(1 - ring**2),
                )
                parts.append(ellipsoid((0.1, 0.1, 0.07), c, "white", 8))
    return parts


KINDS = {
    "cactus": Kind(
        cactus,
        ("cactus in pot", "potted cactus", "cactus plant"),
        (),
        ("leaves",),
        1.8,
        whole=True,
        trim=("pot", "in {} pot"),
    ),
    "potted plant": Kind(
        potted_plant,
        ("plant in pot", "house plant", "plant"),
        ("clay", "ceramic"),
        ("white", "clay"),
        1.0,
    ),
    "flower pot": Kind(flower_pot, ("plant pot", "empty pot"), ("clay", "ceramic"), ("clay",), 0.4),
    "sunflower": Kind(sunflower, ("flower",), (), ("yellow",), 0.7, whole=True),
    "rose": Kind(rose, ("flower", "rose flower"), (), ("red", "pink"), 0.6, whole=True),
    "tulip": Kind(
        tulip, ("flower", "tulip flower"), (), ("red", "yellow", "purple"), 0.5, whole=True
    ),
    "mushroom": Kind(mushroom, ("toadstool",), (), ("red", "brown"), 1.0, whole=True),
}
