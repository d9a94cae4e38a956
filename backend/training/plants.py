"""Procedural props: plants, stones and other things of nature."""

from __future__ import annotations

import numpy as np

from backend.training.forms import ball, ring_of, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, lathe, torus, tube


def _pot(u: Uniform, r: float, h: float, slot: str) -> list[Part]:
    style = u(0, 1)
    body = lathe([(0, 0), (r * 0.68, 0), (r * 0.95, h * 0.78), (r, h), (r * 0.85, h), (0, h * 0.94)], slot, 22)
    parts = [body, cylinder(r * 0.86, 0.04, (0, 0, h * 0.95), "soil", segments=20)]
    if style < 0.7:
        parts.append(lathe([(r * 0.9, 0), (r * 1.12, 0), (r * 1.12, h * 0.24), (r * 0.9, h * 0.24)], slot, 22, (0, 0, h * 0.78)))
    else:
        parts.append(torus(r, 0.05, slot, 22, 8).moved(z=h))
    return parts


def _ribbed(part: Part, columns: int, depth: float = 0.14) -> Part:
    """Every second column of a lathed part pushed in."""
    v = part.vertices.copy()
    odd = (np.arange(len(v)) % columns) % 2 == 1
    middle = v.reshape(-1, columns, 3).mean(1).repeat(columns, 0)
    v[odd] = v[odd] * (1 - depth) + middle[odd] * depth
    return Part(v, part.faces, part.slot)


def cactus(u: Uniform) -> list[Part]:
    pot = "pot" if u(0, 1) < 0.35 else "clay"
    r, h = u(0.36, 0.46), u(0.42, 0.58)
    parts = _pot(u, r, h, pot)
    style = u(0, 1)
    if style < 0.62:  # a saguaro with arms
        tall, w = u(0.95, 1.25), u(0.19, 0.25)
        f = np.array([0, 0.3, 0.7, 0.88, 0.96, 1.0])
        body = tube(np.stack([0 * f, 0 * f, h * 0.9 + f * tall], -1), w * np.array([0.95, 1, 1, 0.85, 0.55, 0.12]), "main", 16)
        parts.append(_ribbed(body, 16))
        sides = [(-1, u(0.3, 0.45)), (1, u(0.45, 0.6))] if u(0, 1) < 0.8 else [(1, u(0.35, 0.5))]
        for s, at in sides:
            z, x, up = h * 0.9 + tall * at, s * (w + 0.26), u(0.28, 0.42)
            path = [(s * w * 0.6, 0, z), (x * 0.8, 0, z + 0.02), (x, 0, z + 0.12), (x, 0, z + up * 0.75), (x, 0, z + up)]
            parts.append(_ribbed(tube(path, w * np.array([0.6, 0.62, 0.64, 0.58, 0.15]), "main", 12), 12))
        top = (0, 0, h * 0.9 + tall)
    elif style < 0.85:  # a barrel cactus
        w = u(0.42, 0.52)
        parts.append(_ribbed(ellipsoid((w, w, w * u(0.95, 1.3)), (0, 0, h + w * 0.75), "main", 24), 24))
        top = (0, 0, parts[-1].vertices[:, 2].max())
    else:  # a prickly pear
        parts.append(ellipsoid((0.3, 0.12, 0.42), (0, 0, h + 0.35), "main", 14))
        parts.append(ellipsoid((0.22, 0.1, 0.3), (0, 0, 0), "main", 12).turned("y", -35).moved(-0.32, 0, h + 0.85))
        parts.append(ellipsoid((0.24, 0.1, 0.32), (0, 0, 0), "main", 12).turned("y", 28).moved(0.28, 0, h + 0.95))
        top = (0.38, 0, h + 1.25)
    if u(0, 1) < 0.4:
        parts += [ball(0.1, top, "flower", 10), *(p.moved(*top) for p in ring_of(ellipsoid((0.09, 0.05, 0.04), (0.11, 0, 0), "flower", 8), 5))]
    return parts


