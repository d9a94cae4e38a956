"""A prior with a known answer: images from Gaussian mixtures, noised scores in closed form.

x ~ sum_k share_k N(mode_k, std^2). z_t = sqrt(a) x + sqrt(1 - a) eps then has variance
a std^2 + 1 - a around sqrt(a) mode_k, so that E[x | z_t] follows from Bayes' rule.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from backend.guidance.diffusion import guide


def posterior_mean(noisy: Tensor, a: Tensor, modes: Tensor, std: float, shares=None) -> Tensor:
    """E[x | z_t], (B, C, H, W); modes (K, C, H, W); a (B,)."""
    a = a[:, None, None, None, None]
    offset = noisy[:, None] - a.sqrt() * modes
    variance = a * std**2 + 1 - a
    logits = -(offset**2 / (2 * variance)).sum((2, 3, 4))
    if shares is not None:
        logits = logits + shares.to(logits).log()
    weights = torch.softmax(logits, 1)
    means = modes + a.sqrt() * std**2 / variance * offset
    return (weights[:, :, None, None, None] * means).sum(1)


def cosine_alphas(total: int = 1000) -> Tensor:
    """Falls to 0 (zero terminal SNR)."""
    alphas = torch.cos(torch.linspace(0.01, math.pi / 2, total)) ** 2
    alphas[-1] = 0
    return alphas


class MixturePrior:
    """branches: by name, which of `modes` it is a mixture of, in equal shares."""

    domains = ("shaded",)
    views_together = 1
    default_rescale = 0.0
    weights_hash = ""
    ignored_words = ()

    def __init__(self, modes: Tensor, branches: dict[str, list[int]], std=0.05, scale=1.0):
        self.modes, self.kinds, self.std = modes, branches, std
        self.branches = tuple(branches)
        self.image_size = modes.shape[-1]
        self.default_guidance_scale = scale
        self.alphas_cumprod = cosine_alphas()
        self.network = torch.nn.Identity()

    def encode(self, images, generator, views=None):
        return images * 2 - 1

    def x0(self, noisy: Tensor, a: Tensor, branch: str) -> Tensor:
        modes = self.modes[self.kinds[branch]].to(noisy)
        return posterior_mean(noisy, a.to(noisy), modes, self.std)

    def denoise(self, noisy, timesteps, views, branches):
        a = self.alphas_cumprod[timesteps]
        return tuple(self.x0(noisy, a, branch) for branch in branches)

    def predict_x0(self, noisy, timesteps, views, guidance_scale, rescale=0.0):
        unguided, prompted = self.denoise(noisy, timesteps, views, ("negative", "prompt"))
        return guide(prompted, unguided, guidance_scale, rescale)
