"""Score Jacobian Chaining (Wang et al. 2212.00774).

The picture's score is had by perturbing and averaging: D(y + s n; s) is the denoiser's estimate at
standard deviation s = sqrt((1 - a) / a), and the step is (D - y) / s (section 4.2); without
variance reduction it is (D - y - s n) / s, the same on average. As a gradient to descend its sign
turns.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.guidance.base import Prior, Views
from backend.guidance.noising import noised
from backend.guidance.sds import own_or
from backend.guidance.settings import check, scale_setting, setting
from backend.guidance.weightings import weigh


@dataclass(frozen=True)
class Config:
    guidance_scale: float | None = scale_setting("s of u + s (c - u); none: the prior's own")
    variance_reduction: bool = setting(True, "leave out the noise that averages to nothing")

    def __post_init__(self) -> None:
        check(self)


class SJC:
    """A `Rule`."""

    def __init__(self, prior: Prior, config: Config | None = None):
        self.prior, self.config = prior, config or Config()
        self.guidance_scale = own_or(self.config.guidance_scale, prior.default_guidance_scale)

    def gradient(
        self, latents: Tensor, views: Views, timestep: float, generator: torch.Generator
    ) -> Tensor:
        at = noised(self.prior, latents, timestep, generator)
        x0 = self.prior.predict_x0(at.noisy, at.timesteps, views, self.guidance_scale)
        reduced = weigh(latents - x0, at.alpha_bar, "uniform")
        return reduced if self.config.variance_reduction else reduced + at.noise
