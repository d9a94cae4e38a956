"""Procedural props: crates, barrels, chests and buckets. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    ring_of,
    rod_x,
    rounded,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, extrude, lathe, torus, tube


def crate(u: Uniform) -> list[Part]:
    s, h, t = 1.0, u(0.75, 1.05), u(0.1, 0.14)
    core = s * 0.9
    count = 4 if u(0, 1) < 0.5 else 5
    parts = [box((core * 0.96, core * 0.96, h * 0.9), (0, 0, h / 2), "inner")]
    for i in range(count):  # planks around and on top, with gaps that show the dark core
        z, slot = (i + 0.5) * h * 0.94 / count + 0.03 * h, "inset" if i % 2 else "shade"
        parts.append(box((core, core, h * 0.94 / count * 0.78), (0, 0, z), slot))
        x = ((i + 0.5) / count - 0.5) * core
        parts.append(box((core / count * 0.78, core, 0.03), (x, 0, h * 0.955), slot))
    for sx in (-1, 1):
        for sy in (-1, 1):
            parts.append(box((t, t, h), (sx * (s - t) / 2, sy * (s - t) / 2, h / 2)))
    for z in (t / 2, h - t / 2):
        for k in (-1, 1):
            parts.append(box((s, t, t), (0, k * (s - t) / 2, z)))
            parts.append(box((t, s, t), (k * (s - t) / 2, 0, z)))
    style = u(0, 1)
    if style < 0.85:
        angle = np.degrees(np.arctan2(h - t, s - t))
        long = np.hypot(s - t, h - t)
        brace = box((long, 0.07, t * 0.9)).turned("y", -angle)
        braces = [brace] if style > 0.66 else [brace, brace.scaled(-1, 1, 1)]
        for b in braces:
            parts += ring_of(b.moved(0, -s * 0.465, h / 2), 4)
    return parts


def chest(u: Uniform) -> list[Part]:
    w, d, h = u(1.2, 1.5), u(0.75, 0.95), u(0.5, 0.65)
    band = "gold" if u(0, 1) < 0.5 else "hoop"
    a = np.linspace(0, np.pi, 10)
    outline = np.stack([np.cos(a) * d / 2, np.sin(a) * d * u(0.32, 0.45)], -1)
    opened = -u(45, 75) if u(0, 1) < 0.25 else 0.0
    lid = [extrude(outline, w, "shade").turned("z", 90)]
    parts = [box((w, d, h), (0, 0, h / 2))]
    for x in (-0.44, 0.0, 0.44):
        wide = 0.12 if x else 0.0
        if wide:
            lid.append(extrude(outline * 1.06, wide, band).turned("z", 90).moved(x=x * w))
            parts.append(box((wide, d * 1.06, h), (x * w, 0, h / 2), band))
    lid.append(box((w * 1.02, d * 1.04, 0.09), (0, 0, 0.03), band))
    parts.append(box((w * 1.02, d * 1.04, 0.09), (0, 0, 0.045), band))
    lock = box((0.22, 0.1, 0.26), (0, -d / 2 - 0.03, -0.02), "gold")
    if opened:
        lid = [p.moved(y=-d / 2).turned("x", opened).moved(y=d / 2) for p in lid]
        heap = rounded((w * 0.9, d * 0.9, 0.4), (0, 0, h), "gold", 3)
        return [*parts, *(p.moved(z=h) for p in lid), heap, lock.moved(z=h - 0.15)]
    hole = box((0.07, 0.12, 0.1), (0, -d / 2 - 0.035, h - 0.05), "black")
    return [*parts, *(p.moved(z=h) for p in lid), lock.moved(z=h), hole]


def barrel(u: Uniform) -> list[Part]:
    h, r, bulge = u(1.15, 1.5), u(0.4, 0.52), u(1.12, 1.32)
    f = np.linspace(0, 1, 8)
    radius = r * (1 + (bulge - 1) * (1 - (2 * f - 1) ** 2))
    profile = [
        (0, 0.04 * h),
        (r * 0.93, 0.04 * h),
        *zip(radius, f * h, strict=True),
        (r * 0.9, h),
        (r * 0.9, 0.94 * h),
        (0, 0.94 * h),
    ]
    body = lathe(profile, segments=20)
    parts = [body]
    stave = [(rr + 0.012, z) for rr, z in zip(radius, f * h, strict=True)]
    for k in range(10):  # every other stave is a little darker and stands out
        a = 2 * np.pi * k / 10
        side = lathe(stave, "shade" if k % 2 else "inset", 60)
        keep = np.abs((np.arange(60) / 60 * 2 * np.pi - a + np.pi) % (2 * np.pi) - np.pi) < 0.2
        parts.append(_columns(side, keep, len(stave)))
    for at in (0.08, 0.32, 0.68, 0.92):
        rr = r * (1 + (bulge - 1) * (1 - (2 * at - 1) ** 2)) + 0.03
        band = [(rr * 0.95, -0.05), (rr, -0.05), (rr, 0.05), (rr * 0.95, 0.05)]
        parts.append(lathe(band, "hoop", 20, (0, 0, at * h)))
    if u(0, 1) < 0.25:
        tap = [rod_x(0.06, 0.3, slot="gold").turned("z", 90).moved(0, -r - 0.12, 0.2 * h)]
        parts += [*tap, box((0.06, 0.06, 0.2), (0, -r - 0.18, 0.28 * h), "gold")]
    return parts


def _columns(part: Part, keep: np.ndarray, rows: int) -> Part:
    """The faces of a lathed part whose columns are kept."""
    column = part.faces % len(keep)
    inside = keep[column].all(1)
    return Part(part.vertices, part.faces[inside], part.slot) if rows else part


def drum_can(u: Uniform) -> list[Part]:
    r, h = u(0.42, 0.5), u(1.2, 1.4)
    parts = [cylinder(r, h, (0, 0, h / 2), segments=22)]
    for at in (0.02, 0.35, 0.66, 0.98):
        parts.append(torus(r, 0.045, "main", 22, 8).moved(z=at * h))
    return [
        *parts,
        cylinder(r * 0.9, 0.02, (0, 0, h + 0.005), "inset"),
        cylinder(0.08, 0.06, (r * 0.5, 0, h + 0.03), "dark"),
    ]


def bucket(u: Uniform) -> list[Part]:
    h, r, top = u(0.85, 1.1), u(0.38, 0.46), u(0.52, 0.64)
    profile = [(0, 0), (r, 0), (top, h), (top - 0.05, h), (r - 0.04, 0.1), (0, 0.1)]
    body = lathe(profile, segments=22)
    parts = [body, torus(top, 0.05, "main", 22, 8).moved(z=h)]
    for f in (0.25, 0.7):
        parts.append(torus(r + (top - r) * f + 0.01, 0.03, "inset", 22, 6).moved(z=h * f))
    tilt = u(-20, 20) if u(0, 1) < 0.6 else (-75 if u(0, 1) < 0.5 else u(20, 70))
    bow = tube(_bow(top), 0.045, "metal")
    lugs = both(ball(0.08, (top, 0, h - 0.05), "metal", 8))
    inside = cylinder(r * 1.05, 0.02, (0, 0, h * 0.3), "inner")
    return [*parts, bow.turned("x", tilt).moved(z=h - 0.03), *lugs, inside]


def _bow(r: float) -> np.ndarray:
    a = np.linspace(0, np.pi, 12)
    return np.stack([r * np.cos(a), 0 * a, r * 1.05 * np.sin(a)], -1)


def cauldron(u: Uniform) -> list[Part]:
    r = u(0.62, 0.75)
    a = np.linspace(-np.pi / 2, 0.85, 12)
    outer = [(r * np.cos(t), r * 0.85 * np.sin(t)) for t in a]
    rim = outer[-1]
    body = lathe(
        [
            *outer,
            (rim[0] + 0.1, rim[1] + 0.08),
            (rim[0] - 0.06, rim[1] + 0.06),
            (rim[0] - 0.1, 0.2),
        ],
        "main",
        22,
    )
    brew = cylinder(rim[0], 0.04, (0, 0, rim[1] - 0.06), "brew" if u(0, 1) < 0.8 else "dark")
    bubbles = [
        ball(
            u(0.06, 0.12), (u.anywhere(-0.3, 0.3), u.anywhere(-0.3, 0.3), rim[1] - 0.03), "brew", 8
        )
        for _ in range(4)
    ]
    feet = ring_of(strut((r * 0.5, 0, -r * 0.6), (r * 0.6, 0, -r * 1.1), 0.09), 3, 30)
    ring = torus(0.16, 0.045, "main", 14, 8).turned("y", 90).moved(r + 0.02, 0, 0.2)
    return [body, brew, *bubbles, *feet, *both(ring)]


def basket(u: Uniform) -> list[Part]:
    r, h = u(0.5, 0.6), u(0.5, 0.65)
    parts = [lathe([(0, 0), (r * 0.75, 0), (r, h), (r * 0.92, h), (0, 0.1)], "main", 22)]
    for i in range(5):
        f = (i + 0.5) / 5
        parts.append(
            torus(r * (0.75 + 0.25 * f), 0.055, "shade" if i % 2 else "inset", 22, 6).moved(z=f * h)
        )
    parts.append(torus(r, 0.07, "main", 22, 8).moved(z=h))
    return [*parts, tube(_bow(r), 0.06).moved(z=h)]


WOODS = ("wooden",)


KINDS = {
    "crate": Kind(
        crate,
        ("shipping crate", "cargo crate", "box"),
        ("wooden", "wooden", "metal"),
        ("brown",),
        1.6,
    ),
    "chest": Kind(chest, ("treasure chest", "pirate chest", "trunk"), WOODS, ("brown",), 1.5),
    "barrel": Kind(
        barrel, ("wine barrel", "keg", "cask"), ("wooden", "wooden", "metal"), ("brown",), 1.6
    ),
    "oil drum": Kind(
        drum_can, ("drum barrel", "oil barrel"), ("metal", "rusty"), ("red", "blue", "green"), 0.6
    ),
    "bucket": Kind(
        bucket, ("pail", "water bucket"), ("metal", "rusty", "wooden", "plastic"), ("grey",), 1.5
    ),
    "cauldron": Kind(
        cauldron, ("witch cauldron", "witch pot"), ("iron", "metal"), ("black", "dark grey"), 0.8
    ),
    "basket": Kind(basket, ("wicker basket", "picnic basket"), WOODS, ("brown", "beige"), 0.7),
}
