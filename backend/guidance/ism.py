"""Interval score matching: LucidDreamer (Liang et al. 2311.11284), eq. 17.

The picture is carried to the noise level s by DDIM inversion with the empty prompt, in steps of
`stride`, and from there to t = s + `interval`. grad = w(t) (eps(z_t, prompt) - eps(z_s, empty)), w
their sqrt((1 - a) / a): no noise is drawn, so that the same picture gets the same gradient (but
for what noising.py says of networks that predict the clean picture).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.guidance.base import Prior, Views
from backend.guidance.diffusion import add_noise, epsilon_from_x0, per_sample
from backend.guidance.noising import begun, carry_on, first_level, levels
from backend.guidance.sds import modest_scale
from backend.guidance.settings import check, scale_setting, setting
from backend.guidance.weightings import weigh, weighting_setting

LEAST_ALPHA_BAR = 1e-4  # below, w(t) would leave fp32 behind


@dataclass(frozen=True)
class Config:
    guidance_scale: float | None = scale_setting("none: 7.5, or the prior's own if less")
    weighting: str = weighting_setting("x0")
    # Theirs falls from 100 to 50 of 1000.
    interval: float = setting(0.05, "from s to t", 0.001, 0.999)
    stride: float = setting(0.2, "of the inversion", 0.001, 0.999)

    def __post_init__(self) -> None:
        check(self)


class ISM:
    """A `Rule`."""

    def __init__(self, prior: Prior, config: Config | None = None):
        self.prior, self.config = prior, config or Config()
        self.guidance_scale = modest_scale(self.config.guidance_scale, prior)

    def gradient(
        self, latents: Tensor, views: Views, timestep: float, generator: torch.Generator
    ) -> Tensor:
        first = min(first_level(self.prior), timestep)
        end = max(timestep - self.config.interval, first)
        noisy, at = self._invert(latents, views, (first, end), generator)
        timesteps, alpha_bar = levels(self.prior, at, latents)
        (empty,) = self.prior.denoise(noisy, timesteps, views, ("empty",))
        before = epsilon_from_x0(empty, noisy, alpha_bar)
        timesteps, alpha_bar = levels(self.prior, timestep, latents)
        noisy = add_noise(empty, before, alpha_bar)
        guided = self.prior.predict_x0(noisy, timesteps, views, self.guidance_scale)
        difference = epsilon_from_x0(guided, noisy, alpha_bar) - before
        a = per_sample(alpha_bar, latents).clamp(min=LEAST_ALPHA_BAR)
        return weigh(difference * ((1 - a) / a).sqrt(), alpha_bar, self.config.weighting)

    def _invert(
        self,
        latents: Tensor,
        views: Views,
        between: tuple[float, float],
        generator: torch.Generator,
    ) -> tuple[Tensor, float]:
        """The latents at the second of two noise levels, from the first, `stride` by `stride`."""
        at, end = between
        noisy = begun(self.prior, latents, at, generator)
        while at < end:
            onwards = min(at + self.config.stride, end)
            timesteps, alpha_bar = levels(self.prior, at, latents)
            (x0,) = self.prior.denoise(noisy, timesteps, views, ("empty",))
            noisy = carry_on(noisy, x0, alpha_bar, levels(self.prior, onwards, latents)[1])
            at = onwards
        return noisy, at