def potted_plant(u: Uniform) -> list[Part]:
    r, h = u(0.38, 0.48), u(0.48, 0.62)
    parts = _pot(u, r, h, "main")
    if u(0, 1) < 0.5:  # long leaves that bend outwards
        for k in range(11):
            a, reach, tall = k * 2.4, u(0.35, 0.7), u(0.5, 1.0)
            c, s = np.cos(a), np.sin(a)
            path = [(0, 0, h * 0.9), (c * reach * 0.35, s * reach * 0.35, h + tall * 0.75), (c * reach * 0.75, s * reach * 0.75, h + tall), (c * reach * 1.15, s * reach * 1.15, h + tall * 0.82)]
            parts.append(tube(path, [0.06, 0.1, 0.09, 0.02], "leaves" if k % 3 else "leaf", 6))
        return parts
    for k in range(9):  # a ball of round leaves
        a, e = k * 2.4, u(0.1, 1.2)
        c = (0.36 * np.cos(a) * np.cos(e), 0.36 * np.sin(a) * np.cos(e), h + 0.4 + 0.36 * np.sin(e))
        parts.append(ellipsoid((0.27, 0.27, 0.2), c, "leaves" if k % 3 else "leaf", 10))
    return [*parts, strut((0, 0, h * 0.9), (0, 0, h + 0.4), 0.07, "bark")]


def flower_pot(u: Uniform) -> list[Part]:
    r, h = 0.5, u(0.7, 0.85)
    return _pot(u, r, h, "main")


def tree(u: Uniform) -> list[Part]:
    h = u(0.5, 0.8)
    trunk = lathe([(0, 0), (0.22, 0), (0.14, 0.15), (0.1, h), (0, h)], "bark", 12)
    r = u(0.45, 0.6)
    crown = [ellipsoid((r, r, r * 0.9), (0, 0, h + r * 0.8), "main", 16)]
    for k in range(5):
        a = 2 * np.pi * k / 5 + u(0, 1)
        c = (r * 0.62 * np.cos(a), r * 0.62 * np.sin(a), h + r * u(0.35, 1.0))
        crown.append(ellipsoid((r * 0.62, r * 0.62, r * 0.56), c, "shade" if k % 2 else "main", 12))
    return [trunk, *crown]


def pine_tree(u: Uniform) -> list[Part]:
    tiers, h = int(u(3, 4.99)), 0.28
    parts = [cylinder(0.13, h + 0.2, (0, 0, h / 2), "bark", 0.1)]
    for k in range(tiers):
        r = 0.62 * (1 - k / (tiers + 0.6))
        z = h + 0.36 * k
        skirt = lathe([(0, 0.08), (r, 0), (r * 0.35, 0.4), (0.02, 0.62), (0, 0.62)], "main" if k % 2 else "shade", 16, (0, 0, z))
        parts.append(skirt)
    return parts


def christmas_tree(u: Uniform) -> list[Part]:
    parts = pine_tree(u)
    top = max(p.vertices[:, 2].max() for p in parts)
    for k in range(16):
        z = 0.36 + (top - 0.7) * k / 16
        tier = (z - 0.28) % 0.36
        r = 0.5 * (1 - (z - 0.28) / top) * (1.1 - 0.8 * tier)
        a = k * 2.4
        parts.append(ball(0.06, (r * np.cos(a), r * np.sin(a), z), ("red", "gold", "book0")[k % 3], 8))
    return [*parts, ball(0.11, (0, 0, top + 0.03), "gold", 5)]


def palm_tree(u: Uniform) -> list[Part]:
    bend = u(0.1, 0.3)
    f = np.linspace(0, 1, 7)
    trunk = tube(np.stack([bend * f**2, 0 * f, 1.3 * f], -1), 0.13 - 0.05 * f, "bark", 10)
    parts = [trunk]
    for k in range(8):
        a = 2 * np.pi * k / 8
        c, s = np.cos(a), np.sin(a)
        path = [(bend + c * t, s * t, 1.3 + z) for t, z in ((0, 0), (0.3, 0.16), (0.6, 0.06), (0.8, -0.22))]
        leaf = tube(path, [0.05, 0.13, 0.12, 0.02], "main", 6)
        parts.append(leaf)
    return [*parts, *(ball(0.09, (bend + 0.12 * np.cos(a), 0.12 * np.sin(a), 1.22), "bark", 8) for a in (0, 2.1, 4.2))]


