"""Normals of Gaussians: their shortest axes, which `render_gaussians` takes as colours.

In: Gaussians and cameras. Out: one unit normal a view and Gaussian, turned to the camera. A
flattened Gaussian lies along the surface that it stands for, so the axis of its smallest scale is
the surface's normal (Jiang et al. 2024, "GaussianShader", section 3.3); RichDreamer (Qiu et al.
2024) renders such normals for its normal prior.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from backend.render.gaussians import render_gaussians


def rotation_matrices(quats: Float[Tensor, "N 4"]) -> Float[Tensor, "N 3 3"]:
    """Columns are the Gaussians' axes in the world; any length of quaternion (wxyz)."""
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
    viewmats: Float[Tensor, "B 4 4"],
) -> Float[Tensor, "B N 3"]:
    """Unit normals in each view's frame: +X right, +Y up, +Z to the viewer (shared/conventions.py).

    Differentiable with respect to quats; which axis is shortest, and its side, are not.
    """
    shortest = scales.detach().argmin(-1)[:, None, None].expand(-1, 3, 1)
    axes = rotation_matrices(quats).gather(2, shortest)[..., 0]  # (N, 3)
    R = viewmats[:, :3, :3]
    normals = axes @ R.transpose(1, 2)  # (B, N, 3), OpenCV
    points = means.detach() @ R.transpose(1, 2) + viewmats[:, None, :3, 3]
    away = (normals.detach() * points).sum(-1, keepdim=True) > 0
    flip = torch.tensor([1.0, -1.0, -1.0], device=normals.device, dtype=normals.dtype)
    return torch.where(away, -normals, normals) * flip


def render_normals(
    means: Float[Tensor, "N 3"],
    quats: Float[Tensor, "N 4"],
    scales: Float[Tensor, "N 3"],
    opacities: Float[Tensor, "N"],
    viewmats: Float[Tensor, "B 4 4"],
    Ks: Float[Tensor, "B 3 3"],
    width: int,
    height: int,
    backgrounds: Float[Tensor, "B 3"] | None = None,
) -> Float[Tensor, "B H W 3"]:
    """View-space normals encoded n * 0.5 + 0.5, composited like colours, over backgrounds."""
    colors = view_normals(means, quats, scales, viewmats) * 0.5 + 0.5
    images = render_gaussians(
        means, quats, scales, opacities, colors, viewmats, Ks, width, height, backgrounds
    )
    return images.colors
