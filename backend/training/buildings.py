"""Procedural props: houses large and small, and what stands in streets and gardens."""

from __future__ import annotations

import numpy as np

from backend.training.forms import arch, ball, both, ring_of, rod_x, rod_y, rounded, strut
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, extrude, lathe, torus, tube


def _gable_roof(w: float, d: float, rise: float, z: float, slot: str, over: float = 0.12) -> list[Part]:
    """Two slabs that lean on each other; the ridge runs along Y."""
    slope = np.hypot(w / 2 + over, rise * (1 + 2 * over / w))
    angle = np.degrees(np.arctan2(rise, w / 2))
    slab = box((slope, d, 0.09), (slope / 2, 0, 0), slot).turned("y", angle)
    return [p.moved(z=z + rise + 0.02) for p in both(slab)]


def dog_house(u: Uniform) -> list[Part]:
    w, d, h, rise = u(0.9, 1.05), u(1.0, 1.25), u(0.6, 0.72), u(0.38, 0.52)
    roof = ("roof", "deep", "main", "accent")[int(u(0, 3.99))]
    boards = 5
    parts = []
    for k in range(boards):  # clapboards: each a little wider below
        grow = 1.02 if k % 2 else 1.0
        size = (w * grow, d * grow, h / boards * 0.98)
        parts.append(box(size, (0, 0, (k + 0.5) * h / boards), "main" if k % 2 else "shade"))
    parts.append(extrude([(-w / 2, 0), (w / 2, 0), (0, rise)], d * 0.99, "main").moved(z=h))
    parts += _gable_roof(w, d * 1.22, rise, h, roof)
    doorway = arch(w * 0.5, h * 0.95)
    parts.append(extrude(arch(w * 0.6, h * 1.02), 0.05, "light").moved(0, -d / 2, 0))
    parts.append(extrude(doorway, 0.08, "black").moved(0, -d / 2, 0.0))
    if u(0, 1) < 0.6:  # a board with a bone over the door
        parts.append(box((w * 0.4, 0.06, 0.13), (0, -d / 2 - 0.03, h + rise * 0.36), "label"))
    return [*parts, box((w * 1.12, d * 1.1, 0.08), (0, 0, 0.0), "inset")]


def house(u: Uniform) -> list[Part]:
    w, d, h, rise = u(1.0, 1.3), u(0.9, 1.2), u(0.65, 0.85), u(0.42, 0.6)
    parts = [box((w, d, h), (0, 0, h / 2)), extrude([(-w / 2, 0), (w / 2, 0), (0, rise)], d).moved(z=h)]
    parts += _gable_roof(w, d * 1.15, rise, h, "roof")
    parts += [box((0.28, 0.06, 0.48), (0, -d / 2, 0.24), "white"), box((0.22, 0.08, 0.44), (0, -d / 2, 0.22), "bark")]
    for x in (-0.34, 0.34):
        for y in (-d / 2, d / 2):
            parts += [box((0.26, 0.05, 0.28), (x * w, y, h * 0.58), "white"), box((0.2, 0.07, 0.22), (x * w, y, h * 0.58), "glass")]
    for y in (-0.22, 0.22):
        parts += both(box((0.06, 0.2, 0.24), (w / 2, y * d, h * 0.58), "glass"))
    return [*parts, box((0.18, 0.18, 0.45), (w * 0.25, d * 0.2, h + rise * 0.75), "roof")]


def bird_house(u: Uniform) -> list[Part]:
    parts = [box((0.6, 0.55, 0.7), (0, 0, 1.2)), extrude([(-0.3, 0), (0.3, 0), (0, 0.28)], 0.55).moved(z=1.55)]
    parts += _gable_roof(0.6, 0.7, 0.28, 1.55, "accent")
    parts += [rod_y(0.13, 0.03, (0, -0.28, 1.3), "black"), rod_y(0.035, 0.2, (0, -0.36, 1.08), "wood")]
    return [*parts, strut((0, 0, 0), (0, 0, 0.9), 0.07, "wood")]


