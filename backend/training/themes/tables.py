"""Procedural props: tables, shelves and cupboards. The table is at the end."""

from __future__ import annotations

from backend.training.forms import (
    ball,
    both,
    legs,
    rod_x,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, torus


def table(u: Uniform) -> list[Part]:
    w, d, h, t = u(1.4, 2.2), u(0.9, 1.3), u(0.75, 1.0), u(0.1, 0.15)
    top = u(0.09, 0.14)
    apron = box((w * 0.88, d * 0.85, 0.14), (0, 0, h - 0.07))
    return [*legs(w, d, h, t, round_=u(0, 1) < 0.3), apron, box((w, d, top), (0, 0, h + top / 2))]


def round_table(u: Uniform) -> list[Part]:
    r, h, top = u(0.7, 0.95), u(0.75, 1.0), u(0.09, 0.14)
    parts = [cylinder(r, top, (0, 0, h), segments=26)]
    if u(0, 1) < 0.6:
        foot = cylinder(r * 0.55, 0.08, (0, 0, 0.04), top=r * 0.4)
        return [*parts, foot, cylinder(u(0.08, 0.12), h, (0, 0, h / 2))]
    return [*parts, *legs(r * 1.3, r * 1.3, h, 0.12, "main", 0.15)]


def coffee_table(u: Uniform) -> list[Part]:
    w, d, h = u(1.4, 1.8), u(0.8, 1.0), u(0.42, 0.52)
    slot = "glass" if u(0, 1) < 0.2 else "main"
    shelf = box((w * 0.9, d * 0.9, 0.06), (0, 0, h * 0.35))
    return [
        *legs(w, d, h, 0.12),
        box((w, d, 0.1), (0, 0, h), slot),
        *([shelf] if u(0, 1) < 0.5 else []),
    ]


def desk(u: Uniform) -> list[Part]:
    w, d, h = u(1.5, 1.8), u(0.75, 0.9), u(0.75, 0.85)
    parts = [box((w, d, 0.1), (0, 0, h))]
    sides = (-1, 1) if u(0, 1) < 0.5 else (1,)
    for s in sides:
        parts.append(box((w * 0.28, d * 0.9, h), (s * w * 0.34, 0, h / 2)))
        for k in range(3):
            z = h * (0.18 + 0.29 * k)
            parts.append(box((w * 0.24, 0.03, h * 0.24), (s * w * 0.34, -d * 0.455, z), "inset"))
            parts.append(box((0.14, 0.06, 0.05), (s * w * 0.34, -d * 0.48, z), "gold"))
    if len(sides) == 1:
        parts += [box((0.1, 0.1, h), (-w * 0.46, y, h / 2)) for y in (-d * 0.42, d * 0.42)]
    return [*parts, box((w * 0.9, 0.05, h * 0.5), (0, d * 0.4, h * 0.72), "shade")]


def bookshelf(u: Uniform) -> list[Part]:
    w, d, h, t = u(0.9, 1.3), u(0.35, 0.5), u(1.5, 2.0), 0.09
    parts = [box((t, d, h), (s * w / 2, 0, h / 2)) for s in (-1, 1)]
    parts.append(box((w, 0.05, h), (0, d / 2, h / 2)))
    shelves = 3 if u(0, 1) < 0.5 else 4
    for i in range(shelves + 1):
        parts.append(box((w + t, d * 1.02, t), (0, 0, t / 2 + i * (h - t) / shelves)))
    for i in range(shelves):
        x = -w / 2 + t
        while x < w / 2 - 0.2:
            b, tall = u.anywhere(0.1, 0.2), u.anywhere(0.55, 0.8) * h / shelves
            z = t + i * (h - t) / shelves + tall / 2
            parts.append(
                box((b * 0.9, d * 0.7, tall), (x + b / 2, 0, z), f"book{int(u.anywhere(0, 5))}")
            )
            x += b if u(0, 1) < 0.9 else b + 0.12
    return parts


def wardrobe(u: Uniform) -> list[Part]:
    w, d, h = u(1.0, 1.3), u(0.5, 0.65), u(1.6, 1.9)
    parts = [
        box((w, d, h), (0, 0, h / 2)),
        box((w * 1.08, d * 1.1, 0.1), (0, 0, h)),
        box((w * 1.05, d * 1.06, 0.12), (0, 0, 0.06)),
    ]
    for s in (-1, 1):
        parts.append(
            box((w * 0.45, 0.04, h * 0.82), (s * w * 0.24, -d / 2 - 0.01, h * 0.52), "inset")
        )
        parts.append(
            box((w * 0.33, 0.05, h * 0.36), (s * w * 0.24, -d / 2 - 0.02, h * 0.7), "shade")
        )
        parts.append(
            box((w * 0.33, 0.05, h * 0.24), (s * w * 0.24, -d / 2 - 0.02, h * 0.3), "shade")
        )
        parts.append(ball(0.06, (s * 0.07, -d / 2 - 0.06, h * 0.5), "gold", 8))
    return parts


def dresser(u: Uniform) -> list[Part]:
    w, d, h = u(1.1, 1.4), u(0.5, 0.6), u(0.8, 1.0)
    parts = [
        box((w, d, h), (0, 0, h / 2 + 0.1)),
        box((w * 1.06, d * 1.08, 0.08), (0, 0, h + 0.12)),
        *legs(w, d, 0.12, 0.12),
    ]
    rows = 3 if u(0, 1) < 0.6 else 4
    for k in range(rows):
        z = 0.1 + h * (k + 0.5) / rows
        parts.append(box((w * 0.9, 0.05, h / rows * 0.82), (0, -d / 2 - 0.01, z), "shade"))
        parts += both(ball(0.06, (w * 0.24, -d / 2 - 0.06, z), "gold", 8))
    return parts


def mirror(u: Uniform) -> list[Part]:
    w, h = u(0.5, 0.6), u(0.75, 0.95)
    ring = torus(1.0, 0.12, "main", 28, 8).turned("x", 90).scaled(w, 0.8, h)
    glass = cylinder(1.0, 0.04, slot="silver", segments=28).turned("x", 90).scaled(w, 1, h)
    stand = [strut((s * w * 0.9, 0.05, -0.2), (s * w * 1.0, 0.05, -h * 1.2), 0.06) for s in (-1, 1)]
    return [
        ring,
        glass,
        *stand,
        box((w * 2.2, 0.4, 0.1), (0, 0.05, -h * 1.2)),
        rod_x(0.05, w * 2.2, (0, 0.08, -0.2)),
    ]


KINDS = {
    "table": Kind(
        table, ("dining table", "kitchen table"), ("wooden", "plastic", "metal"), ("brown",), 1.1
    ),
    "round table": Kind(round_table, ("table",), ("wooden", "plastic", "metal"), ("brown",), 0.6),
    "coffee table": Kind(coffee_table, ("low table", "side table"), ("wooden",), ("brown",), 0.6),
    "desk": Kind(desk, ("writing desk", "office desk"), ("wooden",), ("brown", "white"), 0.9),
    "bookshelf": Kind(
        bookshelf, ("bookcase", "shelf with books"), ("wooden",), ("brown", "white"), 1.0
    ),
    "wardrobe": Kind(
        wardrobe, ("closet", "cupboard", "cabinet"), ("wooden",), ("brown", "white"), 0.8
    ),
    "dresser": Kind(dresser, ("chest of drawers", "drawers"), ("wooden",), ("brown", "white"), 0.8),
    "mirror": Kind(mirror, ("oval mirror",), ("wooden", "golden"), ("brown", "white"), 0.5),
}
