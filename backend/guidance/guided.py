"""Classifier-free guidance on what a prior says of single branches: the common `predict_x0`.

In: a prior's `denoise`. Out: its guided estimate, u + s (c - u) (see `diffusion.guide`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from backend.guidance.base import Views
from backend.guidance.diffusion import guide


@dataclass(frozen=True)
class Asked:
    """Noisy latents, their noise levels, and what is known of the pictures."""

    noisy: Tensor
    timesteps: Tensor
    views: Views


class Guided(ABC):
    """Half of a `Prior`; subclasses change what guidance means to them."""

    views_together: int  # so many images in a row have one contrast, see `diffusion.rescaled`
    whole_answers: tuple[int, ...] = (0, 1)  # scales at which one branch says it all

    @abstractmethod
    def denoise(
        self, noisy: Tensor, timesteps: Tensor, views: Views, branches: Sequence[str]
    ) -> tuple[Tensor, ...]:
        """See `Prior`."""

    @torch.no_grad()
    def predict_x0(
        self,
        noisy: Tensor,
        timesteps: Tensor,
        views: Views,
        guidance_scale: float,
        rescale: float = 0.0,
    ) -> Tensor:
        asked = Asked(noisy, timesteps, views)
        if guidance_scale in self.whole_answers:
            return self.finished(self.say(asked, ("negative", "prompt")[int(guidance_scale)])[0])
        return self.finished(self.guided(asked, guidance_scale, rescale))

    def say(self, asked: Asked, *branches: str) -> tuple[Tensor, ...]:
        return self.denoise(asked.noisy, asked.timesteps, asked.views, branches)

    def guided(self, asked: Asked, scale: float, rescale: float) -> Tensor:
        unguided, prompted = self.say(asked, "negative", "prompt")
        return guide(prompted, unguided, scale, rescale, self.views_together)

    def finished(self, x0: Tensor) -> Tensor:
        return x0
