"""Procedural props, part two: tableware, food, plants, tools, and game props."""

from __future__ import annotations

import numpy as np

from backend.training.furniture import Uniform
from backend.training.shapes import (
    Part,
    arc,
    box,
    cylinder,
    ellipsoid,
    extrude,
    lathe,
    torus,
    tube,
)


def mug(u: Uniform) -> list[Part]:
    h, r = u(0.85, 1.15), u(0.4, 0.52)
    top = r * u(0.95, 1.12)
    body = lathe(
        [(0, 0), (r, 0), (top, h), (top - 0.06, h), (r - 0.07, 0.08), (0, 0.08)], segments=24
    )
    handle = tube(arc(h * 0.3, -90, 90, 10) * [u(0.9, 1.3), 1, 1], u(0.05, 0.08))
    inside = cylinder(top - 0.065, 0.02, (0, 0, h * 0.8), "inner")
    return [body, handle.moved((r + top) / 2 - 0.02, 0, h / 2), inside]


def goblet(u: Uniform) -> list[Part]:
    foot, stem, bowl, h, tall = u(0.3, 0.42), u(0.05, 0.08), u(0.36, 0.5), u(0.4, 0.6), u(0.5, 0.75)
    profile = [(0, 0), (foot, 0), (foot, 0.05), (stem * 1.6, 0.13)]
    profile += [(stem, h * 0.5), (stem * 2, h * 0.55), (stem, h * 0.62), (stem * 1.5, h)]
    profile += [(bowl * 0.75, h + tall * 0.2), (bowl, h + tall * 0.55)]
    profile += [(bowl * u(0.88, 1.05), h + tall)]
    rim = profile[-1]
    inner = [(rim[0] - 0.04, rim[1]), (bowl - 0.05, h + tall * 0.5), (bowl * 0.6, h + tall * 0.25)]
    parts = [lathe([*profile, *inner, (0, h + tall * 0.2)], segments=24)]
    if u(0, 1) < 0.4:
        parts.append(torus(bowl + 0.01, 0.03, "gem").moved(z=h + tall * 0.55))
    return parts


def bottle(u: Uniform) -> list[Part]:
    r, h, neck = u(0.26, 0.34), u(0.8, 1.05), u(0.08, 0.11)
    long = u(0.35, 0.5)
    profile = [
        (0, 0),
        (r, 0),
        (r, h),
        (r * 0.8, h + 0.12),
        (neck, h + 0.26),
        (neck, h + 0.26 + long),
    ]
    top = h + 0.26 + long
    parts = [lathe([*profile, (neck * 1.3, top), (neck * 1.3, top + 0.06), (0, top + 0.06)])]
    if u(0, 1) < 0.7:
        parts.append(lathe([(r + 0.01, h * 0.25), (r + 0.01, h * 0.75)], "label"))
    parts.append(cylinder(neck * 0.9, 0.12, (0, 0, top + 0.1), "cork"))
    return parts


def potion(u: Uniform) -> list[Part]:
    r, neck, long = u(0.45, 0.55), u(0.13, 0.18), u(0.25, 0.4)
    body = ellipsoid((r, r, r * u(0.85, 1.05)), (0, 0, r), segments=18)
    z = 2 * r - 0.08
    parts = [body, cylinder(neck, long, (0, 0, z + long / 2)), torus(neck, 0.04).moved(z=z + long)]
    return [*parts, cylinder(neck * 0.85, 0.2, (0, 0, z + long + 0.07), "cork")]


def teapot(u: Uniform) -> list[Part]:
    r, squash = u(0.5, 0.6), u(0.75, 0.95)
    body = ellipsoid((r, r, r * squash), (0, 0, r * squash), segments=20)
    spout = tube(
        [(-r * 0.8, 0, r * 0.6), (-r * 1.3, 0, r * 0.8), (-r * 1.6, 0, r * 1.5)], [0.14, 0.1, 0.06]
    )
    handle = tube(arc(r * 0.55, -80, 80, 10), 0.06).moved(r * 0.9, 0, r * squash)
    lid = ellipsoid((r * 0.5, r * 0.5, 0.12), (0, 0, r * squash * 1.87), segments=14)
    knob = ellipsoid((0.09, 0.09, 0.09), (0, 0, r * squash * 1.95 + 0.1), segments=10)
    return [body, spout, handle, lid, knob]


