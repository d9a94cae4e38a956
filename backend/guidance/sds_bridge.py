"""SDS-Bridge (McAllister et al. 2406.09417): from what distilled pictures look like to good ones.

Distillation is seen as a path from the distribution of the renders (the source) to the prompt's
(the target); SDS takes the empty prompt for the source, which renders are not (section 4). First
SDS; then grad = w(t) (eps(target) - eps(source)), the source being the prompt with words for what
goes wrong in distillation ("oversaturated, smooth, ..."; the branch "degraded"), the target with
their code's words for what should be there ("high quality, sharp"; "improved"). They switch late in
the run, after 20,000 of 25,000 steps; here at half of the Gaussians' steps, and what refines the
surface afterwards has the bridge alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.errors import InputError
from backend.guidance.base import Prior, Views
from backend.guidance.noising import noised
from backend.guidance.sds import own_or
from backend.guidance.settings import check, scale_setting, setting
from backend.guidance.weightings import weigh, weighting_setting


@dataclass(frozen=True)
class Config:
    guidance_scale: float | None = scale_setting("of the SDS phase; none: the prior's own")
    # Theirs is 1 for props (after SDS at 100) and 40 for pictures.
    bridge_scale: float = setting(7.5, "a factor on target - source", 0, 1000)
    weighting: str = weighting_setting("dreamfusion")
    bridge_from: float = setting(0.5, "share of the shape's making from which on it stands", 0, 1)

    def __post_init__(self) -> None:
        check(self)


class SDSBridge:
    """A `Rule`. Its guidance scale is that of the SDS phase, s of u + s (c - u); the bridge's own
    factor is `bridge_scale`. Raises InputError where the prior can't read what goes wrong in a
    picture."""

    def __init__(self, prior: Prior, config: Config | None = None):
        self.prior, self.config = prior, config or Config()
        self.guidance_scale = own_or(self.config.guidance_scale, prior.default_guidance_scale)
        if "degraded" not in prior.branches:
            raise InputError(
                "--distillation sds-bridge tells the prior what bad pictures look like in words "
                "that this prior does not read; use one of free text, or --distillation csd."
            )

    def gradient(
        self, latents: Tensor, views: Views, timestep: float, generator: torch.Generator
    ) -> Tensor:
        at = noised(self.prior, latents, timestep, generator)
        if views.progress < self.config.bridge_from:
            x0 = self.prior.predict_x0(at.noisy, at.timesteps, views, self.guidance_scale)
            return weigh(latents - x0, at.alpha_bar, self.config.weighting)
        texts = ("degraded", "improved")
        source, target = self.prior.denoise(at.noisy, at.timesteps, views, texts)
        bridge = self.config.bridge_scale * (source - target)
        return weigh(bridge, at.alpha_bar, self.config.weighting)
