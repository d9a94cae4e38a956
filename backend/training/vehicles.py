"""Procedural props: what rolls, floats and flies. Fronts face -Y."""

from __future__ import annotations

import numpy as np

from backend.training.forms import ball, both, handle, loft, prism, ring_of, rod_x, rod_y, rounded, spoked, strut, wheel
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, extrude, lathe, torus, tube


def _side_view(outline, width: float, slot: str = "main") -> Part:
    """An outline [(y, z), ...] seen from +X, made `width` wide."""
    return extrude(outline, width, slot).turned("z", 90)


def car(u: Uniform) -> list[Part]:
    long, w, h = u(1.7, 2.0), u(0.8, 0.92), u(0.3, 0.38)
    sedan = u(0, 1) < 0.6
    z = 0.22
    body = _side_view([(-long / 2, z), (long / 2, z), (long / 2, z + h), (-long * 0.28, z + h), (-long * 0.46, z + h * 0.85), (-long / 2, z + h * 0.6)], w)
    back = long * (0.32 if sedan else 0.46)
    cabin = [(-long * 0.22, 0), (back, 0), (back - 0.16, 0.32), (-long * 0.06, 0.32)]
    parts = [body, _side_view(cabin, w * 0.9, "main").moved(z=z + h)]
    glass = np.array(cabin) * [0.84, 0.78] + [0.025 * long, 0.03]
    parts.append(_side_view(glass, w * 0.93, "screen").moved(z=z + h))
    front = -long * 0.145
    parts.append(box((w * 0.76, 0.03, 0.3), slot="screen").turned("x", 38 * -1).moved(0, front + 0.0, z + h + 0.155))
    parts.append(box((w * 0.76, 0.03, 0.28), slot="screen").turned("x", 24).moved(0, back - 0.06, z + h + 0.155))
    for y in (-long * 0.3, long * 0.3):
        parts += both(wheel(0.22, 0.16, (w / 2 - 0.03, y, 0.2), "rubber", "silver"))
    lamp = rod_y(0.085, 0.06, (w * 0.34, -long / 2, z + h * 0.55), "lit")
    tail = box((0.18, 0.05, 0.1), (w * 0.34, long / 2, z + h * 0.7), "red")
    parts += both([lamp, tail])
    return [*parts, *(box((w * 1.0, 0.08, 0.09), (0, y * (long / 2 + 0.01), z + 0.05), "silver") for y in (-1, 1))]


def truck(u: Uniform) -> list[Part]:
    w, long = u(0.8, 0.9), u(1.0, 1.3)
    cab = _side_view([(-0.5, 0.25), (0.1, 0.25), (0.1, 1.0), (-0.28, 1.0), (-0.45, 0.68), (-0.5, 0.62)], w)
    parts = [cab.moved(y=-long / 2), box((w * 0.8, long + 0.6, 0.14), (0, 0.1, 0.28), "dark")]
    y0 = -long / 2 + 0.15
    if u(0, 1) < 0.5:
        parts.append(box((w * 1.05, long, 0.85), (0, y0 + long / 2, 0.75), "cargo"))
    else:
        parts.append(box((w * 1.05, long, 0.1), (0, y0 + long / 2, 0.4), "wood"))
        parts += both(box((0.07, long, 0.3), (w * 0.5, y0 + long / 2, 0.55), "wood"))
        parts += [box((w * 1.05, 0.07, 0.3), (0, y0 + long * f, 0.55), "wood") for f in (0.03, 0.97)]
    glass = box((w * 0.8, 0.03, 0.3), slot="screen").turned("x", -28).moved(0, -long / 2 - 0.37, 0.84)
    side = box((0.03, 0.28, 0.24), (w / 2, -long / 2 - 0.1, 0.82), "screen")
    lamp = rod_y(0.075, 0.05, (w * 0.36, -long / 2 - 0.51, 0.46), "lit")
    for y in (-long / 2 - 0.2, long * 0.12, long * 0.42):
        parts += both(wheel(0.24, 0.18, (w / 2 - 0.05, y, 0.22), "rubber", "silver"))
    return [*parts, glass, *both([side, lamp]), box((w, 0.08, 0.1), (0, -long / 2 - 0.52, 0.3), "silver")]