def donut(u: Uniform) -> list[Part]:
    R, r = u(0.6, 0.72), u(0.26, 0.34)
    dough = torus(R, r, "dough", 28, 12).scaled(1, 1, 0.85)
    a = np.linspace(-0.35, np.pi + 0.35, 10)
    icing = lathe(
        [(R + (r + 0.02) * np.cos(t), (r + 0.03) * np.sin(t) * 0.87) for t in a], segments=28
    )
    parts = [dough, icing]
    for _ in range(14):
        t, q = u(0, 2 * np.pi), R + u(-0.5, 0.5) * r
        z = (r + 0.03) * np.sqrt(max(0.0, 1 - ((q - R) / r) ** 2)) * 0.87
        chip = box((0.12, 0.035, 0.04)).turned("z", u(0, 180))
        chip.slot = f"book{int(u(0, 3))}"
        parts.append(chip.moved(q * np.cos(t), q * np.sin(t), z))
    return parts


def hamburger(u: Uniform) -> list[Part]:
    r = u(0.75, 0.85)
    bottom = cylinder(r * 0.92, 0.24, (0, 0, 0.12), "bun", r, 22)
    lettuce = cylinder(r * 1.07, 0.07, (0, 0, 0.28), "leaf", r * 1.02, 22)
    patty = cylinder(r * 1.0, 0.2, (0, 0, 0.4), "meat", segments=22)
    cheese = box((r * 1.5, r * 1.5, 0.04), (0, 0, 0.52), "cheese").turned("z", u(0, 90))
    tomato = cylinder(r * 0.98, 0.08, (0, 0, 0.57), "tomato", segments=22)
    top = ellipsoid((r, r, u(0.45, 0.6)), (0, 0, 0.6), "bun", 22, cut=0.0)
    return [bottom, lettuce, patty, cheese, tomato, top]


def cake(u: Uniform) -> list[Part]:
    r, h = u(0.7, 0.85), u(0.35, 0.5)
    parts = [cylinder(r * 1.25, 0.05, (0, 0, 0.0), "white", segments=24)]
    parts.append(cylinder(r, h, (0, 0, h / 2), segments=24))
    top = h
    if u(0, 1) < 0.5:
        parts.append(cylinder(r * 0.62, h * 0.8, (0, 0, h * 1.4), segments=24))
        top, r_top = h * 1.8, r * 0.62
    else:
        r_top = r
    parts.append(torus(r, 0.07, "white").moved(z=h))
    for k in range(5):
        a = 2 * np.pi * k / 5
        x, y = r_top * 0.55 * np.cos(a), r_top * 0.55 * np.sin(a)
        parts.append(cylinder(0.035, 0.28, (x, y, top + 0.14), "accent"))
        parts.append(ellipsoid((0.04, 0.04, 0.07), (x, y, top + 0.33), "flame", 8))
    return parts


def ball(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.9, 0.9, 0.9), slot="main", segments=24)]
    if u(0, 1) < 0.6:
        parts += [torus(0.895, 0.03, "white").turned("x", 90), torus(0.895, 0.03, "white")]
    return parts


def mushroom(u: Uniform) -> list[Part]:
    r, h = u(0.6, 0.85), u(0.6, 0.9)
    stem = lathe([(0, 0), (u(0.2, 0.3), 0), (0.17, h * 0.5), (0.2, h), (0, h)], "stem")
    cap = ellipsoid((r, r, u(0.45, 0.7)), (0, 0, h - 0.08), segments=20, cut=0.0)
    tall = cap.vertices[:, 2].max() - h + 0.08
    parts = [stem, cap]
    for ring, count in ((0.35, 4), (0.75, 7)):
        for k in range(count):
            a, e = 2 * np.pi * k / count + ring * 3, np.arccos(ring)
            c = (r * ring * np.cos(a), r * ring * np.sin(a), h - 0.08 + tall * np.sin(e))
            parts.append(ellipsoid((0.1, 0.1, 0.06), c, "white", 8))
    return parts


def tree(u: Uniform) -> list[Part]:
    h = u(0.5, 0.8)
    trunk = cylinder(u(0.12, 0.18), h, (0, 0, h / 2), "bark", 0.1)
    if u(0, 1) < 0.5:
        return [trunk] + [
            lathe(
                [(0, 0), (0.65 - 0.17 * k, 0), (0.02, 0.6), (0, 0.6)],
                "leaves",
                centre=(0, 0, h + 0.35 * k),
            )
            for k in range(3)
        ]
    r = u(0.45, 0.6)
    crown = [ellipsoid((r, r, r), (0, 0, h + r * 0.8), "leaves", 14)]
    for k in range(3):
        a = 2 * np.pi * k / 3 + u(0, 1)
        c = (r * 0.6 * np.cos(a), r * 0.6 * np.sin(a), h + r * u(0.4, 0.9))
        crown.append(ellipsoid((r * 0.65, r * 0.65, r * 0.6), c, "leaves", 12))
    return [trunk, *crown]


