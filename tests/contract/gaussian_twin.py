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
    pixels=None,
):
    """colors (B, H, W, C), alphas, expected depths and doubts (B, H, W, 1).

    colors (N, C) or (B, N, C). shifts (B, N, 2), added to the projected means, are there to take
    gradients on. pixels (P, 2) of (row, column): only these, as pictures of P rows and one column.
    doubts are true where a threshold is so near that float32 may fall on its other side.
    """
    shifts = torch.zeros(len(viewmats), 1, 2, dtype=means.dtype) if shifts is None else shifts
    sets = colors if colors.ndim == 3 else colors.expand(len(viewmats), *colors.shape)
    if pixels is None:
        pixels = torch.cartesian_prod(torch.arange(height), torch.arange(width)).reshape(-1, 2)
        shape = (height, width, -1)
    else:
        shape = (len(pixels), 1, -1)
    shared, size = (means, quats, scales, opacities), (width, height)
    cameras = zip(sets, viewmats, Ks, shifts, strict=True)
    views = [_view(*shared, own, V, K, *size, shift, pixels) for own, V, K, shift in cameras]
    parts = (torch.stack(p).reshape(len(views), *shape) for p in zip(*views, strict=True))
    summed, alphas, depths, doubts = parts
    if backgrounds is not None:
        summed = summed + (1 - alphas) * backgrounds[:, None, None, :]
    return summed, alphas, depths / alphas.clamp(min=1e-10), doubts


def _view(means, quats, scales, opacities, colors, viewmat, K, width, height, shift, pixels):
    """Sums over all Gaussians at P pixels: colours (P, C), alphas, depths and doubts (P,)."""
    means2d, conics, depths = project(means, quats, scales, viewmat, K, width, height)
    # Ties are told apart as in float32, in which the rasterisers hold depths.
    order = torch.argsort(depths.detach().float(), stable=True)
    order = order[depths[order] > NEAR]
    means2d, conics, depths = (means2d + shift)[order], conics[order], depths[order]
    d = pixels.flip(-1).to(means.dtype)[:, None] + 0.5 - means2d  # (P, N, 2)
    a, b, c = conics[:, 0, 0], conics[:, 0, 1], conics[:, 1, 1]
    power = a * d[..., 0] ** 2 + 2 * b * d[..., 0] * d[..., 1] + c * d[..., 1] ** 2
    alpha = (opacities[order] * torch.exp(-0.5 * power)).clamp(max=MAX_ALPHA)
    doubts = ((alpha / MIN_ALPHA - 1).abs() < 1e-4).any(-1)
    alpha = torch.where(alpha >= MIN_ALPHA, alpha, 0)
    # What would be left if all were drawn only falls: once it is too little, it stays so, and
    # cutting a pixel off there needs no loop.
    left = torch.cat([torch.ones_like(alpha[:, :1]), torch.cumprod(1 - alpha, -1)], -1)
    doubts |= ((left / OPAQUE - 1).abs() < 1e-3).any(-1)
    weights = torch.where(left[:, 1:] > OPAQUE, alpha * left[:, :-1], 0)
    return weights @ colors[order], weights.sum(-1), weights @ depths, doubts