def bus(u: Uniform) -> list[Part]:
    w, long, h = 0.75, u(1.7, 2.0), u(0.75, 0.9)
    parts = [rounded((w, long, h), (0, 0, 0.2 + h / 2), power=12, segments=20)]
    n = 5
    for k in range(n):
        y = ((k + 0.5) / n - 0.5) * long * 0.86
        parts.append(box((w * 1.01, long * 0.13, h * 0.3), (0, y, 0.2 + h * 0.68), "screen"))
    parts.append(box((w * 0.86, long * 1.01, h * 0.36), (0, 0, 0.2 + h * 0.66), "screen"))
    parts.append(box((w * 1.02, long * 0.99, 0.06), (0, 0, 0.2 + h * 0.36), "accent"))
    for y in (-long * 0.3, long * 0.3):
        parts += both(wheel(0.2, 0.14, (w / 2 - 0.04, y, 0.2), "rubber", "silver"))
    return parts + both(rod_y(0.07, 0.05, (w * 0.34, -long / 2, 0.38), "lit"))


def train(u: Uniform) -> list[Part]:
    r = u(0.3, 0.36)
    z = 0.42
    parts = [rod_y(r, 1.1, (0, -0.25, z + r), segments=20), rod_y(r * 1.06, 0.12, (0, -0.8, z + r), "dark", segments=20), box((0.62, 2.0, 0.14), (0, 0.05, z - 0.04), "dark")]
    parts += [rod_y(r * 1.04, 0.06, (0, y, z + r), "gold", segments=20) for y in (-0.5, -0.1)]
    parts += [box((0.74, 0.55, 0.75), (0, 0.6, z + 0.38)), box((0.86, 0.75, 0.08), (0, 0.6, z + 0.8), "deep"), box((0.76, 0.26, 0.24), (0, 0.6, z + 0.55), "black"), box((0.4, 0.57, 0.2), (0, 0.6, z + 0.6), "black")]
    stack = lathe([(0.1, 0), (0.1, 0.25), (0.19, 0.42), (0.12, 0.42)], "dark", 14, (0, -0.6, z + 2 * r - 0.05))
    dome = ellipsoid((0.14, 0.14, 0.18), (0, -0.15, z + 2 * r), "gold", 12)
    cow = prism([(-0.36, 0), (0.36, 0), (0.05, -0.32), (-0.05, -0.32)], 0.24, "red").moved(0, -0.93, 0.1)
    parts += [stack, dome, cow, rod_y(0.09, 0.08, (0, -0.88, z + r * 1.8), "lit")]
    for y, q in ((-0.6, 0.19), (-0.1, 0.25), (0.4, 0.25)):
        parts += both([rod_x(q, 0.1, (0.34, y, q), "red", 18), rod_x(q * 0.4, 0.14, (0.34, y, q), "metal", 10)])
    return [*parts, *both(box((0.05, 0.75, 0.07), (0.42, 0.12, 0.25), "silver"))]


def boat(u: Uniform) -> list[Part]:
    y = np.linspace(-1, 1, 9)
    wide = np.sqrt(np.clip(1 - np.clip(-y, 0, 1) ** 2.2, 0, 1)) * 0.42 * (1 - 0.15 * np.clip(y, 0, 1)) + 0.012
    rise = 0.14 * y**2
    rings = [[(-w, t, 0.42 + s), (-w * 0.6, t, 0.06), (0, t, 0.0), (w * 0.6, t, 0.06), (w, t, 0.42 + s)] for w, t, s in zip(wide, y, rise, strict=True)]
    hull = loft(rings, "main")
    inside = loft([[(-w * 0.85, t * 0.95, 0.43 + s), (w * 0.85, t * 0.95, 0.43 + s), (0, t * 0.95, 0.3)] for w, t, s in zip(wide, y, rise, strict=True)], "wood")
    edge = [tube([(s * w, t, 0.43 + q) for w, t, q in zip(wide, y, rise, strict=True)], 0.05, "shade", 6) for s in (-1, 1)]
    parts = [hull, inside, *edge]
    if u(0, 1) < 0.55:
        sail = prism([(0.06, 0), (0.85, 0.0), (0.06, 1.3)], 0.035, "sail").turned("x", 90).turned("z", 90)
        jib = prism([(-0.05, 0), (-0.7, 0.0), (-0.05, 1.0)], 0.035, "white").turned("x", 90).turned("z", 90)
        for p in (sail, jib):
            p.slot = "white"
        return [*parts, strut((0, -0.05, 0.2), (0, -0.05, 1.95), 0.045, "wood"), sail.moved(z=0.6), jib.moved(z=0.6), strut((0, 0, 0.55), (0, 0.85, 0.57), 0.035, "wood")]
    parts += [box((0.7, 0.16, 0.06), (0, t, 0.4), "wood") for t in (-0.3, 0.3)]
    oar = [strut((0.3, 0.1, 0.5), (0.95, -0.05, 0.25), 0.035, "wood"), ellipsoid((0.2, 0.1, 0.04), (1.0, -0.07, 0.22), "wood", 8)]
    return [*parts, *both(oar)]