def cactus(u: Uniform) -> list[Part]:
    pot = lathe(
        [(0, 0), (0.3, 0), (0.42, 0.5), (0.47, 0.5), (0.47, 0.6), (0.38, 0.6), (0, 0.55)], "main"
    )
    h, r = u(0.9, 1.2), u(0.18, 0.24)
    z = 0.55
    body = tube(
        [(0, 0, z), (0, 0, z + h * 0.5), (0, 0, z + h * 0.92), (0, 0, z + h)],
        [r, r, r, r * 0.4],
        "leaves",
        12,
    )
    parts = [pot, body]
    for side, f in ((-1, u(0.3, 0.5)), (1, u(0.4, 0.65))):
        x, y = side * (r + 0.22), z + h * f
        path = [(0, 0, y), (x, 0, y), (x, 0, y + 0.15), (x, 0, y + u(0.3, 0.4))]
        parts.append(tube(path, [r * 0.5] * 3 + [r * 0.35], "leaves"))
    return parts


def sword(u: Uniform) -> list[Part]:
    long, w, guard = u(1.5, 1.9), u(0.16, 0.24), u(0.5, 0.7)
    outline = [
        (-w / 2, 0),
        (w / 2, 0),
        (w / 2 * 0.85, long * 0.85),
        (0, long),
        (-w / 2 * 0.85, long * 0.85),
    ]
    parts = [extrude(outline, 0.06, "blade"), box((guard, 0.12, 0.1), (0, 0, 0))]
    parts.append(cylinder(0.055, 0.42, (0, 0, -0.24), "grip"))
    return [*parts, ellipsoid((0.1, 0.1, 0.1), (0, 0, -0.5), segments=10)]


def axe(u: Uniform) -> list[Part]:
    h, w = u(1.3, 1.7), u(0.4, 0.55)
    blade = [
        (0.0, -0.14),
        (w * 0.6, -0.2),
        (w, -0.42),
        (w * 1.08, 0),
        (w, 0.42),
        (w * 0.6, 0.2),
        (0, 0.14),
    ]
    parts = [cylinder(0.06, h, (0, 0, h / 2), "grip"), extrude(blade, 0.09).moved(0, 0, h * 0.85)]
    if u(0, 1) < 0.4:
        parts.append(extrude([(-x, z) for x, z in blade], 0.09).moved(0, 0, h * 0.85))
    else:
        parts.append(box((0.22, 0.14, 0.22), (-0.08, 0, h * 0.85)))
    return parts


def hammer(u: Uniform) -> list[Part]:
    h, w, d = u(1.2, 1.6), u(0.6, 0.85), u(0.26, 0.38)
    head = (
        box((w, d, d), (0, 0, h))
        if u(0, 1) < 0.6
        else cylinder(d * 0.55, w, segments=14).turned("y", 90).moved(z=h)
    )
    return [
        cylinder(0.065, h, (0, 0, h / 2), "grip"),
        head,
        cylinder(0.09, 0.1, (0, 0, 0.05), "metal"),
    ]


def shield(u: Uniform) -> list[Part]:
    if u(0, 1) < 0.5:
        r = 0.9
        parts = [
            ellipsoid((r, r, 0.2), segments=22, cut=0.0).turned("x", 90),
            torus(r, 0.07, "metal").turned("x", 90),
        ]
    else:
        o = np.array(
            [
                (-0.65, 0.8),
                (0.65, 0.8),
                (0.66, 0.1),
                (0.4, -0.55),
                (0, -1.0),
                (-0.4, -0.55),
                (-0.66, 0.1),
            ]
        )
        parts = [extrude(o * 0.9, 0.14), extrude(o, 0.1, "metal")]
        parts[0] = parts[0].moved(y=-0.03)
    return [
        *parts,
        ellipsoid((0.2, 0.2, 0.14), segments=12, slot="gold", cut=0.0)
        .turned("x", 90)
        .moved(y=-0.12),
    ]


