"""Procedural props: clocks and scientific instruments. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    handle,
    regular,
    ring_of,
    rod_y,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, extrude, lathe, torus, tube


def _dial(r: float, slot: str = "white") -> list[Part]:
    """A clock's face in the XZ plane looking at -Y: hands at ten past ten, marks."""
    parts = [rod_y(r, 0.04, slot=slot, segments=24)]
    for k in range(12):
        a = np.radians(30 * k)
        mark = box((r * 0.07, 0.03, r * (0.2 if k % 3 == 0 else 0.1))).turned("y", 30 * k)
        parts.append(mark.moved(r * 0.82 * np.sin(a), -0.02, r * 0.82 * np.cos(a)))
        parts[-1].slot = "black"
    for angle, long in ((-55, 0.5), (60, 0.72)):
        hand = box((r * 0.12, 0.03, r * long), (0, -0.035, r * long / 2), "black")
        parts.append(hand.turned("y", angle))
    return parts


def cuckoo_clock(u: Uniform) -> list[Part]:
    w, h, d = u(0.8, 0.95), u(0.75, 0.9), u(0.45, 0.55)
    parts = [
        box((w, d, h), (0, 0, 0.0)),
        extrude([(-w / 2, 0), (w / 2, 0), (0, w * 0.5)], d).moved(z=h / 2),
    ]
    slab = box((w * 0.95, d * 1.35, 0.1), (w * 0.475, 0, 0), "deep").turned("y", 45)
    parts += both(slab.moved(0, -0.06, h / 2 + w * 0.5 + 0.05))
    y = -d / 2
    parts += [p.moved(0, y - 0.02, -h * 0.12) for p in _dial(w * 0.33)]
    ring = torus(w * 0.35, 0.04, "shade", 22, 6).turned("x", 90)
    parts.append(ring.moved(0, y - 0.01, -h * 0.12))
    parts.append(box((w * 0.3, 0.03, w * 0.3), (0, y - 0.01, h * 0.5), "black"))
    parts.append(ellipsoid((0.07, 0.1, 0.08), (0, y - 0.08, h * 0.5), "bird", 8))
    parts.append(ball(0.06, (0, y - 0.14, h * 0.5 + 0.08), "bird", 8))
    parts.append(box((0.03, 0.08, 0.03), (0, y - 0.22, h * 0.5 + 0.08), "beak"))
    leaf = extrude(regular(5, 0.16, 0.08), 0.1, "leaves" if u(0, 1) < 0.5 else "deep")
    parts += both([leaf.moved(w * 0.46, y, -h * 0.42), leaf.moved(w * 0.46, y, h * 0.3)])
    parts.append(leaf.moved(0, y - 0.03, -h * 0.54))
    parts.append(leaf.scaled(1.2, 1, 1.2).moved(0, y - 0.05, h / 2 + w * 0.52))
    low, swing = -h / 2 - u(0.42, 0.55), u(-0.1, 0.1)
    parts.append(strut((0, y + 0.1, -h / 2), (swing, y + 0.1, low), 0.025, "gold", 6))
    parts.append(rod_y(0.12, 0.05, (swing, y + 0.1, low), "gold"))
    for s, drop in ((-1, 0.75), (1, 0.95)):
        x, z = s * w * 0.24, -h / 2 - drop * 0.85
        parts.append(strut((x, 0, -h / 2), (x, 0, z), 0.02, "gold", 5))
        parts.append(ellipsoid((0.085, 0.085, 0.17), (x, 0, z - 0.1), "bark", 10))
    return parts


def alarm_clock(u: Uniform) -> list[Part]:
    r, d = 0.6, u(0.3, 0.4)
    parts = [
        rod_y(r, d, segments=26),
        torus(r, 0.06, "main", 26, 8).turned("x", 90).moved(y=-d / 2),
    ]
    parts += [p.moved(y=-d / 2 - 0.02) for p in _dial(r * 0.92)]
    bell = ellipsoid((0.24, 0.24, 0.17), slot="silver", segments=14, cut=0.0).turned("y", 38)
    parts += both(
        [bell.moved(0.4, 0, r * 0.86), strut((0.3, 0, -0.45), (0.46, 0, -0.76), 0.06, "silver")]
    )
    parts += [
        strut((0, 0, r), (0, 0, r + 0.26), 0.035, "silver"),
        ball(0.08, (0, 0, r + 0.26), "silver", 8),
    ]
    return [
        *parts,
        handle(0.5, 0.2, 0.035, "silver").moved(z=r + 0.22),
        rod_y(0.09, 0.1, (0.2, d / 2, 0), "silver"),
    ]


