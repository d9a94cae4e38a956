"""Procedural props: weapons, armour, tools and treasure: what games are full of."""

from __future__ import annotations

import numpy as np

from backend.training.forms import ball, both, prism, regular, ring_of, rod_x, rod_y, rounded, spoked, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, extrude, lathe, torus, tube


def _blade(long: float, w: float, tip: float = 0.85) -> list[Part]:
    """A double-edged blade with a ridge; it stands on z = 0."""
    outline = [(-w / 2, 0), (w / 2, 0), (w * 0.43, long * tip), (0, long), (-w * 0.43, long * tip)]
    return [extrude(outline, 0.05, "blade"), extrude(np.array(outline) * [0.3, 0.93], 0.09, "blade")]


def sword(u: Uniform) -> list[Part]:
    long, w, guard = u(1.4, 1.8), u(0.2, 0.28), u(0.55, 0.75)
    parts = _blade(long, w)
    if u(0, 1) < 0.5:
        parts.append(rounded((guard, 0.15, 0.13), power=6))
    else:
        parts.append(tube([(-guard / 2, 0, 0.14), (-guard * 0.3, 0, 0.0), (guard * 0.3, 0, 0.0), (guard / 2, 0, 0.14)], 0.07))
    parts.append(cylinder(0.07, 0.44, (0, 0, -0.25), "grip"))
    parts += [torus(0.07, 0.025, "deep", 12, 6).moved(z=-0.12 - 0.1 * k) for k in range(3)]
    if u(0, 1) < 0.3:
        parts.append(ball(0.07, (0, -0.06, 0), "gem", 8))
    return [*parts, ball(0.12, (0, 0, -0.52), "main", 10)]


def katana(u: Uniform) -> list[Part]:
    z = np.linspace(0, 1.6, 8)
    bend = 0.12 * (z / 1.6) ** 2
    left = np.stack([bend - 0.09, z], -1)
    right = np.stack([bend + 0.09, z], -1)
    parts = []
    for i in range(7):
        o = [left[i], right[i], right[i + 1] if i < 6 else [bend[7] - 0.05, z[7]], left[i + 1]]
        parts.append(extrude(o, 0.06, "blade"))
    return [*parts, cylinder(0.2, 0.06, slot="gold"), cylinder(0.075, 0.6, (0, 0, -0.32)), *(torus(0.075, 0.025, "inner", 10, 6).moved(z=-0.1 * k - 0.1) for k in range(5))]


def dagger(u: Uniform) -> list[Part]:
    parts = _blade(u(0.75, 0.95), u(0.2, 0.28), 0.6)
    parts += [rounded((u(0.4, 0.55), 0.14, 0.12), power=5), cylinder(0.075, 0.36, (0, 0, -0.2), "grip")]
    return [*parts, ball(0.1, (0, 0, -0.42), "gem" if u(0, 1) < 0.4 else "main", 10)]


def axe(u: Uniform) -> list[Part]:
    h, w = u(1.3, 1.7), u(0.42, 0.56)
    blade = [(0.0, -0.15), (w * 0.6, -0.22), (w, -0.45), (w * 1.1, 0), (w, 0.45), (w * 0.6, 0.22), (0, 0.15)]
    edge = [(w * 0.93, -0.42), (w, -0.46), (w * 1.17, 0), (w, 0.46), (w * 0.93, 0.42), (w, 0)]
    z = h * 0.84
    parts = [cylinder(0.07, h, (0, 0, h / 2), "wood"), extrude(blade, 0.11).moved(z=z), extrude(edge, 0.06, "blade").moved(z=z)]
    if u(0, 1) < 0.5:
        parts += [extrude([(-x, a) for x, a in blade], 0.11).moved(z=z), extrude([(-x, a) for x, a in edge], 0.06, "blade").moved(z=z)]
    else:
        parts.append(box((0.26, 0.16, 0.24), (-0.1, 0, z)))
    parts += [torus(0.075, 0.03, "grip", 12, 6).moved(z=0.12 + 0.1 * k) for k in range(4)]
    return [*parts, cylinder(0.1, 0.1, (0, 0, 0.03), "main")]


