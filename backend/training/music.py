"""Procedural props: musical instruments."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    legs,
    loft,
    prism,
    rod_y,
    rounded,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, extrude, lathe, torus, tube

# Seen from above, keyboard along y = -0.75, straight bass side at x = -0.75.
GRAND = np.array([
    (-0.75, -0.72), (0.75, -0.72), (0.75, -0.05), (0.68, 0.2), (0.5, 0.4), (0.36, 0.62),
    (0.25, 0.9), (0.05, 1.12), (-0.3, 1.2), (-0.6, 1.1), (-0.75, 0.85),
])  # fmt: skip


def _keyboard(w: float, y: float, z: float, count: int = 10) -> list[Part]:
    """White keys with groups of two and three black ones."""
    parts = [box((w, 0.26, 0.07), (0, y, z), "white")]
    groups = (1, 2, 4, 5, 6)
    for k in range(count + 1):
        if k % 7 in groups:
            x = (k / (count + 1) - 0.5) * w
            parts.append(box((w / count * 0.5, 0.15, 0.05), (x, y + 0.05, z + 0.05), "black"))
    return parts


def grand_piano(u: Uniform) -> list[Part]:
    long, z, h = u(0.85, 1.1), u(0.62, 0.72), u(0.24, 0.3)
    outline = GRAND * [1, long]
    parts = [prism(outline, h).moved(z=z), prism(outline * 0.93, 0.03, "gold").moved(z=z + h - 0.01)]
    front = outline[0, 1]
    parts += [box((1.5, 0.34, 0.12), (0, front - 0.16, z + 0.06)),
              *both(box((0.1, 0.36, 0.24), (0.7, front - 0.15, z + 0.12)))]  # fmt: skip
    parts += _keyboard(1.28, front - 0.17, z + 0.15)
    parts.append(box((1.5, 0.16, 0.06), (0, front + 0.06, z + h + 0.02)))
    if u(0, 1) < 0.75:  # the lid stands open, hinged on the bass side
        lid = prism(outline * [1, 0.86], 0.045, "main").moved(0.75, 0.12, 0)
        angle = -u(30, 42)
        parts.append(lid.turned("y", angle).moved(-0.75, 0, z + h + 0.01))
        reach = 1.3 * np.cos(np.radians(angle)) - 0.75
        tall = 1.3 * np.sin(np.radians(-angle))
        parts.append(strut((0.66, 0.1, z + h), (reach, 0.12, z + h + tall), 0.028, "main", 6))
        stand = box((0.7, 0.04, 0.28)).turned("x", -18)
        parts.append(stand.moved(0, front + 0.14, z + h + 0.16))
    else:
        parts.append(prism(outline * [1.02, 1.0], 0.05).moved(z=z + h))
    for x, y in ((-0.62, front + 0.08), (0.62, front + 0.08), (-0.2, 0.9 * long)):
        parts.append(cylinder(0.06, z, (x, y, z / 2), top=0.09, segments=10))
        parts.append(ball(0.07, (x, y, 0.05), "gold", 8))
    parts.append(box((0.1, 0.06, z), (0, front + 0.12, z / 2)))
    parts.append(box((0.26, 0.14, 0.05), (0, front + 0.08, 0.08), "gold"))
    if u(0, 1) < 0.25:
        parts += _bench(front - 0.62, 0.42)
    return parts


def _bench(y: float, h: float) -> list[Part]:
    parts = [rounded((0.6, 0.32, 0.14), (0, y, h), power=6), *legs(0.56, 0.28, h, 0.07)]
    return [parts[0], *(p.moved(y=y) for p in parts[1:])]


def upright_piano(u: Uniform) -> list[Part]:
    w, h, d = u(1.35, 1.55), u(1.15, 1.4), u(0.42, 0.5)
    parts = [box((w, d, h), (0, 0, h / 2)), box((w * 1.04, d * 1.12, 0.08), (0, 0, h))]
    y, z = -d / 2 - 0.16, h * 0.5
    parts += [box((w, 0.36, 0.12), (0, y, z)), *_keyboard(w * 0.88, y, z + 0.08)]
    parts += both([box((0.09, 0.36, 0.22), (w * 0.475, y, z + 0.07)),
                   box((0.1, 0.1, z), (w * 0.45, y - 0.1, z / 2))])  # fmt: skip
    parts.append(box((w * 0.8, 0.03, h * 0.3), (0, -d / 2 - 0.01, h * 0.74), "inset"))
    parts.append(box((w * 0.8, 0.03, h * 0.28), (0, -d / 2 - 0.01, h * 0.24), "inset"))
    parts.append(box((0.5, 0.03, 0.24), (0, -d / 2 - 0.05, h * 0.72), "shade"))
    parts += [box((0.06, 0.14, 0.05), (x, -d / 2 - 0.07, 0.08), "gold") for x in (-0.12, 0, 0.12)]
    if u(0, 1) < 0.25:
        parts += _bench(y - 0.5, z * 0.8)
    return parts


def guitar(u: Uniform) -> list[Part]:
    a = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    waist = 1 - 0.22 * np.exp(-(((np.sin(a) - 0.18) / 0.3) ** 2))
    wide = np.where(np.sin(a) < 0.1, u(0.47, 0.54), 0.4)
    outline = np.stack([np.cos(a) * wide * waist, np.sin(a) * 0.62], -1)
    parts = [extrude(outline, u(0.18, 0.24)), extrude(outline * 0.97, 0.26, "shade")]
    parts[1], front = extrude(outline * 0.93, 0.25, "light"), -0.13
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
    return [*parts, ball(0.1, (0, -0.08, 1.4), "main", 10), *both(ball(0.05, (0.12, -0.08, 1.3), "dark", 8))]


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
            stick = strut((s * 0.15, -r * 0.7, h + 0.1), (s * 0.35, r * 0.9, h + 0.2), 0.035, "wood")
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
    return [*parts, lathe([(0.04, 0), (0.09, -0.14)], "silver", 12).turned("y", 90).moved(-0.9, 0, 0)]


def bell(u: Uniform) -> list[Part]:
    r, h = u(0.5, 0.62), u(0.8, 1.0)
    body = lathe([(0, h), (r * 0.45, h * 0.97), (r * 0.6, h * 0.75), (r * 0.68, h * 0.35),
                  (r, 0.05), (r, 0), (r * 0.85, 0.0), (r * 0.5, h * 0.7)], "main", 24)  # fmt: skip
    parts = [body, ball(0.14, (0, 0, -0.02), "iron"), torus(r * 0.95, 0.05, "main", 24, 8).moved(z=0.06)]
    if u(0, 1) < 0.4:
        return [*parts, cylinder(0.08, 0.6, (0, 0, h + 0.3), "wood", 0.1), ball(0.12, (0, 0, h + 0.6), "wood")]
    return [*parts, torus(0.14, 0.055, "main", 14, 8).turned("x", 90).moved(z=h + 0.12)]


def harp(u: Uniform) -> list[Part]:
    body = loft([[(x * s, y * s + dy, z) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
                 for s, dy, z in ((0.18, 0.35, 0.0), (0.12, 0.5, 0.8), (0.07, 0.6, 1.4))])  # fmt: skip
    column = strut((0, -0.45, 0.05), (0, -0.45, 1.6), 0.07, "main")
    neck = tube([(0, -0.45, 1.6), (0, -0.2, 1.68), (0, 0.15, 1.42), (0, 0.45, 1.42), (0, 0.62, 1.4)], 0.075)
    strings = [strut((0, y, 0.1 + max(0, y) * 0.5), (0, y + 0.03, 1.5), 0.015, "gold", 5)
               for y in np.linspace(-0.32, 0.38, 7)]  # fmt: skip
    base = rounded((0.4, 1.1, 0.14), (0, 0, 0), power=5)
    return [p.turned("z", 90) for p in (body, column, neck, *strings, base, ball(0.11, (0, -0.45, 1.65)))]


def accordion(u: Uniform) -> list[Part]:
    parts = both(box((0.22, 0.5, 0.8), (0.55, 0, 0)))
    parts += [box((0.08, 0.46 if i % 2 else 0.38, 0.76 if i % 2 else 0.68), ((i - 4.5) * 0.09, 0, 0), "dark") for i in range(10)]
    parts.append(box((0.12, 0.12, 0.7), (0.55, -0.28, 0), "white"))
    return parts + [ball(0.05, (-0.55 + 0.06 * (i % 2), -0.26, -0.25 + 0.12 * i), "white", 8) for i in range(5)]


def xylophone(u: Uniform) -> list[Part]:
    bars = 6
    parts = [box((0.9 - 0.08 * i, 0.2, 0.08), (0, -0.7 + 0.28 * i, 0.16), f"book{i}") for i in range(bars)]
    parts += both(strut((0.32, -0.85, 0.06), (0.18, 0.85, 0.06), 0.06, "wood"))
    return [p.turned("z", 90) for p in parts]


LACQUER = ("wooden", "wooden", "plastic")
KINDS = {
    "grand piano": Kind(grand_piano, ("piano", "concert piano"), LACQUER,
                        ("black", "black", "white", "brown"), 2.0),
    "upright piano": Kind(upright_piano, ("piano",), LACQUER, ("brown", "black", "white"), 0.8),
    "guitar": Kind(guitar, ("acoustic guitar", "ukulele"), ("wooden",), ("brown",)),
    "violin": Kind(violin, ("fiddle", "cello"), ("wooden",), ("brown",), 0.7),
    "drum": Kind(drum, ("snare drum",), ("wooden", "metal"), ("red", "blue")),
    "trumpet": Kind(trumpet, ("horn",), ("brass", "golden"), ("yellow",), 0.7),
    "bell": Kind(bell, ("brass bell",), ("brass", "golden", "iron"), ("yellow",), 0.8),
    "harp": Kind(harp, (), ("golden", "wooden"), ("brown",), 0.5),
    "accordion": Kind(accordion, (), ("plastic",), ("red", "black"), 0.5),
    "xylophone": Kind(xylophone, (), ("wooden",), (), 0.4),
}  # fmt: skip
