"""The x0 form: a step towards the prior's guided estimate of the clean picture.

MVDream (Shi et al. 2308.16512), section 3.3: grad = z - x0_hat, from 0.5 |z - sg(x0_hat)|^2, with
the estimate's contrast pulled back to the unguided one's (their 0.5) at large guidance scales.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.guidance.base import Prior, Views
from backend.guidance.noising import noised
from backend.guidance.sds import own_or
from backend.guidance.settings import check, scale_setting, setting


@dataclass(frozen=True)
class Config:
    guidance_scale: float | None = scale_setting("s of u + s (c - u); none: the prior's own")
    rescale: float | None = setting(
        None, "share of the contrast that is pulled back; none: the prior's own", 0, 1
    )

    def __post_init__(self) -> None:
        check(self)


class X0:
    """A `Rule`."""

    def __init__(self, prior: Prior, config: Config | None = None):
        self.prior, self.config = prior, config or Config()
        self.guidance_scale = own_or(self.config.guidance_scale, prior.default_guidance_scale)
        self.rescale = own_or(self.config.rescale, prior.default_rescale)

    def gradient(
        self, latents: Tensor, views: Views, timestep: float, generator: torch.Generator
    ) -> Tensor:
        at = noised(self.prior, latents, timestep, generator)
        x0 = self.prior.predict_x0(at.noisy, at.timesteps, views, self.guidance_scale, self.rescale)
        return latents - x0
