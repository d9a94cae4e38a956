"""Procedural props: instruments with keys. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    legs,
    prism,
    rounded,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder

# Seen from above, keyboard along y = -0.75, straight bass side at x = -0.75.
GRAND = np.array(
    [
        (-0.75, -0.72),
        (0.75, -0.72),
        (0.75, -0.05),
        (0.68, 0.2),
        (0.5, 0.4),
        (0.36, 0.62),
        (0.25, 0.9),
        (0.05, 1.12),
        (-0.3, 1.2),
        (-0.6, 1.1),
        (-0.75, 0.85),
    ]
)


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
    parts = [
        prism(outline, h).moved(z=z),
        prism(outline * 0.93, 0.03, "gold").moved(z=z + h - 0.01),
    ]
    front = outline[0, 1]
    parts += [
        box((1.5, 0.34, 0.12), (0, front - 0.16, z + 0.06)),
        *both(box((0.1, 0.36, 0.24), (0.7, front - 0.15, z + 0.12))),
    ]
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
    parts += both(
        [
            box((0.09, 0.36, 0.22), (w * 0.475, y, z + 0.07)),
            box((0.1, 0.1, z), (w * 0.45, y - 0.1, z / 2)),
        ]
    )
    parts.append(box((w * 0.8, 0.03, h * 0.3), (0, -d / 2 - 0.01, h * 0.74), "inset"))
    parts.append(box((w * 0.8, 0.03, h * 0.28), (0, -d / 2 - 0.01, h * 0.24), "inset"))
    parts.append(box((0.5, 0.03, 0.24), (0, -d / 2 - 0.05, h * 0.72), "shade"))
    parts += [box((0.06, 0.14, 0.05), (x, -d / 2 - 0.07, 0.08), "gold") for x in (-0.12, 0, 0.12)]
    if u(0, 1) < 0.25:
        parts += _bench(y - 0.5, z * 0.8)
    return parts


def accordion(u: Uniform) -> list[Part]:
    parts = both(box((0.22, 0.5, 0.8), (0.55, 0, 0)))
    parts += [
        box(
            (0.08, 0.46 if i % 2 else 0.38, 0.76 if i % 2 else 0.68),
            ((i - 4.5) * 0.09, 0, 0),
            "dark",
        )
        for i in range(10)
    ]
    parts.append(box((0.12, 0.12, 0.7), (0.55, -0.28, 0), "white"))
    return parts + [
        ball(0.05, (-0.55 + 0.06 * (i % 2), -0.26, -0.25 + 0.12 * i), "white", 8) for i in range(5)
    ]


def xylophone(u: Uniform) -> list[Part]:
    bars = 6
    parts = [
        box((0.9 - 0.08 * i, 0.2, 0.08), (0, -0.7 + 0.28 * i, 0.16), f"book{i}")
        for i in range(bars)
    ]
    parts += both(strut((0.38, -0.95, 0.04), (0.22, 0.95, 0.04), 0.1))
    parts += [
        strut((-0.4, -0.95, 0.04), (0.4, -0.95, 0.04), 0.1),
        strut((-0.22, 0.95, 0.04), (0.22, 0.95, 0.04), 0.1),
    ]
    return [p.turned("z", 90) for p in parts]


LACQUER = ("wooden", "wooden", "plastic")


KINDS = {
    "grand piano": Kind(
        grand_piano, ("piano", "concert piano"), LACQUER, ("black", "black", "white", "brown"), 2.0
    ),
    "upright piano": Kind(upright_piano, ("piano",), LACQUER, ("brown", "black", "white"), 0.8),
    "accordion": Kind(accordion, (), ("plastic",), ("red", "black"), 0.5),
    "xylophone": Kind(xylophone, (), ("wooden",), ("brown", "red"), 0.4),
}
