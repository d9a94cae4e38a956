"""Procedural props: shields, helmets and crowns. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    prism,
    regular,
    ring_of,
    rod_y,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, ellipsoid, extrude, lathe, torus, tube


def shield(u: Uniform) -> list[Part]:
    rim = "metal" if u(0, 1) < 0.5 else "gold"
    style = u(0, 1)
    if style < 0.45:
        r = 0.9
        parts = [
            ellipsoid((r, r, 0.22), segments=24, cut=0.0).turned("x", 90),
            torus(r, 0.085, rim, 26, 8).turned("x", 90),
            rod_y(r * 0.97, 0.04, (0, 0.03, 0), "wood", segments=24),
        ]
        if u(0, 1) < 0.5:
            a = [(np.cos(t), np.sin(t)) for t in np.arange(8) * np.pi / 4]
            parts += [ball(0.06, (0.74 * c, -0.13, 0.74 * s), rim, 6) for c, s in a]
        else:
            parts += [
                box((0.16, 0.05, 1.6), (0, -0.15, 0), "accent"),
                box((1.6, 0.05, 0.16), (0, -0.15, 0), "accent"),
            ]
    else:
        o = np.array(
            [
                (-0.66, 0.85),
                (0, 0.95),
                (0.66, 0.85),
                (0.68, 0.1),
                (0.42, -0.55),
                (0, -1.0),
                (-0.42, -0.55),
                (-0.68, 0.1),
            ]
        )
        parts = [
            extrude(o, 0.12, rim),
            extrude(o * 0.86, 0.14).moved(y=-0.04),
            extrude(o * 0.9, 0.06, "wood").moved(y=0.06),
        ]
        if style < 0.75:
            parts += [
                box((0.18, 0.05, 1.45), (0, -0.11, -0.05), "accent"),
                box((1.05, 0.05, 0.18), (0, -0.11, 0.25), "accent"),
            ]
    parts.append(
        ellipsoid((0.2, 0.2, 0.16), segments=14, slot=rim, cut=0.0)
        .turned("x", 90)
        .moved(y=-0.17 if style < 0.45 else -0.12)
    )
    return [*parts, box((0.5, 0.12, 0.1), (0, 0.12, 0), "grip")]


def viking_helmet(u: Uniform) -> list[Part]:
    r = 0.55
    parts = [ellipsoid((r, r * 1.1, r * 1.1), (0, 0, 0.1), segments=22, cut=0.0)]
    parts.append(
        lathe([(r * 1.03, 0), (r * 1.03, 0.16)], "deep", 24).scaled(1, 1.1, 1).moved(z=0.06)
    )
    side, tip = u(0.88, 1.0), u(0.9, 1.15)
    horn = [(r * 0.85, 0, 0.35), (r * 1.45, 0, 0.4), (side, 0, 0.75), (side, 0, tip)]
    parts += both(tube(horn, [0.15, 0.13, 0.08, 0.02], "stem"))
    return [*parts, box((0.13, 0.08, 0.44), (0, -r * 1.08, 0.0), "deep")]


def helmet(u: Uniform) -> list[Part]:
    r = 0.55
    parts = [ellipsoid((r, r * 1.1, r * 1.1), (0, 0, 0.1), segments=22, cut=0.0)]
    skirt = [(r * 0.98, 0.1), (r, -0.3), (r * 0.85, -0.65), (r * 0.7, -0.65)]
    parts.append(lathe(skirt, "main", 24).scaled(1, 1.1, 1))
    parts.append(box((r * 1.5, 0.2, 0.09), (0, -r * 0.98, 0.02), "black"))
    ridge = "gold" if u(0, 1) < 0.4 else "shade"
    parts.append(box((0.09, 0.14, 1.05), (0, -r * 1.06, -0.05), ridge))
    holes = [ball(0.03, (0.2, -r * 0.98, -0.2 - 0.12 * k), "black", 6) for k in range(3)]
    parts += both(holes)
    if u(0, 1) < 0.6:
        a = np.linspace(0.4, np.pi - 0.1, 9)
        plume = np.stack([0 * a, r * np.cos(a), 0.12 + r * 1.28 * np.sin(a)], -1)
        parts.append(tube(plume, 0.12, "accent"))
    return parts


def crown(u: Uniform) -> list[Part]:
    r, h, n = 0.6, u(0.45, 0.6), u.count(5, 8)
    band = [(r, 0), (r * 1.04, 0.28), (r * 0.98, 0.28), (r * 0.94, 0)]
    parts = [
        lathe(band, "main", 28),
        torus(r * 1.0, 0.055, "main", 28, 8),
        torus(r * 1.03, 0.045, "main", 28, 8).moved(z=0.27),
    ]
    point = extrude([(-0.2, 0), (0.2, 0), (0, h)], 0.08).turned("x", -6).moved(0, -r * 1.03, 0.25)
    top = ball(0.075, (0, -r * 1.09, 0.25 + h), "gem" if u(0, 1) < 0.5 else "main", 8)
    jewel = ellipsoid(
        (0.09, 0.06, 0.09), (0, -r * 1.02, 0.14), "jewel" if u(0, 1) < 0.5 else "gem", 8
    )
    parts += [*ring_of(point, n), *ring_of(top, n), *ring_of(jewel, n)]
    if u(0, 1) < 0.4:
        parts.append(ellipsoid((r * 0.92, r * 0.92, 0.55), (0, 0, 0.1), "accent", 18, cut=0.0))
    return parts


def medal(u: Uniform) -> list[Part]:
    parts = [
        rod_y(0.45, 0.12, (0, 0, -0.3), segments=26),
        torus(0.43, 0.05, "shade", 26, 6).turned("x", 90).moved(0, -0.05, -0.3),
    ]
    parts.append(prism(regular(5, 0.28, 0.12), 0.06, "light").turned("x", 90).moved(0, -0.06, -0.3))
    ribbon = box((0.22, 0.05, 0.95), slot="accent")
    return [
        *parts,
        ribbon.turned("y", 18).moved(0.16, 0.02, 0.55),
        ribbon.turned("y", -18).moved(-0.16, 0.0, 0.55),
    ]


METALS = ("metal", "iron")


KINDS = {
    "shield": Kind(
        shield,
        ("round shield", "knight shield"),
        ("wooden", "metal"),
        ("brown", "blue", "red"),
        1.3,
    ),
    "helmet": Kind(
        helmet,
        ("knight helmet", "helm"),
        (*METALS, "golden"),
        ("grey",),
        0.8,
        trim=("accent", "with {} plume"),
    ),
    "viking helmet": Kind(viking_helmet, ("horned helmet", "helmet"), METALS, ("grey",), 0.6),
    "crown": Kind(
        crown, ("kings crown", "royal crown"), ("golden", "golden", "silver"), ("yellow",), 1.1
    ),
    "medal": Kind(
        medal,
        ("award medal",),
        ("golden", "silver", "copper"),
        ("yellow",),
        0.5,
        trim=("accent", "with {} ribbon"),
    ),
}
