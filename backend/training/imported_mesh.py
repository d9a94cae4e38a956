"""Imported triangles -> canonical, bounded in number, and fine enough to carry texture by face.

In go `Triangles` as their author made them; out comes a `Surface` whose faces know which original
face they came from, so that the texture can still be looked up at any point of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import fast_simplification
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from backend.neighbours import tree_of
from shared.conventions import CANONICAL_RADIUS

MAX_FACES = 6000
SIMPLIFIED_FACES = 4000  # what is left for textured faces is then split where they are large
FINEST_EDGE = 0.045  # in canonical units: about a pixel and a half of a 64-pixel view


@dataclass
class Surface:
    """vertices (V, 3), faces (F, 3), slot (F,): the material, source (F,): the original face."""

    vertices: np.ndarray
    faces: np.ndarray
    slot: np.ndarray
    source: np.ndarray

    def kept(self, mask: np.ndarray) -> Surface:
        return Surface(self.vertices, self.faces[mask], self.slot[mask], self.source[mask])

    @property
    def areas(self) -> np.ndarray:
        a, b, c = (self.vertices[self.faces[:, k]] for k in range(3))
        return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2

    @property
    def centres(self) -> np.ndarray:
        return self.vertices[self.faces].mean(1)


def canonical(vertices: np.ndarray, rotation: np.ndarray, size) -> np.ndarray:
    """OBJ vertices (y up, front +z) -> the canonical sphere, +z up, front -y.

    `rotation` (3, 3) is applied first; `size` (width, depth, height) sets the proportions. Axes
    along which the model is flat stay flat.
    """
    turned = vertices @ rotation.T
    turned = np.stack([turned[:, 0], -turned[:, 2], turned[:, 1]], -1)
    low, high = turned.min(0), turned.max(0)
    extent = np.maximum(high - low, 1e-9)
    turned = (turned - (low + high) / 2) / extent * np.where(high - low > 1e-9, size, 0)
    return turned * CANONICAL_RADIUS / np.linalg.norm(turned, axis=1).max()


def simplify(surface: Surface, limit: int, rng: np.random.Generator) -> Surface:
    """At most about `limit` faces: slot by slot, more faces for what has more area."""
    if len(surface.faces) <= limit:
        return surface
    areas = surface.areas
    slots = np.unique(surface.slot)
    counts = np.array([(surface.slot == s).sum() for s in slots])
    weights = np.sqrt([areas[surface.slot == s].sum() for s in slots])
    share = np.minimum(counts, np.maximum(24, limit * weights / weights.sum()))
    share = np.minimum(counts, share + (limit - share.sum()).clip(0) * counts / counts.sum())
    parts = [
        _simplify_slot(surface.kept(surface.slot == slot), int(target), rng)
        for slot, target in zip(slots, share, strict=True)
    ]
    return join(parts)


def join(parts: list[Surface]) -> Surface:
    """Surfaces side by side."""
    offsets = np.cumsum([0, *(len(p.vertices) for p in parts)])
    faces = [p.faces + o for p, o in zip(parts, offsets, strict=False)]
    return Surface(
        np.concatenate([p.vertices for p in parts]),
        np.concatenate(faces),
        np.concatenate([p.slot for p in parts]),
        np.concatenate([p.source for p in parts]),
    )


def _simplify_slot(surface: Surface, target: int, rng: np.random.Generator) -> Surface:
    surface = _welded(surface)
    if len(surface.faces) <= target:
        return surface
    labels, count = _pieces(surface)
    if count > 40:  # foliage, fringes, screws: many loose pieces
        surface = _thinned(surface, labels, count, target, rng)
        if len(surface.faces) <= target * 1.2:
            return surface
    vertices, faces = fast_simplification.simplify(
        surface.vertices.astype(np.float32),
        surface.faces.astype(np.int32),
        target_reduction=float(np.clip(1 - target / len(surface.faces), 0.01, 0.99)),
    )
    if len(faces) == 0 or len(faces) > target * 1.3:  # folds and double walls stop it
        return _clustered(surface, target)
    nearest = tree_of(surface.centres).query(vertices[faces].mean(1))[1]
    return Surface(vertices.astype(float), faces, surface.slot[nearest], surface.source[nearest])


def _clustered(surface: Surface, target: int) -> Surface:
    """Vertices snapped to a grid, the finest that leaves about `target` faces."""
    cell = 0.004
    out = surface
    while len(out.faces) > target * 1.3 and cell < 0.1:
        out, cell = _welded(surface, cell), cell * 1.3
    return out


def _welded(surface: Surface, cell: float = 1e-4) -> Surface:
    """Vertices within a cell become one; unused ones, flat faces and second copies of faces go."""
    used, faces = np.unique(surface.faces, return_inverse=True)
    rounded = np.round(surface.vertices[used] / cell).astype(np.int64)
    _, first, same = np.unique(rounded, axis=0, return_index=True, return_inverse=True)
    faces = same.reshape(-1)[faces.reshape(-1, 3)]
    _, once = np.unique(np.sort(faces, 1), axis=0, return_index=True)
    single = np.isin(np.arange(len(faces)), once)
    distinct = (faces != np.roll(faces, 1, 1)).all(1)
    welded = Surface(surface.vertices[used][first], faces, surface.slot, surface.source)
    return welded.kept(distinct & single)


def _pieces(surface: Surface) -> tuple[np.ndarray, int]:
    """The connected piece that each face belongs to, and how many there are."""
    f = surface.faces
    a, b = np.concatenate([f[:, 0], f[:, 1]]), np.concatenate([f[:, 1], f[:, 2]])
    size = len(surface.vertices)
    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(size, size))
    labels = connected_components(graph, directed=False)[1][f[:, 0]]
    _, labels = np.unique(labels, return_inverse=True)
    return labels, int(labels.max(initial=-1)) + 1


def _thinned(surface, labels, count: int, target: int, rng: np.random.Generator) -> Surface:
    """A random part of the small loose pieces, grown to cover about what all of them did."""
    area = np.bincount(labels, surface.areas, minlength=count)
    small = area < 0.003 * area.sum()
    loose = int(small[labels].sum())
    share = max((target - (len(labels) - loose)) / max(loose, 1), 0.25 * target / len(labels))
    if share >= 1:
        return surface
    keep = (~small | (rng.random(count) < share))[labels]
    thin, labels = surface.kept(keep), labels[keep]
    corners = surface.vertices[thin.faces].reshape(-1, 3)
    grow = np.where(small, min(share**-0.5, 2.2), 1.0)
    per_corner = np.repeat(labels, 3)
    weight = np.bincount(per_corner, minlength=count)[:, None].clip(1)
    sums = [np.bincount(per_corner, corners[:, k], minlength=count) for k in range(3)]
    middle = (np.stack(sums, -1) / weight)[per_corner]
    grown = middle + (corners - middle) * grow[per_corner, None]
    faces = np.arange(len(grown)).reshape(-1, 3)
    return _welded(Surface(grown, faces, thin.slot, thin.source))


def subdivide(surface: Surface, fine: np.ndarray, limit: int) -> Surface:
    """Splits the longest edges of faces whose slot is `fine` (slots,) as far as `limit` allows."""
    longest = FINEST_EDGE
    for _ in range(12):
        split = _split_to(surface, fine, longest, limit)
        if split is not None:
            return split
        longest *= 1.35
    return surface


def _split_to(surface: Surface, fine, longest: float, limit: int) -> Surface | None:
    """All edges of fine faces at most `longest`; None where that takes more than `limit` faces."""
    corners = surface.vertices[surface.faces]
    slot, source = surface.slot, surface.source
    while True:
        edges = np.linalg.norm(np.roll(corners, -1, 1) - corners, axis=2)
        worst = edges.argmax(1)
        split = fine[slot] & (edges.max(1) > longest)
        if len(corners) + split.sum() > limit:
            return None
        if not split.any():
            break
        rows, k = np.nonzero(split)[0], worst[split]
        a, b, c = (corners[rows, (k + i) % 3] for i in range(3))
        middle = (a + b) / 2
        halves = [np.stack([a, middle, c], 1), np.stack([middle, b, c], 1)]
        corners = np.concatenate([corners[~split], *halves])
        slot = np.concatenate([slot[~split], slot[split], slot[split]])
        source = np.concatenate([source[~split], source[split], source[split]])
    faces = np.arange(len(corners) * 3).reshape(-1, 3)
    return _welded(Surface(corners.reshape(-1, 3), faces, slot, source))
