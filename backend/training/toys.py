"""Procedural props: toys, balls and games."""

from __future__ import annotations

import itertools

import numpy as np

from backend.training.forms import (
    ball,
    both,
    prism,
    regular,
    rod_x,
    rod_y,
    rounded,
    sector,
    sphere_patch,
    strut,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, cylinder, ellipsoid, lathe, torus, tube


def teddy_bear(u: Uniform) -> list[Part]:
    b, hd = u(0.42, 0.5), u(0.36, 0.42)
    zb, sit = b * 1.0, u(0, 1) < 0.75
    zh = zb * 2 + hd * 0.62
    parts = [ellipsoid((b, b * 0.88, b * 1.1), (0, 0, zb), segments=16)]
    parts.append(ellipsoid((b * 0.66, b * 0.3, b * 0.75), (0, -b * 0.68, zb), "light", 12))
    parts.append(ellipsoid((hd * 1.08, hd * 0.95, hd), (0, -0.02, zh), segments=16))
    parts.append(ellipsoid((hd * 0.45, hd * 0.42, hd * 0.36), (0, -hd * 0.82, zh - hd * 0.22), "light", 12))
    parts.append(ellipsoid((0.085, 0.06, 0.06), (0, -hd * 1.22, zh - hd * 0.08), "eye", 10))
    ear = ellipsoid((hd * 0.38, hd * 0.2, hd * 0.38), slot="main", segments=12)
    inner = ellipsoid((hd * 0.24, hd * 0.1, hd * 0.24), (0, -hd * 0.15, 0), "light", 10)
    arm = tube([(b * 0.75, 0, zb * 1.55), (b * 1.2, -0.12, zb * 1.15), (b * 1.3, -0.3, zb * 0.85)], [0.16, 0.15, 0.13])
    paw = ellipsoid((0.15, 0.15, 0.15), (b * 1.3, -0.32, zb * 0.82), "main", 10)
    eye = ball(0.055, (hd * 0.4, -hd * 0.86, zh + hd * 0.16), "eye", 10)
    side = [ear.moved(hd * 0.82, 0.02, zh + hd * 0.78), inner.moved(hd * 0.82, 0.0, zh + hd * 0.78), arm, paw, eye]
    if sit:
        leg = tube([(b * 0.5, -b * 0.2, 0.16), (b * 0.8, -b * 1.0, 0.16), (b * 0.92, -b * 1.4, 0.17)], [0.2, 0.18, 0.18])
        foot = ellipsoid((0.19, 0.14, 0.24), (b * 0.94, -b * 1.45, 0.22), "main", 10)
        pad = ellipsoid((0.13, 0.05, 0.17), (b * 0.94, -b * 1.45 - 0.12, 0.22), "light", 10)
    else:
        leg = tube([(b * 0.5, 0, 0.1), (b * 0.6, 0, -0.25)], [0.2, 0.2])
        foot = ellipsoid((0.21, 0.26, 0.14), (b * 0.62, -0.08, -0.32), "main", 10)
        pad = ball(0.02, (b * 0.6, 0, -0.2), "main", 6)
    parts += both([*side, leg, foot, pad])
    if u(0, 1) < 0.4:
        bow = ellipsoid((0.15, 0.07, 0.1), (0.14, -b * 0.62, zb * 2 - 0.06), "bow", 10)
        parts += [*both(bow), ball(0.07, (0, -b * 0.66, zb * 2 - 0.06), "bow", 8)]
    return parts


GOLDEN = (1 + 5**0.5) / 2


def _icosahedron() -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    v = np.array([p for a in (-1, 1) for b in (-GOLDEN, GOLDEN) for p in ((0, a, b), (a, b, 0), (b, 0, a))], float)
    near = [[np.linalg.norm(a - b) < 2.1 for b in v] for a in v]
    faces = [f for f in itertools.combinations(range(12), 3)
             if near[f[0]][f[1]] and near[f[1]][f[2]] and near[f[0]][f[2]]]  # fmt: skip
    return v, faces


def soccer_ball(u: Uniform) -> list[Part]:
    """A truncated icosahedron on a sphere: 12 dark pentagons, 20 hexagons with seams."""
    v, faces = _icosahedron()
    parts = []
    for f in faces:
        p = [v[i] for i in f]
        corners = [p[a] + (p[b] - p[a]) * t for a, b in ((0, 1), (1, 2), (2, 0)) for t in (1 / 3, 2 / 3)]
        middle = sum(corners) / 6
        parts.append(sphere_patch([c * 0.94 + middle * 0.06 for c in corners], "main"))
    for i in range(12):
        around = [v[j] for j in range(12) if 0 < np.linalg.norm(v[i] - v[j]) < 2.1]
        e = np.cross(v[i], around[0])
        up = np.cross(e, v[i])
        around.sort(key=lambda q: np.arctan2(q @ e, q @ up * np.linalg.norm(e) / np.linalg.norm(up)))
        parts.append(sphere_patch([v[i] + (q - v[i]) / 3 * 1.04 for q in around], "black"))
    turn = (u(0, 360), u(0, 360))
    parts.append(ball(0.985, slot="dark", segments=20))
    return [p.turned("x", turn[0]).turned("z", turn[1]) for p in parts]


def basketball(u: Uniform) -> list[Part]:
    seam = torus(0.985, 0.035, "black", 32, 6)
    a = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    curve = np.stack([np.cos(a), 0.62 * np.sin(a), 0.55 * np.cos(2 * a) + 0.0 * a], -1)
    curve /= np.linalg.norm(curve, axis=1, keepdims=True)
    parts = [ball(1, segments=26), seam, seam.turned("x", 90), tube(curve * 0.985, 0.035, "black", 6, True).turned("y", 90)]
    turn = u(0, 360)
    return [p.turned("y", 25).turned("z", turn) for p in parts]


def tennis_ball(u: Uniform) -> list[Part]:
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    curve = np.stack([0.75 * np.cos(t) + 0.25 * np.cos(3 * t), 0.75 * np.sin(t) - 0.25 * np.sin(3 * t), 0.866 * np.sin(2 * t)], -1)
    turn = (u(0, 360), u(0, 360))
    parts = [ball(1, segments=26), tube(curve * 0.98, 0.055, "white", 6, True)]
    return [p.turned("x", turn[0]).turned("z", turn[1]) for p in parts]


def beach_ball(u: Uniform) -> list[Part]:
    a = np.linspace(-np.pi / 2, np.pi / 2, 15)
    profile = [(np.cos(t), np.sin(t)) for t in a]
    slots = ("main", "white", "book0", "white", "book1", "white") if u(0, 1) < 0.5 else ("main", "white") * 3
    parts = [sector(profile, 60 * k, 60 * k + 60, slot, 5) for k, slot in enumerate(slots)]
    caps = [ellipsoid((0.2, 0.2, 0.06), (0, 0, s * 0.97), "white", 12) for s in (-1, 1)]
    tilt = u(-35, 35)
    return [p.turned("x", tilt) for p in (*parts, *caps)]


def plain_ball(u: Uniform) -> list[Part]:
    parts = [ball(0.9, segments=26)]
    if u(0, 1) < 0.4:
        a = u(0, 90)
        parts.append(torus(0.895, 0.06, "white", 30, 6).turned("x", a))
    return parts


def bowling_ball(u: Uniform) -> list[Part]:
    holes = [(0.1, 0.22), (-0.1, 0.22), (0.0, -0.02)]
    parts = [ball(1, segments=26)]
    for x, z in holes:
        parts.append(rod_y(0.085, 0.04, (x, -np.sqrt(1 - x * x - z * z) + 0.005, z), "black", segments=10))
    return [p.turned("x", -25) for p in parts]


def dice(u: Uniform) -> list[Part]:
    parts = [rounded((1, 1, 1), power=7, segments=22)]
    pip = ellipsoid((0.1, 0.1, 0.035), slot="pip", segments=10)
    spots = {1: [(0, 0)], 2: [(-1, -1), (1, 1)], 3: [(-1, -1), (0, 0), (1, 1)],
             4: [(a, b) for a in (-1, 1) for b in (-1, 1)],
             5: [(0, 0), *((a, b) for a in (-1, 1) for b in (-1, 1))],
             6: [(a, b) for a in (-1, 1) for b in (-1, 0, 1)]}  # fmt: skip
    turns = {1: ("x", 0), 6: ("x", 180), 2: ("x", 90), 5: ("x", -90), 3: ("y", 90), 4: ("y", -90)}
    for number, (axis, degrees) in turns.items():
        parts += [pip.moved(a * 0.25, b * 0.25, 0.495).turned(axis, degrees) for a, b in spots[number]]
    for p in parts[1:]:
        p.slot = "white" if u(0, 1) < 0 else "pip"
    return parts


def rubik_cube(u: Uniform) -> list[Part]:
    slots = ["white", "red", "blue9", "carrot", "leaves", "banana"]
    turns = [("x", 0), ("x", 90), ("x", -90), ("y", 90), ("y", -90), ("x", 180)]
    parts = [box((1, 1, 1), slot="main")]
    mixed = u(0, 1) < 0.6
    for side, (axis, degrees) in enumerate(turns):
        for i in (-1, 0, 1):
            for j in (-1, 0, 1):
                slot = slots[int(u(0, 6))] if mixed else slots[side]
                parts.append(box((0.28, 0.28, 0.03), (i * 0.325, j * 0.325, 0.5), slot).turned(axis, degrees))
    return parts


def _piece(profile, segments: int = 18) -> list[Part]:
    base = [(0, 0), (0.36, 0), (0.38, 0.12), (0.3, 0.18), (0.28, 0.26)]
    return [lathe([*base, *profile], "main", segments)]


def chess_pawn(u: Uniform) -> list[Part]:
    parts = _piece([(0.16, 0.4), (0.13, 0.75), (0.24, 0.78), (0.24, 0.84), (0, 0.86)])
    return [*parts, ball(0.22, (0, 0, 1.02), segments=14)]


def chess_rook(u: Uniform) -> list[Part]:
    parts = _piece([(0.2, 0.4), (0.18, 0.85), (0.3, 0.95), (0.3, 1.05), (0, 1.05)])
    return [*parts, *[box((0.12, 0.16, 0.16), (0.24, 0, 1.1)).turned("z", 60 * k) for k in range(6)]]


def chess_king(u: Uniform) -> list[Part]:
    parts = _piece([(0.18, 0.45), (0.14, 1.05), (0.26, 1.1), (0.2, 1.16), (0.27, 1.45), (0.1, 1.52), (0, 1.55)])
    return [*parts, box((0.08, 0.08, 0.3), (0, 0, 1.66)), box((0.24, 0.08, 0.08), (0, 0, 1.7))]


def chess_knight(u: Uniform) -> list[Part]:
    outline = [(-0.2, 0.0), (0.24, 0), (0.22, 0.3), (0.3, 0.55), (0.2, 0.82), (0.02, 0.98), (-0.02, 0.84), (-0.36, 0.62),
               (-0.38, 0.48), (-0.24, 0.44), (-0.1, 0.5), (-0.2, 0.3)]  # fmt: skip
    head = prism(np.array(outline)[:, ::-1], 0.2).turned("z", 0)
    v = head.vertices[:, [2, 1, 0]] - [0.1, 0, 0]
    return [*_piece([(0.2, 0.3), (0, 0.3)]), Part(v, head.faces).moved(z=0.26),
            *both(ball(0.03, (0.1, -0.12, 0.95), "eye", 6))]  # fmt: skip


def robot(u: Uniform) -> list[Part]:
    w, h = u(0.6, 0.75), u(0.65, 0.8)
    head, z = u(0.36, 0.46), 0.5
    parts = [rounded((w, 0.45, h), (0, 0, z + h / 2), power=9), rounded((head * 1.25, 0.4, head), (0, 0, z + h + head / 2 + 0.08), power=9)]
    parts.append(cylinder(0.1, 0.14, (0, 0, z + h + 0.04), "dark"))
    zh = z + h + head * 0.6 + 0.06
    parts += both(rod_y(0.09, 0.08, (0.14, -0.2, zh), "lit"))
    parts.append(box((0.26, 0.04, 0.06), (0, -0.2, zh - 0.19), "dark"))
    parts += [strut((0, 0, zh + 0.2), (0, 0, zh + 0.42), 0.03, "metal"), ball(0.075, (0, 0, zh + 0.44), "red", 10)]
    parts.append(box((w * 0.6, 0.05, h * 0.4), (0, -0.22, z + h * 0.6), "dark"))
    parts += [rod_y(0.05, 0.06, (x, -0.24, z + h * 0.66), slot) for x, slot in ((-0.12, "red"), (0, "banana"), (0.12, "leaves"))]
    arm = [ball(0.13, (w / 2 + 0.08, 0, z + h * 0.85), "metal", 10), strut((w / 2 + 0.12, 0, z + h * 0.85), (w / 2 + 0.2, -0.12, z + h * 0.2), 0.08, "metal"),
           rounded((0.17, 0.2, 0.2), (w / 2 + 0.2, -0.14, z + h * 0.15), power=6)]  # fmt: skip
    leg = [box((0.16, 0.18, 0.45), (w * 0.27, 0, 0.3), "metal"), rounded((0.25, 0.4, 0.18), (w * 0.27, -0.06, 0.08), power=6)]
    return parts + both([*arm, *leg])


def snowman(u: Uniform) -> list[Part]:
    a, b, c = u(0.5, 0.6), u(0.36, 0.44), u(0.25, 0.31)
    zb, zc = a * 1.75 + b * 0.75, a * 1.75 + b * 1.5 + c * 0.8
    parts = [ball(a, (0, 0, a), "white", 16), ball(b, (0, 0, zb), "white", 16), ball(c, (0, 0, zc), "white", 16)]
    parts.append(lathe([(0.08, 0), (0, 0.36)], "carrot", 8).turned("x", 90).moved(0, -c * 0.95, zc))
    parts += both(ball(0.055, (0.11, -c * 0.88, zc + 0.1), "eye", 8))
    parts += [ball(0.055, (0, -b * 0.97, zb + z), "eye", 8) for z in (-0.12, 0.1)]
    parts.append(torus(b * 0.62, 0.09).moved(z=zc - c * 0.85))
    parts.append(box((0.16, 0.08, 0.42), (0.16, -b * 0.92, zb + 0.02)).turned("y", 6))
    if u(0, 1) < 0.6:
        parts += [cylinder(0.34, 0.06, (0, 0, zc + c * 0.8), "black"), cylinder(0.21, 0.32, (0, 0, zc + c + 0.1), "black")]
    if u(0, 1) < 0.6:
        parts += both(strut((b * 0.8, 0, zb), (b * 2.0, -0.05, zb + 0.3), 0.04, "bark"))
    return parts


def rubber_duck(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.5, 0.65, 0.4), (0, 0, 0.36), segments=18), ball(0.36, (0, -0.36, 0.95), segments=16)]
    parts.append(tube([(0, -0.2, 0.5), (0, -0.34, 0.85)], 0.28))
    parts.append(tube([(0, 0.45, 0.45), (0, 0.72, 0.72)], [0.24, 0.06]))
    parts.append(ellipsoid((0.17, 0.22, 0.07), (0, -0.75, 0.9), "beak", 12))
    wing = ellipsoid((0.09, 0.34, 0.2), (0.47, 0.08, 0.45), "shade", 12)
    return parts + both([wing, ball(0.06, (0.17, -0.65, 1.05), "eye", 8)])


