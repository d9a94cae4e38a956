"""Procedural props: tables, shelves, cupboards, lamps, bathtubs: the furniture of rooms."""

from __future__ import annotations

import numpy as np

from backend.training.forms import (
    ball,
    both,
    legs,
    ring_of,
    rod_x,
    rod_y,
    rounded,
    squared,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, lathe, torus, tube


def table(u: Uniform) -> list[Part]:
    w, d, h, t = u(1.4, 2.2), u(0.9, 1.3), u(0.75, 1.0), u(0.1, 0.15)
    top = u(0.09, 0.14)
    style = u(0, 3)
    if style < 1:
        r = u(0.7, 0.95)
        foot = cylinder(r * 0.55, 0.08, (0, 0, 0.04), top=r * 0.4)
        return [foot, cylinder(t * 0.8, h, (0, 0, h / 2)), cylinder(r, top, (0, 0, h), segments=26)]
    apron = box((w * 0.88, d * 0.85, 0.14), (0, 0, h - 0.07))
    return [*legs(w, d, h, t, round_=style < 1.5), apron, box((w, d, top), (0, 0, h + top / 2))]


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
            b, tall = u(0.1, 0.2), u(0.55, 0.8) * h / shelves
            z = t + i * (h - t) / shelves + tall / 2
            parts.append(box((b * 0.9, d * 0.7, tall), (x + b / 2, 0, z), f"book{int(u(0, 5))}"))
            x += b if u(0, 1) < 0.9 else b + 0.12
    return parts


def wardrobe(u: Uniform) -> list[Part]:
    w, d, h = u(1.0, 1.3), u(0.5, 0.65), u(1.6, 1.9)
    parts = [box((w, d, h), (0, 0, h / 2)), box((w * 1.08, d * 1.1, 0.1), (0, 0, h)), box((w * 1.05, d * 1.06, 0.12), (0, 0, 0.06))]
    for s in (-1, 1):
        parts.append(box((w * 0.45, 0.04, h * 0.82), (s * w * 0.24, -d / 2 - 0.01, h * 0.52), "inset"))
        parts.append(box((w * 0.33, 0.05, h * 0.36), (s * w * 0.24, -d / 2 - 0.02, h * 0.7), "shade"))
        parts.append(box((w * 0.33, 0.05, h * 0.24), (s * w * 0.24, -d / 2 - 0.02, h * 0.3), "shade"))
        parts.append(ball(0.06, (s * 0.07, -d / 2 - 0.06, h * 0.5), "gold", 8))
    return parts


def dresser(u: Uniform) -> list[Part]:
    w, d, h = u(1.1, 1.4), u(0.5, 0.6), u(0.8, 1.0)
    parts = [box((w, d, h), (0, 0, h / 2 + 0.1)), box((w * 1.06, d * 1.08, 0.08), (0, 0, h + 0.12)), *legs(w, d, 0.12, 0.12)]
    rows = 3 if u(0, 1) < 0.6 else 4
    for k in range(rows):
        z = 0.1 + h * (k + 0.5) / rows
        parts.append(box((w * 0.9, 0.05, h / rows * 0.82), (0, -d / 2 - 0.01, z), "shade"))
        parts += both(ball(0.06, (w * 0.24, -d / 2 - 0.06, z), "gold", 8))
    return parts


def bathtub(u: Uniform) -> list[Part]:
    length, w, h = u(1.7, 2.1), u(0.85, 1.0), u(0.6, 0.72)
    style = u(0, 1)
    z0 = 0.12 if style < 0.65 else 0.0
    prof = [(0, z0), (0.72, z0), (0.88, 0.3), (0.96, 0.85), (1.05, 0.93), (1.08, 1.0), (1.02, 1.05),
            (0.9, 1.0), (0.84, 0.8), (0.74, 0.35), (0, 0.3)]  # fmt: skip
    if style >= 0.65:
        prof = [(0, 0), (0.98, 0), (1.0, 0.95), (1.0, 1.05), (0.88, 1.05), (0.8, 0.4), (0, 0.34)]
    power = u(2.2, 3.2) if style < 0.65 else u(4, 7)
    tub = squared(lathe(prof, "main", 32), power).scaled(length / 2, w / 2, h)
    if style < 0.3:  # a slipper: one end is higher
        v = tub.vertices.copy()
        v[:, 2] += 0.22 * np.clip(-v[:, 0] / (length / 2), 0, 1) ** 2 * (v[:, 2] > 0.4 * h)
        tub = Part(v, tub.faces)
    parts = [tub]
    if u(0, 1) < 0.3:
        water = squared(cylinder(0.84, 0.02, slot="water", segments=28), power)
        parts.append(water.scaled(length / 2, w / 2, 1).moved(z=h * 0.78))
    if style < 0.65:
        foot = tube([(0.1, 0.06, 0.2), (0.16, 0.1, 0.1), (0.13, 0.08, 0.0)], [0.1, 0.075, 0.095], "gold" if u(0, 1) < 0.5 else "silver")
        for sx in (-1, 1):
            for sy in (-1, 1):
                parts.append(foot.moved(length * 0.22, w * 0.18, 0).scaled(sx, sy, 1))
    x = length * 0.53 + 0.02
    tap = tube([(x, 0, h * 0.95), (x, 0, h + 0.28), (x - 0.16, 0, h + 0.34), (x - 0.26, 0, h + 0.2)], 0.045, "silver")
    return [*parts, tap, *(ball(0.065, (x, s * 0.16, h + 0.1), "silver", 8) for s in (-1, 1))]


def sink(u: Uniform) -> list[Part]:
    bowl = lathe([(0, -0.3), (0.3, -0.28), (0.52, 0), (0.56, 0.03), (0.5, 0.02), (0.25, -0.2), (0, -0.22)], "main", 24).scaled(1.1, 0.85, 1)
    leg = lathe([(0.28, -1.1), (0.14, -0.9), (0.12, -0.4), (0.2, -0.25)], "main", 18)
    tap = tube([(0, 0.4, 0), (0, 0.4, 0.25), (0, 0.22, 0.28), (0, 0.15, 0.2)], 0.05, "silver")
    return [bowl, leg, tap, *both(ball(0.06, (0.2, 0.42, 0.06), "silver", 8))]


def toilet(u: Uniform) -> list[Part]:
    bowl = lathe([(0, 0), (0.26, 0), (0.22, 0.15), (0.34, 0.42), (0.38, 0.5), (0, 0.5)], "main", 22).scaled(1, 1.25, 1)
    seat = torus(0.32, 0.065, "light", 22, 8).scaled(1, 1.25, 0.7).moved(z=0.52)
    lid = cylinder(0.37, 0.06, segments=22).scaled(1, 1.15, 1).turned("x", 78).moved(0, 0.42, 0.9)
    return [bowl, seat, cylinder(0.26, 0.02, (0, 0, 0.51), "inner", segments=18), lid,
            rounded((0.78, 0.28, 0.62), (0, 0.62, 0.85), power=7), box((0.8, 0.3, 0.06), (0, 0.62, 1.16)),
            box((0.2, 0.3, 0.5), (0, 0.45, 0.28)), cylinder(0.05, 0.06, (0, 0.62, 1.2), "silver")]  # fmt: skip


def table_lamp(u: Uniform) -> list[Part]:
    h, r = u(0.75, 1.1), u(0.28, 0.38)
    if u(0, 1) < 0.5:
        base = lathe([(0, 0), (r * 0.7, 0), (r * 0.75, 0.1), (r, h * 0.35), (r * 0.5, h * 0.7), (0.06, h * 0.8), (0.06, h)], "stand", 18)
    else:
        base = lathe([(0, 0), (r, 0), (r * 0.9, 0.08), (0.07, 0.16), (0.055, h)], "stand", 18)
    base.slot = "dark" if u(0, 1) < 0.4 else ("gold" if u(0, 1) < 0.4 else "label")
    top, low, tall = u(0.25, 0.38), u(0.5, 0.62), u(0.45, 0.6)
    shade = lathe([(low - 0.03, 0), (low, 0), (top, tall), (top - 0.03, tall)], "main", 24)
    z = h - tall * 0.2
    return [base, shade.moved(z=z), ball(0.16, (0, 0, z + 0.2), "lit", 10)]


def desk_lamp(u: Uniform) -> list[Part]:
    base, a, b = u(0.34, 0.42), u(0.75, 0.95), u(0.7, 0.9)
    lean, fall = np.radians(u(15, 32)), np.radians(u(20, 45))
    arm = "main" if u(0, 1) < 0.6 else "silver"
    foot, elbow = np.array([0, 0.1, 0.1]), np.array([0, 0.1 + a * np.sin(lean), 0.1 + a * np.cos(lean)])
    wrist = elbow + np.array([0, -b * np.cos(fall), b * np.sin(fall)])
    parts = [lathe([(0, 0), (base, 0), (base, 0.07), (base * 0.4, 0.13), (0, 0.14)], "main", 24)]
    parts += [strut(foot, elbow, 0.05, arm), strut(elbow, wrist, 0.05, arm)]
    parts += [ball(0.085, p, "dark", 10) for p in (foot, elbow, wrist)]
    if u(0, 1) < 0.4:
        parts += [strut(foot + [0.09, 0.03, 0.05], elbow + [0.09, -0.05, -0.2], 0.025, "silver", 6)]
    size = u(0.26, 0.34)
    shade = lathe([(0.03, 0.12), (0.12, 0.1), (0.14, -0.02), (size * 0.8, -0.24), (size, -0.42), (size * 0.93, -0.42), (0.1, -0.08)], "main", 22)
    bulb = ball(size * 0.55, (0, 0, -0.32), "lit", 12)
    tilt = -u(20, 50)
    parts += [p.turned("x", tilt).moved(*wrist) for p in (shade, bulb)]
    turn = -u(30, 45)  # so that the arm shows from the front and from the side
    return [p.turned("z", turn) for p in parts]


def floor_lamp(u: Uniform) -> list[Part]:
    h, stand = u(1.7, 2.1), "dark" if u(0, 1) < 0.6 else "gold"
    if u(0, 1) < 0.3:
        parts = ring_of(strut((0, 0, h), (0.5, 0, 0), 0.055, "wood"), 3, 90)
    else:
        parts = [lathe([(0, 0), (0.42, 0), (0.38, 0.08), (0.06, 0.12)], stand, 20), cylinder(0.055, h, (0, 0, h / 2), stand)]
    top, low = u(0.28, 0.36), u(0.45, 0.55)
    return [*parts, lathe([(low - 0.03, 0), (low, 0), (top, 0.55), (top - 0.03, 0.55)], "main", 22, (0, 0, h - 0.1)), ball(0.15, (0, 0, h + 0.1), "lit", 10)]


def street_lamp(u: Uniform) -> list[Part]:
    h = u(1.8, 2.2)
    parts = [lathe([(0, 0), (0.24, 0), (0.22, 0.2), (0.1, 0.3), (0.075, h), (0, h)], "main", 14)]
    if u(0, 1) < 0.6:
        parts.append(cylinder(0.16, 0.42, (0, 0, h + 0.2), "lit", 0.26, 6))
        parts += ring_of(strut((0.16, 0, h), (0.27, 0, h + 0.42), 0.03), 6)
        return [*parts, lathe([(0.32, 0), (0.08, 0.22), (0, 0.34)], "main", 6, (0, 0, h + 0.4)), cylinder(0.2, 0.06, (0, 0, h))]
    bow = tube([(0, 0, h - 0.1), (0, -0.1, h + 0.15), (0, -0.4, h + 0.2), (0, -0.6, h + 0.12)], 0.06)
    return [*parts, bow, lathe([(0.24, -0.12), (0.1, 0.06), (0, 0.08)], "main", 16, (0, -0.6, h + 0.1)), ball(0.15, (0, -0.6, h), "lit", 10)]


def lantern(u: Uniform) -> list[Part]:
    w, h = u(0.5, 0.62), u(0.65, 0.85)
    round_ = u(0, 1) < 0.4
    n, turn = (14, 0) if round_ else (4, 45)
    grow = 1.0 if round_ else 1.2

    def disc(r: float, tall: float, z: float, slot: str = "main", top: float | None = None) -> Part:
        top = r if top is None else top
        return cylinder(r * grow, tall, (0, 0, z), slot, top * grow, n).turned("z", turn)

    parts = [disc(w * 0.64, 0.12, 0.06), disc(w * 0.64, 0.09, h + 0.12), disc(w * 0.62, 0.28, h + 0.28, "main", 0.12)]
    parts.append(disc(w * 0.44, h, h / 2 + 0.08, "lit"))
    parts += ring_of(cylinder(0.045, h, (w * 0.53 * grow, 0, h / 2 + 0.1), segments=8), 6 if round_ else 4, turn)
    parts.append(lathe([(0, 0), (0.1, 0.12), (0, 0.36)], "fire", 10, (0, 0, 0.2)))
    return [*parts, cylinder(0.09, 0.1, (0, 0, h + 0.45)), torus(0.16, 0.045, "main", 16, 8).turned("x", 90).moved(z=h + 0.62)]


def candle(u: Uniform) -> list[Part]:
    r, h = u(0.2, 0.3), u(0.6, 1.1)
    holder = "gold" if u(0, 1) < 0.5 else "iron"
    dish = lathe([(0, 0), (0.5, 0), (0.58, 0.13), (0.5, 0.1), (0, 0.06)], holder, 20)
    parts = [dish, torus(0.15, 0.05, holder, 14, 8).turned("x", 90).moved(0.62, 0, 0.14)]
    parts += [cylinder(r, h, (0, 0, h / 2 + 0.06), segments=18), cylinder(0.025, 0.12, (0, 0, h + 0.1), "black")]
    parts += [ball(0.06, (r * np.cos(a), r * np.sin(a), h * u(0.6, 0.95)), "main", 8) for a in (0.5, 2.2, 4.0)]
    return [*parts, lathe([(0, 0), (0.1, 0.11), (0.06, 0.25), (0, 0.42)], "flame", 12, (0, 0, h + 0.12))]


def candelabra(u: Uniform) -> list[Part]:
    parts = [lathe([(0, 0), (0.4, 0), (0.35, 0.08), (0.08, 0.15), (0.06, 0.9), (0.12, 0.95), (0.05, 1.0)], "main", 18)]
    arm = tube([(0, 0, 0.7), (0.25, 0, 0.62), (0.48, 0, 0.75), (0.5, 0, 0.98)], 0.05)
    for x, z in ((0, 1.02), (0.5, 1.0), (-0.5, 1.0)):
        parts += [cylinder(0.12, 0.05, (x, 0, z)), cylinder(0.065, 0.34, (x, 0, z + 0.18), "label"),
                  lathe([(0, 0), (0.06, 0.07), (0, 0.2)], "flame", 8, (x, 0, z + 0.36))]  # fmt: skip
    return [*parts, *both(arm)]


def mirror(u: Uniform) -> list[Part]:
    w, h = u(0.5, 0.6), u(0.75, 0.95)
    ring = torus(1.0, 0.12, "main", 28, 8).turned("x", 90).scaled(w, 0.8, h)
    glass = cylinder(1.0, 0.04, slot="silver", segments=28).turned("x", 90).scaled(w, 1, h)
    stand = [strut((s * w * 0.9, 0.05, -0.2), (s * w * 1.0, 0.05, -h * 1.2), 0.06) for s in (-1, 1)]
    return [ring, glass, *stand, box((w * 2.2, 0.4, 0.1), (0, 0.05, -h * 1.2)), rod_x(0.05, w * 2.2, (0, 0.08, -0.2))]


def fan(u: Uniform) -> list[Part]:
    parts = [cylinder(0.36, 0.08, (0, 0, 0.04), "main", 0.3, 20), cylinder(0.06, 0.7, (0, 0, 0.4)), rod_y(0.14, 0.35, (0, 0.12, 0.95))]
    blade = rounded((0.26, 0.05, 0.42), (0, 0, 0.26), "accent", 3, 10)
    parts += [blade.turned("y", 120 * k).moved(0, -0.14, 0.95) for k in range(3)]
    parts += [torus(r, 0.03, "silver", 24, 6).turned("x", 90).moved(0, y, 0.95) for r, y in ((0.55, -0.14), (0.4, -0.26), (0.4, 0.0))]
    return [*parts, rod_y(0.1, 0.1, (0, -0.24, 0.95), "silver")]


KINDS = {
    "table": Kind(table, ("dining table", "round table", "coffee table"), ("wooden", "plastic", "metal"), ("brown",), 1.2),
    "desk": Kind(desk, ("writing desk", "office desk"), ("wooden",), ("brown", "white"), 0.9),
    "bookshelf": Kind(bookshelf, ("bookcase", "shelf with books"), ("wooden",), ("brown", "white"), 1.0),
    "wardrobe": Kind(wardrobe, ("closet", "cupboard", "cabinet"), ("wooden",), ("brown", "white"), 0.8),
    "dresser": Kind(dresser, ("chest of drawers", "drawers"), ("wooden",), ("brown", "white"), 0.8),
    "bathtub": Kind(bathtub, ("tub", "bath", "bath tub", "clawfoot bathtub"), ("ceramic", "ceramic", "copper"), ("white",), 1.6),
    "sink": Kind(sink, ("washbasin", "basin"), ("ceramic",), ("white",), 0.5),
    "toilet": Kind(toilet, (), ("ceramic",), ("white",), 0.6),
    "lamp": Kind(table_lamp, ("table lamp", "bedside lamp"), ("fabric", "plastic", "metal"), (), 0.9),
    "desk lamp": Kind(desk_lamp, ("lamp", "reading lamp", "office lamp"), ("metal", "metal", "plastic"), (), 2.0),
    "floor lamp": Kind(floor_lamp, ("standing lamp", "lamp"), ("fabric", "metal"), (), 0.7),
    "street lamp": Kind(street_lamp, ("lamp post", "street light"), ("metal", "iron"), ("black", "green"), 0.8),
    "lantern": Kind(lantern, ("oil lamp", "old lantern"), ("metal", "iron", "brass"), ("black", "grey"), 1.1),
    "candle": Kind(candle, ("burning candle", "candle holder"), (), ("white", "red", "cream"), 0.9),
    "candelabra": Kind(candelabra, ("candlestick", "candle stand"), ("golden", "silver", "brass"), ("yellow",), 0.5),
    "mirror": Kind(mirror, ("oval mirror",), ("wooden", "golden"), ("brown", "white"), 0.5),
    "fan": Kind(fan, ("electric fan", "table fan"), ("plastic", "metal"), ("white", "blue"), 0.5),
}  # fmt: skip