def war_hammer(u: Uniform) -> list[Part]:
    h, w, d = u(1.2, 1.5), u(0.75, 0.95), u(0.34, 0.44)
    if u(0, 1) < 0.6:
        head = [box((w, d, d), (0, 0, h)), *both(box((0.14, d * 1.18, d * 1.18), (w * 0.42, 0, h), "shade"))]
    else:
        head = [rod_x(d * 0.55, w, (0, 0, h)), *both(rod_x(d * 0.68, 0.14, (w * 0.42, 0, h), "shade"))]
    parts = [cylinder(0.08, h, (0, 0, h / 2), "wood"), *head, cylinder(0.12, 0.1, (0, 0, 0.05), "metal")]
    return parts + [torus(0.085, 0.03, "grip", 12, 6).moved(z=0.2 + 0.1 * k) for k in range(4)]


def hammer(u: Uniform) -> list[Part]:
    h = u(1.1, 1.35)
    parts = [tube([(0, 0, 0), (0, 0, 0.35), (0, 0, h)], [0.09, 0.075, 0.065], "wood" if u(0, 1) < 0.7 else "red")]
    parts += [box((0.26, 0.18, 0.2), (0.05, 0, h)), rod_x(0.13, 0.22, (0.24, 0, h))]
    claw = tube([(-0.05, 0.05, h + 0.02), (-0.25, 0.06, h + 0.03), (-0.42, 0.07, h - 0.1)], [0.08, 0.07, 0.03])
    return [*parts, claw, claw.scaled(1, -1, 1)]


def mace(u: Uniform) -> list[Part]:
    h = u(1.0, 1.25)
    parts = [cylinder(0.07, h, (0, 0, h / 2), "wood"), ball(0.3, (0, 0, h + 0.2), segments=16), cylinder(0.1, 0.1, (0, 0, 0), "metal")]
    spike = lathe([(0.09, 0.26), (0, 0.48)], "blade", 8)
    spikes = [spike, *ring_of(spike.turned("x", 90), 6), *ring_of(spike.turned("x", 45), 4), *ring_of(spike.turned("x", 130), 4)]
    return parts + [p.moved(z=h + 0.2) for p in spikes]


def bow(u: Uniform) -> list[Part]:
    z = np.linspace(-1, 1, 15)
    depth = u(0.4, 0.55)
    x = depth * (1 - z**2) - 0.12 * np.exp(-(((np.abs(z) - 1) / 0.12) ** 2))
    limb = tube(np.stack([x, 0 * z, z], -1), 0.075 - 0.03 * np.abs(z))
    parts = [limb, strut((x[0], 0, -1), (x[-1], 0, 1), 0.022, "label", 5), cylinder(0.095, 0.34, (depth, 0, 0), "grip")]
    if u(0, 1) < 0.4:
        parts += [rod_x(0.03, 1.0, (depth - 0.15, 0, 0), "wood"), lathe([(0.08, 0), (0, 0.2)], "blade", 6).turned("y", 90).moved(depth + 0.35, 0, 0)]
    return parts


def arrow(u: Uniform) -> list[Part]:
    parts = [cylinder(0.04, 1.7, slot="wood"), lathe([(0, 0), (0.13, 0), (0, 0.3)], "blade", 4, (0, 0, 0.82))]
    feather = extrude([(0, 0), (0.16, -0.1), (0.16, -0.32), (0, -0.25)], 0.04, "main")
    return parts + ring_of(feather.moved(0.03, 0, -0.5), 3)


def spear(u: Uniform) -> list[Part]:
    tip = [(-0.13, 0.1), (0, 0), (0.13, 0.1), (0, 0.5)]
    return [cylinder(0.06, 1.9, (0, 0, 0), "wood"), extrude(tip, 0.09, "blade").moved(z=0.9), cylinder(0.085, 0.16, (0, 0, 0.9), "main"),
            *both(ellipsoid((0.05, 0.05, 0.16), (0.09, 0, 0.72), "accent", 8))]  # fmt: skip