def barn(u: Uniform) -> list[Part]:
    w, d = u(1.1, 1.25), u(1.2, 1.5)
    outline = [(-w / 2, 0), (w / 2, 0), (w / 2, 0.6), (w * 0.36, 0.88), (0, 1.08), (-w * 0.36, 0.88), (-w / 2, 0.6)]
    parts = [extrude(outline, d)]
    path = np.array(outline[2:]) * [1.05, 1.03]
    for a, b in zip(path[:-1], path[1:], strict=True):
        mid, gap = (a + b) / 2, b - a
        slab = box((np.hypot(*gap) * 1.05, d * 1.1, 0.08), slot="stone").turned("y", -np.degrees(np.arctan2(gap[1], gap[0])))
        parts.append(slab.moved(mid[0], 0, mid[1]))
    parts += [box((0.5, 0.06, 0.56), (0, -d / 2, 0.28), "white"), box((0.42, 0.08, 0.5), (0, -d / 2, 0.26), "inset")]
    cross = box((0.62, 0.1, 0.05), slot="white").turned("y", 50)
    parts += [cross.moved(0, -d / 2, 0.27), cross.scaled(-1, 1, 1).moved(0, -d / 2, 0.27)]
    return [*parts, box((0.24, 0.08, 0.22), (0, -d / 2, 0.8), "white"), box((0.17, 0.1, 0.16), (0, -d / 2, 0.8), "black")]


def tent(u: Uniform) -> list[Part]:
    w, d, h = u(1.2, 1.5), u(1.4, 1.8), u(0.85, 1.05)
    if u(0, 1) < 0.3:  # a tipi
        parts = [lathe([(0.8, 0), (0.06, 1.5)], "main", 12)]
        parts += ring_of(strut((0.85, 0, 0), (-0.14, 0, 1.78), 0.035, "wood", 6), 5)
        door = extrude([(-0.22, 0), (0.22, 0), (0, 0.75)], 0.04, "black").turned("x", -28)
        return [*parts, door.moved(0, -0.8, 0.02)]
    parts = [extrude([(-w / 2, 0), (w / 2, 0), (0, h)], d)]
    parts.append(extrude([(-w * 0.24, 0.0), (w * 0.24, 0), (0, h * 0.8)], 0.04, "black").moved(0, -d / 2, 0))
    flap = extrude([(0, 0), (w * 0.16, 0), (w * 0.06, h * 0.6)], 0.05, "light")
    parts += both(flap.moved(w * 0.12, -d / 2 - 0.02, 0))
    parts += [strut((0, s * d * 0.52, 0), (0, s * d * 0.52, h + 0.14), 0.045, "wood") for s in (-1, 1)]
    return parts


def windmill(u: Uniform) -> list[Part]:
    h = u(1.1, 1.35)
    parts = [cylinder(0.5, h, (0, 0, h / 2), "main", 0.33, 12), lathe([(0.4, 0), (0.02, 0.4), (0, 0.4)], "roof", 12, (0, 0, h))]
    parts += [extrude(arch(0.24, 0.42), 0.1, "bark").moved(0, -0.47, 0), box((0.16, 0.1, 0.18), (0, -0.41, h * 0.55), "glass")]
    turn = u(0, 90)
    hub = np.array([0, -0.46, h + 0.02])
    sail = [box((0.22, 0.04, 0.62), (0.1, 0, 0.48), "label"), strut((0, 0, 0), (0, 0, 0.82), 0.04, "bark", 6)]
    for k in range(4):
        parts += [p.turned("y", turn + 90 * k).moved(*hub) for p in sail]
    return [*parts, rod_y(0.08, 0.3, (0, -0.35, h + 0.02), "bark")]


