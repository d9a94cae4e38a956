"""Normals at the corners of faces: smooth where the surface is, split at hard edges; and carried
along when the surface moves.

In: points, faces, and which vertices are welded. Out: (F, 3, 3) unit normals.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import njit

HARD = math.cos(math.radians(40.0))  # faces that meet at more than that are shaded apart


def corner_normals(points: np.ndarray, faces: np.ndarray, welded: np.ndarray) -> np.ndarray:
    """Area-weighted over the faces around a welded vertex that look nearly the same way.

    points (G, 3), faces (F, 3) into them, welded (G,). +Z for faces without area.
    """
    a, b, c = (points[faces[:, i]].astype(np.float64) for i in range(3))
    cross = np.cross(b - a, c - a)
    length = np.linalg.norm(cross, axis=1, keepdims=True)
    unit = np.where(length > 1e-20, cross / np.maximum(length, 1e-20), (0.0, 0.0, 1.0))
    corners = welded[faces].reshape(-1)
    order = np.argsort(corners, kind="stable")
    starts = np.searchsorted(corners[order], np.arange(int(corners.max()) + 2))
    sums = np.zeros((len(corners), 3))
    _gather(order, starts, cross, unit, sums)
    total = np.linalg.norm(sums, axis=1, keepdims=True)
    own = unit.repeat(3, axis=0)
    sums = np.where(total > 1e-20, sums / np.maximum(total, 1e-20), own)
    return sums.reshape(-1, 3, 3).astype(np.float32)


@njit(cache=True, nogil=True)
@no_type_check
def _gather(order, starts, cross, unit, sums):
    for vertex in range(len(starts) - 1):
        for i in range(starts[vertex], starts[vertex + 1]):
            face = order[i] // 3
            for j in range(starts[vertex], starts[vertex + 1]):
                other = order[j] // 3
                cosine = 0.0
                for k in range(3):
                    cosine += unit[face, k] * unit[other, k]
                if face == other or cosine >= HARD:
                    for k in range(3):
                        sums[order[i], k] += cross[other, k]


def turned(normals: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(n, 3) unit normals, each turned by the smallest rotation that takes before to after.

    Rodrigues' formula; unit vectors. Where before and after are opposite, after itself.
    """
    axis = np.cross(before, after)
    cosine = (before * after).sum(axis=1, keepdims=True)
    along = (axis * normals).sum(axis=1, keepdims=True) * axis
    safe = np.maximum(1 + cosine, 1e-6)
    result = normals * cosine + np.cross(axis, normals) + along / safe
    return np.where(cosine > -0.999, result, after)
