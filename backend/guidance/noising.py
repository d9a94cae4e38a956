"""Steps along the noise that the distillations share: forward at random, forward by DDIM.

In: a prior, latents, a timestep in (0, 1). Out: noisy latents with what made them.

DDIM inversion begins with the clean picture. A network that predicts that picture instead of the
noise is of no use there: the noise that it implies is its own error, divided by next to nothing
(rms of 20 instead of 1 with the shipped prior). Its inversion begins at FIRST_LEVEL, with noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from backend.guidance.base import Prior
from backend.guidance.diffusion import add_noise, epsilon_from_x0

FIRST_LEVEL = 0.05


@dataclass(frozen=True)
class Noised:
    """z_t = sqrt(a) z + sqrt(1 - a) eps, and its parts."""

    noisy: Tensor
    noise: Tensor
    timesteps: Tensor  # (B,) indices into alphas_cumprod
    alpha_bar: Float[Tensor, "B"]


def levels(prior: Prior, timestep: float, like: Tensor) -> tuple[Tensor, Float[Tensor, "B"]]:
    """(timesteps, alpha_bar), (B,) both, on `like`'s device; `timestep` in [0, 1]."""
    total = len(prior.alphas_cumprod)
    index = min(max(round(timestep * total), 0), total - 1)
    timesteps = torch.full((len(like),), index, device=like.device)
    return timesteps, prior.alphas_cumprod.to(like.device)[timesteps]


def normal_like(latents: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers, drawn where the generator lives."""
    return torch.randn(latents.shape, generator=generator).to(latents.device)


def noised(prior: Prior, latents: Tensor, timestep: float, generator: torch.Generator) -> Noised:
    timesteps, alpha_bar = levels(prior, timestep, latents)
    noise = normal_like(latents, generator)
    return Noised(add_noise(latents, noise, alpha_bar), noise, timesteps, alpha_bar)


def carry_on(
    noisy: Tensor, x0: Tensor, alpha_bar: Float[Tensor, "B"], onwards: Float[Tensor, "B"]
) -> Tensor:
    """A DDIM step (2010.02502, eq. 12, no fresh noise) to the noise level `onwards`, either way:
    the estimate of x0 and the noise that it implies, mixed anew."""
    return add_noise(x0, epsilon_from_x0(x0, noisy, alpha_bar), onwards)


def first_level(prior: Prior) -> float:
    """Where inversion begins: the least level at which the prior can tell what is noise."""
    clean = getattr(prior, "prediction_type", "") == "sample"
    return FIRST_LEVEL if clean and not getattr(prior, "is_flow", False) else 0.0


def begun(prior: Prior, latents: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """Latents at the level where an inversion begins; nothing is drawn where that is 0."""
    return noised(prior, latents, level, generator).noisy if level > 0 else latents
