"""Forms made of the primitives: rounded boxes, lofts, wheels, rings of copies, patches of spheres.

As in shapes.py: numpy triangle soups with a slot, +Z up, front -Y, any unit.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from backend.training.shapes import (
    Number,
    Part,
    _grid_faces,
    box,
    cylinder,
    ellipsoid,
    extrude,
    torus,
    tube,
)


def rounded(size, centre=(0, 0, 0), slot: str = "main", power: Number = 4.0, segments=16) -> Part:
    """A box with soft edges (superellipsoid); `power` 2 is an ellipsoid, 8 nearly a box."""
    p = ellipsoid((1, 1, 1), (0, 0, 0), slot, segments)
    v = p.vertices + np.array([0, 0, 1e-9])
    v = v / (np.abs(v) ** power).sum(1, keepdims=True) ** (1 / power)
    return Part(v * np.asarray(size, float) / 2 + np.asarray(centre, float), p.faces, slot)


def squared(part: Part, power: Number = 4.0) -> Part:
    """A solid of revolution whose rings become squircles of the same width."""
    xy = part.vertices[:, :2]
    length = np.linalg.norm(xy, axis=1, keepdims=True) + 1e-12
    norm = (np.abs(xy / length) ** power).sum(1, keepdims=True) ** (1 / power)
    norm = np.where(norm > 0, norm, 1.0)  # on the axis
    vertices = np.concatenate([xy / norm, part.vertices[:, 2:]], 1)
    return Part(vertices, part.faces, part.slot)


def strut(a, b, radius: Number = 0.05, slot: str = "main", sides: int = 8) -> Part:
    """A straight rod from a to b."""
    return tube([a, b], radius, slot, sides)


def ball(radius, centre=(0, 0, 0), slot: str = "main", segments: int = 12) -> Part:
    return ellipsoid((radius, radius, radius), centre, slot, segments)


def rod_x(radius, length, centre=(0, 0, 0), slot="main", segments: int = 16) -> Part:
    """A cylinder along X."""
    return cylinder(radius, length, slot=slot, segments=segments).turned("y", 90).moved(*centre)


def rod_y(radius, length, centre=(0, 0, 0), slot="main", top=None, segments: int = 16) -> Part:
    """A cylinder along Y; `top` is its radius at the front (-Y)."""
    rod = cylinder(radius, length, slot=slot, top=top, segments=segments)
    return rod.turned("x", 90).moved(*centre)


def ring_of(part: Part, count: int, start_deg: Number = 0) -> list[Part]:
    """Copies of a part turned around +Z."""
    return [part.turned("z", start_deg + 360 * k / count) for k in range(count)]


def both(parts: Part | Iterable[Part]) -> list[Part]:
    """The parts and their mirror images across x = 0."""
    group = [parts] if isinstance(parts, Part) else list(parts)
    return [*group, *(p.scaled(-1, 1, 1) for p in group)]


def prism(outline, height: Number, slot: str = "main") -> Part:
    """A star-shaped outline [(x, y), ...] in the XY plane, from z = 0 up to `height`."""
    return extrude(outline, height, slot).scaled(1, -1, 1).turned("x", -90).moved(z=height / 2)


def loft(rings, slot: str = "main") -> Part:
    """A skin over closed rings (rows, columns, 3) with both ends closed."""
    r = np.asarray(rings, float)
    columns = r.shape[1]
    first, last = (np.repeat(r[i].mean(0, keepdims=True), columns, 0) for i in (0, -1))
    rows = np.concatenate([first[None], r, last[None]])
    return Part(rows.reshape(-1, 3), _grid_faces(len(rows), columns), slot)


def wheel(radius, width, centre=(0, 0, 0), tyre: str = "dark", hub: str = "metal") -> list[Part]:
    """A wheel that rolls along Y: the axle is along X."""
    return [
        rod_x(radius, width, centre, tyre, 18),
        rod_x(radius * 0.55, width * 1.12, centre, hub, 14),
    ]


def spoked(radius, thick, slot: str = "main", spokes: int = 8) -> list[Part]:
    """A spoked wheel around +Z: rim, hub and spokes."""
    spoke = strut((0, 0, 0), (radius, 0, 0), thick * 0.5, slot, 6)
    hub = cylinder(thick * 1.8, thick * 3, slot=slot, segments=12)
    return [torus(radius, thick, slot, 26, 8), hub, *ring_of(spoke, spokes)]


def handle(width, height, radius, slot: str = "main", count: int = 9) -> Part:
    """A bow in the XZ plane that stands on z = 0."""
    a = np.linspace(0, np.pi, count)
    path = np.stack([np.cos(a) * width / 2, np.zeros(count), np.sin(a) * height], -1)
    return tube(path, radius, slot)


def arch(width, height, count: int = 9) -> np.ndarray:
    """Outline (n, 2) of a doorway with a round top that stands on z = 0."""
    a = np.linspace(0, np.pi, count)
    r = width / 2
    top = np.stack([np.cos(a) * r, np.sin(a) * r + height - r], -1)
    return np.concatenate([[(-r, 0), (r, 0)], top])


def regular(count: int, radius: Number, inner: Number | None = None) -> np.ndarray:
    """Outline of a polygon, or of a star where `inner` (its smaller radius) is given."""
    n = count if inner is None else 2 * count
    a = np.arange(n) * 2 * np.pi / n + np.pi / 2
    r = np.full(n, radius, float)
    if inner is not None:
        r[1::2] = inner
    return np.stack([r * np.cos(a), r * np.sin(a)], -1)


def legs(w, d, h, t, slot: str = "main", splay: Number = 0, round_: bool = False) -> list[Part]:
    """Four legs under a w x d rectangle, from z = 0 to h; `splay` moves the feet outwards."""
    out = []
    for sx in (-1, 1):
        for sy in (-1, 1):
            x, y = sx * (w / 2 - t / 2), sy * (d / 2 - t / 2)
            if round_ or splay:
                foot = (x * (1 + splay), y * (1 + splay), 0)
                out.append(strut(foot, (x, y, h), t / 2, slot))
            else:
                out.append(box((t, t, h), (x, y, h / 2), slot))
    return out


def sphere_patch(polygon, slot: str = "main", levels: int = 1) -> Part:
    """A convex polygon (n, 3), fanned, subdivided and thrown onto the unit sphere."""
    p = [np.asarray(v, float) for v in polygon]
    points = [sum(p) / len(p), *p]
    faces = [(0, 1 + i, 1 + (i + 1) % len(p)) for i in range(len(p))]
    for _ in range(levels):
        middle: dict[tuple[int, int], int] = {}

        def half(a: int, b: int, middle=middle) -> int:
            key = (min(a, b), max(a, b))
            if key not in middle:
                middle[key] = len(points)
                points.append((points[a] + points[b]) / 2)
            return middle[key]

        split = []
        for a, b, c in faces:
            d, e, g = half(a, b), half(b, c), half(c, a)
            split += [(a, d, g), (d, b, e), (g, e, c), (d, e, g)]
        faces = split
    v = np.array(points)
    return Part(v / np.linalg.norm(v, axis=1, keepdims=True), np.array(faces), slot)


def sector(profile, start_deg, end_deg, slot: str = "main", segments: int = 6) -> Part:
    """The part of a solid of revolution between two angles around +Z, without side walls."""
    p = np.asarray(profile, float)
    a = np.radians(np.linspace(start_deg, end_deg, segments + 1))
    v = np.stack([p[:, :1] * np.cos(a), p[:, :1] * np.sin(a), p[:, 1:] + 0 * a], -1)
    i, j = np.meshgrid(np.arange(len(p) - 1), np.arange(segments), indexing="ij")
    q = i * (segments + 1) + j
    r = q + segments + 1
    faces = np.stack([np.stack([q, q + 1, r + 1], -1), np.stack([q, r + 1, r], -1)], -2)
    return Part(v.reshape(-1, 3), faces.reshape(-1, 3), slot)


def side_view(outline, width: Number, slot: str = "main") -> Part:
    """An outline [(y, z), ...] seen from +X, made `width` wide along X."""
    return extrude(outline, width, slot).turned("z", 90)


def animal_head(radius, centre, snout, eye: Number = 0.055, muzzle: str = "light") -> list[Part]:
    """A round head that looks at -Y: muzzle (`snout` long), nose and eyes of radius `eye`."""
    x, y, z = centre
    lips = (x, y - radius * 0.8, z - radius * 0.25)
    nose = (x, y - radius * 0.8 - snout, z - radius * 0.15)
    pupil = ball(eye, (radius * 0.42, y - radius * 0.83, z + radius * 0.2), "eye", 8)
    return [
        ball(radius, centre, segments=16),
        ellipsoid((radius * 0.5, snout, radius * 0.4), lips, muzzle, 12),
        ellipsoid((radius * 0.18, 0.05, radius * 0.13), nose, "eye", 8),
        *both(pupil),
    ]
