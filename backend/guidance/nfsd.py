"""Noise-free score distillation (Katzir et al. 2310.17590).

The predicted noise is taken apart (section 4): a step towards the prompt d_C = eps(prompt) -
eps(empty), a domain correction d_D, and noise, which is left out. grad = w(t) (d_D + s d_C), where
d_D = eps(empty) while t < 200 of 1000 (then its share of noise is small, eq. 8) and
eps(empty) - eps(negative) above, the negative prompt speaking of bad pictures (eq. 9). Theirs is
always the same; ours is the user's if there is one, and nothing where a prior reads no free text.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.guidance.base import Prior, Views
from backend.guidance.diffusion import epsilon_from_x0, per_sample
from backend.guidance.noising import Noised, noised
from backend.guidance.sds import modest_scale
from backend.guidance.settings import check, scale_setting, setting
from backend.guidance.weightings import weigh, weighting_setting


@dataclass(frozen=True)
class Config:
    guidance_scale: float | None = scale_setting("their s; none: 7.5, or the prior's own if less")
    weighting: str = weighting_setting("dreamfusion")
    little_noise: float = setting(
        0.2, "timestep below which eps(empty) is taken for the correction itself", 0, 1
    )

    def __post_init__(self) -> None:
        check(self)


class NFSD:
    """A `Rule`."""

    def __init__(self, prior: Prior, config: Config | None = None):
        self.prior, self.config = prior, config or Config()
        self.guidance_scale = modest_scale(self.config.guidance_scale, prior)

    def gradient(
        self, latents: Tensor, views: Views, timestep: float, generator: torch.Generator
    ) -> Tensor:
        at = noised(self.prior, latents, timestep, generator)
        bad = "poor" if "poor" in self.prior.branches else "negative"
        little = timestep < self.config.little_noise
        texts = ("empty", "prompt") if little else ("empty", "prompt", bad)
        empty, prompt, *poor = self.prior.denoise(at.noisy, at.timesteps, views, texts)
        correction = _as_x0(empty, at) if little else poor[0] - empty
        towards = self.guidance_scale * (empty - prompt)
        return weigh(towards + correction, at.alpha_bar, self.config.weighting)


def _as_x0(x0: Tensor, at: Noised) -> Tensor:
    """eps(empty) in units of x0: eps sqrt((1 - a) / a)."""
    a = per_sample(at.alpha_bar, x0)
    return epsilon_from_x0(x0, at.noisy, at.alpha_bar) * ((1 - a) / a).sqrt()
