"""Triangle scenes, their dense float64 twin, and the rasterisers that are compared."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor

from backend.cameras import turntable


@dataclass(frozen=True)
class Rasteriser:
    """One implementation, drawing on its own device whatever device the tensors come from.

    nvdiffrast: it follows nvdiffrast's rules (nvdiffrast_rules.py), in float32 whatever is given.
    """

    module: ModuleType
    device: str
    nvdiffrast: bool = False

    def rasterize(self, pos: Tensor, tris: Tensor, height: int, width: int) -> Tensor:
        return self._back(pos, self.module.rasterize(*self._there(tris, pos), height, width))

    def interpolate(self, attrs: Tensor, rast: Tensor, tris: Tensor) -> Tensor:
        return self._back(attrs, self.module.interpolate(*self._there(tris, attrs, rast)))

    def antialias(self, images, rast, pos, tris, owner_only=False) -> Tensor:
        given = self._there(tris, images, rast, pos)
        return self._back(images, self.module.antialias(*given, owner_only=owner_only))

    def _there(self, tris: Tensor, *floats: Tensor) -> list[Tensor]:
        dtype = torch.float32 if self.nvdiffrast else None
        return [*(f.to(self.device, dtype) for f in floats), tris.to(self.device, torch.int32)]

    def _back(self, like: Tensor, out: Tensor) -> Tensor:
        return out.to(like.device, like.dtype if self.nvdiffrast else None)

    def mask(self, pos: Tensor, faces: Tensor, size: int, **options) -> Tensor:
        rast = self.rasterize(pos, faces, size, size)
        return self.antialias((rast[..., 3:] > 0).to(pos.dtype), rast, pos, faces, **options)

    def shaded(self, pos: Tensor, faces: Tensor, height: int, width: int, colors: Tensor) -> Tensor:
        rast = self.rasterize(pos, faces, height, width)
        return self.antialias(self.interpolate(colors, rast, faces), rast, pos, faces)


def same_triangles(draw: Rasteriser, rast: Tensor, twin: Tensor, most: float = 0.02) -> Tensor:
    """Where two rasters (..., 4) can be compared: everywhere, as they name the same triangles.

    nvdiffrast moves vertices: pixels near a side are left out, and a share `most` may differ.
    """
    same = rast[..., 3] == twin[..., 3]
    if not draw.nvdiffrast:
        assert same.all()
        return same
    u, v = twin[..., 0], twin[..., 1]
    inner = (torch.stack([u, v, 1 - u - v]).amin(0) > 0.02) | (twin[..., 3] == 0)
    assert (inner & ~same).double().mean() <= most
    return inner & same


def random_scene(views=2, count=12, seed=0, dtype=torch.float64):
    """Large random triangles, some through the camera's plane, some behind it."""
    generator = torch.Generator().manual_seed(seed)
    pos = torch.randn(views, 3 * count, 4, generator=generator, dtype=torch.float64)
    pos[..., 3] = pos[..., 3] * 0.5 + 1
    pos[..., 2] *= 0.5
    return pos.to(dtype), torch.arange(3 * count, dtype=torch.int32).reshape(count, 3)


def twin_pixels(height, width):
    y = (torch.arange(height, dtype=torch.float64) + 0.5) * 2 / height - 1
    x = (torch.arange(width, dtype=torch.float64) + 0.5) * 2 / width - 1
    y, x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([x, y, torch.ones_like(x)], dim=-1)


def twin_rasterize(pos, tris, height, width):
    """(u, v, z/w, id) from the inverse of each triangle's matrix of (x, y, w): (B, H, W, 4)."""
    corners = pos[:, tris.long()][..., [0, 1, 3]]  # (B, F, 3 vertices, 3)
    share = torch.einsum("hwc,bfck->bhwfk", twin_pixels(height, width), torch.linalg.inv(corners))
    depth = torch.einsum("bhwfk,bfk->bhwf", share, pos[:, tris.long()][..., 2])
    hit = (share >= 0).all(-1) & (depth.abs() <= 1)
    nearest = torch.where(hit, depth, torch.inf).min(-1)
    chosen = nearest.indices[..., None, None].expand(*nearest.indices.shape, 1, 3)
    share = share.gather(-2, chosen)[..., 0, :]
    uv = share[..., :2] / share.sum(-1, keepdim=True)
    ids = (nearest.indices + 1).to(pos.dtype)
    out = torch.cat([uv, nearest.values[..., None], ids[..., None]], -1)
    return torch.where(torch.isfinite(nearest.values)[..., None], out, 0)


def clip_positions(vertices, cameras):
    points = torch.cat([vertices, torch.ones_like(vertices[:, :1])], dim=1)
    return torch.einsum("bij,vj->bvi", cameras.clip_matrices().to(vertices.dtype), points)


def tensors(mesh, dtype=torch.float32):
    return torch.tensor(mesh.vertices, dtype=dtype), torch.tensor(mesh.faces, dtype=torch.int32)


def soup(count, views=2, size=0.05, seed=0, dtype=torch.float32):
    """Small triangles that share no vertex, in front of `views` cameras."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(count, 1, 3, generator=generator) * 0.3
    vertices = (centres + torch.randn(count, 3, 3, generator=generator) * size).reshape(-1, 3)
    tris = torch.arange(3 * count, dtype=torch.int32).reshape(count, 3)
    return clip_positions(vertices.to(dtype), turntable(views)), tris
