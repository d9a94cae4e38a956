"""Pictures -> the latents of a VAE (Rombach et al. 2112.10752), differentiable in the pictures.

Only the encoder is kept: no step of a distillation decodes. Large pictures are encoded one after
the other where memory is scarce, all of them where the user asks for it (offload.py), and again
when gradients come back (Chen et al. 1604.06174), so that one picture's activations are kept at a
time and not a batch's.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from backend.guidance.base import Views
from backend.guidance.diffusion import scale_gradient
from backend.guidance.offload import slices, wants_slices

SMALL = 256  # pixels a side up to which a batch of pictures is encoded at once


@runtime_checkable
class Encoder(Protocol):
    """A `Prior`'s `encode`, and the size in pixels that it works at."""

    image_size: int

    def __call__(
        self, images: Tensor, generator: torch.Generator, views: Views | None = None
    ) -> Tensor: ...


TILE = 512  # pixels a side from which pictures are encoded in tiles of this size, on demand


class VaeEncoder:
    """A diffusers AutoencoderKL without its decoder, at one picture size."""

    def __init__(self, vae: Any, latent_size: int, sliced: bool | None = None):
        """latent_size: of the network that denoises. sliced: one picture after the other; None is
        where it pays."""
        self.vae = vae
        self.image_size = latent_size * 2 ** (len(vae.config.block_out_channels) - 1)
        vae.decoder = None
        if slices() == "tiles":
            _tile(vae)
        large = self.image_size > SMALL or slices() != "auto"
        self.sliced = (large and wants_slices(vae.device)) if sliced is None else sliced

    def __call__(
        self,
        images: Float[Tensor, "B 3 H W"],
        generator: torch.Generator,
        views: Views | None = None,
    ) -> Tensor:
        """Images in [0, 1] -> scaled latents, drawn from the VAE's posterior."""
        size = (self.image_size, self.image_size)
        if images.shape[-2:] != size:
            images = F.interpolate(images, size=size, mode="bilinear", antialias=True)
        dtype, config = self.vae.dtype, self.vae.config
        # In fp16 the gradient of a mean would round to zero inside the VAE: it travels enlarged.
        factor = 2.0**14 if dtype == torch.float16 else 1.0
        pixels = scale_gradient(images * 2 - 1, 1 / factor).to(dtype)
        posterior = self._posterior(pixels)
        mean, std = posterior.mean.float(), posterior.std.float()
        noise = torch.randn(mean.shape, generator=generator).to(mean.device)
        shift = getattr(config, "shift_factor", None) or 0.0
        return scale_gradient((mean + std * noise - shift) * config.scaling_factor, factor)

    def _posterior(self, pixels: Tensor) -> Any:
        from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

        if not self.sliced or len(pixels) == 1:
            return self.vae.encode(pixels, return_dict=False)[0]
        parts = [checkpoint(self._moments, one, use_reentrant=False) for one in pixels.split(1)]
        return DiagonalGaussianDistribution(torch.cat(parts))

    def _moments(self, pixels: Tensor) -> Tensor:
        return self.vae.encode(pixels, return_dict=False)[0].parameters


def _tile(vae: Any) -> None:
    """Sets the size, as diffusers tiles only what is larger than its own pictures were."""
    vae.enable_tiling()
    vae.tile_sample_min_size = TILE
    vae.tile_latent_min_size = TILE // 2 ** (len(vae.config.block_out_channels) - 1)
