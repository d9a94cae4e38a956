"""How much of a silhouette's gradient arrives: against finite differences of exact coverage.

In: a number of triangles. Out: the recovered share, 1 where nothing is lost. A convex mesh's
outline is the convex hull of its projected vertices, so its area is exact at any resolution.
"""

from __future__ import annotations

import torch
from scipy.spatial import ConvexHull
from torch import Tensor

from backend.cameras import Cameras, turntable
from backend.evaluate.bench.scenes import globe
from backend.render import triangles

SIZE, VIEWS = 256, 2
STEP = 1e-3  # of the globe's size, each way


def recovered_share(count: int, device: torch.device, owner_only: bool = False) -> float:
    """d(covered area) / d(size of the globe), through the rasteriser over the exact one."""
    vertices, faces = globe(count)
    vertices, faces = vertices.to(device), faces.to(device)
    cameras = turntable(VIEWS).to(device)
    scale = torch.ones((), device=device, requires_grad=True)
    pos = _clip(vertices * scale, cameras)
    raster = triangles.rasterize(pos, faces, SIZE, SIZE)
    mask = (raster[..., 3:] > 0).to(pos.dtype)
    triangles.antialias(mask, raster, pos, faces, owner_only=owner_only).sum().backward()
    assert scale.grad is not None
    exact = _area(vertices, cameras, 1 + STEP) - _area(vertices, cameras, 1 - STEP)
    return float(scale.grad) / (exact / (2 * STEP))


def _clip(vertices: Tensor, cameras: Cameras) -> Tensor:
    points = torch.cat([vertices, torch.ones_like(vertices[:, :1])], dim=-1)
    return points @ cameras.clip_matrices().to(vertices).transpose(1, 2)


def _area(vertices: Tensor, cameras: Cameras, scale: float) -> float:
    """Square pixels inside of the outlines, all views together."""
    clip = _clip(vertices.detach().double().cpu() * scale, cameras.to("cpu"))
    outlines = (clip[..., :2] / clip[..., 3:] * 0.5 + 0.5) * SIZE
    return float(sum(ConvexHull(outline.numpy()).volume for outline in outlines))
