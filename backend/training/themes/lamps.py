"""Procedural props: lamps, lanterns and candles. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    ring_of,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, cylinder, lathe, torus, tube


def table_lamp(u: Uniform) -> list[Part]:
    h, r = u(0.75, 1.1), u(0.28, 0.38)
    if u(0, 1) < 0.5:
        base = lathe(
            [
                (0, 0),
                (r * 0.7, 0),
                (r * 0.75, 0.1),
                (r, h * 0.35),
                (r * 0.5, h * 0.7),
                (0.06, h * 0.8),
                (0.06, h),
            ],
            "stand",
            18,
        )
    else:
        base = lathe([(0, 0), (r, 0), (r * 0.9, 0.08), (0.07, 0.16), (0.055, h)], "stand", 18)
    base.slot = "dark" if u(0, 1) < 0.4 else ("gold" if u(0, 1) < 0.4 else "label")
    top, low, tall = u(0.25, 0.38), u(0.5, 0.62), u(0.45, 0.6)
    shade = lathe([(low - 0.03, 0), (low, 0), (top, tall), (top - 0.03, tall)], "main", 24)
    z = h - tall * 0.2
    return [base, shade.moved(z=z), ball(0.16, (0, 0, z + 0.2), "lit", 10)]


def desk_lamp(u: Uniform) -> list[Part]:
    base, a, b = u(0.34, 0.42), u(0.75, 0.95), u(0.7, 0.9)
    lean, fall = np.radians(u(15, 32)), np.radians(u(20, 45))
    arm = "main" if u(0, 1) < 0.6 else "silver"
    foot, elbow = (
        np.array([0, 0.1, 0.1]),
        np.array([0, 0.1 + a * np.sin(lean), 0.1 + a * np.cos(lean)]),
    )
    wrist = elbow + np.array([0, -b * np.cos(fall), b * np.sin(fall)])
    parts = [lathe([(0, 0), (base, 0), (base, 0.07), (base * 0.4, 0.13), (0, 0.14)], "main", 24)]
    parts += [strut(foot, elbow, 0.05, arm), strut(elbow, wrist, 0.05, arm)]
    parts += [ball(0.085, p, "dark", 10) for p in (foot, elbow, wrist)]
    if u(0, 1) < 0.4:
        beside = np.array([0.09, 0.04, 0.06])
        parts += [strut(foot + beside, elbow + beside * [1, -1, -3], 0.025, "silver", 6)]
    size = u(0.26, 0.34)
    shade = lathe(
        [
            (0.03, 0.12),
            (0.12, 0.1),
            (0.14, -0.02),
            (size * 0.8, -0.24),
            (size, -0.42),
            (size * 0.93, -0.42),
            (0.1, -0.08),
        ],
        "main",
        22,
    )
    bulb = ball(size * 0.55, (0, 0, -0.32), "lit", 12)
    tilt = -u(20, 50)
    parts += [p.turned("x", tilt).moved(*wrist) for p in (shade, bulb)]
    turn = -u(30, 45)  # so that the arm shows from the front and from the side
    return [p.turned("z", turn) for p in parts]


def floor_lamp(u: Uniform) -> list[Part]:
    h, stand = u(1.7, 2.1), "dark" if u(0, 1) < 0.6 else "gold"
    if u(0, 1) < 0.3:
        parts = ring_of(strut((0, 0, h), (0.5, 0, 0), 0.055, "wood"), 3, 90)
    else:
        parts = [
            lathe([(0, 0), (0.42, 0), (0.38, 0.08), (0.06, 0.12)], stand, 20),
            cylinder(0.055, h, (0, 0, h / 2), stand),
        ]
    top, low = u(0.28, 0.36), u(0.45, 0.55)
    return [
        *parts,
        lathe(
            [(low - 0.03, 0), (low, 0), (top, 0.55), (top - 0.03, 0.55)],
            "main",
            22,
            (0, 0, h - 0.1),
        ),
        ball(0.15, (0, 0, h + 0.1), "lit", 10),
    ]


def street_lamp(u: Uniform) -> list[Part]:
    h = u(1.8, 2.2)
    parts = [lathe([(0, 0), (0.24, 0), (0.22, 0.2), (0.1, 0.3), (0.075, h), (0, h)], "main", 14)]
    if u(0, 1) < 0.6:
        parts.append(cylinder(0.16, 0.42, (0, 0, h + 0.2), "lit", 0.26, 6))
        parts += ring_of(strut((0.16, 0, h), (0.27, 0, h + 0.42), 0.03), 6)
        return [
            *parts,
            lathe([(0.32, 0), (0.08, 0.22), (0, 0.34)], "main", 6, (0, 0, h + 0.4)),
            cylinder(0.2, 0.06, (0, 0, h)),
        ]
    bow = tube(
        [(0, 0, h - 0.1), (0, -0.1, h + 0.15), (0, -0.4, h + 0.2), (0, -0.6, h + 0.12)], 0.06
    )
    return [
        *parts,
        bow,
        lathe([(0.24, -0.12), (0.1, 0.06), (0, 0.08)], "main", 16, (0, -0.6, h + 0.1)),
        ball(0.15, (0, -0.6, h), "lit", 10),
    ]


def lantern(u: Uniform) -> list[Part]:
    w, h = u(0.5, 0.62), u(0.65, 0.85)
    round_ = u(0, 1) < 0.4
    n, turn = (14, 0) if round_ else (4, 45)
    grow = 1.0 if round_ else 1.2

    def disc(r: float, tall: float, z: float, slot: str = "main", top: float | None = None) -> Part:
        top = r if top is None else top
        return cylinder(r * grow, tall, (0, 0, z), slot, top * grow, n).turned("z", turn)

    parts = [
        disc(w * 0.64, 0.12, 0.06),
        disc(w * 0.64, 0.09, h + 0.12),
        disc(w * 0.62, 0.28, h + 0.28, "main", 0.12),
    ]
    parts.append(disc(w * 0.44, h, h / 2 + 0.08, "lit"))
    parts += ring_of(
        cylinder(0.045, h, (w * 0.53 * grow, 0, h / 2 + 0.1), segments=8), 6 if round_ else 4, turn
    )
    parts.append(lathe([(0, 0), (0.1, 0.12), (0, 0.36)], "fire", 10, (0, 0, 0.2)))
    return [
        *parts,
        cylinder(0.09, 0.1, (0, 0, h + 0.45)),
        torus(0.16, 0.045, "main", 16, 8).turned("x", 90).moved(z=h + 0.62),
    ]


def candle(u: Uniform) -> list[Part]:
    r, h = u(0.2, 0.3), u(0.6, 1.1)
    holder = "gold" if u(0, 1) < 0.5 else "iron"
    dish = lathe([(0, 0), (0.5, 0), (0.58, 0.13), (0.5, 0.1), (0, 0.06)], holder, 20)
    parts = [dish, torus(0.15, 0.05, holder, 14, 8).turned("x", 90).moved(0.62, 0, 0.14)]
    parts += [
        cylinder(r, h, (0, 0, h / 2 + 0.06), segments=18),
        cylinder(0.025, 0.12, (0, 0, h + 0.1), "black"),
    ]
    parts += [
        ball(0.06, (r * np.cos(a), r * np.sin(a), h * u(0.6, 0.95)), "main", 8)
        for a in (0.5, 2.2, 4.0)
    ]
    return [
        *parts,
        lathe([(0, 0), (0.1, 0.11), (0.06, 0.25), (0, 0.42)], "flame", 12, (0, 0, h + 0.12)),
    ]


def candelabra(u: Uniform) -> list[Part]:
    parts = [
        lathe(
            [(0, 0), (0.4, 0), (0.35, 0.08), (0.08, 0.15), (0.06, 0.9), (0.12, 0.95), (0.05, 1.0)],
            "main",
            18,
        )
    ]
    arm = tube([(0, 0, 0.7), (0.25, 0, 0.62), (0.48, 0, 0.75), (0.5, 0, 0.98)], 0.05)
    for x, z in ((0, 1.02), (0.5, 1.0), (-0.5, 1.0)):
        parts += [
            cylinder(0.12, 0.05, (x, 0, z)),
            cylinder(0.065, 0.34, (x, 0, z + 0.18), "label"),
            lathe([(0, 0), (0.06, 0.07), (0, 0.2)], "flame", 8, (x, 0, z + 0.36)),
        ]
    return [*parts, *both(arm)]


KINDS = {
    "lamp": Kind(
        table_lamp,
        ("table lamp", "bedside lamp"),
        ("fabric", "plastic", "metal"),
        ("white", "red"),
        0.9,
    ),
    "desk lamp": Kind(
        desk_lamp,
        ("lamp", "reading lamp", "office lamp"),
        ("metal", "metal", "plastic"),
        ("red", "black"),
        2.0,
    ),
    "floor lamp": Kind(
        floor_lamp, ("standing lamp", "lamp"), ("fabric", "metal"), ("white", "black"), 0.7
    ),
    "street lamp": Kind(
        street_lamp, ("lamp post", "street light"), ("metal", "iron"), ("black", "green"), 0.8
    ),
    "lantern": Kind(
        lantern, ("oil lamp", "camping lantern"), ("metal", "iron", "brass"), ("black", "grey"), 1.1
    ),
    "candle": Kind(candle, ("burning candle", "candle holder"), (), ("white", "red", "cream"), 0.9),
    "candelabra": Kind(
        candelabra, ("candlestick", "candle stand"), ("golden", "silver", "brass"), ("yellow",), 0.5
    ),
}
