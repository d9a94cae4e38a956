"""Procedural props: bags, umbrellas, hats and glasses. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import ball, both, handle, rounded, squared, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, lathe, torus, tube


def backpack(u: Uniform) -> list[Part]:
    w, d, h = u(0.95, 1.1), u(0.5, 0.6), u(1.25, 1.45)
    body = rounded((w, d, h), (0, 0, h / 2), power=3.6, segments=20)
    pocket = rounded((w * 0.74, 0.34, h * 0.42), (0, -d * 0.46, h * 0.27), "inset", 4)
    parts = [body, pocket, box((w * 0.62, 0.04, 0.05), (0, -d * 0.46 - 0.16, h * 0.39), "dark")]
    if u(0, 1) < 0.6:  # a flap over the top with a buckle
        flap = rounded((w * 0.92, d * 0.9, h * 0.38), (0, -d * 0.12, h * 0.84), "deep", 3.6)
        parts += [flap, box((0.14, 0.06, 0.3), (0, -d * 0.6, h * 0.62), "dark")]
        parts.append(box((0.18, 0.08, 0.1), (0, -d * 0.6, h * 0.55), "silver"))
    else:  # a zip across the front
        a = np.linspace(0.15, np.pi - 0.15, 12)
        zipper = np.stack(
            [np.cos(a) * w * 0.44, -d * 0.42 + 0 * a, h * 0.55 + np.sin(a) * h * 0.33], -1
        )
        parts.append(tube(zipper, 0.03, "dark", 6))
        parts.append(box((w * 0.5, 0.05, 0.06), (0, -d * 0.5, h * 0.62), "accent"))
    side = rounded((0.22, d * 0.66, h * 0.36), (w * 0.5, 0, h * 0.24), "shade", 4)
    strap = tube(
        [
            (w * 0.2, d * 0.38, h * 0.93),
            (w * 0.27, d * 0.75, h * 0.74),
            (w * 0.3, d * 0.85, h * 0.45),
            (w * 0.34, d * 0.62, h * 0.2),
            (w * 0.34, d * 0.35, h * 0.1),
        ],
        0.1,
        "deep",
    )
    parts += both([side, strap])
    loop = handle(0.3, 0.2, 0.05, "dark").moved(0, d * 0.15, h * 0.94)
    if u(0, 1) < 0.25:
        parts.append(rounded((w * 0.95, 0.3, 0.3), (0, 0, h + 0.12), "accent", 3).scaled(1, 1, 1))
        return parts
    return [*parts, loop]


def umbrella(u: Uniform) -> list[Part]:
    r, dome, long = 1.0, u(0.42, 0.6), u(1.35, 1.6)
    f = np.linspace(0, 1, 7)
    canopy = lathe(
        [(max(0.001, r * np.sin(t * 1.42) / np.sin(1.42)), dome * (1 - t**2.2)) for t in f],
        "main",
        32,
    )
    v = canopy.vertices.reshape(7, 32, 3)
    dent = np.cos(np.arange(32) / 32 * 2 * np.pi * 8)  # eight ribs, the cloth hangs between them
    v[1:, :, 2] += (0.055 * f[1:, None] ** 2) * (1 - dent) * 0.9
    v[1:, :, :2] *= 1 - 0.04 * (f[1:, None, None] ** 2) * (1 - dent[:, None])
    canopy = Part(v.reshape(-1, 3), canopy.faces, "main")
    ribs = [
        strut(
            (0, 0, dome - 0.1),
            (r * 0.97 * np.cos(a), r * 0.97 * np.sin(a), 0.01),
            0.018,
            "metal",
            5,
        )
        for a in np.arange(8) * np.pi / 4
    ]
    pole = "wood" if u(0, 1) < 0.4 else "metal"
    low = dome - long
    parts = [canopy, *ribs, strut((0, 0, dome + 0.16), (0, 0, low), 0.045, pole)]
    if u(0, 1) < 0.8:
        a = np.linspace(0, np.pi, 9)
        hook = np.stack([0.14 - 0.14 * np.cos(a), 0 * a, low - 0.14 * np.sin(a)], -1)
        parts.append(tube([(0, 0, low + 0.2), *hook, (0.28, 0, low + 0.06)], 0.06, "grip"))
    else:
        parts.append(cylinder(0.07, 0.28, (0, 0, low), "grip"))
    return [*parts, lathe([(0.07, 0), (0.02, 0.14), (0, 0.14)], "dark", 10, (0, 0, dome))]


def parasol(u: Uniform) -> list[Part]:
    r, h = 1.0, u(1.5, 1.8)
    top = lathe([(0.001, 0.45), (r, 0), (r, -0.12)], "main", 8, (0, 0, h))
    return [
        top,
        strut((0, 0, 0), (0, 0, h + 0.5), 0.05, "wood"),
        cylinder(0.35, 0.12, (0, 0, 0.06), "stone", 0.25),
    ]


def top_hat(u: Uniform) -> list[Part]:
    r, h = u(0.45, 0.52), u(0.65, 0.85)
    body = lathe([(r, 0), (r * 0.93, h * 0.4), (r * 1.08, h), (0, h)], "main", 24)
    brim = lathe(
        [
            (r * 0.9, 0.0),
            (r * 1.4, 0.0),
            (r * 1.65, 0.06),
            (r * 1.62, 0.12),
            (r * 1.3, 0.06),
            (r, 0.05),
        ],
        "main",
        26,
    )
    return [body, brim, cylinder(r * 1.0, 0.16, (0, 0, 0.13), "accent", r * 0.985, 24)]


def witch_hat(u: Uniform) -> list[Part]:
    r, h = u(0.48, 0.55), u(1.1, 1.35)
    bend = u(0.05, 0.35)
    path = [(0, 0, 0.02), (0, 0, h * 0.4), (bend * 0.4, 0, h * 0.75), (bend, 0, h)]
    cone = tube(path, [r, r * 0.62, r * 0.3, 0.02], "main", 22)
    brim = lathe([(0, -0.02), (r * 1.9, -0.05), (r * 1.92, 0.02), (r, 0.06)], "main", 26)
    parts = [cone, brim, cylinder(r * 1.0, 0.16, (0, 0, 0.12), "accent", r * 0.92, 22)]
    return [*parts, box((0.22, 0.06, 0.2), (0, -r * 0.96, 0.13), "gold")]


def cowboy_hat(u: Uniform) -> list[Part]:
    brim = lathe([(0, 0), (0.95, 0), (0.97, 0.05), (0, 0.06)], "main", 26)
    v = brim.vertices.copy()
    v[:, 2] += 0.42 * (v[:, 0] / 0.95) ** 2 * (np.abs(v[:, 0]) > 0.4) * (np.abs(v[:, 0]) - 0.2)
    crown = rounded((0.85, 1.0, 0.9), (0, 0, 0.2), power=3)
    c = crown.vertices.copy()
    c[:, 2] -= 0.22 * np.exp(-((c[:, 0] / 0.16) ** 2)) * (c[:, 2] > 0.3)
    band = lathe([(0.5, 0), (0.5, 0.12)], "dark", 24).scaled(0.86, 1.0, 1).moved(z=0.05)
    return [Part(v * [1, 1.05, 1], brim.faces), Part(c, crown.faces), band]


def glasses(u: Uniform) -> list[Part]:
    r = u(0.3, 0.36)
    lens = "black" if u(0, 1) < 0.5 else "glass"
    rim = torus(r, 0.06, "main", 20, 8).turned("x", 90).moved(x=0.42)
    glass = cylinder(r, 0.03, slot=lens, segments=20).turned("x", 90).moved(x=0.42)
    arm = tube([(0.76, 0, 0.08), (0.8, 0.15, 0.1), (0.8, 0.9, 0.08), (0.8, 1.15, -0.14)], 0.06)
    return [
        *both([rim, glass, arm]),
        tube([(-0.14, 0, 0.06), (0, -0.03, 0.12), (0.14, 0, 0.06)], 0.055),
    ]


def handbag(u: Uniform) -> list[Part]:
    w, h = u(1.1, 1.3), u(0.75, 0.9)
    body = squared(lathe([(0, 0), (1, 0), (0.95, 0.5), (0.72, 1), (0, 1)], "main", 24), 5)
    parts = [
        body.scaled(w / 2, 0.26, h),
        rounded((w * 0.8, 0.5, h * 0.5), (0, 0, h * 0.8), "shade", 5),
    ]
    parts.append(box((0.18, 0.08, 0.14), (0, -0.28, h * 0.62), "gold"))
    return [
        *parts,
        handle(w * 0.55, h * 0.75, 0.055, "deep").moved(z=h * 0.9),
        ball(0.02, (0, 0, h), "gold", 6),
    ]


CLOTH = ("fabric", "leather")


KINDS = {
    "backpack": Kind(
        backpack,
        ("rucksack", "school bag", "bag", "knapsack"),
        CLOTH,
        ("green", "blue", "red", "brown"),
        2.0,
    ),
    "handbag": Kind(handbag, ("purse", "ladies bag"), ("leather",), ("red", "brown", "black"), 0.7),
    "umbrella": Kind(
        umbrella,
        ("open umbrella", "rain umbrella"),
        ("fabric",),
        ("red", "blue"),
        2.0,
        stripes="wedges",
        striped=0.35,
        trim=("grip", "with {} handle"),
    ),
    "parasol": Kind(
        parasol,
        ("beach umbrella", "sun umbrella"),
        ("fabric",),
        ("red", "yellow"),
        0.7,
        stripes="wedges",
        striped=0.4,
    ),
    "glasses": Kind(
        glasses,
        ("eyeglasses", "sunglasses", "spectacles"),
        ("plastic", "metal"),
        ("black", "red"),
        0.6,
    ),
    "top hat": Kind(
        top_hat,
        ("magician hat", "hat"),
        ("fabric",),
        ("black",),
        0.7,
        trim=("accent", "with {} ribbon"),
    ),
    "witch hat": Kind(
        witch_hat,
        ("wizard hat", "pointed hat"),
        ("fabric",),
        ("black", "purple", "blue"),
        0.8,
        trim=("accent", "with {} ribbon"),
    ),
    "cowboy hat": Kind(
        cowboy_hat, ("western hat",), ("leather", "fabric"), ("brown", "beige"), 0.6
    ),
}
