"""Procedural props: vases, cans and boxes of all sorts. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    handle,
    rounded,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, extrude, lathe, torus, tube


def vase(u: Uniform) -> list[Part]:
    h, foot, belly = u(1.3, 1.8), u(0.2, 0.35), u(0.42, 0.62)
    neck, lip, at = u(0.14, 0.25), u(0.2, 0.36), u(0.35, 0.6)
    z = np.array([0, 0.02, at * 0.5, at, (at + 0.85) / 2, 0.85, 1.0])
    r = np.array([foot, foot, (foot + belly) * 0.56, belly, (belly + neck) * 0.5, neck, lip])
    zz = np.linspace(0, 1, 16)
    rr = np.convolve(np.pad(np.interp(zz, z, r), 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    outer = list(zip(rr, zz * h, strict=True))
    inner = [(max(a - 0.05, 0.02), b) for a, b in outer[:8:-1]]
    parts = [lathe([(0, 0), *outer, *inner, (0, inner[-1][1])])]
    if u(0, 1) < 0.25:
        ear = tube(
            [
                (neck, 0, 0.9 * h),
                (belly, 0, 0.92 * h),
                (belly * 1.0, 0, 0.7 * h),
                (belly * 0.85, 0, at * h),
            ],
            0.06,
        )
        parts += both(ear)
    if u(0, 1) < 0.2:
        band = np.interp(at, zz, rr) + 0.015
        parts.append(cylinder(band, 0.12, (0, 0, at * h), "accent", segments=20))
    return parts


def jar(u: Uniform) -> list[Part]:
    r, h = u(0.42, 0.55), u(0.75, 1.1)
    body = lathe([(0, 0), (r * 0.9, 0), (r, 0.08), (r, h * 0.8), (r * 0.75, h), (0, h)], "main", 22)
    lid = "metal" if u(0, 1) < 0.5 else "cork"
    return [body, cylinder(r * 0.8, 0.18, (0, 0, h + 0.08), lid, segments=22)] + (
        [cylinder(r + 0.012, h * 0.38, (0, 0, h * 0.42), "label", segments=22)]
        if u(0, 1) < 0.5
        else []
    )


def trash_can(u: Uniform) -> list[Part]:
    r, h = u(0.42, 0.5), u(1.0, 1.25)
    parts = [cylinder(r * 0.88, h, (0, 0, h / 2), "main", r, 22)]
    for k in range(8):
        a = 2 * np.pi * k / 8
        c, s = np.cos(a), np.sin(a)
        parts.append(
            strut((r * 0.89 * c, r * 0.89 * s, 0.05), (r * c, r * s, h - 0.08), 0.035, "inset", 6)
        )
    lid = lathe([(r * 1.08, 0), (r * 1.08, 0.08), (r * 0.6, 0.2), (0, 0.24)], "main", 22, (0, 0, h))
    bars = both(
        handle(0.24, 0.12, 0.045, "inset").turned("z", 90).turned("y", 90).moved(r, 0, h * 0.7)
    )
    return [*parts, lid, handle(0.3, 0.16, 0.05).moved(z=h + 0.2), *bars]


def toolbox(u: Uniform) -> list[Part]:
    w, d, h = u(1.3, 1.6), u(0.6, 0.7), u(0.45, 0.55)
    roof = [(-d / 2, 0), (d / 2, 0), (d * 0.25, 0.25), (-d * 0.25, 0.25)]
    parts = [box((w, d, h), (0, 0, h / 2)), extrude(roof, w, "inset").turned("z", 90).moved(z=h)]
    parts.append(box((w * 1.01, d * 1.02, 0.05), (0, 0, h), "dark"))
    parts += both(box((0.14, 0.08, 0.2), (w * 0.3, -d / 2 - 0.02, h - 0.02), "silver"))
    return [*parts, handle(w * 0.5, 0.26, 0.05, "dark").moved(z=h + 0.22)]


def gift_box(u: Uniform) -> list[Part]:
    w, h = 1.0, u(0.7, 1.05)
    parts = [box((w, w, h), (0, 0, h / 2)), box((w * 1.08, w * 1.08, 0.22), (0, 0, h + 0.02))]
    for size in ((0.2, w * 1.03, h), (w * 1.03, 0.2, h)):
        parts.append(box(size, (0, 0, h / 2), "accent"))
    for size in ((0.2, w * 1.11, 0.24), (w * 1.11, 0.2, 0.24)):
        parts.append(box(size, (0, 0, h + 0.03), "accent"))
    loop = torus(0.2, 0.075, "accent", 14, 8).turned("x", 90).scaled(1.25, 1.5, 0.85)
    z = h + 0.3
    return [
        *parts,
        *both(loop.turned("y", -25).moved(0.24, 0, z)),
        ball(0.1, (0, 0, z - 0.08), "accent"),
    ]


def mailbox(u: Uniform) -> list[Part]:
    w, d, z = u(0.5, 0.6), u(0.95, 1.15), u(0.8, 1.1)
    a = np.linspace(0, np.pi, 10)
    outline = [
        (-w / 2, 0),
        (w / 2, 0),
        *zip(np.cos(a) * w / 2, 0.3 + np.sin(a) * w / 2, strict=True),
    ]
    parts = [extrude(outline, d).moved(z=z), box((0.16, 0.16, z), (0, 0.1, z / 2), "wood")]
    door = extrude(np.array(outline) * 0.9, 0.05, "inset").moved(0, -d / 2, z + 0.03)
    flag = [
        box((0.06, 0.07, 0.42), (w / 2 + 0.04, 0.05, z + 0.5), "red"),
        box((0.06, 0.28, 0.16), (w / 2 + 0.04, 0.12, z + 0.68), "red"),
    ]
    return [*parts, door, *flag, ball(0.06, (0, -d / 2 - 0.04, z + 0.42), "silver", 8)]


def suitcase(u: Uniform) -> list[Part]:
    w, d, h = u(1.2, 1.5), u(0.36, 0.45), u(0.85, 1.0)
    parts = [rounded((w, d, h), (0, 0, h / 2), power=10, segments=20)]
    for x in (-0.3, 0.3):
        parts.append(box((0.12, d * 1.03, h * 1.02), (x * w, 0, h / 2), "deep"))
        parts.append(box((0.18, 0.08, 0.16), (x * w, -d / 2, h * 0.72), "gold"))
    for sx in (-1, 1):
        for z in (0.09, 0.91):
            parts.append(rounded((0.22, d * 1.04, 0.2), (sx * w * 0.45, 0, z * h), "deep", 5, 10))
    return [*parts, handle(0.42, 0.2, 0.055, "dark").moved(z=h - 0.02)]


KINDS = {
    "vase": Kind(
        vase, ("urn", "flower vase", "amphora"), ("ceramic", "glass", "clay"), ("blue", "white")
    ),
    "jar": Kind(jar, ("cookie jar", "jam jar"), ("glass", "ceramic"), ("light blue", "red"), 0.7),
    "trash can": Kind(
        trash_can,
        ("garbage can", "dustbin", "trash bin"),
        ("metal", "plastic"),
        ("grey", "green"),
        0.8,
    ),
    "toolbox": Kind(toolbox, ("tool box",), ("metal", "plastic"), ("red", "blue"), 0.7),
    "gift box": Kind(
        gift_box,
        ("present", "gift", "wrapped present"),
        ("paper",),
        ("red", "blue", "green", "purple"),
        0.9,
        trim=("accent", "with {} ribbon"),
    ),
    "mailbox": Kind(mailbox, ("letter box", "post box"), ("metal",), ("blue", "red", "grey"), 0.8),
    "suitcase": Kind(
        suitcase, ("travel case", "luggage"), ("leather", "plastic"), ("brown", "blue"), 0.8
    ),
}
