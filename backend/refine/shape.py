"""Geometry refinement with the topology kept: vertices move, faces and UVs stay.

In: a `Body` and its present colours. Out: displacements of the welded vertices, canonical units,
and the colours that the prior saw on them.

The displacement is a sum over levels, as in mesh/stage.py: coarse lattices over space, which move
parts as parts, and a vector for each welded vertex. It is squashed into a ball whose radius is the
strength's share of the prop's radius times the vertex's weight: what has weight 0 is no unknown at
all. Three terms hold the shape together: a Laplacian of the displacement (neighbours move alike),
stretch of edges (Sorkine and Alexa 2007, "As-Rigid-As-Possible Surface Modeling", penalise the same
without the rotation), and faces that would turn over. The surface's colours are refined with it,
so that the prior sees the prop that it was told of; they are where the material stage starts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from backend.cameras import CameraRange, Cameras
from backend.color import from_srgb
from backend.guidance.asking import Asking
from backend.guidance.base import Guidance, wants_nearness
from backend.loop import RunContext, optimise
from backend.materials.field import FieldConfig, MaterialField
from backend.mesh import pictures
from backend.mesh.geometry import face_normals, take, unique_edges
from backend.mesh.types import PaintedMesh, TriMesh
from backend.refine.body import Body
from backend.refine.colors import ColorAt
from backend.refine.held import hold
from backend.render import triangles
from shared.conventions import CANONICAL_RADIUS

STAGE = "mesh"
FOLD = 0.3  # cosine between a face's normals before and after, below which it counts as folding


@dataclass(frozen=True)
class Config:
    steps: int = 150
    views: int = 4  # per step
    image_size: int = 128  # pixels rendered, at least; the prior sees them shrunk to its own size
    learning_rate: float = 0.002  # canonical units a step, for each level
    fine_rate: float = 0.3  # of the learning rate, for single vertices
    color_rate: float = 0.05  # of the colours' logits
    levels: tuple[int, ...] = (4, 8, 16)  # cells of the lattices an axis
    final_rate: float = 0.2  # of the learning rate, reached linearly
    timesteps: tuple[float, float] = (0.7, 0.1)  # noise level, from the first step to the last
    normal_share: float = 0.5  # of the steps, where the prior knows normals; the rest is shaded
    laplacian: float = 0.05  # of the displacement's, in mean edges
    stretch: float = 0.02
    fold: float = 0.1
    field: FieldConfig = field(default_factory=lambda: FieldConfig(resolutions=(16, 32, 64)))


class ShapeOptimisation:
    """The steps of this stage, for `backend.loop.optimise`."""

    def __init__(
        self,
        body: Body,
        color_at: ColorAt,
        strength: float,
        config: Config,
        guidance: Guidance,
        cameras: CameraRange,
        context: RunContext,
    ):
        self.steps, self.body = config.steps, body
        self.config = config
        self.generator, self.device = context.generator, context.device
        how = (config.views, config.image_size, config.timesteps, config.normal_share)
        self.asking = Asking(guidance, cameras, self.generator, self.device, *how)
        weights = torch.from_numpy(body.weights).to(self.device)
        self.free = torch.nonzero(weights > 0)[:, 0]
        bounds = strength * CANONICAL_RADIUS * weights / torch.from_numpy(body.stretch).to(weights)
        self.bounds = bounds[self.free, None]
        self.places = torch.from_numpy(body.rest).to(self.device)[self.free]
        still = torch.zeros(len(body.weights), 3, device=self.device)
        self.base = body.render_mesh(still)
        self.field = MaterialField(self.base, color_at, config.field)
        hold(self.field, body)
        self.shading = _Elastic(self.base, body)
        self.coarse = [self._parameter(3, n + 1, n + 1, n + 1) for n in config.levels]
        self.fine = self._parameter(len(self.free), 3)
        groups = [
            {"params": self.coarse, "rate": config.learning_rate},
            {"params": [self.fine], "rate": config.learning_rate * config.fine_rate},
            {"params": list(self.field.parameters()), "rate": config.color_rate},
        ]
        self.optimiser = torch.optim.Adam(groups, eps=1e-12, fused=True)

    def _parameter(self, *shape: int) -> Tensor:
        return torch.zeros(*shape, device=self.device, requires_grad=True)

    def displacement(self) -> Float[Tensor, "W 3"]:
        """Canonical units; exactly 0 where the weight is, and shorter than the bound elsewhere."""
        raw = self.fine
        for lattice in self.coarse:
            raw = raw + _sample(lattice, self.places)
        squashed = raw * self.bounds * (self.bounds**2 + raw.square().sum(-1, True)).rsqrt()
        whole = torch.zeros(len(self.body.weights), 3, device=self.device)
        return whole.index_copy(0, self.free, squashed)

    def step(self, index: int) -> dict[str, float]:
        progress = index / max(1, self.steps - 1)
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * (1 + (self.config.final_rate - 1) * progress)
        displacement = self.displacement()
        mesh = TriMesh(self.body.moved(displacement, self.body.shown_of), self.base.faces)
        domain = self.asking.domain(index)
        paint = partial(self._images, mesh, domain)
        losses = {domain: self.asking.loss(paint, domain, progress)}
        losses |= self.shading.terms(mesh, displacement, self.config)
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        self.optimiser.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def _images(
        self, mesh: TriMesh, domain: str, cameras: Cameras, backgrounds: Tensor, size: int
    ) -> Float[Tensor, "B C H W"]:
        raster = pictures.rasterize(mesh, cameras, size)
        if domain == "normal":
            near = wants_nearness(self.asking.guidance.prior, domain)
            return pictures.normal_images(mesh, raster, cameras, backgrounds, near)
        light = pictures.Light.sample(cameras, self.generator)
        # Colours belong to the surface, so they are looked up where it was.
        seen = triangles.interpolate(self.base.vertices, raster.pixels.detach(), raster.tris)
        pixels = torch.nonzero(raster.pixels[..., 3].reshape(-1) > 0)[:, 0]
        albedo = self.field(seen.reshape(-1, 3)[pixels]).albedo
        linear = torch.zeros_like(seen).reshape(-1, 3).index_copy(0, pixels, from_srgb(albedo))
        return pictures.lit_images(mesh, linear.reshape(seen.shape), raster, light, backgrounds)

    @torch.no_grad()
    def snapshot(self) -> PaintedMesh:
        """The parts' own vertices and faces, in their order."""
        points = self.body.moved(self.displacement())
        faces = torch.from_numpy(self.body.shown_faces).to(self.device)
        before = torch.from_numpy(self.body.shown).to(self.device)
        return PaintedMesh(TriMesh(points, faces), self.field(before).albedo)

    def state_dict(self) -> dict[str, Any]:
        return {
            "coarse": [lattice.detach().clone() for lattice in self.coarse],
            "fine": self.fine.detach().clone(),
            "field": self.field.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            self.fine.copy_(state["fine"])
            for lattice, saved in zip(self.coarse, state["coarse"], strict=True):
                lattice.copy_(saved)
        self.field.load_state_dict(state["field"])
        self.optimiser.load_state_dict(state["optimiser"])


class _Elastic:
    """What holds the shape together; edges and normals of the surface as it was."""

    def __init__(self, base: TriMesh, body: Body):
        device = base.vertices.device
        welded = torch.from_numpy(body.welded[body.source[body.shown_faces[body.owned]]])
        self.edges: Int64[Tensor, "E 2"] = unique_edges(welded).to(device)
        self.rest = torch.from_numpy(body.rest).to(device)
        self.lengths = self._vectors(self.rest).norm(dim=-1)
        self.mean = float(self.lengths.mean()) if len(self.lengths) else 1.0
        self.normals = face_normals(base)
        ends = torch.cat([self.edges, self.edges.flip(1)])
        self.ends, self.others = ends.unbind(dim=1)
        degree = torch.zeros(len(self.rest), device=device)
        degree = degree.index_add(0, self.ends, torch.ones_like(self.ends, dtype=degree.dtype))
        self.degree = degree.clamp(min=1)[:, None]

    def _vectors(self, points: Tensor) -> Float[Tensor, "E 3"]:
        ends = take(points, self.edges)
        return ends[:, 1] - ends[:, 0]

    def terms(self, mesh: TriMesh, displacement: Tensor, config: Config) -> dict[str, Tensor]:
        total = torch.zeros_like(displacement)
        total = total.index_add(0, self.ends, take(displacement, self.others))
        laplacian = total / self.degree - displacement
        lengths = self._vectors(self.rest + displacement).norm(dim=-1)
        stretch = (lengths - self.lengths).square() / (self.lengths + self.mean).square()
        cosine = (face_normals(mesh) * self.normals).sum(dim=-1)
        # Faces without area have no normal to lose.
        folded = (FOLD - cosine).clamp(min=0) * (self.normals.square().sum(-1) > 0.5)
        return {
            "laplacian": config.laplacian * laplacian.square().sum(-1).mean() / self.mean**2,
            "stretch": config.stretch * stretch.mean(),
            "fold": config.fold * folded.mean(),
        }


def _sample(lattice: Float[Tensor, "3 S S S"], points: Tensor) -> Float[Tensor, "P 3"]:
    """Trilinear vectors of a lattice over [-1, 1]^3, indexed [x, y, z]."""
    zyx = points.flip(-1)[None, None, None]
    found = F.grid_sample(lattice[None], zyx, align_corners=True, padding_mode="border")
    return found.reshape(3, -1).T


def run(
    body: Body,
    color_at: ColorAt,
    strength: float,
    config: Config,
    guidance: Guidance,
    cameras: CameraRange,
    context: RunContext,
) -> tuple[Float[Tensor, "W 3"], MaterialField]:
    """Resumes from `context.checkpoints`. The field's albedo lies on the surface as it was."""
    given = (body, color_at, strength, config, guidance, cameras, context)
    optimisation = ShapeOptimisation(*given)
    optimise(STAGE, optimisation, context)
    return optimisation.displacement().detach(), optimisation.field.requires_grad_(False)
