"""Primitives that procedural props are built from: numpy triangle soups with a material slot.

Coordinates: +Z up, front -Y, any unit; a finished prop is normalised by `assemble`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared.conventions import CANONICAL_RADIUS

Number = float | int


@dataclass
class Part:
    """vertices (v, 3) float, faces (f, 3) int, slot: which of the prop's materials it wears."""

    vertices: np.ndarray
    faces: np.ndarray
    slot: str = "main"

    def moved(self, x: Number = 0, y: Number = 0, z: Number = 0) -> Part:
        return Part(self.vertices + np.array([x, y, z]), self.faces, self.slot)

    def turned(self, axis: str, degrees: Number) -> Part:
        """Turned around a world axis through the origin, right-handed."""
        a = np.radians(degrees)
        i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
        R = np.eye(3)
        R[i, i] = R[j, j] = np.cos(a)
        R[i, j], R[j, i] = -np.sin(a), np.sin(a)
        return Part(self.vertices @ R.T, self.faces, self.slot)

    def scaled(self, x: Number, y: Number, z: Number) -> Part:
        return Part(self.vertices * np.array([x, y, z]), self.faces, self.slot)


def box(size, centre=(0, 0, 0), slot: str = "main", taper: float = 1.0) -> Part:
    """An axis-aligned box; `taper` scales its top face."""
    corners = np.array([[x, y, z] for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)], float) / 2
    corners[4:, :2] *= taper
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    faces = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    return Part(
        corners * np.asarray(size, float) + np.asarray(centre, float), np.array(faces), slot
    )


def lathe(profile, slot: str = "main", segments: int = 20, centre=(0, 0, 0)) -> Part:
    """A solid of revolution around +Z; profile: [(radius, z), ...] from one end to the other."""
    p = np.asarray(profile, float)
    angles = np.arange(segments) * 2 * np.pi / segments
    ring = np.stack([np.cos(angles), np.sin(angles)], -1)
    vertices = np.concatenate(
        [p[:, None, :1] * ring[None], np.broadcast_to(p[:, None, 1:], (len(p), segments, 1))], -1
    ).reshape(-1, 3)
    return Part(vertices + np.asarray(centre, float), _grid_faces(len(p), segments), slot)


def _grid_faces(rows: int, columns: int) -> np.ndarray:
    """Triangles of a grid of rings, closed around."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    a, b = i * columns + j, i * columns + (j + 1) % columns
    c, d = a + columns, b + columns
    quads = np.stack([np.stack([a, b, d], -1), np.stack([a, d, c], -1)], -2)
    return quads.reshape(-1, 3)


def cylinder(radius, height, centre=(0, 0, 0), slot: str = "main", top=None, segments=16) -> Part:
    """A closed cylinder, or a frustum where `top` (radius) is given; `centre` is its middle."""
    top = radius if top is None else top
    h = height / 2
    return lathe([(0, -h), (radius, -h), (top, h), (0, h)], slot, segments, centre)


def ellipsoid(radii, centre=(0, 0, 0), slot: str = "main", segments: int = 16, cut=-1.0) -> Part:
    """An ellipsoid; `cut` in [-1, 1) removes what lies below that share of its z radius."""
    angles = np.linspace(np.arcsin(cut), np.pi / 2, segments // 2 + 1)
    profile = [(np.cos(a), np.sin(a)) for a in angles]
    if cut > -1:
        profile.insert(0, (0.0, float(np.sin(angles[0]))))
    return lathe(profile, slot, segments).scaled(*radii).moved(*centre)


def torus(major, minor, slot: str = "main", segments: int = 24, sides: int = 10) -> Part:
    """A ring around +Z."""
    return tube(_circle(major, segments), minor, slot, sides, closed=True)


def _circle(radius: Number, segments: int) -> np.ndarray:
    a = np.arange(segments) * 2 * np.pi / segments
    return np.stack([radius * np.cos(a), radius * np.sin(a), np.zeros(segments)], -1)


def arc(radius: Number, start_deg: Number, end_deg: Number, count: int = 9) -> np.ndarray:
    """Points (count, 3) of an arc in the XZ plane around the origin, angles from +X towards +Z."""
    a = np.radians(np.linspace(start_deg, end_deg, count))
    return np.stack([radius * np.cos(a), np.zeros(count), radius * np.sin(a)], -1)


def tube(path, radius, slot: str = "main", sides: int = 8, closed: bool = False) -> Part:
    """A round tube along `path` (n, 3); radius a number or one per point; ends closed."""
    path = np.asarray(path, float)
    n = len(path)
    radii = np.broadcast_to(np.asarray(radius, float), (n,))
    around = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    tangent = around if closed else np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-12
    rings = []
    reference = np.array([0.0, 0.0, 1.0]) if abs(tangent[0, 2]) < 0.8 else np.array([0.0, 1.0, 0.0])
    for point, t, r in zip(path, tangent, radii, strict=True):
        side = np.cross(t, reference)
        side /= np.linalg.norm(side) + 1e-12
        reference = np.cross(side, t)
        a = np.arange(sides) * 2 * np.pi / sides
        rings.append(point + r * (np.cos(a)[:, None] * side + np.sin(a)[:, None] * reference))
    if closed:
        rings.append(rings[0])
    else:
        first, last = np.repeat(path[:1], sides, 0), np.repeat(path[-1:], sides, 0)
        rings = [first, *rings, last]
    return Part(np.concatenate(rings), _grid_faces(len(rings), sides), slot)


def extrude(outline, depth: Number, slot: str = "main") -> Part:
    """A star-shaped outline [(x, z), ...] in the XZ plane, extruded along Y around y = 0."""
    o = np.asarray(outline, float)
    n = len(o)
    front = np.stack([o[:, 0], np.full(n, -depth / 2), o[:, 1]], -1)
    back = front + np.array([0, depth, 0])
    middle = o.mean(0)
    centres = [[middle[0], -depth / 2, middle[1]], [middle[0], depth / 2, middle[1]]]
    i, j = np.arange(n), (np.arange(n) + 1) % n
    faces = [
        np.stack([i, j, np.full(n, 2 * n)], -1),
        np.stack([j + n, i + n, np.full(n, 2 * n + 1)], -1),
        np.stack([i, i + n, j + n], -1),
        np.stack([i, j + n, j], -1),
    ]
    return Part(np.concatenate([front, back, centres]), np.concatenate(faces), slot)


def assemble(parts: list[Part]) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Parts -> vertices (V, 3) in the canonical sphere, faces (F, 3), part index (F,), slots."""
    offsets = np.cumsum([0, *(len(p.vertices) for p in parts)])
    vertices = np.concatenate([p.vertices for p in parts])
    faces = np.concatenate([p.faces + o for p, o in zip(parts, offsets, strict=False)])
    part = np.concatenate([np.full(len(p.faces), i) for i, p in enumerate(parts)])
    vertices = vertices - (vertices.min(0) + vertices.max(0)) / 2
    vertices *= CANONICAL_RADIUS / np.linalg.norm(vertices, axis=1).max()
    return vertices, faces, part, [p.slot for p in parts]
