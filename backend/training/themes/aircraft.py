"""Procedural props: what flies. The table is at the end."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    prism,
    ring_of,
    rod_x,
    rod_y,
    side_view,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, extrude, lathe, torus, tube


def airplane(u: Uniform) -> list[Part]:
    body = lathe(
        [(0, -1), (0.12, -0.97), (0.22, -0.75), (0.25, -0.2), (0.18, 0.5), (0.06, 1), (0, 1)],
        "main",
        18,
    ).turned("x", -90)
    body = Part(body.vertices, body.faces)
    span = u(0.95, 1.15)
    wing_slot = "main" if u(0, 1) < 0.5 else "accent"
    wing = prism([(0.1, -0.3), (span, -0.12), (span, 0.1), (0.1, 0.2)], 0.07, wing_slot)
    tail = prism([(0.05, 0.72), (0.42, 0.82), (0.42, 0.98), (0.05, 0.98)], 0.06, wing_slot)
    fin = side_view([(0.6, 0), (0.98, 0.0), (0.98, 0.42), (0.85, 0.42)], 0.06, wing_slot).moved(
        z=0.06
    )
    parts = [
        body,
        *both([wing.moved(z=-0.04), tail.moved(z=0.02)]),
        fin,
        ellipsoid((0.16, 0.28, 0.14), (0, -0.35, 0.2), "screen", 12),
    ]
    if u(0, 1) < 0.6:
        parts += [
            rod_y(0.08, 0.1, (0, -1.02, 0), "silver"),
            *(
                box((0.09, 0.03, 0.42), (0, 0, 0.21), "dark")
                .turned("y", 120 * k)
                .moved(0, -1.05, 0)
                for k in range(3)
            ),
        ]
        if u(0, 1) < 0.5:
            parts += [
                *both(
                    [wing.moved(z=0.42), strut((0.6, -0.05, 0), (0.6, -0.05, 0.44), 0.03, "wood")]
                )
            ]
    else:
        parts += both(rod_y(0.1, 0.36, (0.5, -0.2, -0.12), "silver"))
    return [
        *parts,
        *both(strut((0.12, -0.3, -0.2), (0.2, -0.3, -0.38), 0.03, "dark")),
        *both(rod_x(0.09, 0.06, (0.22, -0.3, -0.4), "rubber", 10)),
    ]


def helicopter(u: Uniform) -> list[Part]:
    parts = [
        ellipsoid((0.34, 0.55, 0.38), (0, -0.2, 0), segments=18),
        ellipsoid((0.3, 0.35, 0.28), (0, -0.47, 0.05), "screen", 14),
        tube([(0, 0.2, 0.08), (0, 1.15, 0.16)], [0.16, 0.06]),
    ]
    parts += [
        cylinder(0.06, 0.22, (0, -0.15, 0.45), "dark"),
        *ring_of(box((0.95, 0.11, 0.04), (0.47, 0, 0), "dark"), 4, u.turn(90)),
    ]
    for p in parts[-4:]:
        p.vertices = p.vertices + np.array([0, -0.15, 0.56])
    parts += [
        side_view([(1.05, 0.1), (1.25, 0.45), (1.15, 0.45), (0.95, 0.15)], 0.06),
        box((0.04, 0.06, 0.4), (0.09, 1.15, 0.2), "dark"),
    ]
    return [
        *parts,
        *both(
            [
                strut((0.26, -0.7, -0.5), (0.26, 0.3, -0.5), 0.035, "dark"),
                strut((0.2, -0.4, -0.3), (0.26, -0.4, -0.5), 0.03, "dark"),
                strut((0.2, 0.05, -0.3), (0.26, 0.05, -0.5), 0.03, "dark"),
            ]
        ),
    ]


def hot_air_balloon(u: Uniform) -> list[Part]:
    parts = [
        lathe(
            [
                (0.14, -0.75),
                (0.3, -0.6),
                (0.62, -0.15),
                (0.7, 0.15),
                (0.6, 0.45),
                (0.3, 0.66),
                (0, 0.7),
            ],
            "main",
            24,
        )
    ]
    parts += [
        box((0.3, 0.3, 0.24), (0, 0, -1.15), "crust"),
        *(
            strut((s * 0.13, t * 0.13, -1.05), (s * 0.12, t * 0.12, -0.7), 0.02, "bark", 5)
            for s in (-1, 1)
            for t in (-1, 1)
        ),
    ]
    return parts


def rocket(u: Uniform) -> list[Part]:
    r, h, nose = u(0.28, 0.38), u(0.9, 1.2), u(0.45, 0.65)
    style = u(0, 1)
    hull, tip_slot = ("main", "accent") if style < 0.7 else ("white", "main")
    body = lathe([(0, 0.12), (r * 0.75, 0.12), (r, h * 0.45), (r * 0.98, h), (0, h)], hull, 22)
    tip = lathe(
        [(r * 0.98, 0), (r * 0.75, nose * 0.45), (0.03, nose), (0, nose)], tip_slot, 22, (0, 0, h)
    )
    fin = extrude([(0.0, 0.55), (0.0, 0.15), (0.42, -0.14), (0.42, 0.12)], 0.09, tip_slot).moved(
        x=r * 0.78
    )
    parts = [body, tip, *ring_of(fin, 3 if style < 0.4 else 4, 30 if style < 0.4 else 45)]
    parts += [
        ellipsoid((0.15, 0.07, 0.15), (0, -r * 0.96, h * 0.75), "glass", 14),
        torus(0.15, 0.045, "metal", 18, 6).turned("x", 90).moved(0, -r * 0.97, h * 0.75),
    ]
    parts.append(lathe([(0, 0), (r * 0.65, 0), (r * 0.45, 0.16), (0, 0.16)], "dark", 18))
    return [
        *parts,
        lathe([(r, h * 0.95), (r * 1.02, h * 0.95), (r * 1.02, h), (r, h)], tip_slot, 22),
    ] + (
        [lathe([(r * 0.45, 0), (r * 0.5, -0.15), (0, -0.55)], "fire", 14)] if u(0, 1) < 0.25 else []
    )


def ufo(u: Uniform) -> list[Part]:
    parts = [
        lathe(
            [(0, -0.18), (0.45, -0.16), (0.95, 0), (0.97, 0.05), (0.45, 0.2), (0, 0.2)], "main", 28
        ),
        ellipsoid((0.42, 0.42, 0.38), (0, 0, 0.18), "glass", 18, cut=0.0),
    ]
    return parts + ring_of(ball(0.075, (0.78, 0, 0.1), "lit", 8), 8)


KINDS = {
    "airplane": Kind(
        airplane,
        ("plane", "aeroplane", "aircraft"),
        ("metal", "plastic"),
        ("red", "white", "grey"),
        1.0,
    ),
    "helicopter": Kind(helicopter, (), ("metal", "plastic"), ("red", "blue", "green"), 0.6),
    "hot air balloon": Kind(
        hot_air_balloon,
        ("air balloon",),
        ("fabric",),
        ("red", "blue"),
        0.6,
        stripes="wedges",
        striped=0.5,
    ),
    "rocket": Kind(
        rocket,
        ("spaceship", "space rocket", "toy rocket"),
        ("metal", "plastic"),
        ("red", "blue", "white"),
        1.1,
    ),
    "ufo": Kind(ufo, ("flying saucer",), ("metal",), ("grey",), 0.5),
}