def castle_tower(u: Uniform) -> list[Part]:
    r, h = u(0.42, 0.5), u(1.1, 1.4)
    parts = [cylinder(r * 1.08, h, (0, 0, h / 2), "main", r, 20), cylinder(r * 1.25, 0.22, (0, 0, h + 0.08), segments=20)]
    parts += ring_of(box((0.16, 0.22, 0.2), (r * 1.16, 0, h + 0.28)), 8)
    parts.append(extrude(arch(0.28, 0.46), 0.1, "bark").moved(0, -r * 1.06, 0))
    parts += [extrude(arch(0.12, 0.26), 0.1, "black").moved(0, -r * 0.98, h * 0.6).turned("z", 120 * k) for k in range(3)]
    if u(0, 1) < 0.5:
        parts.append(lathe([(r * 1.1, 0), (0.02, 0.65), (0, 0.65)], "roof", 20, (0, 0, h + 0.2)))
        parts += [strut((0, 0, h + 0.8), (0, 0, h + 1.1), 0.025, "wood"), box((0.24, 0.03, 0.15), (0.13, 0, h + 1.02), "red")]
    return parts


def castle(u: Uniform) -> list[Part]:
    parts = [box((1.0, 1.0, 0.5), (0, 0, 0.25)), box((0.5, 0.5, 1.0), (0, 0.1, 0.5))]
    roof = "roof" if u(0, 1) < 0.6 else "accent"
    for x in (-0.55, 0.55):
        for y in (-0.55, 0.55):
            parts += [cylinder(0.2, 0.85, (x, y, 0.42), segments=14), lathe([(0.27, 0), (0.01, 0.4), (0, 0.4)], roof, 14, (x, y, 0.85))]
    parts += [box((0.12, 0.12, 0.14), (x, s * 0.45, 0.55)) for x in (-0.25, 0.0, 0.25) for s in (-1, 1)]
    parts += both([box((0.12, 0.12, 0.14), (0.45, y, 0.55)) for y in (-0.2, 0.1)])
    parts.append(extrude([(-0.36, 0), (0.36, 0), (0, 0.4)], 0.7, roof).moved(0, 0.1, 1.0))
    return [*parts, extrude(arch(0.3, 0.38), 0.06, "bark").moved(0, -0.5, 0), extrude(arch(0.12, 0.2), 0.04, "black").moved(0, -0.16, 0.7)]


def lighthouse(u: Uniform) -> list[Part]:
    h = u(1.4, 1.7)
    parts = []
    for k in range(5):
        a, b = 0.4 - 0.035 * k, 0.4 - 0.035 * (k + 1)
        parts.append(cylinder(a, h / 5, (0, 0, (k + 0.5) * h / 5), "main" if k % 2 == 0 else "white", b, 20))
    parts += [cylinder(0.34, 0.07, (0, 0, h + 0.03), "dark", segments=20), cylinder(0.17, 0.26, (0, 0, h + 0.2), "lit", segments=14)]
    parts += ring_of(strut((0.3, 0, h), (0.3, 0, h + 0.18), 0.022, "dark", 5), 8)
    parts.append(lathe([(0.24, 0), (0.02, 0.22), (0, 0.22)], "main", 16, (0, 0, h + 0.33)))
    parts += [extrude(arch(0.2, 0.34), 0.08, "bark").moved(0, -0.4, 0), cylinder(0.62, 0.12, (0, 0, -0.05), "stone", 0.5, 12)]
    return parts


