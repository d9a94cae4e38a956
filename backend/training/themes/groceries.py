"""Procedural props: bread, cheese, pizza. The table is at the end."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from backend.training.forms import rounded, sector
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Number, Part, cylinder, ellipsoid, extrude, lathe, torus, tube


def bread(u: Uniform) -> list[Part]:
    parts = [
        rounded((0.75, 1.3, 0.5), (0, 0, 0.25), power=3.2, segments=18),
        rounded((0.82, 1.34, 0.3), (0, 0, 0.45), power=3, segments=18),
    ]
    return [p.turned("z", 90) for p in parts]


def baguette(u: Uniform) -> list[Part]:
    a = np.linspace(-0.9, 0.9, 9)
    loaf = tube(np.stack([a, 0 * a, 0 * a], -1), 0.27 * (1 - (a / 0.95) ** 4) + 0.03, "main", 12)
    cuts = [
        rounded((0.1, 0.34, 0.1), slot="light", power=3, segments=8)
        .turned("z", 35)
        .moved(x, 0, 0.24)
        for x in (-0.5, -0.17, 0.17, 0.5)
    ]
    return [loaf, *cuts]


def cheese(u: Uniform) -> list[Part]:
    h = u(0.45, 0.6)
    wedge = [(-0.8, 0.45), (0.8, 0.3), (0.8, -0.3), (-0.8, -0.45)]
    wedge = [(-0.85, 0), (0.55, -0.6), (0.72, -0.3), (0.78, 0.0), (0.72, 0.3), (0.55, 0.6)]
    body = extrude(wedge, h).turned("x", -90).moved(z=h / 2)
    holes = [
        (-0.15, -0.32, 0.3),
        (0.3, -0.52, 0.15),
        (0.1, -0.41, 0.45),
        (-0.15, 0.32, 0.2),
        (0.3, 0.52, 0.35),
    ]
    parts = [
        body,
        *(ellipsoid((0.1, 0.05, 0.09), (x, y, z * h * 2), "shade", 8) for x, y, z in holes),
    ]
    parts += [
        ellipsoid((0.11, 0.1, 0.03), (x, y, h), "shade", 8)
        for x, y in ((0.2, 0.1), (0.5, -0.2), (-0.2, 0.0))
    ]
    return [p.turned("z", 30) for p in parts]


def _toppings(spots: Iterable[tuple[Number, Number]]) -> list[Part]:
    parts = []
    for q, degrees in spots:
        a, b = np.radians(degrees), np.radians(degrees + 33)
        parts.append(
            cylinder(0.13, 0.05, (q * np.cos(a), q * np.sin(a), 0.13), "tomato", segments=12)
        )
        c = (q * 0.8 * np.cos(b), q * 0.8 * np.sin(b), 0.13)
        parts.append(ellipsoid((0.07, 0.04, 0.03), c, "leaves", 6))
    return parts


def pizza(u: Uniform) -> list[Part]:
    inner = [(0.1, 0), (0.45, 20), (0.55, 90), (0.5, 155), (0.55, 225), (0.45, 300)]
    outer = [(0.75, 55), (0.72, 125), (0.75, 190), (0.72, 265), (0.75, 335)]
    parts = [cylinder(0.95, 0.08, (0, 0, 0.04), "crust", segments=28)]
    parts.append(torus(0.92, 0.09, "crust", 28, 8).moved(z=0.07))
    parts.append(cylinder(0.86, 0.04, (0, 0, 0.09), "main", segments=28))
    return [*parts, *_toppings([*inner, *outer])]


def pizza_slice(u: Uniform) -> list[Part]:
    half = u(18, 26)
    parts = [sector([(0, 0.1), (1.6, 0.1), (1.6, 0), (0, 0)], 90 - half, 90 + half, "main", 6)]
    rim = np.radians(np.linspace(90 - half, 90 + half, 7))
    crust = np.stack([1.62 * np.cos(rim), 1.62 * np.sin(rim), 0 * rim + 0.08], -1)
    parts.append(tube(crust, 0.12, "crust"))
    spots = [(0.6, 92), (1.0, 80), (1.15, 100), (1.4, 88)]
    return [*parts, *(p for p in _toppings(spots) if p.slot == "tomato")]


def egg(u: Uniform) -> list[Part]:
    a = np.linspace(-np.pi / 2, np.pi / 2, 15)
    egg_shape = [(0.52 * np.cos(t) * (1 - 0.16 * np.sin(t)), 0.7 * np.sin(t)) for t in a]
    parts = [lathe(egg_shape, "main", 22)]
    if u(0, 1) < 0.35:
        parts.append(
            lathe(
                [(0, -0.75), (0.24, -0.75), (0.16, -0.6), (0.3, -0.45), (0.3, -0.38), (0.2, -0.5)],
                "accent",
                18,
            )
        )
    return parts


KINDS = {
    "bread": Kind(bread, ("loaf of bread", "bread loaf"), (), ("crust",), 0.6, whole=True),
    "baguette": Kind(baguette, ("french bread",), (), ("crust",), 0.4, whole=True),
    "cheese": Kind(cheese, ("cheese wedge", "piece of cheese"), (), ("cheese",), 0.7, whole=True),
    "pizza": Kind(pizza, ("whole pizza",), (), ("cheese",), 0.6, whole=True),
    "pizza slice": Kind(
        pizza_slice, ("slice of pizza", "piece of pizza"), (), ("cheese",), 0.5, whole=True
    ),
    "egg": Kind(egg, ("easter egg",), (), ("cream", "white"), 0.5, whole=True),
}
