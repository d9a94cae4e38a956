"""Score distillation sampling: DreamFusion (Poole et al. 2209.14988), eq. 3.

grad = w(t) (eps_hat - eps), eps_hat guided. Written in x0, eps_hat - eps = sqrt(a / (1 - a))
(z - x0_hat): the same, and finite at both ends of the schedule.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.guidance.base import Prior, Views
from backend.guidance.noising import noised
from backend.guidance.settings import check, scale_setting, setting
from backend.guidance.weightings import weigh, weighting_setting


@dataclass(frozen=True)
class Config:
    guidance_scale: float | None = scale_setting("s of u + s (c - u); none: the prior's own")
    weighting: str = weighting_setting("dreamfusion")
    rescale: float = setting(0.0, "against saturation at large guidance scales", 0, 1)

    def __post_init__(self) -> None:
        check(self)


class SDS:
    """A `Rule`."""

    def __init__(self, prior: Prior, config: Config | None = None):
        self.prior, self.config = prior, config or Config()
        self.guidance_scale = own_or(self.config.guidance_scale, prior.default_guidance_scale)

    def gradient(
        self, latents: Tensor, views: Views, timestep: float, generator: torch.Generator
    ) -> Tensor:
        at = noised(self.prior, latents, timestep, generator)
        x0 = self.prior.predict_x0(
            at.noisy, at.timesteps, views, self.guidance_scale, self.config.rescale
        )
        return weigh(latents - x0, at.alpha_bar, self.config.weighting)


def own_or(scale: float | None, default: float) -> float:
    """The guidance scale that was asked for, or the default."""
    return default if scale is None else scale


MODEST_SCALE = 7.5  # of the distillations that need no large one: VSD, NFSD, ISM, SDI


def modest_scale(asked: float | None, prior: Prior) -> float:
    """7.5, or the prior's own where that is less."""
    return own_or(asked, min(MODEST_SCALE, prior.default_guidance_scale))