def rocking_horse(u: Uniform) -> list[Part]:
    parts = [ellipsoid((0.24, 0.5, 0.26), (0, 0, 0.75), segments=14), tube([(0, -0.35, 0.8), (0, -0.55, 1.25)], [0.2, 0.15])]
    parts.append(tube([(0, -0.5, 1.3), (0, -0.82, 1.12)], [0.16, 0.1]))
    parts.append(tube([(0, -0.36, 0.95), (0, -0.42, 1.25), (0, -0.5, 1.45)], [0.07, 0.1, 0.07], "mane"))
    parts.append(tube([(0, 0.45, 0.85), (0, 0.68, 0.75), (0, 0.72, 0.45)], [0.08, 0.09, 0.04], "mane"))
    parts.append(rounded((0.46, 0.36, 0.2), (0, 0.05, 0.95), "accent", 3))
    a = np.linspace(-1, 1, 9)
    runner = tube(np.stack([0 * a + 0.26, 0.95 * a, 0.25 * a**2], -1), 0.065, "accent")
    legs = [strut((0.15, s * 0.32, 0.65), (0.25, s * 0.52, 0.1), 0.085) for s in (-1, 1)]
    ear = lathe([(0.06, 0), (0, 0.15)], "main", 8).moved(0.08, -0.5, 1.4)
    bar = rod_x(0.045, 0.5, (0, -0.42, 1.2), "wood")
    return [*parts, *both([runner, *legs, ear, ball(0.035, (0.12, -0.64, 1.28), "eye", 6)]), bar]


