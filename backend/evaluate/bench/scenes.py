"""The synthetic scenes that all rasterisers of a run are given, and ours on them.

In: a count and a size. Out: tensors with gradients and a function from them to a scalar loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from backend.cameras import Cameras, turntable
from backend.mesh.geometry import vertex_normals
from backend.mesh.types import TriMesh
from backend.render import triangles
from backend.render.gaussians import render_gaussians

LIGHT = (0.36, -0.48, 0.8)  # unit, towards the lamp


@dataclass(frozen=True)
class GaussianScene:
    """A ball of Gaussians whose size falls with their number, so that the ball stays filled."""

    means: Float[Tensor, "N 3"]
    quats: Float[Tensor, "N 4"]
    scales: Float[Tensor, "N 3"]
    opacities: Float[Tensor, "N"]
    colors: Float[Tensor, "N 3"]
    cameras: Cameras
    size: int

    @staticmethod
    def make(count: int, size: int, views: int, device: torch.device) -> GaussianScene:
        generator = torch.Generator().manual_seed(0)

        def rand(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=generator)

        tensors = (
            torch.randn(count, 3, generator=generator) * 0.3,
            torch.randn(count, 4, generator=generator),
            0.5 / count ** (1 / 3) * (0.2 + 0.8 * rand(count, 3)),
            rand(count),
            rand(count, 3),
        )
        means, quats, scales, opacities, colors = (t.to(device).requires_grad_() for t in tensors)
        cameras = turntable(views).to(device)
        return GaussianScene(means, quats, scales, opacities, colors, cameras, size)

    @property
    def inputs(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        return self.means, self.quats, self.scales, self.opacities, self.colors

    @property
    def intrinsics(self) -> Float[Tensor, "B 3 3"]:
        return self.cameras.intrinsics(self.size, self.size)

    def ours(self) -> Callable[[], Tensor]:
        viewmats, Ks, size = self.cameras.viewmats, self.intrinsics, self.size
        return lambda: (
            render_gaussians(*self.inputs, viewmats, Ks, size, size).colors.square().sum()
        )


@dataclass(frozen=True)
class TriangleScene:
    """A white globe of triangles under a lamp, in front of black."""

    vertices: Float[Tensor, "V 3"]
    faces: Int[Tensor, "F 3"]
    cameras: Cameras
    size: int

    @staticmethod
    def make(count: int, size: int, device: torch.device) -> TriangleScene:
        vertices, faces = globe(count)
        leaf = vertices.to(device).requires_grad_()
        return TriangleScene(leaf, faces.to(device), turntable(1).to(device), size)

    def clip(self) -> Float[Tensor, "B V 4"]:
        points = torch.cat([self.vertices, torch.ones_like(self.vertices[:, :1])], dim=-1)
        return points @ self.cameras.clip_matrices().transpose(1, 2)

    def shades(self) -> Float[Tensor, "V 3"]:
        """Lambert's shading of the vertices by their smooth normals."""
        normals = vertex_normals(TriMesh(self.vertices, self.faces.long()))
        lit = (normals @ normals.new_tensor(LIGHT)).clamp(min=0)
        return lit[:, None].expand(-1, 3)

    def ours(self) -> Callable[[], Tensor]:
        def forward() -> Tensor:
            pos, size = self.clip(), self.size
            raster = triangles.rasterize(pos, self.faces, size, size)
            image = triangles.interpolate(self.shades(), raster, self.faces)
            return triangles.antialias(image, raster, pos, self.faces).square().sum()

        return forward


def globe(count: int) -> tuple[Float[Tensor, "V 3"], Int[Tensor, "F 3"]]:
    """A sphere of radius 0.8 and about `count` triangles, a grid of latitudes and longitudes."""
    rows = round(math.sqrt(count / 4))
    columns = 2 * rows
    theta = torch.linspace(1e-3, math.pi - 1e-3, rows + 1)[:, None]
    phi = torch.arange(columns) * (2 * math.pi / columns)
    level = torch.sin(theta)
    points = [level * phi.cos(), level * phi.sin(), theta.cos().expand(-1, columns)]
    i, j = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    a, b = i * columns + j, i * columns + (j + 1) % columns
    c, d = a + columns, b + columns
    pairs = [torch.stack([a, c, d], -1), torch.stack([a, d, b], -1)]
    faces = torch.cat(pairs).reshape(-1, 3).int()
    return 0.8 * F.normalize(torch.stack(points, -1).reshape(-1, 3), dim=-1), faces
