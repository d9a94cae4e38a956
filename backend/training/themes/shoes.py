"""Procedural props: shoes; toes point to -Y. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import both, loft, prism, rounded, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, ellipsoid, lathe, torus

# Along the foot from heel (+y) to toe (-y): y, half width, height of the upper.
LAST = (
    (0.5, 0.13, 0.4),
    (0.44, 0.17, 0.5),
    (0.3, 0.19, 0.48),
    (0.12, 0.185, 0.44),
    (-0.05, 0.19, 0.38),
    (-0.22, 0.21, 0.27),
    (-0.38, 0.205, 0.22),
    (-0.5, 0.17, 0.18),
    (-0.57, 0.08, 0.12),
)


def _upper(high: float, slot: str = "main") -> Part:
    rings = []
    a = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    for y, w, h in LAST:
        c, s = np.cos(a), np.sin(a)
        x = np.sign(c) * np.abs(c) ** 0.7 * w * np.where(s > 0.3, 0.85, 1)
        z = np.where(s > 0, np.abs(s) ** 0.7 * h * high, 0)
        rings.append(np.stack([x, y + 0 * a, z + 0.08], -1))
    return loft(rings, slot)


def _sole(thick: float, slot: str, grow: float = 1.12) -> Part:
    left = [(-w * grow, y * 1.06) for y, w, _ in LAST]
    right = [(w * grow, y * 1.06) for y, w, _ in reversed(LAST)]
    return prism([*left, *right], thick, slot)


def _sneaker(u: Uniform, seed: tuple[float, ...]) -> list[Part]:
    high, thick, style = seed
    parts = [_upper(high), _sole(0.05, "rubber", 1.1), _sole(thick, "white", 1.14).moved(z=0.03)]
    top = 0.46 * high + 0.08
    if style > 0.5:  # a high collar
        collar = lathe([(0.17, 0), (0.165, 0.28), (0.13, 0.28), (0.12, 0.2), (0, 0.18)], "main", 14)
        parts.append(collar.scaled(1, 1.35, 1).moved(0, 0.3, top - 0.08))
        top += 0.2
    else:
        parts.append(ellipsoid((0.13, 0.2, 0.05), (0, 0.28, top), "black", 12))
        parts.append(torus(0.15, 0.035, "inset", 16, 6).scaled(1, 1.4, 1).moved(0, 0.28, top))
    tongue = rounded((0.2, 0.4, 0.08), power=4).turned("x", 32)
    parts.append(Part(tongue.vertices, tongue.faces, "light").moved(0, -0.06, 0.42 * high + 0.08))
    for k in range(4):  # laces
        y = 0.06 - 0.085 * k
        z = (0.46 - 0.055 * k) * high + 0.09
        parts.append(strut((-0.13, y, z - 0.02), (0.13, y - 0.02, z - 0.02), 0.026, "white", 6))
    parts.append(rounded((0.3, 0.2, 0.14), (0, -0.5, 0.13), "white", 3, 12))
    stripe = [
        strut((0.2, y, 0.16), (0.185, y + 0.08, 0.36), 0.03, "white", 6) for y in (0.02, 0.12)
    ]
    return parts + both(stripe)


def sneakers(u: Uniform) -> list[Part]:
    seed = (u(0.85, 1.1), u(0.1, 0.15), u(0, 0.8))
    parts = []
    for s in (-1, 1):
        shoe = _sneaker(u, seed)
        turn = s * 6.0
        parts += [p.turned("z", turn).moved(x=s * 0.29) for p in shoe]
    return parts


def sneaker(u: Uniform) -> list[Part]:
    return _sneaker(u, (u(0.85, 1.1), u(0.1, 0.15), u(0, 0.8)))


def _dress_shoe() -> list[Part]:
    parts = [
        _upper(0.85),
        _sole(0.07, "black", 1.06).moved(z=0.04),
        box((0.3, 0.3, 0.1), (0, 0.4, 0.0), "black"),
    ]
    parts.append(ellipsoid((0.13, 0.2, 0.05), (0, 0.28, 0.46), "black", 12))
    parts += [
        strut((-0.1, y, 0.4 + y * 0.35), (0.1, y, 0.4 + y * 0.35), 0.025, "dark", 6)
        for y in (0.0, -0.09)
    ]
    return parts


def shoes(u: Uniform) -> list[Part]:
    return [p.moved(x=s * 0.27) for s in (-1, 1) for p in _dress_shoe()]


def boot(u: Uniform) -> list[Part]:
    h = u(0.55, 0.85)
    parts = [
        _upper(0.95),
        _sole(0.1, "dark", 1.1),
        box((0.32, 0.3, 0.12), (0, 0.38, -0.04), "dark"),
    ]
    shaft = lathe(
        [(0.19, 0), (0.2, h * 0.5), (0.23, h), (0.18, h), (0.17, h * 0.8), (0, h * 0.78)],
        "main",
        16,
    )
    parts.append(shaft.scaled(1, 1.15, 1).moved(0, 0.28, 0.35))
    cuff = torus(0.22, 0.05, "inset", 18, 6).scaled(1, 1.15, 1)
    parts.append(cuff.moved(0, 0.28, 0.35 + h - 0.03))
    if u(0, 1) < 0.5:
        parts += [
            strut(
                (-0.12, 0.03 - 0.0 * k, 0.45 + 0.13 * k),
                (0.12, 0.03, 0.45 + 0.13 * k),
                0.028,
                "light",
                6,
            )
            for k in range(4)
        ]
    else:
        parts.append(torus(0.215, 0.045, "dark", 18, 6).scaled(1, 1.15, 1).moved(0, 0.28, 0.52))
        parts.append(box((0.14, 0.06, 0.12), (0, 0.03, 0.52), "gold"))
    return parts


def boots(u: Uniform) -> list[Part]:
    one = boot(u)
    return [p.moved(x=s * 0.32) for s in (-1, 1) for p in one]


SHOE = ("leather", "fabric")


KINDS = {
    "sneakers": Kind(
        sneakers,
        ("pair of sneakers", "trainers", "running shoes", "tennis shoes"),
        SHOE,
        ("red", "blue", "white", "black"),
        2.0,
    ),
    "sneaker": Kind(
        sneaker,
        ("shoe", "running shoe", "sports shoe"),
        SHOE,
        ("red", "blue", "white", "black"),
        0.9,
    ),
    "shoes": Kind(shoes, ("pair of shoes", "dress shoes"), ("leather",), ("brown", "black"), 0.6),
    "boot": Kind(
        boot, ("rain boot", "winter boot"), ("leather", "rubber"), ("brown", "black"), 0.6
    ),
    "boots": Kind(
        boots, ("pair of boots", "rain boots"), ("leather", "rubber"), ("brown", "black"), 0.7
    ),
}
