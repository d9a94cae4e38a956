"""Quaternions (wxyz) to rotation matrices, in torch; and the Gaussians' normals."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def rotation_matrices(quats: Float[Tensor, "N 4"]) -> Float[Tensor, "N 3 3"]:
    """Columns are the Gaussians' axes in the world; any length of quaternion."""
    w, x, y, z = F.normalize(quats, dim=-1).unbind(-1)
    rows = [
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def view_normals(
    means: Float[Tensor, "N 3"],
    quats: Float[Tensor, "N 4"],
    scales: Float[Tensor, "N 3"],
    viewmat: Float[Tensor, "4 4"],
) -> Float[Tensor, "N 3"]:
    """The shortest axis, turned to the camera, encoded n * 0.5 + 0.5 (+X right, +Y up, +Z to
    the viewer; see shared/conventions.py)."""
    shortest = scales.detach().argmin(-1)
    axes = rotation_matrices(quats)[torch.arange(len(quats), device=quats.device), :, shortest]
    normals = axes @ viewmat[:3, :3].T
    towards = -(means @ viewmat[:3, :3].T + viewmat[:3, 3])
    facing = (normals * towards).sum(-1, keepdim=True).detach() >= 0
    normals = torch.where(facing, normals, -normals)
    flip = torch.tensor([1.0, -1.0, -1.0], device=normals.device, dtype=normals.dtype)
    return normals * flip * 0.5 + 0.5