def staff(u: Uniform) -> list[Part]:
    h, orb = 1.7, u(0.17, 0.24)
    gem = "gem" if u(0, 1) < 0.35 else "orb"
    parts = [tube([(0, 0, 0), (0.04, 0, 0.5), (-0.03, 0, 1.1), (0, 0, h)], [0.055, 0.06, 0.065, 0.085])]
    parts.append(ball(orb, (0, 0, h + orb + 0.04), gem, 14))
    if u(0, 1) < 0.6:
        claw = tube([(0.06, 0, h - 0.04), (orb + 0.13, 0, h + orb * 0.6), (orb * 0.9, 0, h + orb * 1.9)], [0.06, 0.055, 0.03])
        parts += ring_of(claw, 4, 45)
    else:
        a = np.linspace(-1.9, 2.6, 14)
        q = orb + 0.12
        parts.append(tube(np.stack([q * np.sin(a), 0 * a, h + orb + 0.04 - q * np.cos(a)], -1), 0.055))
    return [*parts, torus(0.08, 0.035, "gold", 12, 6).moved(z=h - 0.12)]


def wand(u: Uniform) -> list[Part]:
    parts = [tube([(0, 0, -0.8), (0, 0, 0.75)], [0.075, 0.05]), torus(0.075, 0.03, "gold", 10, 6).moved(z=-0.4), ball(0.09, (0, 0, -0.82), "gold", 8)]
    return [*parts, prism(regular(5, 0.3, 0.13), 0.12, "banana" if u(0, 1) < 0.5 else "accent").turned("x", 90).moved(0, 0, 0.95)]


def shield(u: Uniform) -> list[Part]:
    rim = "metal" if u(0, 1) < 0.5 else "gold"
    style = u(0, 1)
    if style < 0.45:
        r = 0.9
        parts = [ellipsoid((r, r, 0.22), segments=24, cut=0.0).turned("x", 90), torus(r, 0.085, rim, 26, 8).turned("x", 90), rod_y(r * 0.97, 0.04, (0, 0.03, 0), "wood", segments=24)]
        if u(0, 1) < 0.5:
            a = [(np.cos(t), np.sin(t)) for t in np.arange(8) * np.pi / 4]
            parts += [ball(0.06, (0.74 * c, -0.13, 0.74 * s), rim, 6) for c, s in a]
        else:
            parts += [box((0.16, 0.05, 1.6), (0, -0.15, 0), "accent"), box((1.6, 0.05, 0.16), (0, -0.15, 0), "accent")]
    else:
        o = np.array([(-0.66, 0.85), (0, 0.95), (0.66, 0.85), (0.68, 0.1), (0.42, -0.55), (0, -1.0), (-0.42, -0.55), (-0.68, 0.1)])
        parts = [extrude(o, 0.12, rim), extrude(o * 0.86, 0.14).moved(y=-0.04), extrude(o * 0.9, 0.06, "wood").moved(y=0.06)]
        if style < 0.75:
            parts += [box((0.18, 0.05, 1.45), (0, -0.11, -0.05), "accent"), box((1.05, 0.05, 0.18), (0, -0.11, 0.25), "accent")]
    parts.append(ellipsoid((0.2, 0.2, 0.16), segments=14, slot=rim, cut=0.0).turned("x", 90).moved(y=-0.17 if style < 0.45 else -0.12))
    return [*parts, box((0.5, 0.12, 0.1), (0, 0.12, 0), "grip")]