def pirate_ship(u: Uniform) -> list[Part]:
    parts = [p for p in boat(lambda a, b: b)][:4]
    for p in parts:
        p.vertices = p.vertices * [1, 1, 1.1]
    parts += [box((0.62, 0.4, 0.3), (0, 0.72, 0.68)), box((0.5, 0.03, 0.14), (0, 0.93, 0.7), "lit"), strut((0, -0.9, 0.55), (0, -1.3, 0.75), 0.04, "wood")]
    cloth = "label" if u(0, 1) < 0.6 else "black"
    for y, h in ((-0.35, 1.5), (0.3, 1.7)):
        parts.append(strut((0, y, 0.3), (0, y, h + 0.25), 0.045, "wood"))
        parts += [box((0.9, 0.05, 0.5), (0, y - 0.06, h - 0.3), cloth), box((0.65, 0.05, 0.32), (0, y - 0.06, h + 0.12), cloth)]
    return [*parts, box((0.03, 0.24, 0.15), (0, 0.42, 1.9), "black")]


def airplane(u: Uniform) -> list[Part]:
    body = lathe([(0, -1), (0.12, -0.97), (0.22, -0.75), (0.25, -0.2), (0.18, 0.5), (0.06, 1), (0, 1)], "main", 18).turned("x", -90)
    body = Part(body.vertices, body.faces)
    span = u(0.95, 1.15)
    wing_slot = "main" if u(0, 1) < 0.5 else "accent"
    wing = prism([(0.1, -0.3), (span, -0.12), (span, 0.1), (0.1, 0.2)], 0.07, wing_slot)
    tail = prism([(0.05, 0.72), (0.42, 0.82), (0.42, 0.98), (0.05, 0.98)], 0.06, wing_slot)
    fin = _side_view([(0.6, 0), (0.98, 0.0), (0.98, 0.42), (0.85, 0.42)], 0.06, wing_slot).moved(z=0.06)
    parts = [body, *both([wing.moved(z=-0.04), tail.moved(z=0.02)]), fin, ellipsoid((0.16, 0.28, 0.14), (0, -0.35, 0.2), "screen", 12)]
    if u(0, 1) < 0.6:
        parts += [rod_y(0.08, 0.1, (0, -1.02, 0), "silver"), *(box((0.09, 0.03, 0.42), (0, 0, 0.21), "dark").turned("y", 120 * k).moved(0, -1.05, 0) for k in range(3))]
        if u(0, 1) < 0.5:
            parts += [*both([wing.moved(z=0.42), strut((0.6, -0.05, 0), (0.6, -0.05, 0.44), 0.03, "wood")])]
    else:
        parts += both(rod_y(0.1, 0.36, (0.5, -0.2, -0.12), "silver"))
    return [*parts, *both(strut((0.12, -0.3, -0.2), (0.2, -0.3, -0.38), 0.03, "dark")), *both(rod_x(0.09, 0.06, (0.22, -0.3, -0.4), "rubber", 10))]


def helicopter(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.34, 0.55, 0.38), (0, -0.2, 0), segments=18), ellipsoid((0.3, 0.35, 0.28), (0, -0.47, 0.05), "screen", 14), tube([(0, 0.2, 0.08), (0, 1.15, 0.16)], [0.16, 0.06])]
    parts += [cylinder(0.06, 0.22, (0, -0.15, 0.45), "dark"), *ring_of(box((0.95, 0.11, 0.04), (0.47, 0, 0), "dark"), 4, u(0, 90))]
    for p in parts[-4:]:
        p.vertices = p.vertices + [0, -0.15, 0.56]
    parts += [_side_view([(1.05, 0.1), (1.25, 0.45), (1.15, 0.45), (0.95, 0.15)], 0.06), box((0.04, 0.06, 0.4), (0.09, 1.15, 0.2), "dark")]
    return [*parts, *both([strut((0.26, -0.7, -0.5), (0.26, 0.3, -0.5), 0.035, "dark"), strut((0.2, -0.4, -0.3), (0.26, -0.4, -0.5), 0.03, "dark"), strut((0.2, 0.05, -0.3), (0.26, 0.05, -0.5), 0.03, "dark")])]


