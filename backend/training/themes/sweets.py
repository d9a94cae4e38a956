"""Procedural props: cakes, burgers and other dishes. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import ball, ring_of, rounded
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, extrude, lathe, torus, tube


def birthday_cake(u: Uniform) -> list[Part]:
    r, h = u(0.7, 0.82), u(0.38, 0.52)
    icing = "white" if u(0, 1) < 0.5 else "light"
    parts = [
        cylinder(r * 1.25, 0.06, (0, 0, -0.02), "silver" if u(0, 1) < 0.3 else "white", segments=22)
    ]
    tiers = [(r, 0.0)] if u(0, 1) < 0.55 else [(r, 0.0), (r * 0.62, h)]
    for rr, z in tiers:
        parts.append(cylinder(rr, h, (0, 0, z + h / 2), segments=22))
        parts.append(cylinder(rr * 0.99, 0.05, (0, 0, z + h + 0.01), icing, segments=22))
        parts.append(torus(rr * 0.97, 0.065, icing, 22, 6).moved(z=z + h))
        parts += [
            ellipsoid(
                (0.07, 0.07, u(0.1, 0.2)), (rr * np.cos(a), rr * np.sin(a), z + h - 0.05), icing, 6
            )
            for a in np.arange(9) * 2 * np.pi / 9
        ]
        parts += ring_of(ball(0.085, (rr * 1.02, 0, z + 0.06), icing, 6), 9)
    rr, z = tiers[-1][0], tiers[-1][1] + h
    count = u.count(3, 7) if len(tiers) == 1 else u.count(2, 5)
    spots = [(0.0, 0.0)] if u(0, 1) < 0.4 else []
    spots += [
        (rr * 0.55 * np.cos(a), rr * 0.55 * np.sin(a)) for a in np.arange(count) * 2 * np.pi / count
    ]
    for x, y in spots:
        parts.append(cylinder(0.05, 0.32, (x, y, z + 0.18), "candles", segments=8))
        parts.append(lathe([(0, 0), (0.06, 0.06), (0, 0.17)], "flame", 6, (x, y, z + 0.34)))
    if u(0, 1) < 0.35:
        parts += ring_of(ball(0.075, (rr * 0.82, 0, z + 0.08), "red", 6), 6, 20)
    return parts


def cake_slice(u: Uniform) -> list[Part]:
    parts = []
    for z, h, slot in (
        (0.0, 0.2, "dough"),
        (0.2, 0.08, "main"),
        (0.28, 0.2, "dough"),
        (0.48, 0.1, "main"),
    ):
        wedge = [(0, -0.75), (0.42, 0.5), (0.2, 0.58), (-0.2, 0.58), (-0.42, 0.5)]
        parts.append(extrude(wedge, h, slot).turned("x", -90).moved(z=z + h / 2).scaled(1, -1, 1))
    parts.append(box((0.85, 0.1, 0.58), (0, -0.55, 0.29), "main"))
    return [p.scaled(1, -1, 1) for p in parts] + [ball(0.12, (0, 0.2, 0.66), "red", 10)]


def cupcake(u: Uniform) -> list[Part]:
    r, h = u(0.42, 0.5), u(0.42, 0.52)
    cup = lathe([(0, 0), (r * 0.72, 0), (r, h), (0, h)], "cup", 24)
    v = cup.vertices.copy()
    v[np.arange(len(v)) % 2 == 0, :2] *= 0.92
    parts = [Part(v, cup.faces, "cup")]
    for k, f in enumerate((1.12, 0.85, 0.55)):
        parts.append(ellipsoid((r * f, r * f, 0.17), (0, 0, h + 0.06 + 0.17 * k), "main", 18))
    parts.append(lathe([(r * 0.35, 0), (0, 0.22)], "main", 12, (0, 0, h + 0.48)))
    if u(0, 1) < 0.6:
        return [*parts, ball(0.12, (0, 0, h + 0.68), "red", 10)]
    for _ in range(10):
        a, f = u.anywhere(0, 6.28), u.anywhere(0.5, 1.0)
        parts.append(
            ball(
                0.04,
                (
                    r * 1.05 * f * np.cos(a),
                    r * 1.05 * f * np.sin(a),
                    h + 0.08 + 0.33 * (1.05 - f) * 1.6,
                ),
                f"book{int(u.anywhere(0, 3))}",
                6,
            )
        )
    return parts


def donut(u: Uniform) -> list[Part]:
    big, r = u(0.6, 0.72), u(0.26, 0.34)
    dough = torus(big, r, "dough", 28, 12).scaled(1, 1, 0.85)
    a = np.linspace(-0.35, np.pi + 0.35, 10)
    icing = lathe(
        [(big + (r + 0.02) * np.cos(t), (r + 0.03) * np.sin(t) * 0.87) for t in a], segments=28
    )
    parts = [dough, icing]
    for _ in range(16):
        t, q = u.anywhere(0, 2 * np.pi), big + u.anywhere(-0.6, 0.6) * r
        z = (r + 0.03) * np.sqrt(max(0.0, 1 - ((q - big) / r) ** 2)) * 0.87
        chip = box((0.13, 0.045, 0.05), slot=f"book{int(u.anywhere(0, 3))}").turned(
            "z", u.anywhere(0, 180)
        )
        parts.append(chip.moved(q * np.cos(t), q * np.sin(t), z))
    if u(0, 1) < 0.25:
        parts = [p.turned("x", 80) for p in parts]
    return parts


def hamburger(u: Uniform) -> list[Part]:
    r = u(0.75, 0.85)
    leafy = cylinder(r * 1.1, 0.08, slot="leaf", top=r * 1.04, segments=24)
    v = leafy.vertices.copy()
    v[:, 2] += 0.045 * np.sin(8 * np.arctan2(v[:, 1], v[:, 0])) * (np.hypot(v[:, 0], v[:, 1]) > 0.5)
    layers = [
        cylinder(r * 0.92, 0.24, (0, 0, 0.12), "main", r, 24),
        Part(v, leafy.faces, "leaf").moved(z=0.29),
    ]
    layers.append(
        lathe(
            [(0, 0), (r * 0.98, 0), (r * 1.05, 0.1), (r * 0.98, 0.2), (0, 0.2)],
            "meat",
            24,
            (0, 0, 0.32),
        )
    )
    layers.append(box((r * 1.52, r * 1.52, 0.05), (0, 0, 0.545), "cheese").turned("z", u.turn(90)))
    layers.append(cylinder(r * 0.98, 0.09, (0, 0, 0.61), "tomato", segments=24))
    top = u(0.45, 0.6)
    layers.append(ellipsoid((r * 1.02, r * 1.02, top), (0, 0, 0.65), "main", 24, cut=0.0))
    for k in range(14):  # sesame
        a, f = k * 2.4, 0.25 + 0.5 * (k / 14)
        z = 0.65 + top * np.sqrt(1 - f * f)
        layers.append(
            ellipsoid((0.05, 0.035, 0.03), (r * f * np.cos(a), r * f * np.sin(a), z), "label", 6)
        )
    return layers


def hot_dog(u: Uniform) -> list[Part]:
    bun = rounded((1.6, 0.34, 0.36), slot="bun", power=3, segments=18)
    parts = [bun.moved(0, s * 0.19, 0.18) for s in (-1, 1)]
    parts.append(
        tube(
            [(-0.9, 0, 0.34), (-0.8, 0, 0.32), (0, 0, 0.3), (0.8, 0, 0.32), (0.9, 0, 0.34)],
            [0.06, 0.14, 0.15, 0.14, 0.06],
            "meat2",
        )
    )
    parts[-1].slot = "main"
    x = np.linspace(-0.75, 0.75, 16)
    return [*parts, tube(np.stack([x, 0.07 * np.sin(x * 14), 0.46 + 0 * x], -1), 0.04, "banana")]


def ice_cream(u: Uniform) -> list[Part]:
    r, h = u(0.36, 0.44), u(0.9, 1.1)
    cone = lathe([(0, -h), (0.03, -h), (r, 0), (r * 0.9, 0.02), (0, 0)], "dough", 18)
    parts = [
        cone,
        torus(r, 0.06, "dough", 18, 8),
        ball(r * 1.06, (0, 0, r * 0.55), segments=18),
        torus(r * 0.95, 0.1, "main", 18, 8).moved(z=0.08),
    ]
    if u(0, 1) < 0.5:
        parts.append(ball(r * 0.9, (0, 0, r * 1.7), "scoop", 16))
    top = r * 2.6 if len(parts) > 4 else r * 1.6
    return [*parts, ball(0.11, (0, 0, top), "red", 10)] if u(0, 1) < 0.5 else parts


def sushi(u: Uniform) -> list[Part]:
    parts = [
        rounded((0.6, 1.2, 0.45), (0, 0, 0.22), "white", 4),
        rounded((0.64, 1.3, 0.2), (0, 0, 0.5), "main", 4),
    ]
    return [*parts, box((0.66, 0.24, 0.46), (0, 0, 0.36), "dark")]


KINDS = {
    "birthday cake": Kind(
        birthday_cake,
        ("cake", "cake with candles", "layer cake"),
        (),
        ("pink", "white", "brown"),
        1.8,
        whole=True,
        trim=("candles", "with {} candles"),
    ),
    "cake slice": Kind(
        cake_slice,
        ("slice of cake", "piece of cake"),
        (),
        ("pink", "dark brown", "white"),
        0.5,
        whole=True,
    ),
    "cupcake": Kind(cupcake, ("muffin",), (), ("pink", "white", "dark brown"), 0.8, whole=True),
    "donut": Kind(
        donut, ("doughnut", "ring donut"), (), ("pink", "dark brown", "white"), 1.0, whole=True
    ),
    "ice cream": Kind(
        ice_cream,
        ("ice cream cone", "icecream"),
        (),
        ("pink", "white", "dark brown"),
        0.9,
        whole=True,
    ),
    "hamburger": Kind(hamburger, ("burger", "cheeseburger"), (), ("bun",), 1.6, whole=True),
    "hot dog": Kind(hot_dog, ("hotdog",), (), ("roof",), 0.6, whole=True),
    "sushi": Kind(sushi, (), (), ("carrot",), 0.4, whole=True),
}