def lantern(u: Uniform) -> list[Part]:
    w, h = u(0.5, 0.65), u(0.7, 0.95)
    parts = [
        box((w * 1.15, w * 1.15, 0.12), (0, 0, 0.06)),
        box((w * 1.15, w * 1.15, 0.1), (0, 0, h + 0.12)),
    ]
    parts += [
        box((0.07, 0.07, h), (sx * w / 2, sy * w / 2, h / 2 + 0.08))
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    parts.append(box((w * 1.1, w * 1.1, 0.3), (0, 0, h + 0.3), taper=0.25))
    parts.append(torus(0.14, 0.03).turned("x", 90).moved(z=h + 0.55))
    return [*parts, box((w * 0.85, w * 0.85, h), (0, 0, h / 2 + 0.1), "flame")]


def candle(u: Uniform) -> list[Part]:
    r, h = u(0.2, 0.3), u(0.7, 1.2)
    dish = lathe([(0, 0), (0.5, 0), (0.56, 0.12), (0.5, 0.1), (0, 0.06)], "metal")
    handle = torus(0.14, 0.035, "metal").turned("x", 90).moved(0.62, 0, 0.12)
    flame = lathe([(0, 0), (0.08, 0.1), (0.05, 0.22), (0, 0.36)], "flame", 10, (0, 0, h + 0.08))
    return [dish, handle, cylinder(r, h, (0, 0, h / 2 + 0.06)), flame]


def house(u: Uniform) -> list[Part]:
    w, d, h, roof = u(1.0, 1.3), u(0.9, 1.2), u(0.65, 0.85), u(0.45, 0.65)
    parts = [box((w, d, h), (0, 0, h / 2))]
    gable = [(-w / 2 * 1.15, 0), (w / 2 * 1.15, 0), (0, roof)]
    parts.append(extrude(gable, d * 1.12, "roof").moved(z=h))
    parts.append(box((0.24, 0.06, 0.42), (0, -d / 2, 0.21), "bark"))
    for x in (-0.32, 0.32):
        parts.append(box((0.2, 0.05, 0.2), (x * w, -d / 2, h * 0.6), "glass"))
        parts.append(box((0.2, 0.05, 0.2), (x * w, d / 2, h * 0.6), "glass"))
    parts.append(box((0.16, 0.16, 0.4), (w * 0.25, d * 0.2, h + roof * 0.65), "dark"))
    return parts


def rocket(u: Uniform) -> list[Part]:
    r, h, nose = u(0.28, 0.38), u(1.0, 1.3), u(0.45, 0.65)
    body = lathe([(0, 0.12), (r * 0.8, 0.12), (r, h * 0.4), (r, h)], "white")
    tip = lathe([(r, 0), (r * 0.75, nose * 0.45), (0.02, nose), (0, nose)], centre=(0, 0, h))
    fin = extrude([(0.0, 0.55), (0.0, 0.15), (0.4, -0.12), (0.4, 0.12)], 0.06).moved(x=r * 0.8)
    parts = [body, tip, *[fin.turned("z", 90 * k + 45) for k in range(4)]]
    parts.append(ellipsoid((0.15, 0.06, 0.15), (0, -r * 0.97, h * 0.72), "glass", 12))
    return [*parts, lathe([(0, 0), (r * 0.6, 0), (r * 0.45, 0.14), (0, 0.14)], "metal")]


def snowman(u: Uniform) -> list[Part]:
    a, b, c = u(0.5, 0.6), u(0.36, 0.44), u(0.25, 0.31)
    zb, zc = a * 1.75 + b * 0.75, a * 1.75 + b * 1.5 + c * 0.8
    parts = [ellipsoid((a, a, a), (0, 0, a), "white"), ellipsoid((b, b, b), (0, 0, zb), "white")]
    parts.append(ellipsoid((c, c, c), (0, 0, zc), "white"))
    parts.append(lathe([(0.07, 0), (0, 0.34)], "carrot", 8).turned("x", 90).moved(0, -c * 0.95, zc))
    parts += [
        ellipsoid((0.05, 0.05, 0.05), (s * 0.11, -c * 0.88, zc + 0.1), "dark", 8) for s in (-1, 1)
    ]
    parts += [
        ellipsoid((0.05, 0.05, 0.05), (0, -b * 0.97, zb + z), "dark", 8) for z in (-0.1, 0.12)
    ]
    parts.append(torus(b * 0.62, 0.08).moved(z=zc - c * 0.85))
    if u(0, 1) < 0.6:
        parts += [
            cylinder(0.34, 0.05, (0, 0, zc + c * 0.8), "dark"),
            cylinder(0.2, 0.3, (0, 0, zc + c + 0.1), "dark"),
        ]
    return parts


def hydrant(u: Uniform) -> list[Part]:
    r, h = u(0.26, 0.34), u(0.8, 1.0)
    body = lathe(
        [(0, 0), (r * 1.4, 0), (r * 1.4, 0.1), (r, 0.12), (r, h), (r * 1.2, h), (r * 1.2, h + 0.08)]
    )
    dome = ellipsoid((r * 1.05, r * 1.05, 0.28), (0, 0, h + 0.06), segments=16, cut=0.0)
    parts = [body, dome, cylinder(0.07, 0.16, (0, 0, h + 0.38))]
    for side in (-1, 1):
        parts.append(cylinder(r * 0.4, 0.3).turned("y", 90).moved(side * (r + 0.1), 0, h * 0.68))
    return [*parts, cylinder(r * 0.55, 0.22).turned("x", 90).moved(0, -r - 0.06, h * 0.6)]