def well(u: Uniform) -> list[Part]:
    r, h = u(0.55, 0.65), u(0.5, 0.6)
    parts = [lathe([(r, 0), (r, h), (r * 1.08, h), (r * 1.08, h + 0.1), (r * 0.8, h + 0.1), (r * 0.8, 0.1), (0, 0.1)], "main", 20)]
    for row in range(3):  # stones stand out
        parts += ring_of(rounded((0.1, 0.3, 0.15), (r, 0, 0.1 + 0.17 * row), "shade" if row % 2 else "inset", 4, 8), 9, 20 * (row % 2))
    parts += both(box((0.1, 0.1, 1.0), (r * 0.95, 0, h + 0.5), "wood"))
    parts += [p.turned("z", 90) for p in _gable_roof(0.8, 2.3 * r, 0.32, h + 0.8, "roof" if u(0, 1) < 0.6 else "bark")]
    parts += [rod_x(0.07, 2 * r, (0, 0, h + 0.6), "bark"), strut((0, 0, h + 0.6), (0, 0, h + 0.3), 0.025, "label", 5)]
    return [*parts, cylinder(0.11, 0.2, (0, 0, h + 0.22), "bark", 0.14), cylinder(r * 0.8, 0.02, (0, 0, h * 0.8), "black")]


def tombstone(u: Uniform) -> list[Part]:
    w, h = u(0.7, 0.85), u(0.95, 1.2)
    style = u(0, 3)
    if style < 1.8:
        stone = extrude(arch(w, h, 11) if style < 1.2 else [(-w / 2, 0), (w / 2, 0), (w / 2, h * 0.85), (0, h), (-w / 2, h * 0.85)], 0.22)
        marks = [box((w * 0.55, 0.03, 0.06), (0, -0.11, h * f), "inner") for f in (0.62, 0.48, 0.34)]
    else:
        stone, marks = box((0.24, 0.2, h), (0, 0, h / 2)), [box((w, 0.2, 0.24), (0, 0, h * 0.68))]
    base = [box((w * 1.2, 0.45, 0.14), (0, 0, 0.05), "shade")]
    if u(0, 1) < 0.5:
        base.append(rounded((w * 1.1, 1.0, 0.2), (0, -0.5, 0.0), "soil", 4))
    return [stone, *marks, *base]


def signpost(u: Uniform) -> list[Part]:
    parts = [box((0.13, 0.13, 1.6), (0, 0, 0.8), "wood")]
    if u(0, 1) < 0.5:
        for k, s in ((0, 1), (1, -1)):
            z = 1.35 - 0.36 * k
            board = [(-0.5, -0.14), (0.4, -0.14), (0.62, 0), (0.4, 0.14), (-0.5, 0.14)]
            parts.append(extrude(np.array(board) * [s, 1], 0.08, "main").moved(s * 0.12, -0.1, z))
            parts.append(box((0.6, 0.02, 0.05), (s * 0.05, -0.15, z), "inner"))
        return parts
    parts += [box((1.1, 0.08, 0.6), (0, -0.1, 1.25)), box((0.8, 0.02, 0.06), (0, -0.145, 1.36), "inner"), box((0.6, 0.02, 0.06), (0, -0.145, 1.18), "inner")]
    return parts


def stop_sign(u: Uniform) -> list[Part]:
    parts = [strut((0, 0, 0), (0, 0, 1.6), 0.05, "metal")]
    a = (np.arange(8) + 0.5) * np.pi / 4
    o = np.stack([np.cos(a), np.sin(a)], -1) * 0.45
    parts += [extrude(o, 0.05, "white").moved(0, -0.06, 1.5), extrude(o * 0.9, 0.06, "main").moved(0, -0.065, 1.5)]
    return [*parts, *(box((0.1, 0.02, 0.2), (x, -0.1, 1.5), "white") for x in (-0.24, -0.08, 0.08, 0.24))]


def fence(u: Uniform) -> list[Part]:
    n, w = 5, 0.2
    picket = extrude([(-w / 2, 0), (w / 2, 0), (w / 2, 0.85), (0, 1.0), (-w / 2, 0.85)], 0.08)
    parts = [picket.moved((i - (n - 1) / 2) * 0.34, -0.06, 0) for i in range(n)]
    return parts + [box((1.75, 0.09, 0.12), (0, 0.02, z), "shade") for z in (0.28, 0.66)]


