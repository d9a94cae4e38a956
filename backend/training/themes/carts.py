"""Procedural props: what is pushed, pulled or ridden. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    both,
    handle,
    loft,
    prism,
    ring_of,
    rod_x,
    rounded,
    spoked,
    strut,
    wheel,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, torus, tube


def bicycle(u: Uniform) -> list[Part]:
    r, t = 0.45, 0.05
    rear, front = np.array([0, 0.62, r]), np.array([0, -0.62, r])
    crank, seat, head = (
        np.array([0, 0.12, 0.42]),
        np.array([0, 0.3, 1.05]),
        np.array([0, -0.45, 1.0]),
    )
    wheels = []
    for hub in (rear, front):
        rim = [
            torus(r - 0.03, 0.055, "rubber", 26, 8),
            *ring_of(strut((0, 0, 0), (r, 0, 0), 0.014, "silver", 4), 8),
            cylinder(0.06, 0.12, slot="silver"),
        ]
        wheels += [p.turned("y", 90).moved(*hub) for p in rim]
    pairs = (
        (rear, crank),
        (rear, seat - [0, 0.02, 0.1]),
        (crank, seat),
        (crank, head - [0, 0.04, 0.1]),
        (seat - [0, 0.03, 0.1], head),
        (head, front),
    )
    frame = [strut(a, b, t) for a, b in pairs]
    bar = tube(
        [
            (-0.36, -0.3, 1.2),
            (-0.2, -0.45, 1.2),
            (0, -0.47, 1.15),
            (0.2, -0.45, 1.2),
            (0.36, -0.3, 1.2),
        ],
        0.045,
        "silver",
    )
    saddle = rounded((0.22, 0.4, 0.12), (0, 0.34, 1.12), "black", 3)
    pedal = [
        strut(crank, crank + np.array([0.12, 0.05, -0.2]), 0.035, "silver"),
        box((0.16, 0.12, 0.05), crank + np.array([0.18, 0.05, -0.2]), "dark"),
    ]
    return [
        *wheels,
        *frame,
        bar,
        saddle,
        *pedal,
        rod_x(0.13, 0.05, crank, "silver"),
        strut(head, (0, -0.47, 1.16), 0.045),
    ]


def skateboard(u: Uniform) -> list[Part]:
    y = np.linspace(-0.9, 0.9, 13)
    up = 0.28 + 0.2 * np.clip(np.abs(y) - 0.62, 0, 1) * 1.6
    w = 0.25 * np.sqrt(np.clip(1 - (np.abs(y) / 0.93) ** 8, 0, 1)) + 0.02
    parts = []
    for slot, z, q in (("main", 0.0, 1.0), ("black", 0.035, 0.96)):
        parts.append(
            loft(
                [
                    [
                        (-a * q, t, b + z),
                        (a * q, t, b + z),
                        (a * q, t, b + z + 0.045),
                        (-a * q, t, b + z + 0.045),
                    ]
                    for a, t, b in zip(w, y, up, strict=True)
                ],
                slot,
            )
        )
    for t in (-0.52, 0.52):
        parts += [
            box((0.3, 0.1, 0.12), (0, t, 0.2), "silver"),
            *both(rod_x(0.12, 0.14, (0.22, t, 0.12), "wheels", 14)),
        ]
    return [p.turned("z", 90) for p in parts]


def cart(u: Uniform) -> list[Part]:
    w, long, h = 0.8, u(1.0, 1.3), u(0.3, 0.4)
    z = 0.5
    parts = [
        box((w, long, 0.08), (0, 0, z)),
        *both(box((0.07, long, h), (w / 2, 0, z + h / 2))),
        *(box((w, 0.07, h), (0, s * long / 2, z + h / 2)) for s in (-1, 1)),
    ]
    parts += [box((w * 1.04, long * 1.02, 0.06), (0, 0, z + h * f), "shade") for f in (0.45,)]
    wheels = [
        p.turned("y", 90).moved(w / 2 + 0.12, 0.05, 0.46) for p in spoked(0.42, 0.06, "shade", 8)
    ]
    parts += both([*wheels, strut((0.3, -long / 2, z), (0.25, -long / 2 - 0.75, z - 0.05), 0.05)])
    if u(0, 1) < 0.3:
        parts.append(rounded((w * 0.95, long * 0.95, 0.5), (0, 0, z + h), "banana", 3))
    return [*parts, rod_x(0.06, w + 0.3, (0, 0.05, 0.46), "iron")]


def wheelbarrow(u: Uniform) -> list[Part]:
    tray = [(-0.42, 0.65), (0.42, 0.65), (0.42, -0.5), (-0.42, -0.5)]
    body = prism(tray, 0.34)
    v = body.vertices.copy()
    v[v[:, 2] < 0.1, :2] *= 0.62
    parts = [
        Part(v, body.faces).moved(z=0.42),
        prism(np.array(tray) * 0.88, 0.02, "inner").moved(z=0.755),
    ]
    parts += wheel(0.27, 0.13, (0, -0.75, 0.27), "rubber", "metal")
    parts += both(
        [
            strut((0.1, -0.75, 0.27), (0.34, 1.15, 0.6), 0.05, "wood"),
            strut((0.28, 0.45, 0.45), (0.3, 0.5, 0.0), 0.045, "iron"),
        ]
    )
    return parts


def sled(u: Uniform) -> list[Part]:
    a = np.linspace(0, 1, 8)
    runner = tube(
        [(0.35, 0.8, 0.06), *((0.35, -0.5 - 0.4 * np.sin(t * 2.6), 0.06 + 0.45 * t) for t in a)],
        0.05,
        "red",
    )
    parts = [box((0.2, 1.4, 0.06), (x, 0.1, 0.34)) for x in (-0.26, 0, 0.26)]
    posts = [strut((0.35, y, 0.06), (0.33, y, 0.34), 0.04, "red") for y in (-0.3, 0.5)]
    return [*parts, *both([runner, *posts]), handle(0.3, 0.05, 0.03, "label").moved(0, -0.7, 0.5)]


KINDS = {
    "bicycle": Kind(bicycle, ("bike",), ("metal",), ("red", "blue", "green"), 0.9),
    "skateboard": Kind(
        skateboard,
        ("skate board",),
        ("wooden", "plastic"),
        ("red", "blue"),
        0.7,
        trim=("wheels", "with {} wheels"),
    ),
    "cart": Kind(cart, ("wagon", "hay cart"), ("wooden",), ("brown",), 0.9),
    "wheelbarrow": Kind(
        wheelbarrow, ("wheel barrow",), ("metal", "wooden"), ("green", "red", "grey"), 0.7
    ),
    "sled": Kind(sled, ("sledge", "toboggan"), ("wooden",), ("brown",), 0.5),
}