def bush(u: Uniform) -> list[Part]:
    parts = []
    for k in range(9):
        a, q = k * 2.4, 0.15 * np.sqrt(k)
        c = (q * 1.3 * np.cos(a), q * 1.3 * np.sin(a), 0.42 - 0.03 * k)
        s = u(0.26, 0.36)
        parts.append(ellipsoid((s, s, s * 0.9), c, ("main", "shade", "inset")[k % 3], 12))
        if u(0, 1) < 0.35:
            parts.append(ball(0.06, (c[0] * 1.5, c[1] * 1.5, c[2] + s * 0.6), "berry", 6))
    return parts


def sunflower(u: Uniform) -> list[Part]:
    h = u(1.2, 1.5)
    petal = ellipsoid((0.11, 0.04, 0.26), (0, 0, 0.4), "main", 8)
    head = [petal.turned("y", 360 * k / 14) for k in range(14)]
    head += [ellipsoid((0.27, 0.09, 0.27), (0, -0.03, 0), "meat", 14), ellipsoid((0.25, 0.06, 0.25), (0, 0.05, 0), "leaves", 12)]
    parts = [p.turned("x", 10).moved(0, -0.1, h) for p in head]
    parts.append(tube([(0, 0, 0), (0, 0.03, h * 0.5), (0, 0, h)], 0.055, "leaves"))
    leaf = ellipsoid((0.28, 0.12, 0.05), slot="leaves", segments=10)
    return [*parts, leaf.turned("y", -30).moved(0.26, 0, h * 0.45), leaf.turned("y", 30).moved(-0.26, 0, h * 0.33)]


def rose(u: Uniform) -> list[Part]:
    h = u(0.95, 1.15)
    parts = [tube([(0, 0, 0), (0.03, 0, h * 0.5), (0, 0, h)], 0.05, "leaves")]
    for k, (q, s) in enumerate(((0.0, 0.17), (0.1, 0.19), (0.19, 0.2))):
        for j in range(1 if k == 0 else 3 + 2 * (k - 1)):
            a = 2 * np.pi * j / (3 + 2 * (k - 1)) + k if k else 0
            c = (q * np.cos(a), q * np.sin(a), h + 0.2 - 0.03 * k)
            parts.append(ellipsoid((s * 0.85, s * 0.85, s * 1.1), c, ("main", "shade", "inset")[(j + k) % 3], 10))
    leaf = ellipsoid((0.2, 0.11, 0.05), slot="leaves", segments=10)
    return [*parts, leaf.turned("y", -25).moved(0.2, 0, h * 0.5), leaf.turned("y", 25).moved(-0.18, 0, h * 0.35), cylinder(0.14, 0.1, (0, 0, h), "leaves", 0.2)]


def tulip(u: Uniform) -> list[Part]:
    h = u(0.9, 1.1)
    cup = lathe([(0, h), (0.2, h + 0.05), (0.28, h + 0.25), (0.22, h + 0.5), (0.18, h + 0.48), (0, h + 0.2)], "main", 12)
    v = cup.vertices.copy()
    high = v[:, 2] > h + 0.45
    v[high, 2] += 0.1 * np.cos(3 * np.arctan2(v[high, 1], v[high, 0]))
    leaf = tube([(0, 0, 0.05), (0.14, 0, 0.4), (0.3, 0, 0.75)], [0.06, 0.1, 0.02], "leaves", 6)
    return [Part(v, cup.faces), tube([(0, 0, 0), (0, 0, h)], 0.05, "leaves"), leaf, leaf.scaled(-1, 1, 0.85)]