def ladder(u: Uniform) -> list[Part]:
    w, h = u(0.5, 0.65), 2.0
    rungs = 6
    one = both(strut((w / 2, 0, 0), (w / 2 * 0.85, 0, h), 0.06))
    one += [rod_x(0.045, w, (0, 0, h * (i + 0.6) / rungs)) for i in range(rungs)]
    if u(0, 1) < 0.6:
        return [p.turned("x", -10) for p in one]
    return [p.turned("x", -16).moved(0, -0.5, 0) for p in one] + [p.turned("x", 16).moved(0, 0.55, 0) for p in one[:2]]


def hydrant(u: Uniform) -> list[Part]:
    r, h = u(0.26, 0.33), u(0.8, 1.0)
    cap = "main" if u(0, 1) < 0.5 else ("accent" if u(0, 1) < 0.4 else "light")
    body = lathe([(0, 0), (r * 1.45, 0), (r * 1.45, 0.1), (r * 1.05, 0.12), (r, h), (r * 1.25, h), (r * 1.25, h + 0.09), (0, h + 0.09)], "main", 20)
    dome = ellipsoid((r * 1.08, r * 1.08, 0.3), (0, 0, h + 0.08), cap, 18, cut=0.0)
    parts = [body, dome, cylinder(0.09, 0.16, (0, 0, h + 0.42), cap, segments=6), torus(r * 1.02, 0.05, "main", 20, 8).moved(z=h * 0.4)]
    for s in (-1, 1):
        parts += [rod_x(r * 0.42, 0.26, (s * (r + 0.08), 0, h * 0.7)), rod_x(r * 0.52, 0.1, (s * (r + 0.18), 0, h * 0.7), cap), rod_x(0.07, 0.1, (s * (r + 0.26), 0, h * 0.7), cap, 6)]
    front = [rod_y(r * 0.6, 0.2, (0, -r - 0.04, h * 0.62)), rod_y(r * 0.72, 0.1, (0, -r - 0.14, h * 0.62), cap), rod_y(0.08, 0.1, (0, -r - 0.22, h * 0.62), cap, segments=6)]
    return [*parts, *front, *ring_of(ball(0.05, (r * 1.3, 0, 0.12), "main", 6), 6)]


def traffic_cone(u: Uniform) -> list[Part]:
    h = u(1.0, 1.25)
    parts = [box((0.85, 0.85, 0.1), (0, 0, 0.05), "main" if u(0, 1) < 0.6 else "black")]
    bands = [(0.0, 0.3, "main"), (0.3, 0.5, "white"), (0.5, 0.66, "main"), (0.66, 0.82, "white"), (0.82, 1.0, "main")]
    for a, b, slot in bands:
        ra, rb = 0.36 - 0.29 * a, 0.36 - 0.29 * b
        parts.append(lathe([(ra, a * h), (rb, b * h)], slot, 22, (0, 0, 0.1)))
    return [*parts, cylinder(0.07, 0.02, (0, 0, h + 0.1), "inner")]


def fountain(u: Uniform) -> list[Part]:
    basin = [(0, 0), (0.9, 0), (0.95, 0.3), (0.82, 0.3), (0.8, 0.16), (0, 0.16)]
    parts = [lathe(basin, "main", 26), cylinder(0.8, 0.02, (0, 0, 0.22), "water", segments=24), cylinder(0.14, 0.8, (0, 0, 0.5), "main", 0.1)]
    parts += [lathe([(0.1, 0), (0.5, 0.15), (0.48, 0.2), (0, 0.14)], "main", 22, (0, 0, 0.68)), cylinder(0.42, 0.02, (0, 0, 0.84), "water", segments=20)]
    return [*parts, lathe([(0.09, 0.0), (0.06, 0.3), (0.2, 0.42), (0, 0.5)], "main", 16, (0, 0, 0.8))]


