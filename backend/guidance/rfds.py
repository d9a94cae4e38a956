"""Rectified flow distillation, RFDS and RFDS-Rev (Yang et al. 2406.03293).

On a flow z_s = (1 - s) z + s eps with velocity eps - z, grad = w (v_hat - (eps - z)), which is
w (z - x0_hat) / s. RFDS-Rev first turns the drawn noise towards the one that leads to this picture
(iRFDS): eps <- eps + (1 - s) (v_hat + z - eps), `reversals` times. They draw w at random; here it
is 1, as Adam forgets a factor and a mean over steps keeps it.

A diffusion prior takes part as well: its mixtures are a flow's but for their length, with
s / (1 - s) = sqrt((1 - a) / a).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.guidance.base import Prior, Views
from backend.guidance.diffusion import add_noise, per_sample
from backend.guidance.noising import levels, normal_like
from backend.guidance.sds import own_or
from backend.guidance.settings import check, scale_setting, setting


@dataclass(frozen=True)
class Config:
    guidance_scale: float | None = scale_setting("s of u + s (c - u); none: the prior's own")
    reversals: int = setting(0, "of the noise; RFDS-Rev has 1", 0, 100)
    reversal_scale: float = setting(1.0, "guidance there", 0, 1000)

    def __post_init__(self) -> None:
        check(self)


class RFDS:
    """A `Rule`."""

    def __init__(self, prior: Prior, config: Config | None = None):
        self.prior, self.config = prior, config or Config()
        self.guidance_scale = own_or(self.config.guidance_scale, prior.default_guidance_scale)

    def gradient(
        self, latents: Tensor, views: Views, timestep: float, generator: torch.Generator
    ) -> Tensor:
        timesteps, alpha_bar = levels(self.prior, timestep, latents)
        sigma = per_sample(flow_time(alpha_bar), latents)
        noise = normal_like(latents, generator)
        for _ in range(self.config.reversals):
            noisy = add_noise(latents, noise, alpha_bar)
            x0 = self.prior.predict_x0(noisy, timesteps, views, self.config.reversal_scale)
            noise = noise + (1 - sigma) * (latents - x0) / sigma
        noisy = add_noise(latents, noise, alpha_bar)
        x0 = self.prior.predict_x0(noisy, timesteps, views, self.guidance_scale)
        return (latents - x0) / sigma


def flow_time(alpha_bar: Tensor) -> Tensor:
    """s of the flow with the same share of noise, at least 1e-4."""
    signal, noise = alpha_bar.sqrt(), (1 - alpha_bar).clamp(min=0).sqrt()
    return (noise / (signal + noise)).clamp(min=1e-4)
