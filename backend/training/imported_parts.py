"""Faces with colours -> a few looks, and which of them are the model's dominant surface."""

from __future__ import annotations

import numpy as np
import torch
from scipy.cluster.vq import kmeans2

from backend.cameras import CameraRange
from backend.training.gbuffer import corner_normals, render_view
from backend.training.imported_looks import surface_terms
from backend.training.imported_mesh import Surface
from backend.training.wavefront import Material

MAX_LOOKS = 48
ALIKE = 0.14  # sRGB distance below which two slots count as one surface


def quantise(slot, colours, areas, materials: list[Material]) -> tuple[np.ndarray, ...]:
    """Faces -> look index (F,), looks (parts, 5), slot of each look; at most MAX_LOOKS of them."""
    slots, part = np.unique(slot, return_inverse=True)
    weight = np.array([areas[part == i].sum() for i in range(len(slots))])
    spread = np.array([colours[part == i].std(0).max() for i in range(len(slots))])
    wanted = np.where(spread > 0.02, np.sqrt(weight * spread), 0)
    room = max(MAX_LOOKS - len(slots), 0)
    counts = 1 + np.floor(room * wanted / max(wanted.sum(), 1e-9)).astype(int).clip(max=15)
    out = np.zeros(len(slot), int)
    looks: list[list[float]] = []
    owners: list[int] = []
    for i, count in enumerate(counts):
        mask = part == i
        centres, labels = _clusters(colours[mask], int(count))
        out[mask] = labels + len(looks)
        terms = surface_terms(materials[slots[i]])
        looks += [[*centre, *terms] for centre in centres]
        owners += [slots[i]] * len(centres)
    return _at_most(out, np.array(looks), np.array(owners), areas)


def _clusters(colours: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """k-means with a fixed seed; clusters without members go."""
    if count == 1:
        return colours.mean(0, keepdims=True), np.zeros(len(colours), int)
    count = min(count, len(np.unique(np.round(colours, 3), axis=0)))
    _, labels = kmeans2(colours, count, minit="++", seed=0, missing="warn")
    _, labels = np.unique(labels, return_inverse=True)
    centres = [colours[labels == i].mean(0) for i in range(labels.max() + 1)]
    return np.array(centres), labels


def _at_most(part, looks, owners, areas) -> tuple[np.ndarray, ...]:
    """Keeps the MAX_LOOKS looks with the most area; the others become what is nearest to them."""
    if len(looks) <= MAX_LOOKS:
        return part, looks, owners
    order = np.argsort(-np.bincount(part, areas, minlength=len(looks)), kind="stable")
    keep = np.sort(order[:MAX_LOOKS])
    distance = np.linalg.norm(looks[:, None] - looks[None, keep], axis=2)
    return distance.argmin(1)[part], looks[keep], owners[keep]


def visible_shares(surface: Surface, part: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Which share of what is seen wears each look (parts,), over eight views around the model.

    Slots are counted, where a pixel shows only one; a slot's looks share it by their areas, for
    those of a fine texture have no pixel to themselves.
    """
    names, owner = np.unique(slots, return_inverse=True)
    area = np.bincount(part, surface.areas, minlength=len(slots)) + 1e-12
    shares = _slot_shares(surface, owner[part], len(names))
    return shares[owner] * area / np.bincount(owner, area)[owner]


def _slot_shares(surface: Surface, slot: np.ndarray, count: int) -> np.ndarray:
    """The share (count,) of each slot in the pixels that show only one."""
    rows = np.zeros((count, 13), np.float32)
    rows[:, 0] = rows[:, 3] = np.arange(count) / 255
    rows[:, 1] = rows[:, 4] = (np.arange(count) * 37 % 251) / 255
    views = look_around(surface, slot, rows)
    index = views[..., 0].astype(int)  # a slot's number was drawn as its colour
    pure = (views[..., 8] == 255) & (index * 37 % 251 == views[..., 1]) & (index < count)
    total = np.bincount(index[pure], minlength=count).astype(float)
    if total.sum() == 0:  # nothing but thin parts
        total = np.bincount(slot, surface.areas, minlength=count)
    return total / total.sum()


def look_around(surface: Surface, part: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Eight G-buffers (8, 64, 64, 9) of a surface, always from the same cameras."""
    ring = CameraRange(elevation_deg=(25.0, 25.0), distance=(3.0, 3.0))
    cameras = ring.sample(8, torch.Generator().manual_seed(0))
    vertices = np.ascontiguousarray(surface.vertices, np.float32)
    faces = np.ascontiguousarray(surface.faces, np.int32)
    normals = corner_normals(vertices, faces, np.float32(0.7))
    focal = (1 / np.tan(np.radians(cameras.fov_y_deg.numpy()) / 2)).astype(np.float32)
    part = part.astype(np.int32)
    return np.stack(
        [
            render_view(vertices, faces, normals, part, rows, viewmat, f, 64)
            for viewmat, f in zip(cameras.viewmats.numpy().astype(np.float32), focal, strict=True)
        ]
    )


def dominant_parts(looks, slots, seen) -> tuple[np.ndarray, float]:
    """The looks (parts,) of the surface that is seen most, and its share of what is seen.

    That is one material with those that resemble it; where it is under a third of what is seen,
    the next one joins.
    """
    names = np.unique(slots)
    shares = np.array([seen[slots == s].sum() for s in names])
    weights = seen + 1e-6
    means = np.array(
        [np.average(looks[slots == s], axis=0, weights=weights[slots == s]) for s in names]
    )
    chosen = np.zeros(len(names), bool)
    for _ in range(2):
        first = np.argmax(np.where(chosen, -1, shares))
        near = np.linalg.norm(means[:, :3] - means[first, :3], axis=1) < ALIKE
        chosen |= near & (np.abs(means[:, 4] - means[first, 4]) < 0.5)
        if shares[chosen].sum() > 0.34:
            break
    return np.isin(slots, names[chosen]), float(shares[chosen].sum())
