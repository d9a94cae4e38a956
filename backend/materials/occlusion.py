"""Ambient occlusion of points on a mesh, from depth maps seen from many directions.

In: the occluding mesh, points on it and their normals. Out: the cosine-weighted share of the sky
above each point that the mesh does not hide, in [0, 1].

Depth maps with a bias that grows with the slope, compared at four texels and blended (percentage
closer filtering; Reeves, Salesin and Cook 1987). The directions are a fixed spiral over the sphere,
so the result depends on the input alone.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from backend.mesh.types import TriMesh
from backend.render import triangles
from backend.render.kernels import helper, kernel
from backend.threads import in_parallel

BATCH = 16  # depth maps drawn at a time, to bound memory


def spiral(count: int) -> Float[Tensor, "N 3"]:
    """Directions spread evenly over the sphere along a golden-angle spiral."""
    index = torch.arange(count, dtype=torch.float64) + 0.5
    z = 1 - 2 * index / count
    phi = index * math.pi * (3 - math.sqrt(5))
    level = (1 - z * z).sqrt()
    return torch.stack([level * phi.cos(), level * phi.sin(), z], dim=-1).float()


def ambient_occlusion(
    mesh: TriMesh,
    points: Float[Tensor, "P 3"],
    normals: Float[Tensor, "P 3"],
    directions: int = 128,
    resolution: int = 256,
) -> Float[Tensor, "P"]:
    """1 under an open sky, 0 in the dark. About half of `directions` lie above each point."""
    toward = spiral(directions).to(mesh.vertices)
    frames = _frames(toward)
    radius = 1.01 * float(mesh.vertices.norm(dim=-1).max())
    depths = [
        _depth_maps(mesh, frames[i : i + BATCH], radius, resolution)
        for i in range(0, directions, BATCH)
    ]
    out = np.empty(len(points), np.float32)
    arrays = [t.detach().cpu().float().contiguous().numpy() for t in (points, normals, frames)]
    arrays.append(torch.cat(depths).cpu().numpy())
    in_parallel(_open_share, len(points), *arrays, radius, out, in_turn=False)
    return torch.from_numpy(out).to(points.device)


def _frames(toward: Float[Tensor, "N 3"]) -> Float[Tensor, "N 3 3"]:
    """Rows: image x, image y, and away from the direction, which is depth."""
    helper = torch.nn.functional.one_hot(toward.abs().argmin(dim=-1), 3).to(toward)
    x = torch.nn.functional.normalize(torch.linalg.cross(toward, helper), dim=-1)
    return torch.stack([x, torch.linalg.cross(toward, x), -toward], dim=1)


def _depth_maps(mesh: TriMesh, frames: Tensor, radius: float, resolution: int) -> Tensor:
    """(N, resolution, resolution) depths in canonical units; infinite where nothing is."""
    place = mesh.vertices.detach() @ frames.transpose(1, 2) / radius
    clip = torch.cat([place, torch.ones_like(place[..., :1])], dim=-1)
    with torch.no_grad():
        raster = triangles.rasterize(clip, mesh.faces.int(), resolution, resolution)
    return torch.where(raster[..., 3] > 0, raster[..., 2] * radius, torch.inf)


@helper
@no_type_check
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@kernel
@no_type_check
def _open_share(first, end, step, points, normals, frames, depths, radius, out):
    size = depths.shape[1]
    texel = 2 * radius / size
    for p in range(first, end, step):
        seen = total = 0.0
        for d in range(len(frames)):
            cosine = -_dot(normals[p], frames[d, 2])
            if cosine < 0.05:
                continue
            slope = min(math.sqrt(max(1 - cosine * cosine, 0.0)) / cosine, 6.0)
            depth = _dot(points[p], frames[d, 2]) - texel * (0.6 + 1.2 * slope)
            column = (_dot(points[p], frames[d, 0]) / radius + 1) * size / 2 - 0.5
            row = (_dot(points[p], frames[d, 1]) / radius + 1) * size / 2 - 0.5
            c0, r0 = math.floor(column), math.floor(row)
            total += cosine
            for k in range(4):
                c, r = c0 + (k & 1), r0 + (k >> 1)
                weight = 1 - abs(column - c)
                weight *= 1 - abs(row - r)
                inside = 0 <= c < size and 0 <= r < size
                if not inside or depths[d, r, c] >= depth:
                    seen += cosine * weight
        out[p] = min(seen / total, 1.0) if total > 0 else 1.0
