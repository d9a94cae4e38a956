"""Procedural props: balls and pieces of games. The table is at the end."""

from __future__ import annotations

import itertools

import numpy as np

from backend.training.forms import (
    ball,
    both,
    prism,
    rod_y,
    rounded,
    sector,
    sphere_patch,
)
from backend.training.kinds import Kind, Uniform
from backend.training.shapes import Part, box, ellipsoid, lathe, torus, tube

GOLDEN = (1 + 5**0.5) / 2


def _icosahedron() -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    v = np.array(
        [p for a in (-1, 1) for b in (-GOLDEN, GOLDEN) for p in ((0, a, b), (a, b, 0), (b, 0, a))],
        float,
    )
    near = [[np.linalg.norm(a - b) < 2.1 for b in v] for a in v]
    faces = [
        f
        for f in itertools.combinations(range(12), 3)
        if near[f[0]][f[1]] and near[f[1]][f[2]] and near[f[0]][f[2]]
    ]
    return v, faces


def soccer_ball(u: Uniform) -> list[Part]:
    """A truncated icosahedron on a sphere: 12 dark pentagons, 20 hexagons with seams."""
    v, faces = _icosahedron()
    parts = []
    for f in faces:
        p = [v[i] for i in f]
        corners = [
            p[a] + (p[b] - p[a]) * t for a, b in ((0, 1), (1, 2), (2, 0)) for t in (1 / 3, 2 / 3)
        ]
        middle = sum(corners) / 6
        parts.append(sphere_patch([c * 0.94 + middle * 0.06 for c in corners], "main"))
    for i in range(12):
        around = [v[j] for j in range(12) if 0 < np.linalg.norm(v[i] - v[j]) < 2.1]
        e = np.cross(v[i], around[0])
        up = np.cross(e, v[i])
        around.sort(
            key=lambda q: np.arctan2(q @ e, q @ up * np.linalg.norm(e) / np.linalg.norm(up))
        )
        parts.append(sphere_patch([v[i] + (q - v[i]) / 3 * 1.04 for q in around], "black"))
    turn = (u.turn(360), u.turn(360))
    parts.append(ball(0.985, slot="dark", segments=20))
    return [p.turned("x", turn[0]).turned("z", turn[1]) for p in parts]


def basketball(u: Uniform) -> list[Part]:
    seam = torus(0.985, 0.035, "black", 32, 6)
    a = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    curve = np.stack([np.cos(a), 0.62 * np.sin(a), 0.55 * np.cos(2 * a) + 0.0 * a], -1)
    curve /= np.linalg.norm(curve, axis=1, keepdims=True)
    parts = [
        ball(1, segments=26),
        seam,
        seam.turned("x", 90),
        tube(curve * 0.985, 0.035, "black", 6, True).turned("y", 90),
    ]
    turn = u.turn(360)
    return [p.turned("y", 25).turned("z", turn) for p in parts]


def tennis_ball(u: Uniform) -> list[Part]:
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    curve = np.stack(
        [
            0.75 * np.cos(t) + 0.25 * np.cos(3 * t),
            0.75 * np.sin(t) - 0.25 * np.sin(3 * t),
            0.866 * np.sin(2 * t),
        ],
        -1,
    )
    turn = (u.turn(360), u.turn(360))
    parts = [ball(1, segments=26), tube(curve * 0.98, 0.055, "white", 6, True)]
    return [p.turned("x", turn[0]).turned("z", turn[1]) for p in parts]


def beach_ball(u: Uniform) -> list[Part]:
    a = np.linspace(-np.pi / 2, np.pi / 2, 15)
    profile = [(np.cos(t), np.sin(t)) for t in a]
    slots = (
        ("main", "white", "book0", "white", "book1", "white")
        if u(0, 1) < 0.5
        else ("main", "white") * 3
    )
    parts = [sector(profile, 60 * k, 60 * k + 60, slot, 5) for k, slot in enumerate(slots)]
    caps = [ellipsoid((0.2, 0.2, 0.06), (0, 0, s * 0.97), "white", 12) for s in (-1, 1)]
    tilt = u(-35, 35)
    return [p.turned("x", tilt) for p in (*parts, *caps)]


def plain_ball(u: Uniform) -> list[Part]:
    parts = [ball(0.9, segments=26)]
    if u(0, 1) < 0.4:
        a = u.turn(90)
        parts.append(torus(0.895, 0.06, "white", 30, 6).turned("x", a))
    return parts


def bowling_ball(u: Uniform) -> list[Part]:
    holes = [(0.1, 0.22), (-0.1, 0.22), (0.0, -0.02)]
    parts = [ball(1, segments=26)]
    for x, z in holes:
        parts.append(
            rod_y(0.085, 0.04, (x, -np.sqrt(1 - x * x - z * z) + 0.005, z), "black", segments=10)
        )
    return [p.turned("x", -25) for p in parts]