def mushroom(u: Uniform) -> list[Part]:
    r, h = u(0.6, 0.85), u(0.6, 0.9)
    tall = u(0.45, 0.7)
    stem = lathe([(0, 0), (u(0.22, 0.32), 0), (0.17, h * 0.5), (0.2, h), (0, h)], "stem", 16)
    cap = ellipsoid((r, r, tall), (0, 0, h - 0.08), segments=22, cut=0.0)
    parts = [stem, cap, cylinder(r * 0.97, 0.03, (0, 0, h - 0.09), "stem", segments=22)]
    if u(0, 1) < 0.75:
        for ring, count in ((0.3, 3), (0.68, 6), (0.93, 8)):
            for k in range(count):
                a = 2 * np.pi * k / count + ring * 3
                c = (r * ring * np.cos(a), r * ring * np.sin(a), h - 0.08 + tall * np.sqrt(1 - ring**2))
                parts.append(ellipsoid((0.1, 0.1, 0.07), c, "white", 8))
    return parts


def rock(u: Uniform) -> list[Part]:
    parts = []
    for k in range(1 if u(0, 1) < 0.6 else 3):
        p = ellipsoid((u(0.6, 0.9), u(0.5, 0.75), u(0.4, 0.6)), segments=12)
        v = p.vertices
        w = [u(2, 5) for _ in range(6)]
        bump = 1 + 0.13 * np.sin(v[:, :1] * w[0] + w[3]) + 0.13 * np.sin(v[:, 1:2] * w[1] + w[4]) + 0.1 * np.sin(v[:, 2:] * w[2] + w[5])
        s = 1.0 if k == 0 else u(0.3, 0.5)
        parts.append(Part(v * bump * s + [0.8 * k * (-1) ** k, -0.3 * k, -0.25 * (k > 0)], p.faces))
    return parts


def log(u: Uniform) -> list[Part]:
    r, long = u(0.28, 0.36), u(1.4, 1.7)

    def one() -> list[Part]:
        return [cylinder(r, long, segments=16).turned("y", 90), *(cylinder(r * 0.86, 0.03, (0, 0, s * (long / 2 + 0.01)), "dough", segments=16).turned("y", 90) for s in (-1, 1)),
                *(cylinder(r * 0.35, 0.02, (0, 0, s * (long / 2 + 0.03)), "crust", segments=12).turned("y", 90) for s in (-1, 1))]  # fmt: skip

    if u(0, 1) < 0.35:
        spots = ((0, -r, 0), (0, r, 0), (0, 0, r * 1.72))
        return [p.moved(*s) for s in spots for p in one()]
    return [*one(), strut((0.2, 0, r * 0.5), (0.32, 0, r + 0.2), 0.1)]


def stump(u: Uniform) -> list[Part]:
    r, h = u(0.45, 0.55), u(0.45, 0.65)
    parts = [lathe([(r * 1.35, 0), (r * 1.08, 0.12), (r, h), (0, h)], "main", 18), cylinder(r * 0.9, 0.03, (0, 0, h), "dough", segments=18)]
    parts += [torus(r * f, 0.03, "crust", 18, 6).moved(z=h + 0.005) for f in (0.3, 0.6)]
    return parts + ring_of(tube([(r * 0.8, 0, 0.2), (r * 1.3, 0, 0.08), (r * 1.6, 0, 0.0)], [0.16, 0.13, 0.05]), 5)


def campfire(u: Uniform) -> list[Part]:
    parts = ring_of(ellipsoid((0.19, 0.16, 0.14), (0.72, 0, 0.08), "stone", 10), 9)
    parts += ring_of(strut((0.55, 0, 0.06), (-0.06, 0, 0.5), 0.09, "main"), 5, 10)
    for q, h, slot in ((0.26, 0.95, "fire"), (0.17, 0.65, "flame")):
        parts.append(lathe([(0, 0.1), (q, 0.25), (q * 0.7, h * 0.55), (0, h)], slot, 10))
    return [*parts, *ring_of(lathe([(0, 0.1), (0.14, 0.2), (0, 0.6)], "fire", 8, (0.2, 0, 0)), 3), *ring_of(lathe([(0, 0.1), (0.1, 0.2), (0, 0.45)], "flame", 8, (0.28, 0, 0)), 3, 60)]


