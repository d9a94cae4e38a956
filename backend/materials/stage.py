"""Materials by distillation on a fixed mesh.

In: a mesh and the colours that the Gaussians had on it. Out: a `MaterialField`.

Each step renders a few views in one of the domains that the prior knows: lit ("shaded"), plain
albedo, or occlusion-roughness-metallic. The light is a preset drawn and turned at random for every
view: under one fixed sky, as in Fantasia3D (Chen et al. 2023) and nvdiffrec, shading that agrees in
all views is cheapest to paint into the albedo. Priors of albedo smoothness as in nvdiffrec
(Munkberg et al. 2022, section 5: |kd(x) - kd(x + noise)|), the same for roughness, and metallic
pushed to 0 or 1 by m (1 - m).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from backend.cameras import CameraRange, Cameras
from backend.guidance.asking import shrink
from backend.guidance.base import Guidance, Views, draw_backgrounds, wants_nearness
from backend.guidance.schedules import between
from backend.loop import RunContext, optimise
from backend.materials import views
from backend.materials.field import FieldConfig, Material, MaterialField
from backend.materials.light import environment
from backend.mesh.geometry import vertex_normals
from backend.mesh.types import PaintedMesh, TriMesh
from backend.reference.likeness import LikenessConfig, color_likeness

STAGE = "materials"


@dataclass(frozen=True)
class Config:
    steps: int = 240
    views: int = 4  # per step
    image_size: int = 128  # pixels rendered, at least; the prior sees them shrunk to its own size
    learning_rate: float = 0.05
    final_rate: float = 0.2  # of the learning rate, reached along a cosine
    timesteps: tuple[float, float] = (0.6, 0.1)  # noise level, from the first step to the last
    timestep_jitter: float = 0.1  # of "annealed"
    schedule: str = "annealed"  # a key of SCHEDULES: the order of the levels between them
    shaded_share: float = 0.3  # of the steps; shares of domains the prior lacks fall to the others
    albedo_share: float = 0.3
    orm_share: float = 0.4
    lights: tuple[str, ...] = ("studio", "overcast", "sunset", "three_point")
    exposure: tuple[float, float] = (0.7, 1.1)
    # nvdiffrec has 0.03 beside an L1 loss; the distillation's mean of squares is gentler.
    smooth_albedo: float = 0.01
    smooth_roughness: float = 0.01
    smooth_distance: float = 0.01  # how far apart smoothness compares, canonical units
    smooth_every: int = 4  # smoothness is measured at one of so many points that are seen
    bimodal_metallic: float = 0.005  # reached linearly over the second half of the steps
    likeness: LikenessConfig = field(default_factory=LikenessConfig)  # of albedo to a reference
    field: FieldConfig = field(default_factory=FieldConfig)


@dataclass(frozen=True)
class MaterialStart:
    """What this stage takes from the ones before."""

    mesh: TriMesh
    color_at: Callable[[Float[Tensor, "P 3"]], Float[Tensor, "P 3"]]  # sRGB in [0, 1]


class MaterialOptimisation:
    """The steps of this stage, for `backend.loop.optimise`."""

    def __init__(
        self,
        start: MaterialStart,
        config: Config,
        guidance: Guidance,
        cameras: CameraRange,
        context: RunContext,
    ):
        self.steps = config.steps
        self.config, self.guidance, self.cameras = config, guidance, cameras
        self.generator, self.device = context.generator, context.device
        self.mesh = start.mesh.detach().to(context.device)
        self.normals = vertex_normals(self.mesh)
        self.field = MaterialField(self.mesh, start.color_at, config.field)
        self.reference = context.reference
        self.lights = [environment(name).to(context.device) for name in config.lights]
        self.domains, self.shares = self._shares()
        self.optimiser = torch.optim.Adam(self.field.parameters(), eps=1e-12, fused=True)

    def _shares(self) -> tuple[list[str], Tensor]:
        config, known = self.config, self.guidance.prior.domains
        wanted = {
            "shaded": config.shaded_share,
            "albedo": config.albedo_share,
            "orm": config.orm_share,
        }
        shares = {name: share for name, share in wanted.items() if name in known and share > 0}
        shares = shares or {"shaded": 1.0}
        return list(shares), torch.tensor(list(shares.values()))

    def step(self, index: int) -> dict[str, float]:
        progress = index / max(1, self.steps - 1)
        self._set_learning_rate(progress)
        cameras = self.cameras.sample(self.config.views, self.generator).to(self.device)
        domain = self.domains[int(torch.multinomial(self.shares, 1, generator=self.generator))]
        size = max(self.config.image_size, self.guidance.prior.image_size)
        seen = views.look_at_surface(self.mesh, self.normals, cameras, size)
        material = self.field(seen.points)
        distilled = self._distil(material, seen, cameras, domain, progress)
        losses = {domain: distilled, **self._priors(material, seen.points, progress)}
        losses |= self._likeness(size)
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        self.optimiser.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def _likeness(self, size: int) -> dict[str, Tensor]:
        """The albedo of what a reference picture shows is taken for its colours: the light there
        is not known, so its shading stays in them."""
        if self.reference is None:
            return {}
        seen = views.look_at_surface(self.mesh, self.normals, self.reference.cameras, size)
        albedo = self.field(seen.points).albedo
        weight = self.config.likeness.color
        found = color_likeness(albedo, seen.pixels, size, self.reference, weight)
        return {"reference": found}

    def _set_learning_rate(self, progress: float) -> None:
        last = self.config.final_rate
        rate = last + (1 - last) * (1 + math.cos(math.pi * progress)) / 2
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * rate

    def _distil(
        self,
        material: Material,
        seen: views.Visible,
        cameras: Cameras,
        domain: str,
        progress: float,
    ) -> Tensor:
        count, size = len(cameras), self.guidance.prior.image_size
        lighting = views.draw_lighting(self.lights, self.config.exposure, count, self.generator)
        prior = self.guidance.prior
        backgrounds = draw_backgrounds(prior, count, self.generator, domain).to(self.device)
        colors = views.paint(material, seen, domain, lighting)
        if wants_nearness(prior, domain):
            colors = torch.cat([colors, views.nearness(seen, cameras)], -1)
            backgrounds = torch.cat([backgrounds, torch.zeros_like(backgrounds[:, :1])], -1)
        images = views.composite(colors, seen, backgrounds, self.mesh.faces).permute(0, 3, 1, 2)
        known = Views(cameras, domain, backgrounds[:, :3])
        return self.guidance.loss(
            shrink(images, size), known, self._timestep(progress), self.generator
        )

    def _timestep(self, progress: float) -> float:
        config, prior = self.config, self.guidance.prior
        level = between(config.timesteps, progress, config.schedule, self.generator, prior)
        if config.schedule != "annealed":
            return level
        jitter = float(torch.rand((), generator=self.generator)) - 0.5
        return min(max(level + jitter * config.timestep_jitter, 0.02), 0.98)

    def _priors(self, material: Material, points: Tensor, progress: float) -> dict[str, Tensor]:
        config = self.config
        # A mean over fewer points is the same on average, and its lookups cost as much as all else.
        first = int(torch.randint(config.smooth_every, (), generator=self.generator))
        some = slice(first, None, config.smooth_every)
        points = points[some]
        offsets = torch.randn(points.shape, generator=self.generator).to(points)
        near = self.field(points + offsets * config.smooth_distance)
        ramp = max(0.0, 2 * progress - 1)
        metallic = material.metallic
        return {
            "smooth_albedo": config.smooth_albedo * _distance(near.albedo, material.albedo[some]),
            "smooth_roughness": config.smooth_roughness
            * _distance(near.roughness, material.roughness[some]),
            "bimodal_metallic": config.bimodal_metallic * ramp * _mean(metallic * (1 - metallic)),
        }

    @torch.no_grad()
    def snapshot(self) -> PaintedMesh:
        return PaintedMesh(self.mesh, self.field(self.mesh.vertices).albedo)

    def state_dict(self) -> dict[str, Any]:
        return {"field": self.field.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.field.load_state_dict(state["field"])
        self.optimiser.load_state_dict(state["optimiser"])


def _mean(values: Tensor) -> Tensor:
    """The mean, 0 where nothing was seen."""
    return values.sum() / max(1, values.numel())


def _distance(a: Tensor, b: Tensor) -> Tensor:
    return _mean((a - b).abs())


def run(
    start: MaterialStart,
    config: Config,
    guidance: Guidance,
    cameras: CameraRange,
    context: RunContext,
) -> MaterialField:
    """Optimises the materials; resumes from `context.checkpoints`. The field comes back frozen."""
    optimisation = MaterialOptimisation(start, config, guidance, cameras, context)
    optimise(STAGE, optimisation, context)
    return optimisation.field.requires_grad_(False)