def helmet(u: Uniform) -> list[Part]:
    r = 0.55
    style = u(0, 1)
    parts = [ellipsoid((r, r * 1.1, r * 1.1), (0, 0, 0.1), segments=22, cut=0.0)]
    if style < 0.35:  # a viking's
        parts.append(lathe([(r * 1.02, 0), (r * 1.02, 0.14)], "deep", 24).scaled(1, 1.1, 1).moved(z=0.08))
        horn = tube([(r * 0.85, 0, 0.35), (r * 1.45, 0, 0.4), (r * 1.75, 0, 0.75), (r * 1.7, 0, 1.05)], [0.15, 0.13, 0.08, 0.02], "stem")
        parts += both(horn)
        return [*parts, box((0.12, 0.08, 0.42), (0, -r * 1.08, 0.0), "deep"), box((0.1, 1.2, 0.08), (0, 0, 0.7), "deep").scaled(1, 0.3, 1)]
    parts.append(lathe([(r * 0.98, 0.1), (r, -0.3), (r * 0.85, -0.65), (r * 0.7, -0.65)], "main", 24).scaled(1, 1.1, 1))
    parts.append(box((r * 1.5, 0.2, 0.09), (0, -r * 0.98, 0.02), "black"))
    parts.append(box((0.09, 0.14, 1.05), (0, -r * 1.06, -0.05), "gold" if u(0, 1) < 0.4 else "shade"))
    parts += both([ball(0.025, (0.2, -r * 0.98, -0.2 - 0.12 * k), "black", 6) for k in range(3)])
    if style < 0.75:
        a = np.linspace(0.4, np.pi - 0.1, 9)
        parts.append(tube(np.stack([0 * a, r * -1.0 * np.cos(a) * -1, 0.12 + r * 1.28 * np.sin(a)], -1), 0.12, "accent"))
    return parts


def crown(u: Uniform) -> list[Part]:
    r, h, n = 0.6, u(0.45, 0.6), int(u(5, 8.99))
    band = [(r, 0), (r * 1.04, 0.28), (r * 0.98, 0.28), (r * 0.94, 0)]
    parts = [lathe(band, "main", 28), torus(r * 1.0, 0.055, "main", 28, 8), torus(r * 1.03, 0.045, "main", 28, 8).moved(z=0.27)]
    point = extrude([(-0.2, 0), (0.2, 0), (0, h)], 0.08).turned("x", -6).moved(0, -r * 1.03, 0.25)
    top = ball(0.075, (0, -r * 1.09, 0.25 + h), "gem" if u(0, 1) < 0.5 else "main", 8)
    jewel = ellipsoid((0.09, 0.06, 0.09), (0, -r * 1.02, 0.14), "jewel" if u(0, 1) < 0.5 else "gem", 8)
    parts += [*ring_of(point, n), *ring_of(top, n), *ring_of(jewel, n)]
    if u(0, 1) < 0.4:
        parts.append(ellipsoid((r * 0.92, r * 0.92, 0.55), (0, 0, 0.1), "accent", 18, cut=0.0))
    return parts


def ring(u: Uniform) -> list[Part]:
    parts = [torus(0.6, u(0.1, 0.15), "main", 30, 10).turned("x", 90)]
    stone = lathe([(0, -0.18), (0.27, 0.06), (0.2, 0.2), (0, 0.2)], "gem" if u(0, 1) < 0.4 else "stone2", 8)
    return [*parts, cylinder(0.16, 0.12, (0, 0, 0.72), "main", 0.22), stone.moved(z=0.92)]


def coins(u: Uniform) -> list[Part]:
    parts = []
    spots = [(0, 0, 7), (0.55, -0.15, 4), (-0.3, -0.5, 5)][: int(u(1, 3.99))]
    for x, y, n in spots:
        for k in range(n):
            c = (x + u(-0.03, 0.03), y + u(-0.03, 0.03), 0.05 + 0.1 * k)
            parts.append(cylinder(0.3, 0.085, c, "main" if k % 2 else "shade", segments=18))
    return [*parts, cylinder(0.3, 0.08, (0, 0, 0), "shade", segments=18).turned("x", 65).moved(0.1, -0.72, 0.27)]


