"""Procedural props: what is used in a kitchen or a garden. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import ball, both, rounded, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, arc, box, cylinder, ellipsoid, extrude, lathe, torus, tube


def teapot(u: Uniform) -> list[Part]:
    r, squash = u(0.5, 0.6), u(0.75, 0.95)
    trim = "main" if u(0, 1) < 0.7 else "gold"
    body = ellipsoid((r, r, r * squash), (0, 0, r * squash), segments=22)
    spout = tube(
        [
            (-r * 0.75, 0, r * 0.5),
            (-r * 1.25, 0, r * 0.7),
            (-r * 1.45, 0, r * 1.15),
            (-r * 1.7, 0, r * 1.5),
        ],
        [0.16, 0.12, 0.09, 0.075],
        "main",
        10,
    )
    bow = tube(arc(r * 0.55, -85, 85, 11) * [1.1, 1, 1], 0.075).moved(r * 0.88, 0, r * squash)
    lid = ellipsoid((r * 0.55, r * 0.55, 0.14), (0, 0, r * squash * 1.86), segments=16)
    parts = [
        body,
        spout,
        bow,
        lid,
        torus(r * 0.53, 0.04, trim, 20, 6).moved(z=r * squash * 1.86),
        ball(0.1, (0, 0, r * squash * 1.95 + 0.13), trim),
    ]
    return [
        p.turned("z", 25)
        for p in [*parts, cylinder(r * 0.6, 0.08, (0, 0, 0.03), trim, segments=20)]
    ]


def kettle(u: Uniform) -> list[Part]:
    r = u(0.52, 0.6)
    body = lathe(
        [(0, 0), (r, 0), (r * 1.02, 0.1), (r * 0.85, 0.5), (r * 0.5, 0.72), (0, 0.74)], "main", 22
    )
    spout = tube([(-r * 0.8, 0, 0.35), (-r * 1.35, 0, 0.75)], [0.13, 0.075])
    a = np.linspace(0.15, np.pi - 0.15, 10)
    bow = tube(np.stack([0.42 * np.cos(a), 0 * a, 0.62 + 0.48 * np.sin(a)], -1), 0.06, "dark")
    return [
        p.turned("z", 25)
        for p in (
            body,
            spout,
            bow,
            cylinder(0.26, 0.08, (0, 0, 0.75), "main", 0.2),
            ball(0.08, (0, 0, 0.84), "dark"),
        )
    ]


def pan(u: Uniform) -> list[Part]:
    r = u(0.6, 0.7)
    dish = lathe(
        [(0, 0), (r * 0.85, 0), (r, 0.2), (r * 0.94, 0.2), (r * 0.8, 0.06), (0, 0.06)], "main", 26
    )
    long = u(0.85, 1.05)
    grip = tube(
        [(r * 0.9, 0, 0.14), (r + 0.2, 0, 0.2), (r + long, 0, 0.28)],
        [0.07, 0.065, 0.085],
        "dark" if u(0, 1) < 0.6 else "wood",
    )
    parts = [dish, grip]
    if u(0, 1) < 0.25:
        parts += [
            cylinder(0.34, 0.03, (0, 0, 0.08), "white", segments=14),
            ellipsoid((0.14, 0.14, 0.1), (0, 0, 0.1), "banana", 10),
        ]
    return [p.turned("z", -50) for p in parts]


def cooking_pot(u: Uniform) -> list[Part]:
    r, h = u(0.52, 0.6), u(0.5, 0.65)
    parts = [
        lathe([(0, 0), (r, 0), (r, h), (r * 1.05, h), (r * 0.92, h), (r * 0.92, 0.1)], "main", 24)
    ]
    ear = torus(0.13, 0.05, "dark", 14, 8).moved(r + 0.08, 0, h * 0.75)
    lid = lathe([(r * 1.03, 0), (r * 0.9, 0.1), (0.1, 0.18), (0, 0.18)], "main", 24, (0, 0, h))
    return [*parts, *both(ear), lid, ball(0.09, (0, 0, h + 0.25), "dark")]


def plate(u: Uniform) -> list[Part]:
    parts = [
        lathe(
            [(0, 0.05), (0.5, 0.05), (0.56, 0.1), (0.92, 0.18), (0.94, 0.14), (0.55, 0.02), (0, 0)],
            "main",
            30,
        )
    ]
    if u(0, 1) < 0.5:
        parts.append(lathe([(0.8, 0.165), (0.9, 0.19)], "accent", 30))
    return parts


def bowl(u: Uniform) -> list[Part]:
    r, h = 0.75, u(0.42, 0.6)
    a = np.linspace(-np.pi / 2 + 0.35, 0, 7)
    out = [(r * np.cos(t), h + h * np.sin(t)) for t in a]
    inner = [(q * 0.9, z * 0.92 + 0.08 * h) for q, z in reversed(out)]
    foot = [(0, 0), (0.34, 0), (0.32, 0.08)]
    parts = [lathe([*foot, *out, *inner, (0, inner[-1][1])], "main", 26)]
    if u(0, 1) < 0.3:
        parts.append(
            cylinder(
                r * 0.86,
                0.02,
                (0, 0, h * 0.75),
                "tomato" if u(0, 1) < 0.5 else "cheese",
                segments=24,
            )
        )
    return parts


def pitcher(u: Uniform) -> list[Part]:
    h, r = u(1.1, 1.3), u(0.42, 0.5)
    body = lathe(
        [
            (0, 0),
            (r * 0.7, 0),
            (r, h * 0.35),
            (r * 0.6, h * 0.75),
            (r * 0.7, h),
            (r * 0.6, h),
            (r * 0.5, h * 0.75),
            (0, h * 0.7),
        ],
        "main",
        24,
    )
    v = body.vertices.copy()
    lip = (v[:, 2] > h * 0.95) & (v[:, 0] < -r * 0.4)
    v[lip] += [-0.16, 0, 0.08]
    bow = tube(
        [
            (r * 0.6, 0, h * 0.9),
            (r * 1.3, 0, h * 0.85),
            (r * 1.35, 0, h * 0.5),
            (r * 0.9, 0, h * 0.3),
        ],
        0.08,
    )
    return [p.turned("z", 25) for p in (Part(v, body.faces), bow)]


def watering_can(u: Uniform) -> list[Part]:
    r, h = u(0.42, 0.48), u(0.6, 0.75)
    parts = [
        cylinder(r, h, (0, 0, h / 2), segments=22),
        cylinder(r * 0.85, 0.03, (0, 0, h), "inner", segments=20),
    ]
    parts.append(tube([(-r * 0.9, 0, 0.2), (-r - 0.5, 0, h * 1.05)], [0.11, 0.07]))
    parts.append(
        cylinder(0.09, 0.16, slot="main", top=0.22).turned("y", -50).moved(-r - 0.56, 0, h * 1.14)
    )
    parts.append(
        tube(
            [
                (r * 0.95, 0, 0.15),
                (r + 0.36, 0, h * 0.6),
                (r + 0.1, 0, h * 1.25),
                (-r * 0.5, 0, h * 1.25),
                (-r * 0.8, 0, h),
            ],
            0.06,
        )
    )
    return [p.turned("z", 20) for p in parts]


def spoon(u: Uniform) -> list[Part]:
    return [
        ellipsoid((0.26, 0.1, 0.38), (0, 0, 0.75)),
        ellipsoid((0.2, 0.06, 0.3), (0, -0.06, 0.76), "shade", 12),
        tube([(0, 0, 0.45), (0, 0.05, 0), (0, 0, -0.75)], [0.06, 0.055, 0.09]),
    ]


def fork(u: Uniform) -> list[Part]:
    parts = [
        rounded((0.44, 0.12, 0.36), (0, 0, 0.5), power=3),
        tube([(0, 0, 0.4), (0, 0.04, 0), (0, 0, -0.8)], [0.07, 0.055, 0.09]),
    ]
    return parts + [strut((x, 0, 0.55), (x, -0.04, 1.05), 0.05) for x in (-0.16, 0, 0.16)]


def kitchen_knife(u: Uniform) -> list[Part]:
    blade = extrude([(-0.14, 0), (0.14, 0), (0.16, 0.6), (0.1, 0.95), (-0.14, 1.15)], 0.07, "blade")
    return [
        blade,
        rounded((0.2, 0.16, 0.7), (0, 0, -0.35), power=5),
        *(ball(0.045, (0, -0.07, z), "silver", 6) for z in (-0.2, -0.45)),
    ]


def toaster(u: Uniform) -> list[Part]:
    parts = [
        rounded((1.2, 0.65, 0.85), (0, 0, 0.45), power=6, segments=20),
        box((1.1, 0.6, 0.08), (0, 0, 0.04), "dark"),
    ]
    parts += [box((0.85, 0.12, 0.04), (0, y, 0.865), "black") for y in (-0.13, 0.13)]
    if u(0, 1) < 0.6:
        parts += [rounded((0.7, 0.1, 0.5), (0, y, 0.85), "crust", 5) for y in (-0.13, 0.13)]
    return [
        *parts,
        box((0.12, 0.2, 0.08), (0.62, 0, 0.6), "dark"),
        cylinder(0.08, 0.06, (0, 0, 0), "dark").turned("x", 90).moved(0.3, -0.34, 0.25),
    ]


CLAYS = ("ceramic", "clay")


KINDS = {
    "teapot": Kind(teapot, ("tea pot",), ("ceramic", "metal"), ("white", "blue"), 1.1),
    "pitcher": Kind(pitcher, ("jug", "water jug", "milk jug"), CLAYS, ("white", "blue"), 0.7),
    "kettle": Kind(kettle, ("tea kettle",), ("metal", "copper"), ("grey", "red"), 0.8),
    "frying pan": Kind(pan, ("pan", "skillet"), ("iron", "metal"), ("black", "dark grey"), 0.8),
    "cooking pot": Kind(
        cooking_pot, ("pot", "saucepan", "stew pot"), ("metal", "copper"), ("grey", "red"), 0.7
    ),
    "plate": Kind(plate, ("dinner plate", "dish"), CLAYS, ("white",), 0.6),
    "bowl": Kind(bowl, ("soup bowl",), (*CLAYS, "wooden"), ("white", "blue"), 0.8),
    "watering can": Kind(
        watering_can, ("garden can",), ("metal", "plastic"), ("green", "blue", "grey"), 0.9
    ),
    "spoon": Kind(spoon, (), ("silver", "metal", "wooden"), ("grey",), 0.4),
    "fork": Kind(fork, (), ("silver", "metal"), ("grey",), 0.4),
    "kitchen knife": Kind(
        kitchen_knife, ("knife",), ("wooden", "plastic"), ("black", "brown"), 0.5
    ),
    "toaster": Kind(toaster, (), ("metal", "silver"), ("grey", "red"), 0.6),
}
