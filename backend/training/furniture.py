"""Procedural props, part one: furniture and containers. Each function returns parts.

u(a, b) draws a proportion. Front is -Y. Slots other than "main" are explained in props.py.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from backend.training.shapes import (
    Number,
    Part,
    arc,
    box,
    cylinder,
    ellipsoid,
    extrude,
    lathe,
    torus,
    tube,
)

Uniform = Callable[[Number, Number], float]


def _legs(w: float, d: float, h: float, t: float, round_: bool, inset=0.08, slot="main"):
    x, y = w / 2 - t / 2 - inset * w * 0.3, d / 2 - t / 2 - inset * d * 0.3
    make = (
        (lambda c: cylinder(t / 2, h, c, slot)) if round_ else (lambda c: box((t, t, h), c, slot))
    )
    return [make((sx * x, sy * y, h / 2)) for sx in (-1, 1) for sy in (-1, 1)]


def chair(u: Uniform) -> list[Part]:
    w, d, h, t = u(0.85, 1.1), u(0.85, 1.05), u(0.8, 1.05), u(0.08, 0.14)
    seat, back = u(0.08, 0.14), u(0.95, 1.35)
    parts = [*_legs(w, d, h, t, u(0, 1) < 0.35), box((w, d, seat), (0, 0, h + seat / 2))]
    y, z = d / 2 - t / 2, h + seat
    style = u(0, 3)
    if style < 1:
        return [*parts, box((w, t * 0.9, back), (0, y, z + back / 2))]
    parts += [box((t, t, back), (sx * (w / 2 - t / 2), y, z + back / 2)) for sx in (-1, 1)]
    parts.append(box((w, t * 0.8, back * 0.22), (0, y, z + back * 0.89)))
    if style < 2:
        slats = 3 if u(0, 1) < 0.5 else 4
        x = [(i + 1) / (slats + 1) * w - w / 2 for i in range(slats)]
        return parts + [box((t * 0.8, t * 0.6, back), (xi, y, z + back / 2)) for xi in x]
    rails = [box((w, t * 0.6, back * 0.16), (0, y, z + back * f)) for f in (0.25, 0.57)]
    return parts + rails


def stool(u: Uniform) -> list[Part]:
    h, r, t = u(1.0, 1.6), u(0.42, 0.55), u(0.08, 0.12)
    parts = [cylinder(r, u(0.1, 0.18), (0, 0, h))]
    legs = 3 if u(0, 1) < 0.4 else 4
    for k in range(legs):
        a = 2 * np.pi * k / legs + np.pi / 4
        foot, top = r * 1.05, r * 0.7
        path = [(foot * np.cos(a), foot * np.sin(a), 0), (top * np.cos(a), top * np.sin(a), h)]
        parts.append(tube(path, t / 2))
    parts.append(torus(r * 0.92, t * 0.3).moved(z=h * 0.35))
    return parts


def table(u: Uniform) -> list[Part]:
    w, d, h, t = u(1.4, 2.2), u(0.9, 1.3), u(0.75, 1.0), u(0.09, 0.15)
    top = u(0.08, 0.13)
    style = u(0, 3)
    if style < 1:
        r = u(0.7, 0.95)
        foot = cylinder(r * 0.55, 0.07, (0, 0, 0.035), top=r * 0.4)
        return [foot, cylinder(t * 0.8, h, (0, 0, h / 2)), cylinder(r, top, (0, 0, h), segments=24)]
    apron = box((w * 0.88, d * 0.85, 0.14), (0, 0, h - 0.07))
    return [*_legs(w, d, h, t, style < 1.6), apron, box((w, d, top), (0, 0, h + top / 2))]


def bench(u: Uniform) -> list[Part]:
    w, d, h = u(1.8, 2.4), u(0.5, 0.65), u(0.5, 0.65)
    parts = [box((w, d / 3.4, 0.08), (0, (i - 1) * d / 3, h)) for i in range(3)]
    parts += [box((0.1, d, h), (sx * w * 0.4, 0, h / 2), "dark") for sx in (-1, 1)]
    if u(0, 1) < 0.75:
        parts += [box((w, 0.06, 0.16), (0, d / 2 + 0.05, h + z)) for z in (0.2, 0.45)]
        parts += [
            box((0.08, 0.06, 0.6), (s * w * 0.4, d / 2 + 0.1, h + 0.25), "dark") for s in (-1, 1)
        ]
    return parts


def _upholstered(u: Uniform, w: float) -> list[Part]:
    d, seat, back, arm = u(0.9, 1.1), u(0.42, 0.55), u(0.9, 1.2), u(0.16, 0.26)
    z0 = u(0.06, 0.16)
    parts = [box((w, d, seat - z0), (0, 0, (seat + z0) / 2))]
    parts.append(box((w, 0.24, back), (0, d / 2 - 0.06, z0 + back / 2 + 0.02)))
    parts += [
        box((arm, d, seat * 1.55), (s * (w / 2 + arm / 2), 0, z0 + seat * 0.77)) for s in (-1, 1)
    ]
    if u(0, 1) < 0.5:
        parts += [
            cylinder(arm * 0.62, d).turned("x", 90).moved(s * (w / 2 + arm / 2), 0, z0 + seat * 1.5)
            for s in (-1, 1)
        ]
    cushions = max(1, round(w / 0.85))
    cw = w / cushions
    for i in range(cushions):
        x = (i + 0.5) * cw - w / 2
        parts.append(box((cw * 0.95, d * 0.85, 0.14), (x, -0.06, seat + 0.05)))
    parts += _legs(w + arm, d, z0, 0.1, False, slot="dark")
    return parts


def armchair(u: Uniform) -> list[Part]:
    return _upholstered(u, u(0.75, 0.95))


def sofa(u: Uniform) -> list[Part]:
    return _upholstered(u, u(1.7, 2.4))


def bed(u: Uniform) -> list[Part]:
    w, length, h = u(1.2, 1.7), u(2.0, 2.3), u(0.3, 0.45)
    head = u(0.7, 1.1)
    parts = [box((w, length, 0.2), (0, 0, h - 0.1)), *_legs(w, length, h, 0.12, False)]
    parts.append(box((w + 0.08, 0.1, head), (0, length / 2, head / 2)))
    parts.append(box((w + 0.08, 0.1, head * 0.6), (0, -length / 2, head * 0.3)))
    parts.append(box((w * 0.94, length * 0.95, 0.2), (0, 0, h + 0.1), "white"))
    parts.append(box((w * 0.97, length * 0.6, 0.22), (0, -length * 0.17, h + 0.11), "accent"))
    parts += [
        box((w * 0.38, 0.36, 0.14), (s * w * 0.23, length * 0.36, h + 0.26), "white")
        for s in (-1, 1)
    ]
    return parts


def bookshelf(u: Uniform) -> list[Part]:
    w, d, h, t = u(0.9, 1.3), u(0.35, 0.5), u(1.6, 2.1), 0.07
    parts = [box((t, d, h), (s * w / 2, 0, h / 2)) for s in (-1, 1)]
    parts.append(box((w, 0.05, h), (0, d / 2, h / 2)))
    shelves = 4
    for i in range(shelves + 1):
        parts.append(box((w, d, t), (0, 0, t / 2 + i * (h - t) / shelves)))
    for i in range(shelves):
        x = -w / 2 + t
        while x < w / 2 - 0.2:
            b, tall = u(0.07, 0.16), u(0.6, 0.85) * h / shelves
            z = t + i * (h - t) / shelves + tall / 2
            parts.append(box((b * 0.9, d * 0.7, tall), (x + b / 2, 0, z), f"book{int(u(0, 3))}"))
            x += b
    return parts


def crate(u: Uniform) -> list[Part]:
    s, h, t = 1.0, u(0.8, 1.05), u(0.08, 0.12)
    parts = [box((s * 0.94, s * 0.94, h * 0.94), (0, 0, h / 2), "inset")]
    for sx in (-1, 1):
        for sy in (-1, 1):
            parts.append(box((t, t, h), (sx * (s - t) / 2, sy * (s - t) / 2, h / 2)))
    for z in (t / 2, h - t / 2):
        for k in (-1, 1):
            parts.append(box((s, t, t), (0, k * (s - t) / 2, z)))
            parts.append(box((t, s, t), (k * (s - t) / 2, 0, z)))
    if u(0, 1) < 0.6:
        angle = np.degrees(np.arctan2(h, s))
        brace = box((np.hypot(s, h) * 0.88, 0.05, t), (0, 0, 0)).turned("y", -angle)
        parts += [brace.moved(0, k * s * 0.475, h / 2) for k in (-1, 1)]
        parts += [brace.turned("z", 90).moved(k * s * 0.475, 0, h / 2) for k in (-1, 1)]
    return parts


def chest(u: Uniform) -> list[Part]:
    w, d, h = u(1.2, 1.5), u(0.75, 0.95), u(0.5, 0.65)
    parts = [box((w, d, h), (0, 0, h / 2))]
    a = np.linspace(0, np.pi, 10)
    outline = np.stack([np.cos(a) * d / 2, np.sin(a) * d * u(0.3, 0.45)], -1)
    parts.append(extrude(outline, w).turned("z", 90).moved(z=h))
    for x in (-0.32, 0.32):
        band = extrude(outline * 1.05, 0.1, "metal").turned("z", 90).moved(x * w, 0, h)
        parts += [band, box((0.1, d * 1.05, h), (x * w, 0, h / 2), "metal")]
    parts.append(box((0.2, 0.08, 0.26), (0, -d / 2 - 0.03, h), "gold"))
    return parts


def barrel(u: Uniform) -> list[Part]:
    h, r, bulge = u(1.2, 1.5), u(0.4, 0.5), u(1.12, 1.3)
    z = np.linspace(0, 1, 9)
    radius = r * (1 + (bulge - 1) * (1 - (2 * z - 1) ** 2))
    body = lathe([(0, 0.04 * h), (r * 0.93, 0.04 * h), *zip(radius, z * h, strict=True),
                  (r * 0.93, h), (r * 0.93, 0.95 * h), (0, 0.95 * h)])  # fmt: skip
    parts = [body]
    for f in (0.08, 0.32, 0.68, 0.92):
        rr = r * (1 + (bulge - 1) * (1 - (2 * f - 1) ** 2)) + 0.015
        parts.append(lathe([(rr * 0.97, -0.04), (rr, -0.04), (rr, 0.04), (rr * 0.97, 0.04)], "hoop",
                           centre=(0, 0, f * h)))  # fmt: skip
    return parts


def bucket(u: Uniform) -> list[Part]:
    h, r, top = u(0.85, 1.1), u(0.36, 0.45), u(0.5, 0.62)
    profile = [
        (0, 0),
        (r, 0),
        (top, h),
        (top + 0.04, h),
        (top - 0.04, h * 0.98),
        (r - 0.04, 0.06),
        (0, 0.06),
    ]
    handle = tube(arc(top, 0, 180, 12), 0.025, "metal").turned("x", u(-60, 60)).moved(z=h)
    ring = torus(top + 0.01, 0.035).moved(z=h)
    return [lathe(profile), ring, handle]


def vase(u: Uniform) -> list[Part]:
    h, foot, belly, neck, lip = (
        u(1.3, 1.8),
        u(0.2, 0.35),
        u(0.42, 0.62),
        u(0.14, 0.25),
        u(0.2, 0.36),
    )
    at = u(0.35, 0.6)
    z = np.array([0, 0.02, at * 0.5, at, (at + 0.85) / 2, 0.85, 1.0])
    r = np.array([foot, foot, (foot + belly) * 0.56, belly, (belly + neck) * 0.5, neck, lip])
    zz = np.linspace(0, 1, 16)
    rr = np.interp(zz, z, r)
    rr = np.convolve(np.pad(rr, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    outer = list(zip(rr, zz * h, strict=True))
    inner = [(max(a - 0.05, 0.02), b) for a, b in outer[:8:-1]]
    return [lathe([(0, 0), *outer, *inner, (0, inner[-1][1])])]


def bathtub(u: Uniform) -> list[Part]:
    length, w, h = u(1.7, 2.1), u(0.8, 0.95), u(0.55, 0.7)
    outer = [
        (0, 0.1),
        (0.75, 0.1),
        (0.93, 0.5),
        (1.0, 1.0),
        (1.06, 1.0),
        (1.06, 1.06),
        (0.95, 1.06),
    ]
    profile = [*outer, (0.85, 0.5), (0.66, 0.2), (0, 0.18)]
    tub = lathe(profile, segments=28).scaled(length / 2, w / 2, h)
    feet = [ellipsoid((0.09, 0.09, 0.09), (sx * length * 0.27, sy * w * 0.26, 0.07), "metal", 8)
            for sx in (-1, 1) for sy in (-1, 1)]  # fmt: skip
    tap = tube(
        [(0, 0, h), (0, 0, h + 0.24), (-0.16, 0, h + 0.26), (-0.2, 0, h + 0.18)], 0.035, "metal"
    )
    return [tub, *feet, tap.moved(x=length * 0.52)]


def lamp(u: Uniform) -> list[Part]:
    h, r = u(1.0, 1.4), u(0.28, 0.4)
    base = lathe([(0, 0), (r, 0), (r * 0.9, 0.06), (0.06, 0.14), (0, 0.14)], "dark")
    pole = cylinder(0.04, h, (0, 0, h / 2), "dark")
    top, bottom, tall = u(0.22, 0.36), u(0.45, 0.62), u(0.4, 0.6)
    shade = lathe([(bottom - 0.03, 0), (bottom, 0), (top, tall), (top - 0.03, tall)])
    bulb = ellipsoid((0.14, 0.14, 0.18), (0, 0, h + 0.1), "white", 10)
    return [base, pole, shade.moved(z=h - tall * 0.3), bulb]
