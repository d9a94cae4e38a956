"""Procedural props: strings, drums and brass. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    loft,
    rod_y,
    rounded,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, extrude, lathe, torus, tube


def guitar(u: Uniform) -> list[Part]:
    a = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    waist = 1 - 0.22 * np.exp(-(((np.sin(a) - 0.18) / 0.3) ** 2))
    wide = np.where(np.sin(a) < 0.1, u(0.47, 0.54), 0.4)
    outline = np.stack([np.cos(a) * wide * waist, np.sin(a) * 0.62], -1)
    parts, front = (
        [extrude(outline, u(0.2, 0.24)), extrude(outline * 0.93, 0.1, "light").moved(y=-0.08)],
        -0.13,
    )
    parts.append(rod_y(0.15, 0.02, (0, front, 0.16), "black"))
    parts.append(torus(0.16, 0.025, "deep", 18, 6).turned("x", 90).moved(0, front, 0.16))
    parts.append(box((0.13, 0.09, 1.0), (0, front + 0.06, 1.05), "bark"))
    parts.append(box((0.19, 0.09, 0.3), (0, front + 0.08, 1.65), "deep"))
    parts.append(box((0.3, 0.05, 0.07), (0, front - 0.01, -0.3), "bark"))
    parts.append(box((0.05, 0.02, 1.8), (0, front - 0.03, 0.6), "silver"))
    for z in (1.56, 1.66, 1.76):
        parts += both(ball(0.045, (0.12, front + 0.08, z), "silver", 8))
    return parts


def violin(u: Uniform) -> list[Part]:
    a = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    waist = 1 - 0.35 * np.exp(-((np.sin(a) / 0.28) ** 2))
    wide = np.where(np.sin(a) < 0, 0.42, 0.36)
    outline = np.stack([np.cos(a) * wide * waist, np.sin(a) * 0.62], -1)
    parts = [extrude(outline, 0.2), box((0.1, 0.08, 0.8), (0, -0.08, 0.95), "dark")]
    parts.append(box((0.12, 0.06, 0.5), (0, -0.12, -0.35), "dark"))
    parts.append(box((0.24, 0.1, 0.05), (0, -0.14, -0.03), "light"))
    parts += both(box((0.035, 0.02, 0.28), (0.16, -0.105, 0), "black"))
    return [
        *parts,
        ball(0.1, (0, -0.08, 1.4), "main", 10),
        *both(ball(0.05, (0.12, -0.08, 1.3), "dark", 8)),
    ]


def drum(u: Uniform) -> list[Part]:
    r, h = u(0.55, 0.7), u(0.5, 0.85)
    parts = [cylinder(r, h, (0, 0, h / 2), segments=24)]
    parts += [cylinder(r * 0.97, 0.04, (0, 0, z), "label", segments=24) for z in (h + 0.02, -0.02)]
    parts += [torus(r, 0.055, "gold", 24, 8).moved(z=z) for z in (0.03, h - 0.01)]
    for k in range(8):
        a, b = 2 * np.pi * k / 8, 2 * np.pi * (k + 0.5) / 8
        q = r * 1.03
        for c in (a, a + np.pi / 4):
            foot = (q * np.cos(c), q * np.sin(c), 0.05)
            parts.append(strut(foot, (q * np.cos(b), q * np.sin(b), h - 0.04), 0.022, "white", 5))
    if u(0, 1) < 0.6:
        for s in (-1, 1):
            stick = strut(
                (s * 0.15, -r * 0.7, h + 0.1), (s * 0.35, r * 0.9, h + 0.2), 0.035, "wood"
            )
            parts += [stick, ball(0.065, (s * 0.15, -r * 0.7, h + 0.1), "wood", 8)]
    return parts


def trumpet(u: Uniform) -> list[Part]:
    bell = lathe([(0.06, 0), (0.07, 0.3), (0.11, 0.5), (0.2, 0.65), (0.34, 0.75)], "main", 20)
    parts = [bell.turned("y", 90).moved(0.35, 0, 0)]
    loop = [(-0.9, 0, 0.0), (0.4, 0, 0.0)]
    parts.append(tube(loop, 0.055))
    a = np.linspace(-np.pi / 2, np.pi / 2, 8)
    for end, side in ((0.3, 1), (-0.4, -1)):
        bow = np.stack([end + side * 0.16 * np.cos(a), 0 * a, -0.16 + 0.16 * np.sin(a)], -1)
        parts.append(tube(bow, 0.055))
    parts.append(tube([(-0.4, 0, -0.32), (0.3, 0, -0.32)], 0.055))
    for x in (-0.2, -0.05, 0.1):
        parts.append(cylinder(0.06, 0.5, (x, 0, -0.12)))
        parts.append(cylinder(0.05, 0.1, (x, 0, 0.2), "white"))
    return [
        *parts,
        lathe([(0.04, 0), (0.09, -0.14)], "silver", 12).turned("y", 90).moved(-0.9, 0, 0),
    ]


def bell(u: Uniform) -> list[Part]:
    r, h = u(0.5, 0.62), u(0.8, 1.0)
    body = lathe(
        [
            (0, h),
            (r * 0.45, h * 0.97),
            (r * 0.6, h * 0.75),
            (r * 0.68, h * 0.35),
            (r, 0.05),
            (r, 0),
            (r * 0.85, 0.0),
            (r * 0.5, h * 0.7),
        ],
        "main",
        24,
    )
    parts = [
        body,
        ball(0.14, (0, 0, -0.02), "iron"),
        torus(r * 0.95, 0.05, "main", 24, 8).moved(z=0.06),
    ]
    if u(0, 1) < 0.4:
        return [
            *parts,
            cylinder(0.08, 0.6, (0, 0, h + 0.3), "wood", 0.1),
            ball(0.12, (0, 0, h + 0.6), "wood"),
        ]
    return [*parts, torus(0.14, 0.055, "main", 14, 8).turned("x", 90).moved(z=h + 0.12)]


def harp(u: Uniform) -> list[Part]:
    body = loft(
        [
            [(x * s, y * s + dy, z) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
            for s, dy, z in ((0.18, 0.35, 0.0), (0.12, 0.5, 0.8), (0.07, 0.6, 1.4))
        ]
    )
    column = strut((0, -0.45, 0.05), (0, -0.45, 1.6), 0.07, "main")
    neck = tube(
        [(0, -0.45, 1.6), (0, -0.2, 1.68), (0, 0.15, 1.42), (0, 0.45, 1.42), (0, 0.62, 1.4)], 0.075
    )
    strings = [
        strut((0, y, 0.1 + max(0, y) * 0.5), (0, y + 0.03, 1.5), 0.015, "gold", 5)
        for y in np.linspace(-0.32, 0.38, 7)
    ]
    base = rounded((0.4, 1.1, 0.14), (0, 0, 0), power=5)
    return [
        p.turned("z", 90)
        for p in (body, column, neck, *strings, base, ball(0.11, (0, -0.45, 1.65)))
    ]


KINDS = {
    "guitar": Kind(guitar, ("acoustic guitar", "ukulele"), ("wooden",), ("brown",)),
    "violin": Kind(violin, ("fiddle", "cello"), ("wooden",), ("brown",), 0.7),
    "drum": Kind(drum, ("snare drum",), ("wooden", "metal"), ("red", "blue")),
    "trumpet": Kind(trumpet, ("horn",), ("brass", "golden"), ("yellow",), 0.7),
    "bell": Kind(bell, ("hand bell",), ("brass", "golden", "iron"), ("yellow",), 0.8),
    "harp": Kind(harp, (), ("golden", "wooden"), ("brown",), 0.5),
}
