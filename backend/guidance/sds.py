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
from backend.guidance.weightings import check_weighting, weigh


@dataclass(frozen=True)
class Config:
    guidance_scale: float | None = None  # s of u + s (c - u); None is the prior's own
    weighting: str = "dreamfusion"  # a key of WEIGHTINGS
    rescale: float = 0.0  # 0..1, against saturation at large guidance scales

    def __post_init__(self) -> None:
        check_weighting(self.weighting)
        check_rescale(self.rescale)


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


def check_rescale(rescale: float) -> None:
    if not 0 <= rescale <= 1:
        raise ValueError("rescale must be between 0 and 1")


def own_or(scale: float | None, default: float) -> float:
    """The guidance scale that was asked for, or the default."""
    return default if scale is None else scale


MODEST_SCALE = 7.5  # of the distillations that need no large one: VSD, NFSD, ISM, SDI


def modest_scale(asked: float | None, prior: Prior) -> float:
    """7.5, or the prior's own where that is less."""
    return own_or(asked, min(MODEST_SCALE, prior.default_guidance_scale))
