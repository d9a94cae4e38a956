"""Procedural props: electronics and other devices. The table is at the end."""

from __future__ import annotations

from backend.training.forms import (
    both,
    handle,
    ring_of,
    rod_x,
    rod_y,
    rounded,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, extrude, lathe, torus, tube


def _screen(u: Uniform) -> str:
    return "screen" if u(0, 1) < 0.6 else ("glass" if u(0, 1) < 0.5 else "black")


def laptop(u: Uniform) -> list[Part]:
    w, d, t = u(1.35, 1.55), u(0.92, 1.05), u(0.07, 0.1)
    tall, lean = d * u(0.92, 1.0), u(-28, -8)
    keys = "dark" if u(0, 1) < 0.75 else "deep"
    parts = [box((w, d, t), (0, 0, t / 2))]
    parts.append(box((w * 0.88, d * 0.5, 0.012), (0, d * 0.14, t + 0.004), "inset"))
    for row in range(4):  # rows of keys
        y = d * 0.32 - row * d * 0.12
        count = 10 if row < 3 else 5
        for k in range(count):
            wide = w * 0.84 / 10 * 0.76
            if row == 3 and k == 2:
                wide *= 4.2
            x = (
                ((k + 0.5) / 10 - 0.5) * w * 0.86
                if row < 3
                else (-0.38, -0.28, 0, 0.28, 0.38)[k] * w
            )
            parts.append(box((wide, d * 0.09, 0.02), (x, y, t + 0.015), keys))
    parts.append(box((w * 0.3, d * 0.22, 0.012), (0, -d * 0.32, t + 0.004), "inset"))
    lid = [
        box((w, 0.06, tall), (0, 0, tall / 2)),
        box((w * 0.98, 0.012, tall * 0.96), (0, -0.032, tall / 2), "black"),
        box((w * 0.9, 0.012, tall * 0.82), (0, -0.04, tall * 0.52), _screen(u)),
        rod_y(0.08, 0.012, (0, 0.033, tall * 0.5), "light"),
    ]
    hinge = rod_x(0.045, w * 0.7, (0, d / 2 - 0.03, t), "dark")
    return [*parts, *(p.turned("x", lean).moved(0, d / 2 - 0.03, t) for p in lid), hinge]


def monitor(u: Uniform) -> list[Part]:
    w, h = u(1.4, 1.7), u(0.85, 1.0)
    z = u(0.35, 0.5)
    parts = [
        box((w, 0.1, h), (0, 0, z + h / 2)),
        box((w * 0.92, 0.02, h * 0.88), (0, -0.055, z + h / 2 + 0.02), _screen(u)),
    ]
    parts.append(rounded((w * 0.55, 0.2, h * 0.5), (0, 0.1, z + h * 0.45), power=5))
    parts.append(box((0.16, 0.1, z + 0.2), (0, 0.1, (z + 0.2) / 2)))
    parts.append(cylinder(0.36, 0.05, (0, 0.06, 0.02), segments=20).scaled(1.2, 0.8, 1))
    if u(0, 1) < 0.35:
        parts.append(box((w * 0.75, 0.34, 0.06), (0, -0.55, 0.03)))
        parts += [box((w * 0.7, 0.06, 0.03), (0, -0.65 + 0.1 * i, 0.07), "inset") for i in range(3)]
    return parts


def television(u: Uniform) -> list[Part]:
    w, h, d = u(1.2, 1.4), u(0.9, 1.0), u(0.6, 0.8)
    parts = [
        rounded((w, d * 0.7, h), (0, -0.1, h / 2), power=9, segments=20),
        rounded((w * 0.75, d, h * 0.75), (0, 0.15, h * 0.5), "inset", 6),
    ]
    y = -0.1 - d * 0.35
    parts.append(box((w * 0.66, 0.05, h * 0.74), (-w * 0.12, y, h / 2), "black"))
    parts.append(rounded((w * 0.62, 0.14, h * 0.68), (-w * 0.12, y, h / 2), _screen(u), 5))
    for z in (0.75, 0.52):
        parts.append(rod_y(0.075, 0.1, (w * 0.36, y, z * h), "silver"))
    parts += [
        box((0.2, 0.04, 0.035), (w * 0.36, y, h * (0.15 + 0.08 * k)), "dark") for k in range(3)
    ]
    parts += both(strut((0.03, 0, h), (0.36, 0, h + 0.5), 0.03, "silver"))
    if u(0, 1) < 0.6:
        parts += both(
            [
                strut((w * 0.36, -0.3, 0.05), (w * 0.46, -0.36, -0.3), 0.05, "bark"),
                strut((w * 0.36, 0.25, 0.05), (w * 0.46, 0.3, -0.3), 0.05, "bark"),
            ]
        )
    return parts


def radio(u: Uniform) -> list[Part]:
    w, h, d = u(1.3, 1.5), u(0.75, 0.9), u(0.42, 0.5)
    parts = [rounded((w, d, h), (0, 0, h / 2), power=8, segments=20)]
    y = -d / 2
    parts.append(rod_y(h * 0.33, 0.05, (-w * 0.25, y, h * 0.48), "dark", segments=20))
    parts += [
        torus(h * q, 0.03, "metal", 20, 6).turned("x", 90).moved(-w * 0.25, y - 0.02, h * 0.48)
        for q in (0.14, 0.33)
    ]
    parts.append(box((w * 0.38, 0.05, h * 0.28), (w * 0.24, y, h * 0.68), "label"))
    parts.append(box((0.03, 0.06, h * 0.26), (w * 0.3, y - 0.01, h * 0.68), "red"))
    parts += [rod_y(0.09, 0.1, (w * x, y, h * 0.3), "silver") for x in (0.14, 0.34)]
    parts.append(strut((w * 0.4, 0.1, h), (w * 0.15, 0.1, h + 0.6), 0.025, "silver"))
    return [*parts, handle(w * 0.6, 0.2, 0.045, "dark").moved(z=h - 0.03)]


def telephone(u: Uniform) -> list[Part]:
    side = [(0.5, 0), (-0.5, 0), (-0.36, 0.16), (0.2, 0.5), (0.42, 0.5)]
    parts = [extrude(side, 1.0).turned("z", 90)]
    dial = [
        cylinder(0.3, 0.06, slot="silver", segments=20),
        cylinder(0.16, 0.09, slot="label", segments=16),
    ]
    dial += ring_of(cylinder(0.045, 0.08, (0.23, 0, 0.01), "black", segments=8), 9)
    parts += [p.turned("x", 31).moved(0, -0.12, 0.34) for p in dial]
    y, z = 0.3, 0.66
    parts += both(
        [
            box((0.1, 0.12, 0.16), (0.26, y, 0.55)),
            ellipsoid((0.17, 0.17, 0.14), (0.52, y, z - 0.05), "main", 12),
        ]
    )
    path = [(-0.52, y, z), (-0.3, y, z + 0.1), (0, y, z + 0.13), (0.3, y, z + 0.1), (0.52, y, z)]
    return [*parts, tube(path, 0.085)]


def camera(u: Uniform) -> list[Part]:
    w, h, d = u(1.15, 1.35), u(0.75, 0.85), u(0.36, 0.44)
    parts = [
        rounded((w, d, h), (0, 0, h / 2), power=9, segments=20),
        box((w * 0.98, d * 1.03, h * 0.5), (0, 0, h * 0.42), "dark"),
    ]
    y = -d / 2
    lens = [
        (0.36, 0.12, "black"),
        (0.32, 0.26, "metal"),
        (0.29, 0.36, "black"),
        (0.22, 0.375, "glass"),
    ]
    parts += [
        rod_y(r, long, (0, y - long / 2 + 0.02, h * 0.44), slot, segments=22)
        for r, long, slot in lens
    ]
    parts.append(box((0.36, d * 0.8, 0.22), (0, 0, h + 0.06)))
    parts.append(box((0.22, 0.05, 0.12), (0, -d * 0.4, h + 0.06), "glass"))
    parts.append(cylinder(0.09, 0.12, (w * 0.34, 0, h + 0.04), "silver"))
    return [
        *parts,
        cylinder(0.13, 0.08, (-w * 0.34, 0, h + 0.03), "silver"),
        box((w * 0.55, 0.03, h * 0.5), (0, d / 2 + 0.01, h * 0.45), "screen"),
    ]


def extinguisher(u: Uniform) -> list[Part]:
    r, h = u(0.26, 0.32), u(0.95, 1.15)
    body = lathe(
        [(0, 0), (r, 0), (r, h), (r * 0.8, h + 0.14), (0.1, h + 0.22), (0, h + 0.22)], "main", 20
    )
    parts = [
        body,
        cylinder(0.1, 0.16, (0, 0, h + 0.28), "dark"),
        cylinder(r * 1.02, 0.36, (0, 0, h * 0.55), "label", segments=20),
    ]
    parts += [
        box((0.1, 0.42, 0.06), (0, -0.1, h + 0.36), "black"),
        box((0.1, 0.36, 0.06), (0, -0.12, h + 0.48), "black"),
    ]
    hose = tube(
        [(0.08, 0, h + 0.3), (r + 0.1, 0, h + 0.15), (r + 0.12, 0, h * 0.6), (r + 0.06, 0, 0.25)],
        [0.045, 0.045, 0.045, 0.085],
        "black",
    )
    return [*parts, hose, rod_y(0.06, 0.08, (0, -0.1, h + 0.26), "silver")]


ELECTRIC = ("plastic", "metal")


KINDS = {
    "laptop": Kind(
        laptop,
        ("notebook computer", "laptop computer", "computer"),
        ("silver", "metal", "plastic"),
        ("grey", "black"),
        2.0,
    ),
    "computer monitor": Kind(
        monitor,
        ("monitor", "computer screen", "display"),
        ELECTRIC,
        ("black", "grey", "white"),
        0.9,
    ),
    "television": Kind(television, ("tv", "tv set"), ("wooden", "plastic"), ("brown", "red"), 0.9),
    "radio": Kind(radio, ("transistor radio", "boombox"), ELECTRIC, ("red", "brown"), 0.8),
    "telephone": Kind(telephone, ("phone", "rotary phone"), ("plastic",), ("red", "black"), 0.8),
    "camera": Kind(camera, ("photo camera",), ELECTRIC, ("black", "grey"), 0.9),
    "fire extinguisher": Kind(extinguisher, ("extinguisher",), ("metal",), ("red",), 0.9),
}
