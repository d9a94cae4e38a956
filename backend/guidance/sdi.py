"""Score distillation via inversion (Lukoianov et al. 2405.15891).

SDS is DDIM sampling whose noise is drawn anew in each step; here the noise is the one that would
have led to this picture, found by DDIM inversion under the guidance turned round (their -7.5) in
`steps` steps. Then grad = z - x0_hat (their eq. 13 in units of x0). Each step of the inversion adds
fresh noise of eta times DDIM's deviation, sqrt((1 - a) / (1 - b) (1 - b / a)) from level a to b
(2010.02502, eq. 16), as the authors' code does. Otherwise than there, the steps have equal lengths
and end at t (theirs: on a grid of 100 timesteps, past t by up to one of them), the timesteps are
the preset's (theirs fall from .98 to .25), and Perp-Neg is asked for apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from backend.guidance.base import Prior, Views
from backend.guidance.diffusion import per_sample
from backend.guidance.noising import begun, carry_on, first_level, levels, normal_like
from backend.guidance.sds import modest_scale
from backend.guidance.settings import check, scale_setting, setting


@dataclass(frozen=True)
class Config:
    guidance_scale: float | None = scale_setting("none: 7.5, or the prior's own if less")
    inversion_scale: float | None = setting(
        None, "guidance of the inversion; none: the guidance scale, negative", -1000, 1000
    )
    steps: int = setting(4, "of the inversion; theirs are 10", 1, 1000)
    eta: float = setting(0.3, "of fresh noise; 0: none", 0, 1)

    def __post_init__(self) -> None:
        check(self)


class SDI:
    """A `Rule`."""

    def __init__(self, prior: Prior, config: Config | None = None):
        self.prior, self.config = prior, config or Config()
        self.guidance_scale = modest_scale(self.config.guidance_scale, prior)
        scale = self.config.inversion_scale
        self.inversion_scale = -self.guidance_scale if scale is None else scale

    def gradient(
        self, latents: Tensor, views: Views, timestep: float, generator: torch.Generator
    ) -> Tensor:
        noisy = self._invert(latents, views, timestep, generator)
        timesteps, _ = levels(self.prior, timestep, latents)
        return latents - self.prior.predict_x0(noisy, timesteps, views, self.guidance_scale)

    def _invert(
        self, latents: Tensor, views: Views, timestep: float, generator: torch.Generator
    ) -> Tensor:
        """The latents at noise level `timestep`, their noise by DDIM inversion."""
        first, eta = min(first_level(self.prior), timestep), self.config.eta
        noisy = begun(self.prior, latents, first, generator)
        for step in range(self.config.steps):
            shares = (step / self.config.steps, (step + 1) / self.config.steps)
            now, then = (first + (timestep - first) * share for share in shares)
            timesteps, alpha_bar = levels(self.prior, now, latents)
            x0 = self.prior.predict_x0(noisy, timesteps, views, self.inversion_scale)
            onwards = levels(self.prior, then, latents)[1]
            fresh = normal_like(latents, generator)
            spread = per_sample(ddim_deviation(alpha_bar, onwards), latents)
            noisy = carry_on(noisy, x0, alpha_bar, onwards) + eta * spread * fresh
        return noisy


def ddim_deviation(alpha_bar: Float[Tensor, "B"], onwards: Float[Tensor, "B"]) -> Tensor:
    """Of the noise that DDIM adds at eta = 1 on its way from the noisier `onwards`."""
    ratio = (onwards / alpha_bar).clamp(max=1)
    return ((1 - alpha_bar) / (1 - onwards).clamp(min=1e-8) * (1 - ratio)).clamp(min=0).sqrt()
