"""The Gaussians' plain twin: every pixel against every Gaussian, float64, autograd throughout.

Written from the formulas (Zwicker et al. 2001; Kerbl et al. 2023, section 4), not from the
kernels: it is what they are compared with.
"""

from __future__ import annotations

import torch
from torch import Tensor

MIN_ALPHA, MAX_ALPHA, OPAQUE, DILATION, NEAR = 1 / 255, 0.999, 1e-4, 0.3, 0.01


def rotations(quats: Tensor) -> Tensor:
    """(N, 4) wxyz -> (N, 3, 3): v -> v + 2 w (u x v) + 2 u x (u x v)."""
    quats = quats / quats.norm(dim=-1, keepdim=True)
    w, x, y, z = quats.unbind(-1)
    zero = torch.zeros_like(w)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)
    eye = torch.eye(3, dtype=quats.dtype)
    return eye + 2 * w[:, None, None] * cross + 2 * cross @ cross


def project(means, quats, scales, viewmat, K, width, height):
    """means2d (N, 2), inverse covariances (N, 2, 2), depths (N,) of one view."""
    points = means @ viewmat[:3, :3].T + viewmat[:3, 3]
    x, y, z = points.unbind(-1)
    z = torch.where(z > NEAR, z, torch.ones_like(z))  # culled by the caller
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    means2d = torch.stack([fx * x / z + cx, fy * y / z + cy], -1)
    margin_x, margin_y = 0.3 * 0.5 * width / fx, 0.3 * 0.5 * height / fy
    u = (x / z).clamp(-cx / fx - margin_x, (width - cx) / fx + margin_x)
    v = (y / z).clamp(-cy / fy - margin_y, (height - cy) / fy + margin_y)
    zero = torch.zeros_like(z)
    J = torch.stack([fx / z, zero, -fx * u / z, zero, fy / z, -fy * v / z], -1).reshape(-1, 2, 3)
    T = J @ viewmat[:3, :3] @ rotations(quats) @ torch.diag_embed(scales)
    covariances = T @ T.transpose(1, 2) + DILATION * torch.eye(2, dtype=T.dtype)
    return means2d, torch.linalg.inv(covariances), points[:, 2]


def render(
    means,
    quats,
    scales,
    opacities,
    colors,
    viewmats,
    Ks,
    width,
    height,
    backgrounds=None,
    shifts=None,
):
    """colors (B, H, W, C), alphas and expected depths (B, H, W, 1).

    shifts (B, N, 2), added to the projected means, are there to take gradients on.
    """
    args = (means, quats, scales, opacities, colors)
    shifts = torch.zeros(len(viewmats), 1, 2, dtype=means.dtype) if shifts is None else shifts
    cameras = zip(viewmats, Ks, shifts, strict=True)
    views = [_view(*args, V, K, width, height, shift) for V, K, shift in cameras]
    summed, alphas, depths = (torch.stack(parts) for parts in zip(*views, strict=True))
    if backgrounds is not None:
        summed = summed + (1 - alphas) * backgrounds[:, None, None, :]
    return summed, alphas, depths / alphas.clamp(min=1e-10)


def _view(means, quats, scales, opacities, colors, viewmat, K, width, height, shift):
    means2d, conics, depths = project(means, quats, scales, viewmat, K, width, height)
    means2d = means2d + shift
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([columns, rows], -1).reshape(-1, 2).to(means.dtype) + 0.5
    left = torch.ones(len(pixels), dtype=means.dtype)
    summed = torch.zeros(len(pixels), colors.shape[1], dtype=means.dtype)
    summed_depth = torch.zeros(len(pixels), dtype=means.dtype)
    for n in torch.argsort(depths, stable=True).tolist():
        if depths[n] <= NEAR:
            continue
        d = pixels - means2d[n]
        falloff = torch.exp(-0.5 * ((d @ conics[n]) * d).sum(-1))
        alpha = (opacities[n] * falloff).clamp(max=MAX_ALPHA)
        alpha = torch.where((alpha >= MIN_ALPHA) & (left > OPAQUE), alpha, 0)
        weight = alpha * left
        summed = summed + weight[:, None] * colors[n]
        summed_depth = summed_depth + weight * depths[n]
        left = left * (1 - alpha)
    shape = (height, width, -1)
    return summed.reshape(shape), (1 - left).reshape(shape), summed_depth.reshape(shape)
