"""Procedural props: toys. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    prism,
    regular,
    rod_x,
    rod_y,
    rounded,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, lathe, torus, tube


def teddy_bear(u: Uniform) -> list[Part]:
    b, hd = u(0.42, 0.5), u(0.36, 0.42)
    zb, sit = b * 1.0, u(0, 1) < 0.75
    zh = zb * 2 + hd * 0.62
    parts = [ellipsoid((b, b * 0.88, b * 1.1), (0, 0, zb), segments=16)]
    parts.append(ellipsoid((b * 0.66, b * 0.3, b * 0.75), (0, -b * 0.68, zb), "light", 12))
    parts.append(ellipsoid((hd * 1.08, hd * 0.95, hd), (0, -0.02, zh), segments=16))
    parts.append(
        ellipsoid((hd * 0.45, hd * 0.42, hd * 0.36), (0, -hd * 0.82, zh - hd * 0.22), "light", 12)
    )
    parts.append(ellipsoid((0.11, 0.07, 0.08), (0, -hd * 1.2, zh - hd * 0.08), "eye", 10))
    ear = ellipsoid((hd * 0.38, hd * 0.2, hd * 0.38), slot="main", segments=12)
    inner = ellipsoid((hd * 0.24, hd * 0.1, hd * 0.24), (0, -hd * 0.15, 0), "light", 10)
    arm = tube(
        [(b * 0.75, 0, zb * 1.55), (b * 1.2, -0.12, zb * 1.15), (b * 1.3, -0.3, zb * 0.85)],
        [0.16, 0.15, 0.13],
    )
    paw = ellipsoid((0.15, 0.15, 0.15), (b * 1.3, -0.32, zb * 0.82), "main", 10)
    eye = ball(0.075, (hd * 0.4, -hd * 0.83, zh + hd * 0.16), "eye", 10)
    side = [
        ear.moved(hd * 0.82, 0.02, zh + hd * 0.78),
        inner.moved(hd * 0.82, 0.0, zh + hd * 0.78),
        arm,
        paw,
        eye,
    ]
    if sit:
        leg = tube(
            [(b * 0.5, -b * 0.2, 0.16), (b * 0.8, -b * 1.0, 0.16), (b * 0.92, -b * 1.4, 0.17)],
            [0.2, 0.18, 0.18],
        )
        foot = ellipsoid((0.19, 0.14, 0.24), (b * 0.94, -b * 1.45, 0.22), "main", 10)
        pad = ellipsoid((0.13, 0.05, 0.17), (b * 0.94, -b * 1.45 - 0.12, 0.22), "light", 10)
    else:
        leg = tube([(b * 0.5, 0, 0.1), (b * 0.6, 0, -0.25)], [0.2, 0.2])
        foot = ellipsoid((0.21, 0.26, 0.14), (b * 0.62, -0.08, -0.32), "main", 10)
        pad = ball(0.02, (b * 0.6, 0, -0.2), "main", 6)
    parts += both([*side, leg, foot, pad])
    if u(0, 1) < 0.4:
        bow = ellipsoid((0.15, 0.07, 0.1), (0.14, -b * 0.62, zb * 2 - 0.06), "bow", 10)
        parts += [*both(bow), ball(0.07, (0, -b * 0.66, zb * 2 - 0.06), "bow", 8)]
    return parts


def robot(u: Uniform) -> list[Part]:
    w, h = u(0.6, 0.75), u(0.65, 0.8)
    head, z = u(0.36, 0.46), 0.5
    parts = [
        rounded((w, 0.45, h), (0, 0, z + h / 2), power=9),
        rounded((head * 1.25, 0.4, head), (0, 0, z + h + head / 2 + 0.08), power=9),
    ]
    parts.append(cylinder(0.1, 0.14, (0, 0, z + h + 0.04), "dark"))
    zh = z + h + head * 0.6 + 0.06
    parts += both(rod_y(0.09, 0.08, (0.14, -0.2, zh), "lit"))
    parts.append(box((0.26, 0.04, 0.06), (0, -0.2, zh - 0.19), "dark"))
    parts += [
        strut((0, 0, zh + 0.2), (0, 0, zh + 0.42), 0.03, "metal"),
        ball(0.075, (0, 0, zh + 0.44), "red", 10),
    ]
    parts.append(box((w * 0.6, 0.05, h * 0.4), (0, -0.22, z + h * 0.6), "dark"))
    parts += [
        rod_y(0.05, 0.06, (x, -0.24, z + h * 0.66), slot)
        for x, slot in ((-0.12, "red"), (0, "banana"), (0.12, "leaves"))
    ]
    arm = [
        ball(0.13, (w / 2 + 0.08, 0, z + h * 0.85), "metal", 10),
        strut((w / 2 + 0.12, 0, z + h * 0.85), (w / 2 + 0.2, -0.12, z + h * 0.2), 0.08, "metal"),
        rounded((0.17, 0.2, 0.2), (w / 2 + 0.2, -0.14, z + h * 0.15), power=6),
    ]
    leg = [
        box((0.16, 0.18, 0.45), (w * 0.27, 0, 0.3), "metal"),
        rounded((0.25, 0.4, 0.18), (w * 0.27, -0.06, 0.08), power=6),
    ]
    return parts + both([*arm, *leg])


def snowman(u: Uniform) -> list[Part]:
    a, b, c = u(0.5, 0.6), u(0.36, 0.44), u(0.25, 0.31)
    zb, zc = a * 1.75 + b * 0.75, a * 1.75 + b * 1.5 + c * 0.8
    parts = [
        ball(a, (0, 0, a), "main", 16),
        ball(b, (0, 0, zb), "main", 16),
        ball(c, (0, 0, zc), "main", 16),
    ]
    parts.append(lathe([(0.08, 0), (0, 0.36)], "carrot", 8).turned("x", 90).moved(0, -c * 0.95, zc))
    parts += both(ball(0.055, (0.11, -c * 0.88, zc + 0.1), "eye", 8))
    parts += [ball(0.055, (0, -b * 0.97, zb + z), "eye", 8) for z in (-0.12, 0.1)]
    parts.append(torus(b * 0.62, 0.09, "scarf").moved(z=zc - c * 0.85))
    parts.append(box((0.16, 0.08, 0.42), (0.16, -b * 0.92, zb + 0.02), "scarf").turned("y", 6))
    if u(0, 1) < 0.6:
        parts += [
            cylinder(0.34, 0.06, (0, 0, zc + c * 0.8), "black"),
            cylinder(0.21, 0.32, (0, 0, zc + c + 0.1), "black"),
        ]
    if u(0, 1) < 0.6:
        parts += both(strut((b * 0.8, 0, zb), (b * 2.0, -0.05, zb + 0.3), 0.04, "bark"))
    return parts


def rubber_duck(u: Uniform) -> list[Part]:
    parts = [
        ellipsoid((0.5, 0.65, 0.4), (0, 0, 0.36), segments=18),
        ball(0.36, (0, -0.36, 0.95), segments=16),
    ]
    parts.append(tube([(0, -0.2, 0.5), (0, -0.34, 0.85)], 0.28))
    parts.append(tube([(0, 0.45, 0.45), (0, 0.72, 0.72)], [0.24, 0.06]))
    parts.append(ellipsoid((0.17, 0.22, 0.07), (0, -0.75, 0.9), "beak", 12))
    wing = ellipsoid((0.09, 0.34, 0.2), (0.47, 0.08, 0.45), "shade", 12)
    return parts + both([wing, ball(0.06, (0.17, -0.65, 1.05), "eye", 8)])


def rocking_horse(u: Uniform) -> list[Part]:
    parts = [
        ellipsoid((0.24, 0.5, 0.26), (0, 0, 0.75), segments=14),
        tube([(0, -0.35, 0.8), (0, -0.55, 1.25)], [0.2, 0.15]),
    ]
    parts.append(tube([(0, -0.5, 1.3), (0, -0.82, 1.12)], [0.16, 0.1]))
    parts.append(
        tube([(0, -0.36, 0.95), (0, -0.42, 1.25), (0, -0.5, 1.45)], [0.07, 0.1, 0.07], "mane")
    )
    parts.append(
        tube([(0, 0.45, 0.85), (0, 0.68, 0.75), (0, 0.72, 0.45)], [0.08, 0.09, 0.04], "mane")
    )
    parts.append(rounded((0.46, 0.36, 0.2), (0, 0.05, 0.95), "accent", 3))
    a = np.linspace(-1, 1, 9)
    runner = tube(np.stack([0 * a + 0.26, 0.95 * a, 0.25 * a**2], -1), 0.065, "accent")
    legs = [strut((0.15, s * 0.32, 0.65), (0.25, s * 0.52, 0.1), 0.085) for s in (-1, 1)]
    ear = lathe([(0.06, 0), (0, 0.15)], "main", 8).moved(0.08, -0.5, 1.4)
    bar = rod_x(0.045, 0.5, (0, -0.42, 1.2), "wood")
    return [*parts, *both([runner, *legs, ear, ball(0.035, (0.12, -0.64, 1.28), "eye", 6)]), bar]


def kite(u: Uniform) -> list[Part]:
    sail = [(-0.55, 0.2), (0, -0.9), (0.55, 0.2), (0, 0.8)]
    parts = [prism(sail, 0.05).turned("x", 80), box((0.05, 0.06, 1.6), (0, -0.05, 0), "wood")]
    tail = [
        ellipsoid((0.12, 0.05, 0.06), (0.12 * (-1) ** k, 0, -1.05 - 0.16 * k), "accent", 8)
        for k in range(4)
    ]
    return [*parts, *tail]


def balloon(u: Uniform) -> list[Part]:
    parts = [
        lathe(
            [
                (0, -0.62),
                (0.12, -0.56),
                (0.42, -0.2),
                (0.5, 0.1),
                (0.42, 0.4),
                (0.22, 0.57),
                (0, 0.62),
            ],
            "main",
            20,
        )
    ]
    parts.append(lathe([(0.02, 0), (0.09, -0.1)], "main", 10, (0, 0, -0.6)))
    a = np.linspace(0, 1, 8)
    return [
        *parts,
        tube(np.stack([0.08 * np.sin(7 * a), 0 * a, -0.65 - 0.7 * a], -1), 0.025, "white", 6),
    ]


def star(u: Uniform) -> list[Part]:
    return [prism(regular(5, 0.9, u(0.36, 0.45)), u(0.2, 0.35)).turned("x", 90)]


KINDS = {
    "teddy bear": Kind(
        teddy_bear,
        ("teddy", "stuffed bear", "plush bear", "toy bear"),
        ("fabric",),
        ("brown", "brown", "beige"),
        2.0,
        whole=True,
        trim=("bow", "with {} bow"),
    ),
    "robot": Kind(robot, ("toy robot", "android"), ("metal", "plastic"), ("grey", "red"), 1.2),
    "snowman": Kind(snowman, (), (), ("white",), 0.8, whole=True, trim=("scarf", "with {} scarf")),
    "rubber duck": Kind(
        rubber_duck,
        ("toy duck", "bath duck", "duck"),
        ("rubber", "plastic"),
        ("yellow",),
        0.9,
        whole=True,
    ),
    "rocking horse": Kind(rocking_horse, ("toy horse",), ("wooden",), ("brown", "white"), 0.7),
    "kite": Kind(kite, (), ("fabric", "paper"), ("red", "blue"), 0.3),
    "balloon": Kind(balloon, (), ("rubber",), ("red", "blue"), 0.5),
    "star": Kind(star, (), ("golden", "plastic"), ("yellow",), 0.5),
}
