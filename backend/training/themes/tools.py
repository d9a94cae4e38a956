"""Procedural props: tools. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    rod_x,
    rounded,
    spoked,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, extrude, lathe, torus, tube


def hammer(u: Uniform) -> list[Part]:
    h = u(1.1, 1.35)
    parts = [
        tube(
            [(0, 0, 0), (0, 0, 0.35), (0, 0, h)],
            [0.09, 0.075, 0.065],
            "wood" if u(0, 1) < 0.7 else "red",
        )
    ]
    parts += [box((0.26, 0.18, 0.2), (0.05, 0, h)), rod_x(0.13, 0.22, (0.24, 0, h))]
    claw = tube(
        [(-0.05, 0.05, h + 0.02), (-0.25, 0.06, h + 0.03), (-0.42, 0.07, h - 0.1)],
        [0.08, 0.07, 0.03],
    )
    return [*parts, claw, claw.scaled(1, -1, 1)]


def anvil(u: Uniform) -> list[Part]:
    parts = [
        box((0.9, 0.42, 0.24), (0, 0, 0.68)),
        box((0.42, 0.3, 0.36), (0, 0, 0.38)),
        box((0.8, 0.5, 0.2), (0, 0, 0.1), taper=0.75),
    ]
    horn = cylinder(0.02, 0.6, top=0.2, segments=16).turned("y", 90).scaled(1, 1.0, 0.6)
    parts += [
        horn.moved(-0.72, 0, 0.7),
        box((0.22, 0.34, 0.12), (0.52, 0, 0.74)),
        box((0.35, 0.34, 0.1), (0, 0, 0.56)),
    ]
    if u(0, 1) < 0.4:
        parts.append(cylinder(0.55, 0.5, (0, 0, -0.25), "bark", 0.5, 16))
    return parts


def wagon_wheel(u: Uniform) -> list[Part]:
    parts = spoked(0.85, u(0.075, 0.1), "main", u.count(6, 10))
    if u(0, 1) < 0.6:
        parts.append(lathe([(0.93, -0.07), (0.96, -0.07), (0.96, 0.07), (0.93, 0.07)], "iron", 28))
    return [p.turned("x", 90) for p in parts]


def pickaxe(u: Uniform) -> list[Part]:
    h = 1.5
    a = np.linspace(-0.85, 0.85, 9)
    head = tube(
        np.stack([1.0 * np.sin(a) * 0.85, 0 * a, h - 0.55 + 0.65 * np.cos(a)], -1),
        0.1 * (1 - (a / 0.98) ** 4) + 0.015,
    )
    return [
        head,
        cylinder(0.07, h, (0, 0, h / 2), "wood"),
        box((0.2, 0.18, 0.2), (0, 0, h + 0.08), "shade"),
    ]


def shovel(u: Uniform) -> list[Part]:
    scoop = extrude([(-0.28, 0.0), (0.28, 0.0), (0.28, -0.4), (0, -0.7), (-0.28, -0.4)], 0.07)
    parts = [
        scoop,
        cylinder(0.06, 1.25, (0, 0, 0.6), "wood"),
        torus(0.17, 0.055, "wood", 14, 8).turned("x", 90).scaled(1, 1, 0.8).moved(z=1.32),
    ]
    return [*parts, cylinder(0.09, 0.25, (0, 0, 0.05))]


def wrench(u: Uniform) -> list[Part]:
    parts = [rounded((0.24, 0.13, 1.3), power=6)]
    for z, s in ((0.72, 1), (-0.72, -1)):
        jaw = tube(
            [
                (0.14 * np.cos(t) * 1.7, 0, z + s * 0.24 * np.sin(t))
                for t in np.linspace(-3.6, 0.46, 10)
            ],
            0.1,
        )
        parts.append(jaw)
    return parts


def screwdriver(u: Uniform) -> list[Part]:
    return [
        lathe(
            [(0, -0.9), (0.16, -0.88), (0.19, -0.6), (0.14, -0.25), (0.18, -0.12), (0, -0.08)],
            "main",
            10,
        ),
        cylinder(0.055, 0.9, (0, 0, 0.35), "silver"),
        box((0.14, 0.05, 0.16), (0, 0, 0.85), "silver"),
    ]


def broom(u: Uniform) -> list[Part]:
    return [
        cylinder(0.05, 1.4, (0, 0, 1.1), "main"),
        cylinder(0.34, 0.6, (0, 0, 0.2), "banana", 0.12, 14),
        torus(0.16, 0.05, "red", 14, 6).moved(z=0.46),
        torus(0.22, 0.04, "red", 14, 6).moved(z=0.34),
    ]


METALS = ("metal", "iron")


KINDS = {
    "hammer": Kind(hammer, ("claw hammer",), METALS, ("grey",), 0.8),
    "anvil": Kind(anvil, ("blacksmith anvil",), ("iron", "metal"), ("dark grey",), 0.9),
    "wagon wheel": Kind(
        wagon_wheel, ("cart wheel", "wheel", "spoked wheel"), ("wooden",), ("brown",), 0.7
    ),
    "pickaxe": Kind(pickaxe, ("pick axe",), METALS, ("grey",), 0.7),
    "shovel": Kind(shovel, ("spade",), METALS, ("grey",), 0.7),
    "wrench": Kind(wrench, ("spanner",), ("metal", "silver"), ("grey",), 0.5),
    "screwdriver": Kind(screwdriver, (), ("plastic",), ("red", "yellow", "blue"), 0.5),
    "broom": Kind(broom, ("broomstick", "witch broom"), ("wooden",), ("brown",), 0.6),
}