def crystal(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.55, 0.5, 0.16), (0, 0, 0.02), "stone", 12)]
    spike = lathe([(0, 0), (0.2, 0), (0.2, 0.75), (0, 1.05)], "main", 6)
    parts.append(spike)
    for k in range(4):
        s = u(0.5, 0.75)
        parts.append(spike.scaled(s, s, s).turned("y", u(18, 35)).moved(0.14, 0, 0).turned("z", 90 * k + u(0, 40)))
        parts[-1].slot = "shade" if k % 2 else "main"
    return parts


def shell(u: Uniform) -> list[Part]:
    a = np.linspace(0.25, np.pi - 0.25, 15)
    r = np.where(np.arange(15) % 2 == 0, 0.9, 0.8)
    v = [(0, 0)] + [(np.cos(t) * q, np.sin(t) * q) for t, q in zip(a, r, strict=True)]
    o = np.array(v)
    front = np.stack([o[:, 0], -0.25 * (1 - (np.hypot(o[:, 0], o[:, 1])) ** 2) - 0.03, o[:, 1]], -1)
    front[0, 1] = -0.22
    n = len(v)
    f = np.array([(0, i, i + 1) for i in range(1, n - 1)])
    return [Part(front, f), Part(front * [1, -1, 1], f), box((0.4, 0.16, 0.14), (0, 0, 0.0)), *(strut((0, -0.22, 0.05), front[i], 0.05, "shade", 6) for i in range(1, n, 2))]


KINDS = {
    "cactus": Kind(cactus, ("cactus in pot", "potted cactus", "cactus plant"), (), ("leaves",), 1.8, whole=True,
                   trim=("pot", "in {} pot")),
    "potted plant": Kind(potted_plant, ("plant in pot", "house plant", "plant"), ("clay", "ceramic"), ("white", "clay"), 1.0),
    "flower pot": Kind(flower_pot, ("plant pot", "empty pot"), ("clay", "ceramic"), ("clay",), 0.4),
    "tree": Kind(tree, ("oak tree", "leafy tree"), (), ("leaves",), 0.9, whole=True),
    "pine tree": Kind(pine_tree, ("fir tree", "pine", "conifer"), (), ("dark green", "leaves"), 0.8, whole=True),
    "christmas tree": Kind(christmas_tree, ("xmas tree",), (), ("dark green",), 0.6),
    "palm tree": Kind(palm_tree, ("palm",), (), ("leaves",), 0.6, whole=True),
    "bush": Kind(bush, ("shrub", "hedge"), (), ("leaves",), 0.6, whole=True),
    "sunflower": Kind(sunflower, ("flower",), (), ("yellow",), 0.7, whole=True),
    "rose": Kind(rose, ("flower", "rose flower"), (), ("red", "pink"), 0.6, whole=True),
    "tulip": Kind(tulip, ("flower", "tulip flower"), (), ("red", "yellow", "purple"), 0.5, whole=True),
    "mushroom": Kind(mushroom, ("toadstool",), (), ("red", "brown"), 1.0, whole=True),
    "rock": Kind(rock, ("boulder", "stone"), ("stone",), ("grey",), 0.6),
    "log": Kind(log, ("wooden log", "firewood", "tree trunk"), (), ("bark",), 0.6, whole=True),
    "tree stump": Kind(stump, ("stump",), (), ("bark",), 0.6, whole=True),
    "campfire": Kind(campfire, ("bonfire", "camp fire"), (), ("bark",), 0.8),
    "crystal": Kind(crystal, ("crystals", "crystal cluster"), ("glass",), ("purple", "light blue", "turquoise"), 0.8),
    "seashell": Kind(shell, ("shell", "scallop shell"), (), ("cream", "pink"), 0.4, whole=True),
}  # fmt: skip