def gem(u: Uniform) -> list[Part]:
    n = int(u(6, 10.99))
    cut = lathe([(0, -0.75), (0.7, 0.15), (0.42, 0.45), (0, 0.45)], "main", n)
    face = cylinder(0.4, 0.02, (0, 0, 0.455), "light", segments=n)
    flat = [Part(p.vertices[p.faces].reshape(-1, 3), np.arange(p.faces.size).reshape(-1, 3), p.slot) for p in (cut, face)]
    return flat


def key(u: Uniform) -> list[Part]:
    head = torus(0.3, 0.09, "main", 22, 8).turned("x", 90).moved(z=0.75)
    parts = [head, strut((0, 0, 0.45), (0, 0, -0.85), 0.085), torus(0.1, 0.05, "main", 14, 8).moved(z=0.4)]
    parts += [box((0.3, 0.1, 0.11), (0.18, 0, z)) for z in (-0.78, -0.55)]
    if u(0, 1) < 0.5:
        parts += both(torus(0.17, 0.07, "main", 16, 8).turned("x", 90).moved(0.33, 0, 0.72))
    return parts


def book(u: Uniform) -> list[Part]:
    w, h, d = u(0.8, 0.95), u(1.1, 1.25), u(0.22, 0.34)
    parts = [box((w * 0.96, d * 0.75, h * 0.94), (0.01, 0, 0), "paper")]
    parts += [box((w, d * 0.14, h), (0, s * d * 0.43, 0)) for s in (-1, 1)]
    parts.append(rounded((0.12, d, h), (-w / 2, 0, 0), power=5))
    parts += [box((w * 0.6, 0.02, 0.08), (0.02, -d / 2 - 0.005, z), "gold") for z in (h * 0.26, h * 0.14)]
    if u(0, 1) < 0.5:
        parts.append(rod_y(0.14, 0.03, (0.02, -d / 2, -h * 0.15), "gold" if u(0, 1) < 0.5 else "accent"))
        for sx in (-0.46, 0.5):
            for sz in (-0.46, 0.46):
                parts.append(box((0.14, d * 1.05, 0.14), (sx * w * 0.94, 0, sz * h * 0.94), "gold"))
    if u(0, 1) < 0.5:
        return [p.turned("x", -75).turned("z", 25) for p in parts]
    return parts


def books(u: Uniform) -> list[Part]:
    parts, z = [], 0.0
    for k in range(int(u(3, 5.99))):
        t, w, turn = u(0.16, 0.26), u(0.9, 1.15), u(-18, 18)
        slot = "main" if k == 0 else f"book{k}"
        one = [box((w * 0.95, 0.72, t * 0.7), slot="paper"), *(box((w, 0.76, t * 0.16), (0, 0, s * t * 0.42), slot) for s in (-1, 1)), box((0.08, 0.76, t), (-w / 2, 0, 0), slot)]
        parts += [p.turned("z", turn + 90).moved(z=z + t / 2) for p in one]
        z += t
    return parts


def scroll(u: Uniform) -> list[Part]:
    if u(0, 1) < 0.5:
        parts = [rod_x(0.22, 1.3, slot="paper"), *both([rod_x(0.08, 0.24, (0.75, 0, 0), "wood"), ball(0.1, (0.87, 0, 0), "wood", 8), rod_x(0.19, 0.04, (0.64, 0, 0), "shade")])]
        return [*parts, rod_x(0.235, 0.16, slot="main"), ellipsoid((0.12, 0.06, 0.12), (0, -0.22, 0), "red", 10)]
    sheet = [box((1.0, 0.04, 1.3), slot="paper"), *(box((0.7, 0.05, 0.05), (0, -0.005, 0.35 - 0.17 * k), "dark") for k in range(5))]
    for z in (0.7, -0.7):
        sheet += [rod_x(0.13, 1.05, (0, -0.03, z), "paper"), *both(rod_x(0.075, 0.2, (0.6, -0.03, z), "main"))]
    return sheet