def hot_air_balloon(u: Uniform) -> list[Part]:
    parts = [lathe([(0.14, -0.75), (0.3, -0.6), (0.62, -0.15), (0.7, 0.15), (0.6, 0.45), (0.3, 0.66), (0, 0.7)], "main", 24)]
    parts += [box((0.3, 0.3, 0.24), (0, 0, -1.15), "crust"), *(strut((s * 0.13, t * 0.13, -1.05), (s * 0.12, t * 0.12, -0.7), 0.02, "bark", 5) for s in (-1, 1) for t in (-1, 1))]
    return parts


def rocket(u: Uniform) -> list[Part]:
    r, h, nose = u(0.28, 0.38), u(0.9, 1.2), u(0.45, 0.65)
    style = u(0, 1)
    hull, tip_slot = ("main", "accent") if style < 0.5 else ("white", "main")
    body = lathe([(0, 0.12), (r * 0.75, 0.12), (r, h * 0.45), (r * 0.98, h), (0, h)], hull, 22)
    tip = lathe([(r * 0.98, 0), (r * 0.75, nose * 0.45), (0.03, nose), (0, nose)], tip_slot, 22, (0, 0, h))
    fin = extrude([(0.0, 0.55), (0.0, 0.15), (0.42, -0.14), (0.42, 0.12)], 0.09, tip_slot).moved(x=r * 0.78)
    parts = [body, tip, *ring_of(fin, 3 if style < 0.4 else 4, 30 if style < 0.4 else 45)]
    parts += [ellipsoid((0.15, 0.07, 0.15), (0, -r * 0.96, h * 0.75), "glass", 14), torus(0.15, 0.045, "metal", 18, 6).turned("x", 90).moved(0, -r * 0.97, h * 0.75)]
    parts.append(lathe([(0, 0), (r * 0.65, 0), (r * 0.45, 0.16), (0, 0.16)], "dark", 18))
    return [*parts, lathe([(r, h * 0.95), (r * 1.02, h * 0.95), (r * 1.02, h), (r, h)], tip_slot, 22)] + (
        [lathe([(r * 0.45, 0), (r * 0.5, -0.15), (0, -0.55)], "fire", 14)] if u(0, 1) < 0.25 else [])  # fmt: skip


def ufo(u: Uniform) -> list[Part]:
    parts = [lathe([(0, -0.18), (0.45, -0.16), (0.95, 0), (0.97, 0.05), (0.45, 0.2), (0, 0.2)], "main", 28), ellipsoid((0.42, 0.42, 0.38), (0, 0, 0.18), "glass", 18, cut=0.0)]
    return parts + ring_of(ball(0.075, (0.78, 0, 0.1), "lit", 8), 8)


def bicycle(u: Uniform) -> list[Part]:
    r, t = 0.45, 0.05
    rear, front = np.array([0, 0.62, r]), np.array([0, -0.62, r])
    crank, seat, head = np.array([0, 0.12, 0.42]), np.array([0, 0.3, 1.05]), np.array([0, -0.45, 1.0])
    wheels = []
    for hub in (rear, front):
        rim = [torus(r - 0.03, 0.055, "rubber", 26, 8), *ring_of(strut((0, 0, 0), (r, 0, 0), 0.014, "silver", 4), 8), cylinder(0.06, 0.12, slot="silver")]
        wheels += [p.turned("y", 90).moved(*hub) for p in rim]
    pairs = ((rear, crank), (rear, seat - [0, 0.02, 0.1]), (crank, seat), (crank, head - [0, 0.04, 0.1]), (seat - [0, 0.03, 0.1], head), (head, front))
    frame = [strut(a, b, t) for a, b in pairs]
    bar = tube([(-0.36, -0.3, 1.2), (-0.2, -0.45, 1.2), (0, -0.47, 1.15), (0.2, -0.45, 1.2), (0.36, -0.3, 1.2)], 0.045, "silver")
    saddle = rounded((0.22, 0.4, 0.12), (0, 0.34, 1.12), "black", 3)
    pedal = [strut(crank, crank + [0.12, 0.05, -0.2], 0.035, "silver"), box((0.16, 0.12, 0.05), crank + [0.18, 0.05, -0.2], "dark")]
    return [*wheels, *frame, bar, saddle, *pedal, rod_x(0.13, 0.05, crank, "silver"), strut(head, (0, -0.47, 1.16), 0.045)]


