"""Procedural props: what stands in streets and gardens. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import arch, ball, both, ring_of, rod_x, rod_y, rounded, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, extrude, lathe, torus


def tombstone(u: Uniform) -> list[Part]:
    w, h = u(0.7, 0.85), u(0.95, 1.2)
    style = u(0, 1)  # pointed, arched or a cross
    if style < 0.6:
        stone = extrude(
            arch(w, h, 11)
            if style > 0.2
            else [(-w / 2, 0), (w / 2, 0), (w / 2, h * 0.85), (0, h), (-w / 2, h * 0.85)],
            0.22,
        )
        marks = [
            box((w * 0.55, 0.03, 0.06), (0, -0.11, h * f), "inner") for f in (0.62, 0.48, 0.34)
        ]
    else:
        stone, marks = box((0.24, 0.2, h), (0, 0, h / 2)), [box((w, 0.2, 0.24), (0, 0, h * 0.68))]
    base = [box((w * 1.2, 0.45, 0.14), (0, 0, 0.05), "shade")]
    if u(0, 1) < 0.5:
        base.append(rounded((w * 1.1, 1.0, 0.2), (0, -0.5, 0.0), "soil", 4))
    return [stone, *marks, *base]


def signpost(u: Uniform) -> list[Part]:
    parts = [box((0.13, 0.13, 1.6), (0, 0, 0.8), "wood")]
    if u(0, 1) < 0.5:
        for k, s in ((0, 1), (1, -1)):
            z = 1.35 - 0.36 * k
            board = [(-0.5, -0.14), (0.4, -0.14), (0.62, 0), (0.4, 0.14), (-0.5, 0.14)]
            parts.append(extrude(np.array(board) * [s, 1], 0.08, "main").moved(s * 0.12, -0.1, z))
            parts.append(box((0.6, 0.02, 0.05), (s * 0.05, -0.15, z), "inner"))
        return parts
    parts += [
        box((1.1, 0.08, 0.6), (0, -0.1, 1.25)),
        box((0.8, 0.02, 0.06), (0, -0.145, 1.36), "inner"),
        box((0.6, 0.02, 0.06), (0, -0.145, 1.18), "inner"),
    ]
    return parts


def stop_sign(u: Uniform) -> list[Part]:
    parts = [strut((0, 0, 0), (0, 0, 1.6), 0.05, "metal")]
    a = (np.arange(8) + 0.5) * np.pi / 4
    o = np.stack([np.cos(a), np.sin(a)], -1) * 0.45
    parts += [
        extrude(o, 0.05, "white").moved(0, -0.06, 1.5),
        extrude(o * 0.9, 0.06, "main").moved(0, -0.065, 1.5),
    ]
    return [
        *parts,
        *(box((0.1, 0.02, 0.2), (x, -0.1, 1.5), "white") for x in (-0.24, -0.08, 0.08, 0.24)),
    ]


def fence(u: Uniform) -> list[Part]:
    n, w = 5, 0.2
    picket = extrude([(-w / 2, 0), (w / 2, 0), (w / 2, 0.85), (0, 1.0), (-w / 2, 0.85)], 0.08)
    parts = [picket.moved((i - (n - 1) / 2) * 0.34, -0.06, 0) for i in range(n)]
    return parts + [box((1.75, 0.09, 0.12), (0, 0.02, z), "shade") for z in (0.28, 0.66)]


def ladder(u: Uniform) -> list[Part]:
    w, h = u(0.5, 0.65), 2.0
    rungs = 6
    one = both(strut((w / 2, 0, 0), (w / 2 * 0.85, 0, h), 0.06))
    one += [rod_x(0.045, w, (0, 0, h * (i + 0.6) / rungs)) for i in range(rungs)]
    if u(0, 1) < 0.6:
        return [p.turned("x", -10) for p in one]
    return [p.turned("x", -16).moved(0, -0.5, 0) for p in one] + [
        p.turned("x", 16).moved(0, 0.55, 0) for p in one[:2]
    ]


def hydrant(u: Uniform) -> list[Part]:
    r, h = u(0.26, 0.33), u(0.8, 1.0)
    cap = "main" if u(0, 1) < 0.5 else ("accent" if u(0, 1) < 0.4 else "light")
    body = lathe(
        [
            (0, 0),
            (r * 1.45, 0),
            (r * 1.45, 0.1),
            (r * 1.05, 0.12),
            (r, h),
            (r * 1.25, h),
            (r * 1.25, h + 0.09),
            (0, h + 0.09),
        ],
        "main",
        20,
    )
    dome = ellipsoid((r * 1.08, r * 1.08, 0.3), (0, 0, h + 0.08), cap, 18, cut=0.0)
    parts = [
        body,
        dome,
        cylinder(0.09, 0.16, (0, 0, h + 0.42), cap, segments=6),
        torus(r * 1.02, 0.05, "main", 20, 8).moved(z=h * 0.4),
    ]
    for s in (-1, 1):
        parts += [
            rod_x(r * 0.42, 0.26, (s * (r + 0.08), 0, h * 0.7)),
            rod_x(r * 0.52, 0.1, (s * (r + 0.18), 0, h * 0.7), cap),
            rod_x(0.07, 0.1, (s * (r + 0.26), 0, h * 0.7), cap, 6),
        ]
    front = [
        rod_y(r * 0.6, 0.2, (0, -r - 0.04, h * 0.62)),
        rod_y(r * 0.72, 0.1, (0, -r - 0.14, h * 0.62), cap),
        rod_y(0.08, 0.1, (0, -r - 0.22, h * 0.62), cap, segments=6),
    ]
    return [*parts, *front, *ring_of(ball(0.05, (r * 1.3, 0, 0.12), "main", 6), 6)]


def traffic_cone(u: Uniform) -> list[Part]:
    h = u(1.0, 1.25)
    parts = [box((0.85, 0.85, 0.1), (0, 0, 0.05), "main" if u(0, 1) < 0.6 else "black")]
    bands = [
        (0.0, 0.3, "main"),
        (0.3, 0.5, "white"),
        (0.5, 0.66, "main"),
        (0.66, 0.82, "white"),
        (0.82, 1.0, "main"),
    ]
    for a, b, slot in bands:
        ra, rb = 0.36 - 0.29 * a, 0.36 - 0.29 * b
        parts.append(lathe([(ra, a * h), (rb, b * h)], slot, 22, (0, 0, 0.1)))
    return [*parts, cylinder(0.07, 0.02, (0, 0, h + 0.1), "inner")]


KINDS = {
    "tombstone": Kind(
        tombstone, ("gravestone", "headstone", "grave"), ("stone", "marble"), ("grey",), 0.8
    ),
    "signpost": Kind(signpost, ("sign post", "sign"), ("wooden",), ("brown",), 0.8),
    "stop sign": Kind(stop_sign, ("traffic sign", "road sign"), ("metal",), ("red",), 0.5),
    "fence": Kind(fence, ("picket fence", "garden fence"), ("wooden",), ("brown", "white"), 0.8),
    "ladder": Kind(ladder, (), ("wooden", "metal"), ("brown",), 0.7),
    "hydrant": Kind(
        hydrant, ("fire hydrant", "fire plug"), ("metal", "iron"), ("red", "red", "yellow"), 1.6
    ),
    "traffic cone": Kind(
        traffic_cone, ("road cone", "cone", "pylon"), ("plastic", "rubber"), ("orange",), 0.9
    ),
}