def torch(u: Uniform) -> list[Part]:
    parts = [cylinder(0.09, 1.2, (0, 0, 0.6), "main", 0.12), cylinder(0.15, 0.28, (0, 0, 1.22), "label", 0.19), torus(0.16, 0.045, "iron", 14, 6).moved(z=1.1), torus(0.19, 0.045, "iron", 14, 6).moved(z=1.36)]
    fire = [(0, 0), (0.2, 0.12), (0.22, 0.25), (0.1, 0.5), (0, 0.7)]
    return [*parts, lathe(fire, "fire", 12, (0, 0, 1.34)), lathe(np.array(fire) * 0.7, "flame", 10, (0.06, -0.1, 1.42))]


def anvil(u: Uniform) -> list[Part]:
    parts = [box((0.9, 0.42, 0.24), (0, 0, 0.68)), box((0.42, 0.3, 0.36), (0, 0, 0.38)), box((0.8, 0.5, 0.2), (0, 0, 0.1), taper=0.75)]
    horn = cylinder(0.02, 0.6, top=0.2, segments=16).turned("y", 90).scaled(1, 1.0, 0.6)
    parts += [horn.moved(-0.72, 0, 0.7), box((0.22, 0.34, 0.12), (0.52, 0, 0.74)), box((0.35, 0.34, 0.1), (0, 0, 0.56))]
    if u(0, 1) < 0.4:
        parts.append(cylinder(0.55, 0.5, (0, 0, -0.25), "bark", 0.5, 16))
    return parts


def wagon_wheel(u: Uniform) -> list[Part]:
    parts = spoked(0.85, u(0.075, 0.1), "main", int(u(6, 10.99)))
    if u(0, 1) < 0.6:
        parts.append(lathe([(0.93, -0.07), (0.96, -0.07), (0.96, 0.07), (0.93, 0.07)], "iron", 28))
    return [p.turned("x", 90) for p in parts]


def trophy(u: Uniform) -> list[Part]:
    parts = [box((0.6, 0.6, 0.22), (0, 0, 0.11), "dark" if u(0, 1) < 0.6 else "wood"), box((0.3, 0.02, 0.1), (0, -0.31, 0.11), "gold")]
    parts.append(lathe([(0.24, 0.22), (0.1, 0.35), (0.07, 0.55), (0.12, 0.62), (0.34, 0.85), (0.44, 1.25), (0.48, 1.3), (0.4, 1.3), (0.25, 0.9), (0, 0.8)], "main", 24))
    a = np.linspace(-1.4, 1.7, 9)
    bow_ = tube(np.stack([0.4 + 0.22 * np.cos(a), 0 * a, 1.02 + 0.2 * np.sin(a)], -1), 0.06)
    parts += both(bow_)
    if u(0, 1) < 0.4:
        parts.append(prism(regular(5, 0.16, 0.07), 0.06, "main").turned("x", 90).moved(0, -0.46, 1.08))
    return parts


def medal(u: Uniform) -> list[Part]:
    parts = [rod_y(0.45, 0.12, (0, 0, -0.3), segments=26), torus(0.43, 0.05, "shade", 26, 6).turned("x", 90).moved(0, -0.05, -0.3)]
    parts.append(prism(regular(5, 0.28, 0.12), 0.06, "light").turned("x", 90).moved(0, -0.06, -0.3))
    ribbon = box((0.22, 0.05, 0.95), slot="accent")
    return [*parts, ribbon.turned("y", 18).moved(0.16, 0.02, 0.55), ribbon.turned("y", -18).moved(-0.16, 0.0, 0.55)]


def skull(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.52, 0.6, 0.52), (0, 0, 0.55), segments=18), rounded((0.6, 0.55, 0.45), (0, -0.25, 0.15), power=4)]
    parts += both(ellipsoid((0.16, 0.1, 0.17), (0.2, -0.5, 0.45), "black", 12))
    parts.append(extrude([(-0.08, 0), (0.08, 0), (0, 0.16)], 0.1, "black").moved(0, -0.52, 0.17))
    return parts + [box((0.07, 0.06, 0.16), (x, -0.5, 0.0), "white") for x in (-0.2, -0.1, 0, 0.1, 0.2)] + [box((0.5, 0.05, 0.03), (0, -0.51, 0.0), "black")]