def skateboard(u: Uniform) -> list[Part]:
    y = np.linspace(-0.9, 0.9, 13)
    up = 0.28 + 0.2 * np.clip(np.abs(y) - 0.62, 0, 1) * 1.6
    w = 0.25 * np.sqrt(np.clip(1 - (np.abs(y) / 0.93) ** 8, 0, 1)) + 0.02
    parts = []
    for slot, z, q in (("main", 0.0, 1.0), ("black", 0.035, 0.96)):
        parts.append(loft([[(-a * q, t, b + z), (a * q, t, b + z), (a * q, t, b + z + 0.045), (-a * q, t, b + z + 0.045)] for a, t, b in zip(w, y, up, strict=True)], slot))
    for t in (-0.52, 0.52):
        parts += [box((0.3, 0.1, 0.12), (0, t, 0.2), "silver"), *both(rod_x(0.12, 0.14, (0.22, t, 0.12), "wheels", 14))]
    return [p.turned("z", 90) for p in parts]


def cart(u: Uniform) -> list[Part]:
    w, long, h = 0.8, u(1.0, 1.3), u(0.3, 0.4)
    z = 0.5
    parts = [box((w, long, 0.08), (0, 0, z)), *both(box((0.07, long, h), (w / 2, 0, z + h / 2))), *(box((w, 0.07, h), (0, s * long / 2, z + h / 2)) for s in (-1, 1))]
    parts += [box((w * 1.04, long * 1.02, 0.06), (0, 0, z + h * f), "shade") for f in (0.45,)]
    wheels = [p.turned("y", 90).moved(w / 2 + 0.12, 0.05, 0.46) for p in spoked(0.42, 0.06, "shade", 8)]
    parts += both([*wheels, strut((0.3, -long / 2, z), (0.25, -long / 2 - 0.75, z - 0.05), 0.05)])
    if u(0, 1) < 0.3:
        parts.append(rounded((w * 0.95, long * 0.95, 0.5), (0, 0, z + h), "banana", 3))
    return [*parts, rod_x(0.06, w + 0.3, (0, 0.05, 0.46), "iron")]


def wheelbarrow(u: Uniform) -> list[Part]:
    tray = [(-0.42, 0.65), (0.42, 0.65), (0.42, -0.5), (-0.42, -0.5)]
    body = prism(tray, 0.34)
    v = body.vertices.copy()
    v[v[:, 2] < 0.1, :2] *= 0.62
    parts = [Part(v, body.faces).moved(z=0.42), prism(np.array(tray) * 0.88, 0.02, "inner").moved(z=0.755)]
    parts += wheel(0.27, 0.13, (0, -0.75, 0.27), "rubber", "metal")
    parts += both([strut((0.1, -0.75, 0.27), (0.34, 1.15, 0.6), 0.05, "wood"), strut((0.28, 0.45, 0.45), (0.3, 0.5, 0.0), 0.045, "iron")])
    return parts


def tractor(u: Uniform) -> list[Part]:
    parts = [box((0.5, 0.8, 0.42), (0, -0.4, 0.65)), box((0.42, 0.06, 0.34), (0, -0.81, 0.65), "dark"), box((0.7, 0.62, 0.2), (0, 0.3, 0.55)), box((0.72, 0.72, 0.07), (0, 0.3, 1.36))]
    parts += [strut((x, y, 0.6), (x, y, 1.35), 0.035, "dark") for x in (-0.32, 0.32) for y in (0.02, 0.6)]
    parts += [box((0.4, 0.3, 0.14), (0, 0.35, 0.75), "black"), box((0.4, 0.08, 0.35), (0, 0.5, 0.9), "black"), cylinder(0.045, 0.45, (0.12, -0.5, 1.05), "dark")]
    parts += both([*wheel(0.45, 0.24, (0.5, 0.35, 0.45), "rubber", "banana"), *wheel(0.25, 0.16, (0.38, -0.62, 0.25), "rubber", "banana")])
    return [*parts, *both(ball(0.07, (0.17, -0.82, 0.75), "lit", 8))]


