"""Pictures -> the latents of a VAE (Rombach et al. 2112.10752), differentiable in the pictures.

Only the encoder is kept: no step of a distillation decodes.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from backend.guidance.diffusion import scale_gradient


class VaeEncoder:
    """A diffusers AutoencoderKL without its decoder, at one picture size."""

    def __init__(self, vae: Any, latent_size: int, tiled: bool = False):
        """latent_size: of the network that denoises. tiled: encode in overlapping parts, for large
        pictures on small cards."""
        self.vae = vae
        self.image_size = latent_size * 2 ** (len(vae.config.block_out_channels) - 1)
        vae.decoder = None
        if tiled:
            vae.enable_tiling()

    def __call__(self, images: Float[Tensor, "B 3 H W"], generator: torch.Generator) -> Tensor:
        """Images in [0, 1] -> scaled latents, drawn from the VAE's posterior."""
        size = (self.image_size, self.image_size)
        if images.shape[-2:] != size:
            images = F.interpolate(images, size=size, mode="bilinear", antialias=True)
        dtype, config = self.vae.dtype, self.vae.config
        # In fp16 the gradient of a mean would round to zero inside the VAE: it travels enlarged.
        factor = 2.0**14 if dtype == torch.float16 else 1.0
        pixels = scale_gradient(images * 2 - 1, 1 / factor).to(dtype)
        posterior = self.vae.encode(pixels, return_dict=False)[0]
        mean, std = posterior.mean.float(), posterior.std.float()
        noise = torch.randn(mean.shape, generator=generator).to(mean.device)
        shift = getattr(config, "shift_factor", None) or 0.0
        return scale_gradient((mean + std * noise - shift) * config.scaling_factor, factor)
