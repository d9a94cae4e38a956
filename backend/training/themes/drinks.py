"""Procedural props: cups, glasses and bottles. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import ball, ring_of
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, arc, cylinder, ellipsoid, lathe, torus, tube


def mug(u: Uniform) -> list[Part]:
    h, r = u(0.85, 1.15), u(0.42, 0.54)
    top, low = r * u(0.95, 1.12), r * u(0.85, 1.0)
    body = lathe(
        [(0, 0), (low, 0), (r, 0.06), (top, h), (top - 0.07, h), (r - 0.08, 0.1), (0, 0.1)],
        "main",
        26,
    )
    bow = tube(
        arc(h * u(0.28, 0.34), -95, 95, 12) * [u(0.95, 1.25), 1, 1], u(0.075, 0.1), "main", 10
    )
    level = h * u(0.72, 0.88)
    fill = "inner" if u(0, 1) < 0.6 else "meat"
    parts = [
        body,
        bow.moved((r + top) / 2 - 0.03, 0, h / 2),
        cylinder(top - 0.075, 0.02, (0, 0, level), fill, segments=22),
    ]
    if u(0, 1) < 0.12:
        parts.append(lathe([(r + 0.012, h * 0.4), (top * 0.99 + 0.012, h * 0.65)], "accent", 26))
    return [p.turned("z", -35) for p in parts]


def goblet(u: Uniform) -> list[Part]:
    foot, stem, bowl, h, tall = (
        u(0.32, 0.44),
        u(0.06, 0.09),
        u(0.36, 0.5),
        u(0.4, 0.6),
        u(0.5, 0.75),
    )
    profile = [
        (0, 0),
        (foot, 0),
        (foot, 0.06),
        (stem * 1.6, 0.14),
        (stem, h * 0.5),
        (stem * 2, h * 0.57),
        (stem, h * 0.64),
        (stem * 1.5, h),
    ]
    profile += [
        (bowl * 0.75, h + tall * 0.2),
        (bowl, h + tall * 0.55),
        (bowl * u(0.88, 1.05), h + tall),
    ]
    rim = profile[-1]
    inner = [(rim[0] - 0.05, rim[1]), (bowl - 0.06, h + tall * 0.5), (bowl * 0.6, h + tall * 0.25)]
    parts = [lathe([*profile, *inner, (0, h + tall * 0.2)], "main", 24)]
    if u(0, 1) < 0.4:
        parts += ring_of(ball(0.08, (bowl, 0, h + tall * 0.5), "gem", 8), 6)
    return parts


def wine_glass(u: Uniform) -> list[Part]:
    bowl, h = u(0.38, 0.46), u(0.6, 0.75)
    parts = [
        lathe(
            [
                (0, 0),
                (0.38, 0.0),
                (0.07, 0.08),
                (0.055, h),
                (0.2, h + 0.08),
                (bowl, h + 0.35),
                (bowl * 0.8, h + 0.8),
                (bowl * 0.74, h + 0.8),
                (bowl * 0.9, h + 0.4),
                (0, h + 0.2),
            ],
            "main",
            24,
        )
    ]
    return [*parts, cylinder(bowl * 0.93, 0.02, (0, 0, h + 0.42), "tomato", segments=22)]


def wine_bottle(u: Uniform) -> list[Part]:
    r, h, neck, long = u(0.25, 0.3), u(0.85, 1.05), u(0.085, 0.105), u(0.38, 0.5)
    slope = u(0.14, 0.3)
    s = np.linspace(0, 1, 6)
    shoulder = [(neck + (r - neck) * (0.5 + 0.5 * np.cos(np.pi * t)), h + slope * t) for t in s]
    top = h + slope + long
    glass = [
        (0, 0.05),
        (r * 0.9, 0),
        (r, 0.04),
        *shoulder,
        (neck, top),
        (neck * 1.3, top),
        (neck * 1.3, top + 0.07),
        (0, top + 0.07),
    ]
    parts = [lathe(glass, "main", 22)]
    label = "label" if u(0, 1) < 0.8 else "accent"
    a, b = u(0.2, 0.3), u(0.62, 0.78)
    parts.append(lathe([(r + 0.012, h * a), (r + 0.012, h * b)], label, 22))
    parts.append(
        lathe(
            [(r + 0.02, h * (a + b) / 2 - 0.05), (r + 0.02, h * (a + b) / 2 + 0.05)],
            "gold" if u(0, 1) < 0.5 else "tomato",
            22,
        )
    )
    if u(0, 1) < 0.6:
        foil = "tomato" if u(0, 1) < 0.4 else ("gold" if u(0, 1) < 0.5 else "dark")
        parts.append(
            lathe(
                [
                    (neck * 1.12, top - long * 0.5),
                    (neck * 1.12, top),
                    (neck * 1.45, top),
                    (neck * 1.45, top + 0.08),
                    (0, top + 0.08),
                ],
                foil,
                18,
            )
        )
    else:
        parts.append(cylinder(neck * 0.9, 0.14, (0, 0, top + 0.12), "cork", segments=12))
    return parts


def bottle(u: Uniform) -> list[Part]:
    r, h, neck, long = u(0.28, 0.36), u(0.7, 0.95), u(0.1, 0.13), u(0.15, 0.35)
    top = h + 0.26 + long
    parts = [
        lathe(
            [(0, 0), (r, 0), (r, h), (r * 0.8, h + 0.12), (neck, h + 0.26), (neck, top), (0, top)],
            "main",
            20,
        )
    ]
    if u(0, 1) < 0.6:
        parts.append(
            lathe(
                [(r + 0.012, h * 0.3), (r + 0.012, h * 0.75)],
                "label" if u(0, 1) < 0.5 else "accent",
                20,
            )
        )
    return [
        *parts,
        cylinder(
            neck * 1.25, 0.14, (0, 0, top + 0.04), "red" if u(0, 1) < 0.4 else "white", segments=14
        ),
    ]


def potion(u: Uniform) -> list[Part]:
    r, neck, long = u(0.45, 0.55), u(0.14, 0.19), u(0.25, 0.4)
    if u(0, 1) < 0.6:
        body = ellipsoid((r, r, r * u(0.85, 1.05)), (0, 0, r), segments=20)
        z = 2 * r - 0.1
    else:
        body = lathe(
            [(0, 0), (r * 1.1, 0), (r * 1.12, 0.1), (neck, r * 1.7), (neck, r * 1.8)], "main", 20
        )
        z = r * 1.7
    top = z + long
    parts = [
        body,
        cylinder(neck, long, (0, 0, z + long / 2), "glass"),
        torus(neck, 0.055, "glass", 16, 8).moved(z=top),
    ]
    if u(0, 1) < 0.4:
        parts.append(torus(neck * 1.1, 0.05, "gold", 16, 8).moved(z=z + 0.06))
    if u(0, 1) < 0.35:
        parts.append(ellipsoid((0.2, 0.05, 0.16), (0, -r * 0.97, r * 0.95), "label", 10))
    return [*parts, cylinder(neck * 0.85, 0.22, (0, 0, top + 0.06), "cork")]


def can(u: Uniform) -> list[Part]:
    r, h = 0.42, u(0.95, 1.3)
    parts = [
        lathe(
            [(0, 0), (r * 0.8, 0), (r, 0.08), (r, h - 0.1), (r * 0.84, h), (0, h - 0.03)],
            "main",
            22,
        )
    ]
    parts += [
        torus(r * 0.84, 0.045, "silver", 22, 6).moved(z=h),
        cylinder(r * 0.8, 0.02, (0, 0, h - 0.02), "silver", segments=20),
    ]
    return [
        *parts,
        cylinder(
            r * 1.01, h * 0.25, (0, 0, h * 0.5), "accent" if u(0, 1) < 0.5 else "white", segments=22
        ),
    ]


KINDS = {
    "mug": Kind(
        mug,
        ("coffee mug", "cup", "tea cup", "coffee cup"),
        ("ceramic", "ceramic", "metal"),
        ("white", "red"),
        1.6,
        stripes="stripes",
    ),
    "goblet": Kind(
        goblet, ("chalice", "grail"), ("metal", "golden", "golden", "silver"), ("grey",), 1.5
    ),
    "wine glass": Kind(wine_glass, ("glass of wine",), ("glass",), ("light blue", "white"), 0.6),
    "wine bottle": Kind(
        wine_bottle,
        ("bottle of wine", "bottle", "champagne bottle"),
        ("glass",),
        ("dark green", "green", "maroon", "brown"),
        1.8,
    ),
    "bottle": Kind(
        bottle, ("water bottle", "soda bottle"), ("plastic", "glass"), ("light blue", "green"), 0.8
    ),
    "potion": Kind(
        potion,
        ("potion bottle", "flask", "magic potion", "elixir"),
        ("glass",),
        ("red", "blue", "purple", "green"),
        1.2,
    ),
    "soda can": Kind(can, ("can", "drinks can", "beer can"), ("metal",), ("red", "blue"), 0.6),
}
