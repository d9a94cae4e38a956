"""Procedural props: bathtubs and other fixtures of a house. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    rod_y,
    rounded,
    squared,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, lathe, torus, tube


def bathtub(u: Uniform) -> list[Part]:
    length, w, h = u(1.7, 2.1), u(0.85, 1.0), u(0.6, 0.72)
    style = u(0, 1)
    z0 = 0.12 if style < 0.65 else 0.0
    prof = [
        (0, z0),
        (0.72, z0),
        (0.88, 0.3),
        (0.96, 0.85),
        (1.05, 0.93),
        (1.08, 1.0),
        (1.02, 1.05),
        (0.9, 1.0),
        (0.84, 0.8),
        (0.74, 0.35),
        (0, 0.3),
    ]
    if style >= 0.65:
        prof = [(0, 0), (0.98, 0), (1.0, 0.95), (1.0, 1.05), (0.88, 1.05), (0.8, 0.4), (0, 0.34)]
    power = u(2.2, 3.2) if style < 0.65 else u(4, 7)
    tub = squared(lathe(prof, "main", 32), power).scaled(length / 2, w / 2, h)
    if style < 0.3:  # a slipper: one end is higher
        v = tub.vertices.copy()
        v[:, 2] += 0.22 * np.clip(-v[:, 0] / (length / 2), 0, 1) ** 2 * (v[:, 2] > 0.4 * h)
        tub = Part(v, tub.faces)
    parts = [tub]
    if u(0, 1) < 0.3:
        water = squared(cylinder(0.84, 0.02, slot="water", segments=28), power)
        parts.append(water.scaled(length / 2, w / 2, 1).moved(z=h * 0.78))
    if style < 0.65:
        foot = tube(
            [(0.1, 0.06, 0.2), (0.16, 0.1, 0.1), (0.13, 0.08, 0.0)],
            [0.1, 0.075, 0.095],
            "gold" if u(0, 1) < 0.5 else "silver",
        )
        for sx in (-1, 1):
            for sy in (-1, 1):
                parts.append(foot.moved(length * 0.22, w * 0.18, 0).scaled(sx, sy, 1))
    x = length * 0.53 + 0.02
    tap = tube(
        [(x, 0, h * 0.95), (x, 0, h + 0.28), (x - 0.16, 0, h + 0.34), (x - 0.26, 0, h + 0.2)],
        0.045,
        "silver",
    )
    return [*parts, tap, *(ball(0.065, (x, s * 0.16, h + 0.1), "silver", 8) for s in (-1, 1))]


def sink(u: Uniform) -> list[Part]:
    bowl = lathe(
        [(0, -0.3), (0.3, -0.28), (0.52, 0), (0.56, 0.03), (0.5, 0.02), (0.25, -0.2), (0, -0.22)],
        "main",
        24,
    ).scaled(1.1, 0.85, 1)
    leg = lathe([(0.28, -1.1), (0.14, -0.9), (0.12, -0.4), (0.2, -0.25)], "main", 18)
    tap = tube([(0, 0.4, 0), (0, 0.4, 0.25), (0, 0.22, 0.28), (0, 0.15, 0.2)], 0.05, "silver")
    return [bowl, leg, tap, *both(ball(0.06, (0.2, 0.42, 0.06), "silver", 8))]


def toilet(u: Uniform) -> list[Part]:
    bowl = lathe(
        [(0, 0), (0.26, 0), (0.22, 0.15), (0.34, 0.42), (0.38, 0.5), (0, 0.5)], "main", 22
    ).scaled(1, 1.25, 1)
    seat = torus(0.32, 0.065, "light", 22, 8).scaled(1, 1.25, 0.7).moved(z=0.52)
    lid = cylinder(0.37, 0.06, segments=22).scaled(1, 1.15, 1).turned("x", 78).moved(0, 0.42, 0.9)
    return [
        bowl,
        seat,
        cylinder(0.26, 0.02, (0, 0, 0.51), "inner", segments=18),
        lid,
        rounded((0.78, 0.28, 0.62), (0, 0.62, 0.85), power=7),
        box((0.8, 0.3, 0.06), (0, 0.62, 1.16)),
        box((0.2, 0.3, 0.5), (0, 0.45, 0.28)),
        cylinder(0.05, 0.06, (0, 0.62, 1.2), "silver"),
    ]


def fan(u: Uniform) -> list[Part]:
    parts = [
        cylinder(0.36, 0.08, (0, 0, 0.04), "main", 0.3, 20),
        cylinder(0.06, 0.7, (0, 0, 0.4)),
        rod_y(0.14, 0.35, (0, 0.12, 0.95)),
    ]
    blade = rounded((0.26, 0.05, 0.42), (0, 0, 0.26), "accent", 3, 10)
    parts += [blade.turned("y", 120 * k).moved(0, -0.14, 0.95) for k in range(3)]
    parts += [
        torus(r, 0.03, "silver", 24, 6).turned("x", 90).moved(0, y, 0.95)
        for r, y in ((0.55, -0.14), (0.4, -0.26), (0.4, 0.0))
    ]
    return [*parts, rod_y(0.1, 0.1, (0, -0.24, 0.95), "silver")]


KINDS = {
    "bathtub": Kind(
        bathtub, ("tub", "bath", "bath tub"), ("ceramic", "ceramic", "copper"), ("white",), 1.6
    ),
    "sink": Kind(sink, ("washbasin", "basin"), ("ceramic",), ("white",), 0.5),
    "toilet": Kind(toilet, (), ("ceramic",), ("white",), 0.6),
    "fan": Kind(fan, ("electric fan", "table fan"), ("plastic", "metal"), ("white", "blue"), 0.5),
}
