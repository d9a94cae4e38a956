"""Classifier score distillation (Yu et al. 2310.19415).

grad = w(t) (eps(prompt) - eps(empty)): the guidance alone, without the residual of noise that SDS
carries (eq. 6). With a negative prompt (eq. 9) w2 (eps(empty) - eps(negative)) is added. They raise
w2 from 0 to 1 over the run that makes a shape, and lower it to 0.5 where they refine one; so do we
but for the latter: w2 = negative_weight times `Views.progress`, whatever the order of timesteps.
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
    guidance_scale: float | None = scale_setting("a factor on the whole; none: 1, their w1")
    weighting: str = weighting_setting("dreamfusion")
    negative_weight: float = setting(1.0, "w2, once the shape is made", 0, 100)

    def __post_init__(self) -> None:
        check(self)


class CSD:
    """A `Rule`. Its guidance scale is no s of u + s (c - u), there being no u: a factor on
    the gradient, which Adam forgets but for `gradient_clip`; 1 where other rules have tens."""

    def __init__(self, prior: Prior, config: Config | None = None):
        self.prior, self.config = prior, config or Config()
        scale = self.config.guidance_scale
        self.scale = 1.0 if scale is None else scale

    def gradient(
        self, latents: Tensor, views: Views, timestep: float, generator: torch.Generator
    ) -> Tensor:
        at = noised(self.prior, latents, timestep, generator)
        weight = self.config.negative_weight * views.progress
        texts = ("empty", "prompt", "negative") if weight else ("empty", "prompt")
        empty, prompt, *unwanted = self.prior.denoise(at.noisy, at.timesteps, views, texts)
        step = empty - prompt
        for negative in unwanted:
            step = step + weight * (negative - empty)
        return self.scale * weigh(step, at.alpha_bar, self.config.weighting)