def anchor(u: Uniform) -> list[Part]:
    a = np.linspace(np.pi * 1.1, np.pi * 1.9, 9)
    parts = [strut((0, 0, -0.75), (0, 0, 0.7), 0.085), torus(0.15, 0.055, "main", 16, 8).turned("x", 90).moved(z=0.85), rod_x(0.065, 0.8, (0, 0, 0.5))]
    parts.append(tube(np.stack([0.65 * np.cos(a), 0 * a, -0.18 + 0.62 * np.sin(a)], -1), 0.085))
    fluke = lathe([(0.16, 0), (0, 0.3)], "main", 4).turned("y", 12).moved(0.63, 0, -0.42)
    return [*parts, *both([fluke, ball(0.09, (0.4, 0, 0.5), "main", 8)])]


def ship_wheel(u: Uniform) -> list[Part]:
    parts = spoked(0.62, 0.085, "main", 8)
    knob = tube([(0.65, 0, 0), (0.8, 0, 0), (0.95, 0, 0)], [0.05, 0.075, 0.055])
    return [p.turned("x", 90) for p in (*parts, *ring_of(knob, 8), cylinder(0.12, 0.3, slot="gold"))]


def sled(u: Uniform) -> list[Part]:
    a = np.linspace(0, 1, 8)
    runner = tube([(0.35, 0.8, 0.06), *((0.35, -0.5 - 0.4 * np.sin(t * 2.6), 0.06 + 0.45 * t) for t in a)], 0.05, "red")
    parts = [box((0.2, 1.4, 0.06), (x, 0.1, 0.34)) for x in (-0.26, 0, 0.26)]
    posts = [strut((0.35, y, 0.06), (0.33, y, 0.34), 0.04, "red") for y in (-0.3, 0.5)]
    return [*parts, *both([runner, *posts]), handle(0.3, 0.05, 0.03, "label").moved(0, -0.7, 0.5)]


KINDS = {
    "car": Kind(car, ("toy car", "automobile", "sedan"), ("metal", "plastic"), (), 1.1),
    "truck": Kind(truck, ("lorry", "pickup truck", "toy truck"), ("metal", "plastic"), ("red", "blue", "green"), 0.9),
    "bus": Kind(bus, ("school bus",), ("metal",), ("yellow", "red"), 0.7),
    "train": Kind(train, ("locomotive", "steam train", "train engine"), ("metal", "wooden"), ("black", "red", "green"), 0.9),
    "boat": Kind(boat, ("sailboat", "rowing boat", "sailing boat"), ("wooden",), ("brown", "red", "blue"), 0.9),
    "pirate ship": Kind(pirate_ship, ("ship", "sailing ship"), ("wooden",), ("brown",), 0.7),
    "airplane": Kind(airplane, ("plane", "aeroplane", "aircraft"), ("metal", "plastic"), ("red", "white", "grey"), 1.0),
    "helicopter": Kind(helicopter, (), ("metal", "plastic"), ("red", "blue", "green"), 0.6),
    "hot air balloon": Kind(hot_air_balloon, ("air balloon",), ("fabric",), ("red", "blue"), 0.6, stripes="wedges", striped=0.5),
    "rocket": Kind(rocket, ("spaceship", "space rocket", "toy rocket"), ("metal", "plastic"), ("red", "blue", "white"), 1.1),
    "ufo": Kind(ufo, ("flying saucer",), ("metal",), ("grey",), 0.5),
    "bicycle": Kind(bicycle, ("bike",), ("metal",), ("red", "blue", "green"), 0.9),
    "skateboard": Kind(skateboard, ("skate board",), ("wooden", "plastic"), (), 0.7, trim=("wheels", "with {} wheels")),
    "cart": Kind(cart, ("wooden cart", "wagon", "hay cart"), ("wooden",), ("brown",), 0.9),
    "wheelbarrow": Kind(wheelbarrow, ("wheel barrow",), ("metal", "wooden"), ("green", "red", "grey"), 0.7),
    "tractor": Kind(tractor, ("farm tractor",), ("metal",), ("green", "red", "blue"), 0.6),
    "anchor": Kind(anchor, ("ship anchor",), ("iron", "metal"), ("dark grey",), 0.6),
    "ship wheel": Kind(ship_wheel, ("steering wheel", "helm wheel"), ("wooden",), ("brown",), 0.5),
    "sled": Kind(sled, ("sledge", "toboggan"), ("wooden",), ("brown",), 0.5),
}  # fmt: skip