def bomb(u: Uniform) -> list[Part]:
    parts = [ball(0.6, segments=22), cylinder(0.2, 0.18, (0, 0, 0.62), "shade"), tube([(0, 0, 0.7), (0.06, 0, 0.9), (0.2, 0, 1.0)], 0.055, "label")]
    return [*parts, ball(0.11, (0.24, 0, 1.03), "fire", 8), ball(0.06, (0.26, -0.06, 1.07), "flame", 6)]


def cannon(u: Uniform) -> list[Part]:
    parts = [lathe([(0, -0.6), (0.1, -0.6), (0.12, -0.5), (0.26, -0.45), (0.24, 0.1), (0.19, 0.75), (0.24, 0.8), (0.24, 0.9), (0.13, 0.9), (0.13, 0.5), (0, 0.5)], "main", 20)]
    parts = [p.turned("x", 78).moved(z=0.65) for p in parts]
    wheels = [p.turned("y", 90).moved(0.42, 0.1, 0.45) for p in spoked(0.4, 0.06, "wood", 8)]
    return [*parts, *both(wheels), box((0.3, 1.0, 0.2), (0, 0.4, 0.4), "wood").turned("x", 8), rod_x(0.06, 0.9, (0, 0.1, 0.45), "iron")]


def pickaxe(u: Uniform) -> list[Part]:
    h = 1.5
    a = np.linspace(-0.85, 0.85, 9)
    head = tube(np.stack([1.0 * np.sin(a) * 0.85, 0 * a, h - 0.55 + 0.65 * np.cos(a)], -1), 0.1 * (1 - (a / 0.98) ** 4) + 0.015)
    return [head, cylinder(0.07, h, (0, 0, h / 2), "wood"), box((0.2, 0.18, 0.2), (0, 0, h + 0.08), "shade")]


def shovel(u: Uniform) -> list[Part]:
    scoop = extrude([(-0.28, 0.0), (0.28, 0.0), (0.28, -0.4), (0, -0.7), (-0.28, -0.4)], 0.07)
    parts = [scoop, cylinder(0.06, 1.25, (0, 0, 0.6), "wood"), torus(0.17, 0.055, "wood", 14, 8).turned("x", 90).scaled(1, 1, 0.8).moved(z=1.32)]
    return [*parts, cylinder(0.09, 0.25, (0, 0, 0.05))]


def wrench(u: Uniform) -> list[Part]:
    parts = [rounded((0.24, 0.13, 1.3), power=6)]
    for z, s in ((0.72, 1), (-0.72, -1)):
        jaw = tube([(0.14 * np.cos(t) * 1.7, 0, z + s * 0.24 * np.sin(t)) for t in np.linspace(-3.6, 0.46, 10)], 0.1)
        parts.append(jaw)
    return parts


def screwdriver(u: Uniform) -> list[Part]:
    return [lathe([(0, -0.9), (0.16, -0.88), (0.19, -0.6), (0.14, -0.25), (0.18, -0.12), (0, -0.08)], "main", 10), cylinder(0.055, 0.9, (0, 0, 0.35), "silver"), box((0.14, 0.05, 0.16), (0, 0, 0.85), "silver")]


def broom(u: Uniform) -> list[Part]:
    return [cylinder(0.05, 1.4, (0, 0, 1.1), "main"), cylinder(0.34, 0.6, (0, 0, 0.2), "banana", 0.12, 14), torus(0.16, 0.05, "red", 14, 6).moved(z=0.46), torus(0.22, 0.04, "red", 14, 6).moved(z=0.34)]