def grandfather_clock(u: Uniform) -> list[Part]:
    parts = [
        box((0.55, 0.4, 0.35), (0, 0, 0.17)),
        box((0.42, 0.32, 1.0), (0, 0, 0.8)),
        box((0.58, 0.4, 0.5), (0, 0, 1.5)),
    ]
    parts.append(extrude([(-0.32, 0), (0.32, 0), (0, 0.24)], 0.44, "deep").moved(z=1.75))
    parts += [p.moved(0, -0.21, 1.5) for p in _dial(0.2)]
    parts.append(box((0.28, 0.02, 0.75), (0, -0.17, 0.85), "dark"))
    parts += [
        strut((0, -0.19, 1.2), (0, -0.19, 0.65), 0.02, "gold"),
        rod_y(0.09, 0.03, (0, -0.19, 0.65), "gold"),
    ]
    return parts


def globe(u: Uniform) -> list[Part]:
    r = 0.55
    tilt = 23
    parts = [ball(r, segments=24).turned("y", tilt)]
    for _ in range(7):  # land, as low caps on the sea
        cap = ellipsoid(
            (u.anywhere(0.12, 0.3), u.anywhere(0.12, 0.25), 0.06), slot="leaves", segments=10
        )
        cap = (
            cap.moved(z=r - 0.015).turned("y", u.anywhere(20, 150)).turned("z", u.anywhere(0, 360))
        )
        parts.append(cap)
    ring = tube(
        np.stack(
            [
                (r + 0.09) * np.sin(np.linspace(0, np.pi, 14)),
                np.zeros(14),
                (r + 0.09) * np.cos(np.linspace(0, np.pi, 14)),
            ],
            -1,
        ),
        0.045,
        "gold",
    )
    parts.append(ring.turned("y", tilt))
    parts.append(cylinder(0.05, 0.35, (0.05, 0, -r - 0.2), "gold"))
    foot = lathe([(0, 0), (0.42, 0), (0.36, 0.08), (0.08, 0.14), (0, 0.14)], "bark", 20)
    return [*parts, foot.moved(0.05, 0, -r - 0.45)]


def telescope(u: Uniform) -> list[Part]:
    tilt = u(20, 40)
    pieces = [
        rod_y(0.15, 0.6, (0, -0.5, 0), segments=18),
        rod_y(0.12, 0.5, (0, 0, 0)),
        rod_y(0.09, 0.5, (0, 0.4, 0)),
        rod_y(0.17, 0.08, (0, -0.8, 0), "gold"),
        rod_y(0.14, 0.06, (0, -0.22, 0), "gold"),
        rod_y(0.11, 0.06, (0, 0.2, 0), "gold"),
        rod_y(0.11, 0.06, (0, 0.66, 0), "gold"),
        rod_y(0.14, 0.09, (0, -0.8, 0), "glass"),
    ]
    parts = [p.turned("x", -tilt).moved(z=0.95) for p in pieces]
    feet = ring_of(strut((0, 0, 0.85), (0.5, 0, 0), 0.05, "wood"), 3, 90)
    return [*(p.turned("z", 35) for p in parts), *feet, ball(0.1, (0, 0, 0.85), "dark")]


def hourglass(u: Uniform) -> list[Part]:
    r, h = u(0.36, 0.44), u(0.55, 0.65)
    prof = [
        (0, -h),
        (r, -h),
        (r * 0.98, -h * 0.6),
        (r * 0.6, -h * 0.25),
        (0.06, 0),
        (r * 0.6, h * 0.25),
        (r * 0.98, h * 0.6),
        (r, h),
        (0, h),
    ]
    parts = [lathe(prof, "glass", 20)]
    parts.append(
        lathe(
            [(0, -h), (r * 1.01, -h), (r * 0.99, -h * 0.6), (r * 0.5, -h * 0.4), (0, -h * 0.35)],
            "banana",
            20,
        )
    )
    parts += [cylinder(r * 1.35, 0.12, (0, 0, s * (h + 0.04)), segments=22) for s in (-1, 1)]
    return parts + ring_of(cylinder(0.055, 2 * h, (r * 1.15, 0, 0)), 3, 30)


ELECTRIC = ("plastic", "metal")


KINDS = {
    "cuckoo clock": Kind(
        cuckoo_clock, ("clock", "black forest clock"), ("wooden",), ("brown",), 2.0
    ),
    "alarm clock": Kind(alarm_clock, ("clock", "table clock"), ELECTRIC, ("red", "blue"), 0.9),
    "grandfather clock": Kind(grandfather_clock, ("pendulum clock",), ("wooden",), ("brown",), 0.6),
    "globe": Kind(globe, ("world globe", "earth globe"), (), ("blue", "light blue"), 0.8),
    "telescope": Kind(telescope, ("spyglass",), ("brass", "metal"), ("brown", "black"), 0.7),
    "hourglass": Kind(hourglass, ("sand clock",), ("wooden", "golden"), ("brown",), 0.7),
}