def dice(u: Uniform) -> list[Part]:
    parts = [rounded((1, 1, 1), power=7, segments=22)]
    pip = ellipsoid((0.1, 0.1, 0.035), slot="contrast", segments=10)
    spots = {
        1: [(0, 0)],
        2: [(-1, -1), (1, 1)],
        3: [(-1, -1), (0, 0), (1, 1)],
        4: [(a, b) for a in (-1, 1) for b in (-1, 1)],
        5: [(0, 0), *((a, b) for a in (-1, 1) for b in (-1, 1))],
        6: [(a, b) for a in (-1, 1) for b in (-1, 0, 1)],
    }
    turns = {1: ("x", 0), 6: ("x", 180), 2: ("x", 90), 5: ("x", -90), 3: ("y", 90), 4: ("y", -90)}
    for number, (axis, degrees) in turns.items():
        parts += [
            pip.moved(a * 0.25, b * 0.25, 0.495).turned(axis, degrees) for a, b in spots[number]
        ]
    return parts


def rubik_cube(u: Uniform) -> list[Part]:
    slots = ["white", "red", "blue9", "carrot", "leaves", "banana"]
    turns = [("x", 0), ("x", 90), ("x", -90), ("y", 90), ("y", -90), ("x", 180)]
    parts = [box((1, 1, 1), slot="main")]
    mixed = u(0, 1) < 0.6
    for side, (axis, degrees) in enumerate(turns):
        for i in (-1, 0, 1):
            for j in (-1, 0, 1):
                slot = slots[int(u.anywhere(0, 6))] if mixed else slots[side]
                parts.append(
                    box((0.28, 0.28, 0.03), (i * 0.325, j * 0.325, 0.5), slot).turned(axis, degrees)
                )
    return parts


def _piece(profile, segments: int = 18) -> list[Part]:
    base = [(0, 0), (0.36, 0), (0.38, 0.12), (0.3, 0.18), (0.28, 0.26)]
    return [lathe([*base, *profile], "main", segments)]


def chess_pawn(u: Uniform) -> list[Part]:
    parts = _piece([(0.16, 0.4), (0.13, 0.75), (0.24, 0.78), (0.24, 0.84), (0, 0.86)])
    return [*parts, ball(0.22, (0, 0, 1.02), segments=14)]


def chess_rook(u: Uniform) -> list[Part]:
    parts = _piece([(0.2, 0.4), (0.18, 0.85), (0.3, 0.95), (0.3, 1.05), (0, 1.05)])
    return [
        *parts,
        *[box((0.12, 0.16, 0.16), (0.24, 0, 1.1)).turned("z", 60 * k) for k in range(6)],
    ]


def chess_king(u: Uniform) -> list[Part]:
    parts = _piece(
        [(0.18, 0.45), (0.14, 1.05), (0.26, 1.1), (0.2, 1.16), (0.27, 1.45), (0.1, 1.52), (0, 1.55)]
    )
    return [*parts, box((0.08, 0.08, 0.3), (0, 0, 1.66)), box((0.24, 0.08, 0.08), (0, 0, 1.7))]


def chess_knight(u: Uniform) -> list[Part]:
    outline = [
        (-0.2, 0.0),
        (0.24, 0),
        (0.22, 0.3),
        (0.3, 0.55),
        (0.2, 0.82),
        (0.02, 0.98),
        (-0.02, 0.84),
        (-0.36, 0.62),
        (-0.38, 0.48),
        (-0.24, 0.44),
        (-0.1, 0.5),
        (-0.2, 0.3),
    ]
    head = prism(np.array(outline)[:, ::-1], 0.2).turned("z", 0)
    v = head.vertices[:, [2, 1, 0]] - [0.1, 0, 0]
    return [
        *_piece([(0.2, 0.3), (0, 0.3)]),
        Part(v, head.faces).moved(z=0.26),
        *both(ball(0.03, (0.1, -0.12, 0.95), "eye", 6)),
    ]


KINDS = {
    "soccer ball": Kind(soccer_ball, ("football", "soccerball"), ("leather",), ("white",), 1.6),
    "basketball": Kind(basketball, ("basket ball",), ("leather", "rubber"), ("orange",), 0.9),
    "tennis ball": Kind(tennis_ball, (), ("fabric",), ("lime",), 0.7),
    "beach ball": Kind(beach_ball, ("inflatable ball",), ("plastic",), ("red", "blue"), 0.7),
    "bowling ball": Kind(bowling_ball, (), ("plastic",), ("black", "blue", "red"), 0.5),
    "ball": Kind(plain_ball, ("toy ball", "sphere"), ("rubber", "plastic"), ("red", "blue"), 0.7),
    "dice": Kind(dice, ("die", "gaming die"), ("plastic",), ("white", "red"), 0.9),
    "rubik cube": Kind(
        rubik_cube,
        ("rubiks cube", "puzzle cube", "magic cube"),
        ("plastic",),
        ("black", "white"),
        0.7,
    ),
    "chess pawn": Kind(
        chess_pawn, ("pawn", "chess piece"), ("wooden", "marble"), ("white", "black", "brown"), 0.6
    ),
    "chess rook": Kind(
        chess_rook, ("rook", "chess piece"), ("wooden", "marble"), ("white", "black", "brown"), 0.6
    ),
    "chess king": Kind(
        chess_king, ("chess piece",), ("wooden", "marble"), ("white", "black", "brown"), 0.6
    ),
    "chess knight": Kind(
        chess_knight,
        ("chess piece", "chess horse"),
        ("wooden", "marble"),
        ("white", "black", "brown"),
        0.6,
    ),
}