def pillar(u: Uniform) -> list[Part]:
    r, h = u(0.28, 0.36), u(1.5, 1.9)
    shaft = lathe([(r, 0), (r * 0.86, h)], "main", 24)
    v = shaft.vertices.copy()
    v[np.arange(len(v)) % 2 == 0, :2] *= 0.9
    parts = [Part(v, shaft.faces)]
    for z, s in ((0, 1), (h, -1)):
        parts += [torus(r * 1.05, 0.08, "main", 22, 8).moved(z=z + s * 0.06), box((r * 2.7, r * 2.7, 0.14), (0, 0, z - s * 0.08))]
    return parts


def statue(u: Uniform) -> list[Part]:
    parts = [box((0.7, 0.7, 0.35), (0, 0, 0.17), "shade"), box((0.8, 0.8, 0.1), (0, 0, 0.05), "shade"), ball(0.17, (0, 0, 1.75), segments=14)]
    parts += [lathe([(0, 0.35), (0.32, 0.35), (0.2, 0.9), (0.18, 1.1), (0.27, 1.4), (0.08, 1.55), (0.07, 1.65)], "main", 16).scaled(1, 0.75, 1)]
    arm = tube([(0.24, 0, 1.42), (0.38, -0.05, 1.15), (0.28, -0.25, 1.0)], [0.085, 0.075, 0.06])
    return [*parts, *both(arm)]


STONE = ("stone", "stone", "brick")
KINDS = {
    "dog house": Kind(dog_house, ("doghouse", "kennel", "dog kennel"), ("wooden",), ("brown", "brown", "red", "white"), 2.0,
                      trim=("accent", "with {} roof")),
    "house": Kind(house, ("cottage", "hut", "cabin"), ("stone", "wooden", "brick"), ("white", "yellow", "brown"), 1.0),
    "bird house": Kind(bird_house, ("birdhouse",), ("wooden",), ("brown", "white"), 0.6, trim=("accent", "with {} roof")),
    "barn": Kind(barn, ("farm barn",), ("wooden",), ("red", "brown"), 0.6),
    "tent": Kind(tent, ("camping tent",), ("fabric",), ("green", "orange", "beige"), 0.9),
    "windmill": Kind(windmill, ("mill",), ("stone", "wooden", "brick"), ("white", "brown"), 0.7),
    "castle tower": Kind(castle_tower, ("tower", "stone tower", "watchtower"), STONE, ("grey",), 0.9),
    "castle": Kind(castle, ("fortress",), STONE, ("grey",), 0.7),
    "lighthouse": Kind(lighthouse, ("light house",), ("stone",), ("red", "blue"), 0.8),
    "well": Kind(well, ("water well", "wishing well"), STONE, ("grey",), 0.9),
    "tombstone": Kind(tombstone, ("gravestone", "headstone", "grave"), ("stone", "marble"), ("grey",), 0.8),
    "signpost": Kind(signpost, ("sign post", "wooden sign", "sign"), ("wooden",), ("brown",), 0.8),
    "stop sign": Kind(stop_sign, ("traffic sign", "road sign"), ("metal",), ("red",), 0.5),
    "fence": Kind(fence, ("picket fence", "garden fence"), ("wooden",), ("brown", "white"), 0.8),
    "ladder": Kind(ladder, ("step ladder",), ("wooden", "metal"), ("brown",), 0.7),
    "hydrant": Kind(hydrant, ("fire hydrant", "fire plug"), ("metal", "iron"), ("red", "red", "yellow"), 1.6),
    "traffic cone": Kind(traffic_cone, ("road cone", "cone", "pylon"), ("plastic", "rubber"), ("orange",), 0.9),
    "fountain": Kind(fountain, ("water fountain",), ("stone", "marble"), ("grey",), 0.7),
    "pillar": Kind(pillar, ("column", "stone column", "greek column"), ("stone", "marble"), ("white",), 0.7),
    "statue": Kind(statue, ("stone statue",), ("stone", "marble", "copper"), ("grey",), 0.4),
}  # fmt: skip
