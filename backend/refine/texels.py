"""What lies under the texels of a UV space that was not made for us: tiled, overlapping, outside.

In: UVs of faces and values at their corners. Out: for each covered texel the values there.

The UVs repeat: faces are moved by whole tiles, and those that reach over a border are drawn once
for each tile. Where faces overlap, the one with the least weight owns the texel, so that nothing
which the mask protects is painted over from elsewhere; among equals, the first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import binary_dilation
from torch import Tensor

from backend.errors import InputError
from backend.render import triangles

MOST_TILES = 16  # that one face may reach over, each way


@dataclass(frozen=True)
class Texels:
    """P covered texels of an image of H x W."""

    index: np.ndarray  # (P,) into the flattened image
    values: Tensor  # (P, C)
    weights: np.ndarray  # (P,) f4
    locked: np.ndarray  # (H, W) bool: what the protected faces show, filtered or not
    overlap: float  # area of the faces over that of the texels they cover


def texels_of(
    uvs: np.ndarray, values: Tensor, weights: np.ndarray, shape: tuple[int, int], name: str
) -> Texels:
    """uvs (K, 3, 2), v = 0 at the top; values (K, 3, C); weights (K, 3); shape (H, W).

    Raises InputError where the UVs repeat the texture too often, or cover no texel.
    """
    faces, placed = _tiles(uvs.astype(np.float64), name)
    height, width = shape
    corner = torch.from_numpy((faces[:, None] * 3 + np.arange(3)).reshape(-1))
    depth = weights.reshape(-1, 1)[corner.numpy()] * 0.9
    ones = np.ones_like(depth)
    clip = np.column_stack([placed.reshape(-1, 2) * 2 - 1, depth, ones]).astype(np.float32)
    triangle = torch.arange(len(faces) * 3, dtype=torch.int32).reshape(-1, 3)
    with torch.no_grad():
        drawn = triangles.rasterize(torch.from_numpy(clip)[None], triangle, height, width)
        index = torch.nonzero(drawn[0, ..., 3].reshape(-1) > 0)[:, 0]
        if len(index) == 0:
            raise InputError(
                f"The UVs of '{name}' have no area, so there is no room for a texture: unwrap it."
            )
        flat = values.reshape(-1, values.shape[-1]).detach().cpu()
        both = torch.cat([flat, torch.from_numpy(weights.reshape(-1, 1))], dim=1)[corner]
        seen = triangles.interpolate(both, drawn, triangle)[0].reshape(-1, both.shape[1])[index]
    return Texels(
        index.numpy(),
        seen[:, :-1],
        seen[:, -1].clamp(0, 1).numpy(),
        _locked(faces, placed, weights, index.numpy(), seen[:, -1].numpy(), shape),
        _area(placed) * height * width / len(index),
    )


def _tiles(uvs: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(face, UVs) for each tile that each face reaches into, moved into [0, 1]."""
    uvs = uvs - np.floor(uvs.min(axis=1, keepdims=True))
    reach = np.maximum(np.ceil(uvs.max(axis=1) - 1e-6), 1).astype(int)
    if reach.max() > MOST_TILES:
        raise InputError(
            f"The UVs of '{name}' repeat the texture {reach.max()} times over one face: unwrap it "
            "anew, or use --remesh."
        )
    faces, placed = [], []
    for x in range(reach[:, 0].max()):
        for y in range(reach[:, 1].max()):
            here = np.flatnonzero((reach > (x, y)).all(axis=1))
            faces.append(here)
            placed.append(uvs[here] - (x, y))
    return np.concatenate(faces), np.concatenate(placed)


def _area(uvs: np.ndarray) -> float:
    a, b = uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0]
    return float(np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2)


def _locked(
    faces: np.ndarray,
    placed: np.ndarray,
    weights: np.ndarray,
    index: np.ndarray,
    seen: np.ndarray,
    shape: tuple[int, int],
) -> np.ndarray:
    """Texels of faces whose corners all have weight 0, their edges, and the ring around them that
    bilinear filtering reads."""
    locked = np.zeros(shape, bool)
    protected = (weights[faces] == 0).all(axis=1)
    if not protected.any():
        return locked
    locked.reshape(-1)[index[seen == 0]] = True
    size = np.array((shape[1], shape[0]))
    for first in range(3):
        start = placed[protected, first] * size
        end = placed[protected, (first + 1) % 3] * size
        counts = np.ceil(np.abs(end - start).max(axis=1) * 2).astype(int) + 1
        which = np.repeat(np.arange(len(counts)), counts)
        along = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        share = (along / np.maximum(counts[which] - 1, 1))[:, None]
        columns, rows = np.floor(start[which] + (end - start)[which] * share).astype(int).T
        inside = (columns >= 0) & (rows >= 0) & (columns < size[0]) & (rows < size[1])
        locked[rows[inside], columns[inside]] = True
    return binary_dilation(locked, np.ones((3, 3), bool))
