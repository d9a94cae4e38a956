"""Geometry refinement: a deformable tetrahedral grid under score distillation.

In: signed distances from the Gaussians, and their colour. Out: the refined surface (raw: closed,
but not yet cleaned or decimated; see mesh/cleanup.py).

As in DMTet (Shen et al. 2021) each grid vertex has a signed distance and a bounded offset. As in
Fantasia3D (Chen et al. 2023) the prior looks at renders of the normals where it knows that domain,
and at lit colour otherwise and in between. Only vertices in a band around the first surface are
free: the surface refines what the Gaussians found and cannot grow new pieces far from it.

The distances are a sum over levels: coarse grids, interpolated, and one value a vertex. A picture
tells each vertex little and noisily; coarse cells add up what thousands of pixels say, so that
parts move as parts before details form (the effect that Nicolet et al. 2021, "Large Steps in
Inverse Rendering of Geometry", get by smoothing the gradient). A weak pull towards the first
surface keeps small parts, of which a small prior sees little, from being eaten away. Parts about
as thin as the cells, and the rods that join pieces (mesh/pieces.py), would still be: around them
the distances may change by THIN_CHANGE at most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from backend.cameras import CameraRange, Cameras
from backend.errors import GenerationError, InputError
from backend.guidance.asking import Asking
from backend.guidance.base import Guidance, wants_nearness
from backend.loop import RunContext, optimise
from backend.mesh import pictures, regularise
from backend.mesh.colors import ColorCache
from backend.mesh.dmtet import Surface, marching_tetrahedra
from backend.mesh.from_field import sample_grid
from backend.mesh.geometry import take
from backend.mesh.moved_band import MovedBand, lattice_corners, on_the_finest
from backend.mesh.tet_band import TetBand
from backend.mesh.tet_grid import TetGrid
from backend.mesh.thin import around_thin
from backend.mesh.types import PaintedMesh, TriMesh
from backend.reference.likeness import LikenessConfig, outline

STAGE = "mesh"
# Vertices of a tetrahedron may approach each other by twice this; its height is 0.71 cells, so
# with |offset| <= 0.2 sqrt(3) cells none turns over.
MAX_OFFSET = 0.2
ANCHORED = 2.0  # cells on each side of the first surface where change is held back
THIN = 1.5  # cells: parts that hold no ball of this radius are thin
THIN_CHANGE = 0.3  # cells by which their surface may go in or out


@dataclass(frozen=True)
class Config:
    resolution: int = 64  # cells of the tetrahedral grid an axis
    steps: int = 150
    views: int = 4  # per step
    image_size: int = 128  # pixels rendered, at least; the prior sees them shrunk to its own size
    learning_rate: float = 0.03  # in cells a step, for each level of the distances
    fine_rate: float = 0.3  # of the learning rate, for what belongs to single vertices
    levels: tuple[int, ...] = (6, 12, 24)  # cells an axis, each a multiple of the one before
    final_rate: float = 0.2  # of the learning rate, reached linearly
    timesteps: tuple[float, float] = (0.3, 0.05)  # noise level, from the first step to the last
    schedule: str = "annealed"  # a key of SCHEDULES: the order of the levels between them
    normal_share: float = 0.5  # of the steps, where the prior knows normals; the rest is shaded
    band: float = 5.0  # cells on each side of the first surface in which vertices are free
    anchor: float = 0.003  # of the mean squared change of the first surface's distances, in cells
    normal_consistency: float = 0.05
    laplacian: float = 0.005  # of the Laplacian in cells
    sign_agreement: float = 0.001
    eikonal: float = 0.01
    regularise_every: int = 2  # steps between the four terms above, which then count as often
    likeness: LikenessConfig = field(default_factory=LikenessConfig)  # to a reference's outline

    def __post_init__(self) -> None:
        # Only then are coarse levels linear inside of the finer ones' cells: see `field`.
        pairs = pairwise(self.levels)
        if not self.levels or self.levels[0] < 1 or any(b <= a or b % a for a, b in pairs):
            raise InputError(
                f"The levels of the geometry are {self.levels}; each must be a larger multiple of "
                "the one before, as in (6, 12, 24)."
            )


@dataclass(frozen=True)
class GeometryStart:
    """What this stage takes from the ones before."""

    sdf: Float[Tensor, "R R R"]  # over [-1, 1]^3, indexed [x, y, z], negative inside
    color_at: Callable[[Float[Tensor, "P 3"]], Float[Tensor, "P 3"]]  # sRGB in [0, 1]


class GeometryOptimisation:
    """The steps of this stage, for `backend.loop.optimise`."""

    def __init__(
        self,
        start: GeometryStart,
        config: Config,
        guidance: Guidance,
        cameras: CameraRange,
        context: RunContext,
    ):
        self.steps = config.steps
        self.config, self.guidance = config, guidance
        self.generator, self.device = context.generator, context.device
        self.reference = context.reference
        how = (config.views, config.image_size, config.timesteps, config.normal_share)
        self.asking = Asking(guidance, cameras, self.generator, self.device, *how, config.schedule)
        self.grid = TetGrid(config.resolution, context.device)
        base = _distances_on(self.grid, start.sdf.to(context.device), config.band)
        if not bool((base < 0).any()):
            raise GenerationError("The shape to refine is empty: try another seed or prompt.")
        free = (base.abs() < config.band) & ~self.grid.outer
        near = (base.abs() < ANCHORED) & ~self.grid.outer
        self.band = TetBand(self.grid, free, base < 0)
        self.base = base[self.band.members]
        self.free, self.near = (self.band.numbers(torch.nonzero(m)[:, 0]) for m in (free, near))
        thin = around_thin(start.sdf, THIN * self.grid.cell).to(self.device)
        held = sample_grid(thin.float(), self.band.points[self.free]) > 0.5
        cell = self.grid.cell
        sizes = (cell, MAX_OFFSET * cell, THIN_CHANGE)
        self.moved = MovedBand(self.band.points, self.base, self.free, held, *sizes)

        def parameter(*shape: int) -> Tensor:
            return torch.zeros(*shape, device=self.device, requires_grad=True)

        self.coarse = [parameter(size + 1, size + 1, size + 1) for size in config.levels]
        self.corners = [lattice_corners(size).to(self.device) for size in config.levels[1:]]
        self.fine = parameter(len(self.free))
        self.offsets = parameter(len(self.free), 3)
        self.colors = ColorCache(self.band.points, start.color_at)
        groups = [(self.coarse, 1.0), ([self.fine, self.offsets], config.fine_rate)]
        self.optimiser = torch.optim.Adam(
            [{"params": params, "rate": rate} for params, rate in groups], eps=1e-12, fused=True
        )

    def field(self) -> tuple[Float[Tensor, "K 3"], Float[Tensor, " K"]]:
        """The band's vertices, moved, and their distances, both in canonical units."""
        levels = on_the_finest(self.coarse, self.corners)
        return self.moved(levels, self.fine, self.offsets)

    def surface(self) -> Surface:
        points, sdf = self.field()
        return marching_tetrahedra(points, sdf, self.band.crossing_tets(sdf))

    def step(self, index: int) -> dict[str, float]:
        progress = index / max(1, self.steps - 1)
        for group in self.optimiser.param_groups:
            rate = 1 + (self.config.final_rate - 1) * progress
            group["lr"] = self.config.learning_rate * rate * group["rate"]
        points, sdf = self.field()
        tets = self.band.crossing_tets(sdf)
        surface = marching_tetrahedra(points, sdf, tets)
        if len(surface.mesh.faces) == 0:
            raise GenerationError(
                f"The surface vanished in step {index} of its refinement: try another seed, or "
                "fewer refinement steps."
            )
        domain = self.asking.domain(index)
        paint = partial(self._images, surface, domain)
        losses = {domain: self.asking.loss(paint, domain, progress)}
        losses |= self._anchor(sdf) | self._outline(surface)
        if index % self.config.regularise_every == 0:
            losses |= self._regularisers(surface, points, sdf, tets)
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        self.optimiser.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def _images(
        self, surface: Surface, domain: str, cameras: Cameras, backgrounds: Tensor, size: int
    ) -> Float[Tensor, "B C H W"]:
        raster = pictures.rasterize(surface.mesh, cameras, size)
        if domain == "normal":
            near = wants_nearness(self.asking.guidance.prior, domain)
            return pictures.normal_images(surface.mesh, raster, cameras, backgrounds, near)
        light = pictures.Light.sample(cameras, self.generator)
        albedo = self.colors.on(surface)
        return pictures.shaded_images(surface.mesh, albedo, raster, light, backgrounds)

    def _outline(self, surface: Surface) -> dict[str, Tensor]:
        """Of the reference picture, where there is one."""
        if self.reference is None:
            return {}
        size = max(self.config.image_size, self.guidance.prior.image_size)
        seen = pictures.silhouettes(surface.mesh, self.reference.cameras, size)
        return {"outline": outline(seen, self.reference, self.config.likeness)}

    def _regularisers(
        self, surface: Surface, points: Tensor, sdf: Tensor, tets: Tensor
    ) -> dict[str, Tensor]:
        """As much in total as if they came at every step."""
        config, mesh, cell = self.config, surface.mesh, self.grid.cell
        terms = {
            "normal_consistency": config.normal_consistency * regularise.normal_consistency(mesh),
            "laplacian": config.laplacian * regularise.laplacian_loss(mesh) / cell**2,
            "sign_agreement": config.sign_agreement * regularise.sign_agreement(surface, sdf, cell),
            "eikonal": config.eikonal * regularise.eikonal(points, sdf, tets),
        }
        return {name: config.regularise_every * term for name, term in terms.items()}

    def _anchor(self, sdf: Tensor) -> dict[str, Tensor]:
        change = take(sdf, self.near) / self.grid.cell - take(self.base, self.near)
        return {"anchor": self.config.anchor * change.square().mean()}

    @torch.no_grad()
    def snapshot(self) -> PaintedMesh:
        surface = self.surface()
        return PaintedMesh(surface.mesh, self.colors.peek(surface))

    def _parameters(self) -> list[Tensor]:
        return [*self.coarse, self.fine, self.offsets]

    def state_dict(self) -> dict[str, Any]:
        return {
            "parameters": [p.detach().clone() for p in self._parameters()],
            "optimiser": self.optimiser.state_dict(),
            "colors": self.colors.values.clone(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            for parameter, saved in zip(self._parameters(), state["parameters"], strict=True):
                parameter.copy_(saved)
        self.optimiser.load_state_dict(state["optimiser"])
        self.colors.values.copy_(state["colors"])


def _distances_on(grid: TetGrid, sdf: Float[Tensor, "R R R"], band: float) -> Float[Tensor, " N"]:
    """Distances at the grid's vertices in cells, at most `band`; the outermost are outside."""
    cells = (sample_grid(sdf.float(), grid.points) / grid.cell).clamp(-band, band)
    return torch.where(grid.outer, cells.clamp(min=0.5), cells)


def run(
    start: GeometryStart,
    config: Config,
    guidance: Guidance,
    cameras: CameraRange,
    context: RunContext,
) -> TriMesh:
    """Refines the surface; resumes from `context.checkpoints`.

    Raises GenerationError where the field is empty or the surface vanishes.
    """
    optimisation = GeometryOptimisation(start, config, guidance, cameras, context)
    optimise(STAGE, optimisation, context)
    with torch.no_grad():
        mesh = optimisation.surface().mesh
    if len(mesh.faces) == 0:
        raise GenerationError("The refined surface is empty: try another seed or prompt.")
    return mesh.detach()
