"""Albedo, roughness and metallic as a function of position, kept only near one surface.

In: a mesh and colours on it. Out: a `MaterialField` that answers points near the surface.

A value is the sum of trilinear lookups in lattices of several resolutions, squashed into its
range: the coarse ones move whole regions at once, the fine ones add detail, as in multi-resolution
hash encoding (Mueller et al. 2022), from which we differ in two ways. The surface is known, so
each lattice stores just the corners around it and needs neither hashing nor collisions; and the
sum is the material's logit itself rather than the input of a network, so the colours that the
field starts from are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from backend.materials.field_cpu import CHANNELS, lookup
from backend.mesh.types import TriMesh
from backend.neighbours import tree_of

ALBEDO_RANGE = (0.03, 0.97)
ROUGHNESS_RANGE = (0.08, 1.0)


@dataclass(frozen=True)
class FieldConfig:
    resolutions: tuple[int, ...] = (16, 32, 64, 128)  # cells along [-1, 1], coarse to fine
    samples: int = 300_000  # points on the surface that say which corners are kept
    roughness: float = 0.6  # at the start
    metallic: float = 0.2  # at the start; low, but where the sigmoid still has a slope


@dataclass(frozen=True)
class Material:
    """What a surface is made of at P points."""

    albedo: Float[Tensor, "P 3"]  # sRGB, in ALBEDO_RANGE
    roughness: Float[Tensor, "P"]  # in ROUGHNESS_RANGE
    metallic: Float[Tensor, "P"]  # in [0, 1]


def sample_surface(
    mesh: TriMesh, count: int, generator: torch.Generator
) -> tuple[Int64[Tensor, "N"], Float[Tensor, "N 3"]]:
    """Points spread evenly over the area: face indices and barycentric weights."""
    corners = mesh.vertices.detach().cpu().double()[mesh.faces.cpu()]
    edges = corners[:, 1:] - corners[:, :1]
    cumulative = torch.linalg.cross(edges[:, 0], edges[:, 1]).norm(dim=-1).cumsum(0)
    where = (torch.arange(count) + torch.rand(count, generator=generator).double()) / count
    faces = torch.searchsorted(cumulative, where * cumulative[-1]).clamp(max=len(mesh.faces) - 1)
    u, v = torch.rand(2, count, generator=generator)
    u, v = torch.where(u + v > 1, 1 - u, u), torch.where(u + v > 1, 1 - v, v)
    return faces, torch.stack([1 - u - v, u, v], dim=-1)


class SparseLattice(nn.Module):
    """Features on those corners of a lattice over [-1, 1]^3 that lie around given points.

    Everywhere else a lookup meets row 0, which is zero and never learns.
    """

    rows: Tensor  # lattice corner -> row of features

    def __init__(self, resolution: int, points: Float[Tensor, "N 3"]):
        super().__init__()
        self.resolution = resolution
        side = resolution + 1
        marked = torch.zeros(1, side, side, side)
        corners, _ = self._corners(points)
        marked.view(-1)[corners.reshape(-1)] = 1
        kept = F.max_pool3d(marked, 3, stride=1, padding=1).view(-1) > 0
        rows = torch.zeros(side**3, dtype=torch.int32)
        rows[kept] = torch.arange(1, int(kept.sum()) + 1, dtype=torch.int32)
        self.register_buffer("rows", rows, persistent=False)
        self.features = nn.Parameter(torch.zeros(int(kept.sum()) + 1, CHANNELS))

    def _corners(self, points: Tensor) -> tuple[Int64[Tensor, "P 8"], Float[Tensor, "P 8"]]:
        """Lattice indices of the eight corners around each point, and their weights."""
        place = (points.clamp(-1, 1) + 1) * (self.resolution / 2)
        low = place.floor().clamp(max=self.resolution - 1)
        fraction = place - low
        steps = torch.tensor(
            [[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)], device=points.device
        )
        side = self.resolution + 1
        stride = torch.tensor([side * side, side, 1], device=points.device)
        index = (low.long() * stride).sum(-1, keepdim=True) + (steps * stride).sum(-1)
        near = torch.stack([1 - fraction, fraction], dim=-1)
        x, y, z = near.unbind(dim=1)
        weights = (x[:, :, None, None] * y[:, None, :, None]) * z[:, None, None, :]
        return index, weights.reshape(-1, 8)

    def corner_points(self) -> Float[Tensor, "R 3"]:
        """Where rows 1.. of the features lie."""
        flat = torch.nonzero(self.rows)[:, 0]
        side = self.resolution + 1
        ijk = torch.stack([flat // side**2, flat // side % side, flat % side], dim=-1)
        return ijk.float() * (2 / self.resolution) - 1

    def forward(self, points: Float[Tensor, "P 3"]) -> Float[Tensor, "P 5"]:
        """On any device; on the CPU materials/field_cpu.py is faster."""
        corners, weights = self._corners(points)
        rows = self.rows[corners].long()
        # embedding_bag sums each row's gradient in a fixed order; indexing would not.
        return F.embedding_bag(rows, self.features, per_sample_weights=weights, mode="sum")


class MaterialField(nn.Module):
    """See the module. Points lie in the canonical frame; gradients reach the features only."""

    start: Tensor

    def __init__(
        self,
        mesh: TriMesh,
        color_at: Callable[[Float[Tensor, "P 3"]], Float[Tensor, "P 3"]],
        config: FieldConfig,
    ):
        super().__init__()
        faces, weights = sample_surface(mesh, config.samples, torch.Generator().manual_seed(0))
        corners = mesh.vertices.detach().cpu()[mesh.faces.cpu()[faces]]
        points = (corners * weights[..., None]).sum(1)
        self.levels = nn.ModuleList(SparseLattice(r, points) for r in config.resolutions)
        self.register_buffer("start", self._start(config))
        self._paint(points, color_at, mesh.vertices.device)
        self.to(mesh.vertices.device)

    @staticmethod
    def _start(config: FieldConfig) -> Float[Tensor, "5"]:
        low, high = ROUGHNESS_RANGE
        roughness = torch.tensor((config.roughness - low) / (high - low))
        values = [torch.full((3,), 0.5), roughness[None], torch.full((1,), config.metallic)]
        return torch.logit(torch.cat(values), eps=1e-3)

    def _paint(self, points: Tensor, color_at: Callable, device: torch.device) -> None:
        """Sets the finest lattice to the colours of the surface nearest to each corner."""
        finest = cast(SparseLattice, self.levels[-1])
        _, nearest = tree_of(points.numpy()).query(finest.corner_points().numpy(), workers=-1)
        chosen, back = torch.unique(torch.from_numpy(nearest), return_inverse=True)
        colors = color_at(points[chosen].to(device)).detach().cpu().float()[back]
        low, high = ALBEDO_RANGE
        logits = torch.logit(((colors - low) / (high - low)).clamp(0.02, 0.98))
        with torch.no_grad():
            finest.features[1:, :3] = logits

    def forward(self, points: Float[Tensor, "P 3"]) -> Material:
        logits = self.start + self._looked_up(points)
        unit = torch.sigmoid(logits)
        albedo = ALBEDO_RANGE[0] + (ALBEDO_RANGE[1] - ALBEDO_RANGE[0]) * unit[:, :3]
        roughness = ROUGHNESS_RANGE[0] + (ROUGHNESS_RANGE[1] - ROUGHNESS_RANGE[0]) * unit[:, 3]
        return Material(albedo, roughness, unit[:, 4])

    def _looked_up(self, points: Float[Tensor, "P 3"]) -> Float[Tensor, "P 5"]:
        levels = [cast(SparseLattice, level) for level in self.levels]
        if points.device.type != "cpu":
            return torch.stack([level(points) for level in levels]).sum(0)
        features = [level.features for level in levels]
        rows, resolutions = [lv.rows for lv in levels], [lv.resolution for lv in levels]
        return lookup(points, features, rows, resolutions)
