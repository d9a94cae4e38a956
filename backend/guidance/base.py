"""The two interfaces of this room: `Prior` (what predicts) and `Guidance` (what the stages call).

A domain says what kind of picture the images are: "shaded" (lit colour, sRGB), "albedo" (sRGB),
"normal" (view space, see shared/conventions.py) or "orm" (occlusion, roughness, metallic). Every
prior knows "shaded"; stages use the others where `domains` offers them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from backend.cameras import Cameras

DOMAINS = ("shaded", "albedo", "normal", "orm")


@dataclass(frozen=True)
class Views:
    """What a prior may know of a batch of images beside their pixels; None is "unknown"."""

    cameras: Cameras | None
    domain: str = "shaded"
    backgrounds: Float[Tensor, "B 3"] | None = None


@runtime_checkable
class Prior(Protocol):
    """A text-conditioned diffusion model, prompt already encoded."""

    domains: tuple[str, ...]
    image_size: int  # pixels at which images are best handed over
    alphas_cumprod: Float[Tensor, "T"]
    weights_hash: str  # sha256 over the weight files
    ignored_words: tuple[str, ...]  # words of the prompt that this prior does not know
    default_guidance_scale: float

    def encode(self, images: Float[Tensor, "B 3 H W"], generator: torch.Generator) -> Tensor:
        """Images in [0, 1], any square size -> the space the model denoises; differentiable."""
        ...

    def predict_x0(
        self,
        noisy: Tensor,
        timesteps: Tensor,
        views: Views,
        guidance_scale: float,
        rescale: float = 0.0,
    ) -> Tensor:
        """Classifier-free-guided estimate of the clean latents, u + s (c - u); no gradients.

        timesteps: (B,) integers. rescale: 0..1, how far the estimate's standard deviation is
        pulled back to the unguided one's (see `diffusion.guide`).
        """
        ...


@runtime_checkable
class Guidance(Protocol):
    """What a stage holds: differentiable images in, a scalar loss out."""

    prior: Prior

    def loss(
        self,
        images: Float[Tensor, "B 3 H W"],
        views: Views,
        timestep: float,
        generator: torch.Generator,
    ) -> Tensor:
        """Scalar whose gradient on `images` is the distillation's; `timestep` in (0, 1)."""
        ...
