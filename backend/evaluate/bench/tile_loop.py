"""A peer: Gaussians in plain torch, one 16-pixel tile after the other, autograd for the gradient.

In and out as `render.gaussians.render_gaussians`, colours only. Kerbl et al. 2023, section 4, as
one writes it without a compiler, and reasonably: projection is batched, Gaussians are sorted once
a view, what the tiles need is gathered once (one gather's gradient is one scatter), and a tile's
pixels and Gaussians are one dense product. Any device, any float type.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from backend.gaussians.rotations import rotation_matrices

TILE = 16
DILATION = 0.3
MIN_ALPHA, MAX_ALPHA = 1 / 255, 0.999


def tile_loop(
    means: Float[Tensor, "N 3"],
    quats: Float[Tensor, "N 4"],
    scales: Float[Tensor, "N 3"],
    opacities: Float[Tensor, "N"],
    colors: Float[Tensor, "N C"],
    viewmats: Float[Tensor, "B 4 4"],
    Ks: Float[Tensor, "B 3 3"],
    size: int,
) -> Float[Tensor, "B H W C"]:
    """Square pictures over black; `size` is a multiple of 16."""
    axes = rotation_matrices(quats) * scales[:, None, :]
    pictures = []
    for view, K in zip(viewmats, Ks, strict=True):
        centres, covariances, depths = project(means, axes, view, K)
        pictures.append(_picture(centres, covariances, depths, opacities, colors, size))
    return torch.stack(pictures)


def project(means: Tensor, axes: Tensor, view: Tensor, K: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pixel means (N, 2), covariances (N, 3) as xx, xy, yy, and depths (N,)."""
    rotation = view[:3, :3]
    x, y, z = (means @ rotation.T + view[:3, 3]).unbind(-1)
    fx, fy = K[0, 0], K[1, 1]
    zero = torch.zeros_like(x)
    jacobian = torch.stack(
        [fx / z, zero, -fx * x / z**2, zero, fy / z, -fy * y / z**2], dim=-1
    ).reshape(-1, 2, 3)
    U = jacobian @ (rotation @ axes)
    covariance = U @ U.transpose(1, 2)
    xx, xy, yy = covariance[:, 0, 0], covariance[:, 0, 1], covariance[:, 1, 1]
    centres = torch.stack([fx * x / z + K[0, 2], fy * y / z + K[1, 2]], dim=-1)
    return centres, torch.stack([xx + DILATION, xy, yy + DILATION], dim=-1), z


def _picture(
    centres: Tensor,
    covariances: Tensor,
    depths: Tensor,
    opacities: Tensor,
    colors: Tensor,
    size: int,
) -> Float[Tensor, "H W C"]:
    packed = torch.cat([centres, conics(covariances), opacities[:, None], colors], dim=-1)
    tiles = size // TILE
    entries, counts = tile_entries(centres, covariances, depths, opacities, tiles)
    runs = packed.index_select(0, entries).split(counts)
    blended = [_tile(run, i % tiles, i // tiles) for i, run in enumerate(runs)]
    grid = torch.stack(blended).reshape(tiles, tiles, TILE, TILE, -1)
    return grid.permute(0, 2, 1, 3, 4).reshape(size, size, -1)


def conics(covariances: Float[Tensor, "N 3"]) -> Float[Tensor, "N 3"]:
    """Inverses of symmetric 2 x 2 matrices, both as (xx, xy, yy)."""
    xx, xy, yy = covariances.unbind(-1)
    return torch.stack([yy, -xy, xx], dim=-1) / (xx * yy - xy * xy)[:, None]


@torch.no_grad()
def tile_entries(
    centres: Tensor, covariances: Tensor, depths: Tensor, opacities: Tensor, tiles: int
) -> tuple[Tensor, list[int]]:
    """Each tile's Gaussians front to back, one tile behind the other, and how many each has."""
    reach = (2 * (opacities / MIN_ALPHA).clamp(min=1).log()).sqrt()
    extent = reach[:, None] * covariances[:, [0, 2]].sqrt()
    order = torch.argsort(depths)
    order = order[((opacities > MIN_ALPHA) & (depths > 0.01))[order]]
    low = ((centres - extent) / TILE)[order]
    high = ((centres + extent) / TILE)[order]
    found = []
    for y in range(tiles):
        row = (low[:, 1] < y + 1) & (high[:, 1] > y)
        kept, left, right = order[row], low[row, 0], high[row, 0]
        found += [kept[(left < x + 1) & (right > x)] for x in range(tiles)]
    return torch.cat(found), [len(f) for f in found]


def _tile(run: Float[Tensor, "K F"], x: int, y: int) -> Float[Tensor, "P C"]:
    """Composites one tile of 256 pixels; a row of `run` is centre, conic, opacity and colours."""
    steps = torch.arange(TILE, device=run.device, dtype=run.dtype) + 0.5
    dx = (x * TILE + steps) - run[:, 0:1]  # (K, 16)
    dy = (y * TILE + steps) - run[:, 1:2]
    a, b, c = run[:, 2:3], run[:, 3:4], run[:, 4:5]
    power = (-0.5 * c * dy * dy)[:, :, None] - (b * dy)[:, :, None] * dx[:, None, :]
    power = power - (0.5 * a * dx * dx)[:, None, :]
    alpha = (run[:, 5, None, None] * power.exp()).clamp(max=MAX_ALPHA).flatten(1)
    alpha = torch.where(alpha >= MIN_ALPHA, alpha, 0)
    left = torch.cumprod(1 - alpha, dim=0)
    before = torch.cat([torch.ones_like(left[:1]), left[:-1]])
    return (alpha * before).T @ run[:, 6:]