def kite(u: Uniform) -> list[Part]:
    sail = [(-0.55, 0.2), (0, -0.9), (0.55, 0.2), (0, 0.8)]
    parts = [prism(sail, 0.05).turned("x", 80), box((0.05, 0.06, 1.6), (0, -0.05, 0), "wood")]
    tail = [ellipsoid((0.12, 0.05, 0.06), (0.12 * (-1) ** k, 0, -1.05 - 0.16 * k), "accent", 8) for k in range(4)]
    return [*parts, *tail]


def balloon(u: Uniform) -> list[Part]:
    parts = [lathe([(0, -0.62), (0.12, -0.56), (0.42, -0.2), (0.5, 0.1), (0.42, 0.4), (0.22, 0.57), (0, 0.62)], "main", 20)]
    parts.append(lathe([(0.02, 0), (0.09, -0.1)], "main", 10, (0, 0, -0.6)))
    a = np.linspace(0, 1, 8)
    return [*parts, tube(np.stack([0.08 * np.sin(7 * a), 0 * a, -0.65 - 0.7 * a], -1), 0.025, "white", 6)]


def star(u: Uniform) -> list[Part]:
    return [prism(regular(5, 0.9, u(0.36, 0.45)), u(0.2, 0.35)).turned("x", 90)]


