"""Procedural props: hammers, staffs and cannons. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    prism,
    regular,
    ring_of,
    rod_x,
    spoked,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, lathe, torus, tube


def war_hammer(u: Uniform) -> list[Part]:
    h, w, d = u(1.2, 1.5), u(0.75, 0.95), u(0.34, 0.44)
    if u(0, 1) < 0.6:
        head = [
            box((w, d, d), (0, 0, h)),
            *both(box((0.14, d * 1.18, d * 1.18), (w * 0.42, 0, h), "shade")),
        ]
    else:
        head = [
            rod_x(d * 0.55, w, (0, 0, h)),
            *both(rod_x(d * 0.68, 0.14, (w * 0.42, 0, h), "shade")),
        ]
    parts = [
        cylinder(0.08, h, (0, 0, h / 2), "wood"),
        *head,
        cylinder(0.12, 0.1, (0, 0, 0.05), "metal"),
    ]
    return parts + [torus(0.085, 0.03, "grip", 12, 6).moved(z=0.2 + 0.1 * k) for k in range(4)]


def mace(u: Uniform) -> list[Part]:
    h = u(1.0, 1.25)
    parts = [
        cylinder(0.07, h, (0, 0, h / 2), "wood"),
        ball(0.3, (0, 0, h + 0.2), segments=16),
        cylinder(0.1, 0.1, (0, 0, 0), "metal"),
    ]
    spike = lathe([(0.09, 0.26), (0, 0.48)], "blade", 8)
    spikes = [
        spike,
        *ring_of(spike.turned("x", 90), 6),
        *ring_of(spike.turned("x", 45), 4),
        *ring_of(spike.turned("x", 130), 4),
    ]
    return parts + [p.moved(z=h + 0.2) for p in spikes]


def staff(u: Uniform) -> list[Part]:
    h, orb = 1.7, u(0.17, 0.24)
    gem = "gem" if u(0, 1) < 0.35 else "orb"
    parts = [
        tube([(0, 0, 0), (0.04, 0, 0.5), (-0.03, 0, 1.1), (0, 0, h)], [0.055, 0.06, 0.065, 0.085])
    ]
    parts.append(ball(orb, (0, 0, h + orb + 0.04), gem, 14))
    if u(0, 1) < 0.6:
        claw = tube(
            [(0.06, 0, h - 0.04), (orb + 0.13, 0, h + orb * 0.6), (orb * 0.9, 0, h + orb * 1.9)],
            [0.06, 0.055, 0.03],
        )
        parts += ring_of(claw, 4, 45)
    else:
        a = np.linspace(-1.9, 2.6, 14)
        q = orb + 0.12
        parts.append(
            tube(np.stack([q * np.sin(a), 0 * a, h + orb + 0.04 - q * np.cos(a)], -1), 0.055)
        )
    return [*parts, torus(0.08, 0.035, "gold", 12, 6).moved(z=h - 0.12)]


def wand(u: Uniform) -> list[Part]:
    parts = [
        tube([(0, 0, -0.8), (0, 0, 0.75)], [0.075, 0.05]),
        torus(0.075, 0.03, "gold", 10, 6).moved(z=-0.4),
        ball(0.09, (0, 0, -0.82), "gold", 8),
    ]
    return [
        *parts,
        prism(regular(5, 0.3, 0.13), 0.12, "banana" if u(0, 1) < 0.5 else "accent")
        .turned("x", 90)
        .moved(0, 0, 0.95),
    ]


def bomb(u: Uniform) -> list[Part]:
    parts = [
        ball(0.6, segments=22),
        cylinder(0.2, 0.18, (0, 0, 0.62), "shade"),
        tube([(0, 0, 0.7), (0.06, 0, 0.9), (0.2, 0, 1.0)], 0.055, "label"),
    ]
    return [
        *parts,
        ball(0.11, (0.24, 0, 1.03), "fire", 8),
        ball(0.06, (0.26, -0.06, 1.07), "flame", 6),
    ]


def cannon(u: Uniform) -> list[Part]:
    parts = [
        lathe(
            [
                (0, -0.6),
                (0.1, -0.6),
                (0.12, -0.5),
                (0.26, -0.45),
                (0.24, 0.1),
                (0.19, 0.75),
                (0.24, 0.8),
                (0.24, 0.9),
                (0.13, 0.9),
                (0.13, 0.5),
                (0, 0.5),
            ],
            "main",
            20,
        )
    ]
    parts = [p.turned("x", 78).moved(z=0.65) for p in parts]
    wheels = [p.turned("y", 90).moved(0.42, 0.1, 0.45) for p in spoked(0.4, 0.06, "wood", 8)]
    return [
        *parts,
        *both(wheels),
        box((0.3, 1.0, 0.2), (0, 0.4, 0.4), "wood").turned("x", 8),
        rod_x(0.06, 0.9, (0, 0.1, 0.45), "iron"),
    ]


METALS = ("metal", "iron")


HAFT = (*METALS, "golden")


KINDS = {
    "war hammer": Kind(
        war_hammer, ("warhammer", "battle hammer", "sledgehammer"), (*HAFT, "stone"), ("grey",), 0.9
    ),
    "mace": Kind(mace, ("morning star", "spiked mace"), METALS, ("grey",), 0.6),
    "staff": Kind(
        staff,
        ("magic staff", "wizard staff"),
        ("wooden", "golden"),
        ("brown",),
        0.9,
        trim=("orb", "with {} orb"),
    ),
    "wand": Kind(wand, ("magic wand",), ("wooden", "plastic"), ("brown", "pink"), 0.6),
    "cannon": Kind(cannon, ("pirate cannon",), ("iron", "copper"), ("dark grey",), 0.7),
    "bomb": Kind(bomb, ("round bomb",), ("iron",), ("black",), 0.6),
}
