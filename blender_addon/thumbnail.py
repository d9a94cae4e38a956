"""A small picture of a prop from its mesh and base colour, without a renderer. numpy only.

In: arrays of glb.py and the base colour. Out: (SIDE, SIDE, 4) float, row 0 at the bottom, as
Blender's previews have it. The surface is sprinkled with points, seen from the front right and a
little above; the nearest point of each pixel shows its colour, shaded by how it faces the light.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

SIDE = 128
POINTS = 60_000
OUT = np.array([0.45, -0.78, 0.43])  # from the prop to the camera
LIGHT = np.array([0.15, -0.6, 0.79])


def picture(*mesh: np.ndarray | None) -> np.ndarray:
    """`drawing`, to its end at once."""
    steps = drawing(*mesh)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def drawing(
    positions: np.ndarray, faces: np.ndarray, corner_uvs: np.ndarray, albedo: np.ndarray | None
) -> Generator[None, None, np.ndarray]:
    """In slices. positions (V, 3), faces (F, 3), corner_uvs (F * 3, 2), albedo (H, W, 3 or 4)
    float in [0, 1], row 0 at the bottom; None: grey."""
    corners = positions[faces].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(across, axis=1)
    out = np.zeros((SIDE * SIDE, 4), np.float32)
    if not len(faces) or areas.sum() <= 0:
        return out.reshape(SIDE, SIDE, 4)
    draw = np.random.default_rng(0)
    yield
    chosen = draw.choice(len(faces), POINTS, p=areas / areas.sum())
    yield
    weights = draw.dirichlet((1, 1, 1), POINTS)
    yield
    points = np.einsum("nk,nkc->nc", weights, corners[chosen])
    normals = across[chosen] / np.maximum(areas[chosen, None], 1e-12)
    yield
    colors = np.full((POINTS, 3), 0.6)
    if albedo is not None:
        uvs = np.einsum("nk,nkc->nc", weights, corner_uvs.reshape(-1, 3, 2)[chosen])
        high, wide = albedo.shape[:2]
        x, y = (np.clip((uvs * (wide, high)).astype(int), 0, (wide - 1, high - 1))).T
        colors = albedo[y, x, :3].astype(np.float64)
    yield
    shade = 0.45 + 0.55 * np.clip(normals @ (LIGHT / np.linalg.norm(LIGHT)), 0, 1)
    pixels, depth = _project(points)
    yield
    order = np.argsort(depth)  # of the points in one pixel the last written is the nearest
    out[pixels[order], :3] = (colors * shade[:, None])[order]
    out[pixels[order], 3] = 1
    return _closed(out.reshape(SIDE, SIDE, 4))


def _project(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parallel projection that fills the picture: pixel numbers, and nearness."""
    outward = OUT / np.linalg.norm(OUT)
    right = np.cross([0, 0, 1], outward)
    right /= np.linalg.norm(right)
    up = np.cross(outward, right)
    flat = points @ np.stack([right, up], axis=1)
    low, high = flat.min(axis=0), flat.max(axis=0)
    scale = (SIDE - 9) / max(float((high - low).max()), 1e-9)
    x, y = ((flat - (low + high) / 2) * scale + SIDE / 2).astype(int).T
    return y * SIDE + x, points @ outward


def _closed(image: np.ndarray) -> np.ndarray:
    """Single pixels that no point hit take the mean of their neighbours."""
    around = sum(np.roll(image, s, axis=a) for a in (0, 1) for s in (1, -1))
    hole = (image[..., 3] == 0) & (around[..., 3] >= 3)
    image[hole] = around[hole] / around[hole][:, 3:]
    return image