KINDS = {
    "teddy bear": Kind(teddy_bear, ("teddy", "stuffed bear", "plush bear", "toy bear"), ("fabric",),
                       ("brown", "brown", "beige"), 2.0, whole=True, trim=("bow", "with {} bow")),
    "soccer ball": Kind(soccer_ball, ("football", "soccerball"), ("leather",), ("white",), 1.6),
    "basketball": Kind(basketball, ("basket ball",), ("leather", "rubber"), ("orange",), 0.9),
    "tennis ball": Kind(tennis_ball, (), ("fabric",), ("lime",), 0.7),
    "beach ball": Kind(beach_ball, ("striped ball",), ("plastic",), ("red", "blue"), 0.7),
    "bowling ball": Kind(bowling_ball, (), ("plastic",), ("black", "blue", "red"), 0.5),
    "ball": Kind(plain_ball, ("toy ball", "sphere"), ("rubber", "plastic"), (), 0.7),
    "dice": Kind(dice, ("die", "gaming die"), ("plastic",), ("white", "red"), 0.9),
    "rubik cube": Kind(rubik_cube, ("rubik's cube", "puzzle cube", "magic cube"), ("plastic",),
                       ("black", "white"), 0.7),
    "chess pawn": Kind(chess_pawn, ("pawn", "chess piece"), ("wooden", "marble"),
                       ("white", "black", "brown"), 0.6),
    "chess rook": Kind(chess_rook, ("rook", "chess piece"), ("wooden", "marble"),
                       ("white", "black", "brown"), 0.6),
    "chess king": Kind(chess_king, ("chess piece",), ("wooden", "marble"),
                       ("white", "black", "brown"), 0.6),
    "chess knight": Kind(chess_knight, ("chess piece", "chess horse"), ("wooden", "marble"),
                         ("white", "black", "brown"), 0.6),
    "robot": Kind(robot, ("toy robot", "android"), ("metal", "plastic"), ("grey", "red"), 1.2),
    "snowman": Kind(snowman, (), (), ("red", "green", "blue"), 0.8, whole=True),
    "rubber duck": Kind(rubber_duck, ("toy duck", "bath duck", "duck"), ("rubber", "plastic"),
                        ("yellow",), 0.9, whole=True),
    "rocking horse": Kind(rocking_horse, ("toy horse",), ("wooden",), ("brown", "white"), 0.7),
    "kite": Kind(kite, (), ("fabric", "paper"), (), 0.3),
    "balloon": Kind(balloon, (), ("rubber",), ("red", "blue"), 0.5),
    "star": Kind(star, (), ("golden", "plastic"), ("yellow",), 0.5),
}  # fmt: skip
