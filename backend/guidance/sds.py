"""Score distillation sampling: images in, a scalar whose gradient pulls them toward the prior.

"noise"  DreamFusion (2209.14988) eq. 3: grad = w(t) (eps_hat - eps) with w = 1 - a. Written in x0,
         eps_hat - eps = sqrt(a / (1 - a)) (z - x0_hat), so grad = sqrt(a (1 - a)) (z - x0_hat):
         the same, and finite at both ends of the schedule.
"x0"     MVDream (2308.16512) section 3.3: grad = z - x0_hat, from 0.5 |z - sg(x0_hat)|^2.

Both are means over all elements of z, so that neither batch nor resolution scales the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from backend.guidance.base import Guidance, Prior, Views
from backend.guidance.diffusion import add_noise, per_sample


@dataclass(frozen=True)
class SDSConfig:
    guidance_scale: float | None = None  # s of u + s (c - u); None is the prior's own
    form: str = "noise"  # "noise" or "x0"
    guidance_rescale: float = 0.0  # 0..1, against saturation at large guidance scales
    gradient_clip: float | None = None  # largest magnitude of an element of grad, before the mean

    def __post_init__(self) -> None:
        if self.form not in ("noise", "x0"):
            raise ValueError(f"form must be 'noise' or 'x0', not '{self.form}'")
        if not 0 <= self.guidance_rescale <= 1:
            raise ValueError("guidance_rescale must be between 0 and 1")
        if self.gradient_clip is not None and self.gradient_clip <= 0:
            raise ValueError("gradient_clip must be positive, or None")


class SDS:
    """A `Guidance` made of a prior and `SDSConfig`."""

    def __init__(self, prior: Prior, config: SDSConfig | None = None):
        self.prior = prior
        self.config = config or SDSConfig()
        scale = self.config.guidance_scale
        self.guidance_scale = prior.default_guidance_scale if scale is None else scale

    def loss(
        self,
        images: Float[Tensor, "B 3 H W"],
        views: Views,
        timestep: float,
        generator: torch.Generator,
    ) -> Tensor:
        """0.5 mean |z - sg(z - grad)|^2 at `timestep` in (0, 1); images in [0, 1]."""
        latents = self.prior.encode(images, generator).float()
        with torch.no_grad():
            target = latents - self._gradient(latents, views, timestep, generator)
        return 0.5 * (latents - target).square().mean()

    def _gradient(
        self, latents: Tensor, views: Views, timestep: float, generator: torch.Generator
    ) -> Tensor:
        """The distillation's gradient on the latents, element by element, before the mean."""
        total = len(self.prior.alphas_cumprod)
        index = min(max(round(timestep * total), 0), total - 1)
        timesteps = torch.full((len(latents),), index, device=latents.device)
        alpha_bar = self.prior.alphas_cumprod.to(latents.device)[timesteps]
        noise = torch.randn(latents.shape, generator=generator).to(latents.device)
        noisy = add_noise(latents, noise, alpha_bar)
        x0 = self.prior.predict_x0(
            noisy, timesteps, views, self.guidance_scale, self.config.guidance_rescale
        )
        gradient = latents - x0
        if self.config.form == "noise":
            gradient = gradient * per_sample((alpha_bar * (1 - alpha_bar)).sqrt(), gradient)
        clip = self.config.gradient_clip
        return gradient if clip is None else gradient.clamp(-clip, clip)


def _sds(prior: Prior, config: SDSConfig) -> Guidance:
    return SDS(prior, replace(config, form="noise"))


def _sds_x0(prior: Prior, config: SDSConfig) -> Guidance:
    return SDS(prior, replace(config, form="x0"))


DISTILLATIONS: dict[str, Callable[[Prior, SDSConfig], Guidance]] = {
    "sds": _sds,
    "sds-x0": _sds_x0,
}
