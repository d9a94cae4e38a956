"""A stand-in for the module nvdiffrast.torch on the CPU, with its signatures, refusals and rules.

What it does otherwise than our kernels (read in the public sources of 0.4, in csrc/common:
TriangleSetup.inl, FineRaster.inl, rasterize.cu), and so what tests of the adaptor must allow for:

- vertices inside the view move to the nearest sixteenth of a pixel before coverage is found
- u, v are those of the unmoved triangle, clamped into it; gradients are those of the unclamped
- of triangles at the same depth the highest number wins
- float32 only, and 1e-6 is added to the area that divides gradients

Slower than our kernels, and nothing of how a GPU adds in parallel is in it.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from backend.render import triangles_cpu

SUBPIXELS = 16
AREA = 1e-6


def on_the_grid(pos: Tensor, height: int, width: int) -> Tensor:
    """(B, V, 4) with x and y of the vertices inside the view at sixteenths of a pixel."""
    scale = torch.tensor([width, height], dtype=pos.dtype) * SUBPIXELS / 2
    w = pos[..., 3:]
    grid = torch.round(pos[..., :2] / w * scale) / scale * w
    inside = pos[..., :3].abs().amax(-1, keepdim=True) <= w
    return torch.cat([torch.where(inside, grid, pos[..., :2]), pos[..., 2:]], -1)


class NvdiffrastRules:
    """Call it as the module; `antialiased` counts the calls of its own antialiasing."""

    def __init__(self) -> None:
        self.antialiased = 0

    def RasterizeCudaContext(self, device=None):
        return SimpleNamespace(device=device)

    def rasterize(self, glctx, pos, tri, resolution, ranges=None, grad_db=True):
        self._check(tri, pos)
        assert isinstance(glctx, SimpleNamespace) and pos.ndim == 3 and ranges is None
        assert pos.shape[0] > 0 and pos.shape[1] > 0 and min(resolution) > 0
        moved = on_the_grid(pos.detach(), *resolution)
        seen = triangles_cpu.rasterize(moved, tri.flip(0).contiguous(), *resolution)[..., 3]
        out = _shares(pos, tri, torch.where(seen > 0, len(tri) + 1 - seen, 0))
        return out, torch.zeros_like(out[..., :0])

    def interpolate(self, attr, rast, tri, rast_db=None, diff_attrs=None):
        self._check(tri, attr, rast)
        assert attr.ndim == 3 and attr.shape[0] in (1, rast.shape[0])
        out = triangles_cpu.interpolate(attr, rast, tri)
        return out, out[..., :0]

    def antialias(self, color, rast, pos, tri, topology_hash=None, pos_gradient_boost=1.0):
        self._check(tri, color, rast, pos)
        self.antialiased += 1
        return triangles_cpu.antialias(color, rast, pos, tri, owner_only=True)

    def _check(self, tri, *floats):
        assert tri.dtype == torch.int32 and tri.is_contiguous() and len(tri) > 0
        assert all(t.dtype == torch.float32 and t.is_contiguous() for t in floats)


def _shares(pos: Tensor, tri: Tensor, numbers: Tensor) -> Tensor:
    """The raster (B, H, W, 4) of the triangles' numbers + 1 (B, H, W), 0 where there is none."""
    views, height, width = numbers.shape
    corners = tri.long()[(numbers.long() - 1).clamp(min=0)]  # (B, H, W, 3)
    view = torch.arange(views)[:, None, None, None]
    p = pos[view, corners]  # (B, H, W, 3, 4)
    y = (torch.arange(height) + 0.5) * 2 / height - 1
    x = (torch.arange(width) + 0.5) * 2 / width - 1
    centre = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1).to(pos.dtype)
    offset = p[..., :2] - centre[..., None, :] * p[..., 3:]
    a, b, c = offset.unbind(-2)
    areas = torch.stack([_cross(b, c), _cross(c, a), _cross(a, b)], -1)
    total = areas.sum(-1, keepdim=True)
    bary = (areas / (total + torch.copysign(torch.tensor(AREA), total)))[..., :2]
    with torch.no_grad():
        exact = (areas / total)[..., :2].clamp(0, 1)
        exact = exact / exact.sum(-1, keepdim=True).clamp(min=1)
        z = ((p[..., 2] * areas).sum(-1) / (p[..., 3] * areas).sum(-1)).clamp(-1, 1)
    uv = bary + (exact - bary).detach()
    out = torch.cat([uv, z[..., None], numbers[..., None]], -1)
    return torch.where(numbers[..., None] > 0, out, 0)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