METALS = ("metal", "iron")
BLADES = ("metal", "golden", "silver")
HAFT = (*METALS, "golden")
KINDS = {
    "sword": Kind(sword, ("longsword", "broadsword", "knight sword"), BLADES, ("brown", "grey"), 1.3),
    "katana": Kind(katana, ("samurai sword",), (), ("black", "red"), 0.5),
    "dagger": Kind(dagger, ("short sword",), BLADES, ("brown", "grey"), 0.9),
    "axe": Kind(axe, ("battle axe", "battleaxe", "war axe"), HAFT, ("grey",), 1.1),
    "war hammer": Kind(war_hammer, ("warhammer", "battle hammer", "sledgehammer"), (*HAFT, "stone"), ("grey",), 0.9),
    "hammer": Kind(hammer, ("claw hammer",), METALS, ("grey",), 0.8),
    "mace": Kind(mace, ("morning star", "spiked mace"), METALS, ("grey",), 0.6),
    "bow": Kind(bow, ("longbow", "archery bow", "bow and arrow"), ("wooden",), ("brown",), 0.8),
    "arrow": Kind(arrow, (), (), ("red", "white"), 0.4),
    "spear": Kind(spear, ("lance",), METALS, ("grey",), 0.5),
    "staff": Kind(staff, ("magic staff", "wizard staff"), ("wooden", "golden"), ("brown",), 0.9, trim=("orb", "with {} orb")),
    "wand": Kind(wand, ("magic wand",), ("wooden", "plastic"), ("brown", "pink"), 0.6),
    "shield": Kind(shield, ("round shield", "knight shield"), ("wooden", "metal"), ("brown", "blue", "red"), 1.3),
    "helmet": Kind(helmet, ("knight helmet", "viking helmet", "helm"), (*METALS, "golden"), ("grey",), 0.9),
    "crown": Kind(crown, ("king's crown", "royal crown"), ("golden", "golden", "silver"), ("yellow",), 1.1),
    "ring": Kind(ring, ("gold ring", "diamond ring"), ("golden", "silver"), ("yellow",), 0.8),
    "coins": Kind(coins, ("coin stack", "stack of coins", "pile of coins"), ("golden", "silver", "copper"), ("yellow",), 0.8),
    "gem": Kind(gem, ("diamond", "jewel", "gemstone", "ruby"), ("glass",), ("red", "light blue", "green", "purple"), 0.9),
    "key": Kind(key, ("old key",), ("golden", "brass", "iron"), ("yellow",), 0.8),
    "book": Kind(book, ("spell book", "closed book", "old book"), ("leather",), ("red", "blue", "brown"), 1.0),
    "stack of books": Kind(books, ("books", "pile of books"), (), ("red", "blue", "brown"), 0.7),
    "scroll": Kind(scroll, ("parchment", "paper scroll"), (), ("red", "brown"), 0.7),
    "torch": Kind(torch, ("burning torch", "wall torch"), ("wooden",), ("brown",), 0.8),
    "anvil": Kind(anvil, ("blacksmith anvil",), ("iron", "metal"), ("dark grey",), 0.9),
    "wagon wheel": Kind(wagon_wheel, ("cart wheel", "wheel", "spoked wheel"), ("wooden",), ("brown",), 0.7),
    "trophy": Kind(trophy, ("trophy cup", "award cup"), ("golden", "golden", "silver"), ("yellow",), 0.9),
    "medal": Kind(medal, ("award medal",), ("golden", "silver", "copper"), ("yellow",), 0.5, trim=("accent", "with {} ribbon")),
    "skull": Kind(skull, ("human skull",), (), ("cream",), 0.7, whole=True),
    "bomb": Kind(bomb, ("round bomb",), ("iron",), ("black",), 0.6),
    "cannon": Kind(cannon, ("old cannon",), ("iron", "copper"), ("dark grey",), 0.7),
    "pickaxe": Kind(pickaxe, ("pick axe",), METALS, ("grey",), 0.7),
    "shovel": Kind(shovel, ("spade",), METALS, ("grey",), 0.7),
    "wrench": Kind(wrench, ("spanner",), ("metal", "silver"), ("grey",), 0.5),
    "screwdriver": Kind(screwdriver, (), ("plastic",), ("red", "yellow", "blue"), 0.5),
    "broom": Kind(broom, ("broomstick", "witch broom"), ("wooden",), ("brown",), 0.6),
}  # fmt: skip
