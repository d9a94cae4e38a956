"""Any triangle mesh -> signed distances on a grid, for the geometry stage to begin with.

In: triangles in the canonical frame, closed or not. Out: (R, R, R) distances over [-1, 1]^3,
indexed [x, y, z], negative inside.

Distances are those to points spread densely over the surface, along its normal where it is near.
Outside is what a flood from the border of the grid reaches without coming near the surface, so
that small holes and wrong windings don't matter; beside the surface, what looks away from it. What
is thinner than a voxel, or open, is thickened to a little more than one, lest it vanish.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from backend.errors import GenerationError
from backend.materials.field import sample_surface
from backend.mesh.geometry import face_normals
from backend.mesh.types import TriMesh
from backend.neighbours import tree_of

SAMPLES_A_CELL = 6.0  # on the surface, for each grid cell that its area would fill
THIN = 0.6  # voxels on each side of a surface without an inside


def sdf_of(mesh: TriMesh, resolution: int) -> Float[Tensor, "R R R"]:
    """Raises GenerationError for a mesh without area."""
    spacing = 2 / (resolution - 1)
    area = float(_areas(mesh).sum())
    if not area > 0:
        raise GenerationError("The mesh has no area to make a new surface from.")
    count = int(np.clip(area / spacing**2 * SAMPLES_A_CELL, 20_000, 2_000_000))
    faces, weights = sample_surface(mesh, count, torch.Generator().manual_seed(0))
    points = (mesh.vertices[mesh.faces[faces]] * weights[..., None]).sum(1).numpy()
    axis = np.linspace(-1, 1, resolution)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    away, nearest = tree_of(points).query(grid, workers=-1)
    shape = (resolution,) * 3
    facing = face_normals(mesh).numpy()[faces.numpy()[nearest]]
    along = ((grid - points[nearest]) * facing).sum(axis=1).reshape(shape)
    distance = away.reshape(shape)
    near = distance < 0.9 * spacing
    outside = _reached(~near)
    inside = ~outside & ~near
    # Beside the surface the side decides, where there is an inside at all within two voxels.
    backed = ndimage.binary_dilation(inside, np.ones((3, 3, 3), bool), iterations=2)
    negative = inside | (near & backed & (along < 0))
    near_value = np.minimum(np.abs(along) + 0.25 * spacing * (distance > spacing), distance)
    signed = np.where(negative, -1, 1) * np.where(near, near_value, distance)
    thin = ~backed & near
    signed = np.where(thin, np.minimum(signed, distance - THIN * spacing), signed)
    return torch.from_numpy(signed.astype(np.float32))


def _areas(mesh: TriMesh) -> Tensor:
    a, b, c = mesh.vertices[mesh.faces].unbind(dim=1)
    return torch.linalg.cross(b - a, c - a).norm(dim=-1) / 2


def _reached(free: np.ndarray) -> np.ndarray:
    """What is connected to the border of the grid through free voxels."""
    labels, _ = ndimage.label(np.pad(free, 1, constant_values=True))
    return (labels == labels[0, 0, 0])[1:-1, 1:-1, 1:-1]
