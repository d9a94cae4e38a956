"""How well pictures of a prop answer the prompt, by the prior itself.

In: pictures from around a prop. Out: a number, higher is better: by how much less the prior errs
about them when it is told the prompt than when it is told nothing. The errors are those of the
predicted noise at fixed levels and under the same noise for every prop, so that numbers of one
prior and one prompt can be compared: the diffusion classifier's measure (Li et al. 2303.16203,
section 3), the prompt against none. The bare error would prefer a prop that shows nothing, which
is easy to guess.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from backend.guidance.base import Prior, Views, with_nearness
from backend.guidance.diffusion import per_sample
from backend.guidance.noising import noised

LEVELS = (0.3, 0.5, 0.7)  # timesteps: below, all words fit; above, little is left to see


@torch.no_grad()
def evidence(prior: Prior, images: Float[Tensor, "B C H W"], views: Views, seed: int = 0) -> float:
    """images: as `Guidance.loss` takes them."""
    generator = torch.Generator().manual_seed(seed)
    images, views = with_nearness(images, views)
    latents = prior.encode(images, generator, views).float()
    gains = []
    for level in LEVELS:
        at = noised(prior, latents, level, generator)
        # Each by itself: asked together, Perp-Neg would take the wrong sides from the prompt.
        (empty,) = prior.denoise(at.noisy, at.timesteps, views, ("empty",))
        (prompt,) = prior.denoise(at.noisy, at.timesteps, views, ("prompt",))
        a = per_sample(at.alpha_bar, latents)
        gain = (empty - latents).square() - (prompt - latents).square()
        gains.append((gain * a / (1 - a).clamp(min=1e-8)).mean())
    return float(torch.stack(gains).mean())
