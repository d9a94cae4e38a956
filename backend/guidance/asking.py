"""What the stages that refine a surface have in common: whose turn it is, and one step's question.

In: a guidance, cameras to draw from, how to paint views of what is refined. Out: a scalar loss.
The random numbers of a step come in one order: cameras, backgrounds, whatever the painting draws,
then the guidance's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from backend.cameras import ELEVATIONS, CameraRange, Cameras
from backend.guidance.base import Guidance, Prior, Views, draw_backgrounds
from backend.guidance.schedules import between

# Cameras, backgrounds (B, 3) and pixels a side -> images (B, 3, H, W) in [0, 1], with nearness as
# a fourth channel where the prior wants it.
Paint = Callable[[Cameras, Tensor, int], Tensor]


def cameras_for(prior: Prior, wished: CameraRange) -> CameraRange:
    """In groups, where the prior sees several views together; heights that nobody has chosen are
    those that it knows, where it says them (`elevation_deg`), or else ELEVATIONS."""
    heights = wished.elevation_deg or getattr(prior, "elevation_deg", ELEVATIONS)
    return replace(wished, elevation_deg=heights, together=prior.views_together)


def normals_before(index: int, share: float, domains: tuple[str, ...]) -> int:
    """How many of the first `index` steps are guided by normals: an even share of them, none
    where the prior's domains have no normals."""
    return int(index * share) if "normal" in domains else 0


def shrink(images: Float[Tensor, "B C _ _"], size: int) -> Float[Tensor, "B C {size} {size}"]:
    """Square images at the size that a prior sees, by the mean of what falls on each pixel."""
    while images.shape[-1] % (2 * size) == 0:  # a third of the time that it takes at once
        rows = images[..., ::2, :] + images[..., 1::2, :]
        images = (rows[..., ::2] + rows[..., 1::2]) * 0.25
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, size=(size, size), mode="area")


@dataclass(frozen=True)
class Asking:
    """How a stage asks. `timesteps` are noise levels at its first step and at its last, `schedule`
    a key of SCHEDULES: in which order those between them come."""

    guidance: Guidance
    cameras: CameraRange
    generator: torch.Generator
    device: torch.device
    views: int  # per step
    image_size: int  # pixels rendered, at least; the prior sees them shrunk to its own size
    timesteps: tuple[float, float]
    normal_share: float  # of the steps, where the prior knows normals; the rest is shaded
    schedule: str = "annealed"

    def domain(self, index: int) -> str:
        """Normals on an even share of the steps."""
        share, known = self.normal_share, self.guidance.prior.domains
        now = normals_before(index + 1, share, known) > normals_before(index, share, known)
        return "normal" if now else "shaded"

    def loss(self, paint: Paint, domain: str, progress: float) -> Tensor:
        """`progress` runs from 0 at the first step to 1 at the last."""
        prior = self.guidance.prior
        cameras = self.cameras.sample(self.views, self.generator).to(self.device)
        backgrounds = draw_backgrounds(prior, len(cameras), self.generator, domain)
        backgrounds = backgrounds.to(self.device)
        painted = paint(cameras, backgrounds, max(self.image_size, prior.image_size))
        timestep = between(self.timesteps, progress, self.schedule, self.generator, prior)
        views = Views(cameras, domain, backgrounds)
        images = shrink(painted, prior.image_size)
        return self.guidance.loss(images, views, timestep, self.generator)
