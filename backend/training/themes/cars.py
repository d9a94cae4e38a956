"""Procedural props: what drives on roads and rails. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    prism,
    rod_x,
    rod_y,
    rounded,
    side_view,
    strut,
    wheel,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, lathe


def car(u: Uniform) -> list[Part]:
    long, w, h = u(1.7, 2.0), u(0.8, 0.92), u(0.3, 0.38)
    sedan = u(0, 1) < 0.6
    z = 0.22
    body = side_view(
        [
            (-long / 2, z),
            (long / 2, z),
            (long / 2, z + h),
            (-long * 0.28, z + h),
            (-long * 0.46, z + h * 0.85),
            (-long / 2, z + h * 0.6),
        ],
        w,
    )
    back = long * (0.32 if sedan else 0.46)
    cabin = [(-long * 0.22, 0), (back, 0), (back - 0.16, 0.32), (-long * 0.06, 0.32)]
    parts = [body, side_view(cabin, w * 0.9, "main").moved(z=z + h)]
    glass = np.array(cabin) * [0.84, 0.78] + [0.025 * long, 0.03]
    parts.append(side_view(glass, w * 0.93, "screen").moved(z=z + h))
    front = -long * 0.145
    parts.append(
        box((w * 0.76, 0.03, 0.3), slot="screen")
        .turned("x", 38 * -1)
        .moved(0, front + 0.0, z + h + 0.155)
    )
    parts.append(
        box((w * 0.76, 0.03, 0.28), slot="screen")
        .turned("x", 24)
        .moved(0, back - 0.06, z + h + 0.155)
    )
    for y in (-long * 0.3, long * 0.3):
        parts += both(wheel(0.22, 0.16, (w / 2 - 0.03, y, 0.2), "rubber", "silver"))
    lamp = rod_y(0.085, 0.06, (w * 0.34, -long / 2, z + h * 0.55), "lit")
    tail = box((0.18, 0.05, 0.1), (w * 0.34, long / 2, z + h * 0.7), "red")
    parts += both([lamp, tail])
    return [
        *parts,
        *(
            box((w * 1.0, 0.08, 0.09), (0, y * (long / 2 + 0.01), z + 0.05), "silver")
            for y in (-1, 1)
        ),
    ]


def truck(u: Uniform) -> list[Part]:
    w, long = u(0.8, 0.9), u(1.0, 1.3)
    cab = side_view(
        [(-0.5, 0.25), (0.1, 0.25), (0.1, 1.0), (-0.28, 1.0), (-0.45, 0.68), (-0.5, 0.62)], w
    )
    parts = [cab.moved(y=-long / 2), box((w * 0.8, long + 0.6, 0.14), (0, 0.1, 0.28), "dark")]
    y0 = -long / 2 + 0.15
    if u(0, 1) < 0.5:
        parts.append(
            box(
                (w * 1.05, long, 0.85),
                (0, y0 + long / 2, 0.75),
                "main" if u(0, 1) < 0.6 else "white",
            )
        )
    else:
        parts.append(box((w * 1.05, long, 0.1), (0, y0 + long / 2, 0.4), "wood"))
        parts += both(box((0.07, long, 0.3), (w * 0.5, y0 + long / 2, 0.55), "wood"))
        parts += [
            box((w * 1.05, 0.07, 0.3), (0, y0 + long * f, 0.55), "wood") for f in (0.03, 0.97)
        ]
    glass = (
        box((w * 0.8, 0.03, 0.3), slot="screen").turned("x", -28).moved(0, -long / 2 - 0.37, 0.84)
    )
    side = box((0.03, 0.28, 0.24), (w / 2, -long / 2 - 0.1, 0.82), "screen")
    lamp = rod_y(0.075, 0.05, (w * 0.36, -long / 2 - 0.51, 0.46), "lit")
    for y in (-long / 2 - 0.2, long * 0.12, long * 0.42):
        parts += both(wheel(0.24, 0.18, (w / 2 - 0.05, y, 0.22), "rubber", "silver"))
    return [
        *parts,
        glass,
        *both([side, lamp]),
        box((w, 0.08, 0.1), (0, -long / 2 - 0.52, 0.3), "silver"),
    ]


def bus(u: Uniform) -> list[Part]:
    w, long, h = 0.75, u(1.7, 2.0), u(0.75, 0.9)
    parts = [rounded((w, long, h), (0, 0, 0.2 + h / 2), power=12, segments=20)]
    n = 5
    for k in range(n):
        y = ((k + 0.5) / n - 0.5) * long * 0.86
        parts.append(box((w * 1.01, long * 0.13, h * 0.3), (0, y, 0.2 + h * 0.68), "screen"))
    parts.append(box((w * 0.86, long * 1.01, h * 0.36), (0, 0, 0.2 + h * 0.66), "screen"))
    parts.append(box((w * 1.02, long * 0.99, 0.06), (0, 0, 0.2 + h * 0.36), "accent"))
    for y in (-long * 0.3, long * 0.3):
        parts += both(wheel(0.2, 0.14, (w / 2 - 0.04, y, 0.2), "rubber", "silver"))
    return parts + both(rod_y(0.07, 0.05, (w * 0.34, -long / 2, 0.38), "lit"))


def train(u: Uniform) -> list[Part]:
    r = u(0.3, 0.36)
    z = 0.42
    parts = [
        rod_y(r, 1.1, (0, -0.25, z + r), segments=20),
        rod_y(r * 1.06, 0.12, (0, -0.8, z + r), "dark", segments=20),
        box((0.62, 2.0, 0.14), (0, 0.05, z - 0.04), "dark"),
    ]
    parts += [rod_y(r * 1.04, 0.06, (0, y, z + r), "gold", segments=20) for y in (-0.5, -0.1)]
    parts += [
        box((0.74, 0.55, 0.75), (0, 0.6, z + 0.38)),
        box((0.86, 0.75, 0.08), (0, 0.6, z + 0.8), "deep"),
        box((0.76, 0.26, 0.24), (0, 0.6, z + 0.55), "black"),
        box((0.4, 0.57, 0.2), (0, 0.6, z + 0.6), "black"),
    ]
    stack = lathe(
        [(0.1, 0), (0.1, 0.25), (0.19, 0.42), (0.12, 0.42)], "dark", 14, (0, -0.6, z + 2 * r - 0.05)
    )
    dome = ellipsoid((0.14, 0.14, 0.18), (0, -0.15, z + 2 * r), "gold", 12)
    cow = prism([(-0.36, 0), (0.36, 0), (0.05, -0.32), (-0.05, -0.32)], 0.24, "red").moved(
        0, -0.93, 0.1
    )
    parts += [stack, dome, cow, rod_y(0.09, 0.08, (0, -0.88, z + r * 1.8), "lit")]
    for y, q in ((-0.6, 0.19), (-0.1, 0.25), (0.4, 0.25)):
        parts += both(
            [
                rod_x(q, 0.1, (0.34, y, q), "red", 18),
                rod_x(q * 0.4, 0.14, (0.34, y, q), "metal", 10),
            ]
        )
    return [*parts, *both(box((0.05, 0.75, 0.07), (0.42, 0.12, 0.25), "silver"))]


def tractor(u: Uniform) -> list[Part]:
    parts = [
        box((0.5, 0.8, 0.42), (0, -0.4, 0.65)),
        box((0.42, 0.06, 0.34), (0, -0.81, 0.65), "dark"),
        box((0.7, 0.62, 0.2), (0, 0.3, 0.55)),
        box((0.72, 0.72, 0.07), (0, 0.3, 1.36)),
    ]
    parts += [
        strut((x, y, 0.6), (x, y, 1.35), 0.035, "dark") for x in (-0.32, 0.32) for y in (0.02, 0.6)
    ]
    parts += [
        box((0.4, 0.3, 0.14), (0, 0.35, 0.75), "black"),
        box((0.4, 0.08, 0.35), (0, 0.5, 0.9), "black"),
        cylinder(0.045, 0.45, (0.12, -0.5, 1.05), "dark"),
    ]
    parts += both(
        [
            *wheel(0.45, 0.24, (0.5, 0.35, 0.45), "rubber", "banana"),
            *wheel(0.25, 0.16, (0.38, -0.62, 0.25), "rubber", "banana"),
        ]
    )
    return [*parts, *both(ball(0.07, (0.17, -0.82, 0.75), "lit", 8))]


KINDS = {
    "car": Kind(
        car, ("toy car", "automobile", "sedan"), ("metal", "plastic"), ("red", "blue"), 1.1
    ),
    "truck": Kind(
        truck, ("lorry", "toy truck"), ("metal", "plastic"), ("red", "blue", "green"), 0.9
    ),
    "bus": Kind(bus, ("school bus",), ("metal",), ("yellow", "red"), 0.7),
    "tractor": Kind(tractor, ("farm tractor",), ("metal",), ("green", "red", "blue"), 0.6),
    "train": Kind(
        train,
        ("locomotive", "steam train", "train engine"),
        ("metal", "wooden"),
        ("black", "red", "green"),
        0.9,
    ),
}
