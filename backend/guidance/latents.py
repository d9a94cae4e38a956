"""Pictures -> the latents of a VAE (Rombach et al. 2112.10752), differentiable in the pictures.

Only the encoder is kept: no step of a distillation decodes. What it computes on the way is kept for
the gradients where memory has room for it (offload.py). Else pictures are encoded one after the
other, and again when gradients come back (Chen et al. 1604.06174), so that one picture's, or one
block's, activations are there at a time and not a batch's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from backend.guidance.base import Views
from backend.guidance.diffusion import scale_gradient
from backend.guidance.offload import ALL, BLOCK, slices, vae_keeps, vae_room

# Numbers that the encoder keeps for the gradients, a pixel of a picture; and the most that it has
# of one picture, one block at a time. Counted at 64 to 192 pixels a side, with the published VAEs'
# widths (tests/unit/test_vae_memory.py).
NUMBERS, BLOCK_NUMBERS = 3030, 1160
WIDTH = 128  # channels of the first level there; others are taken to keep in proportion
TILE = 512  # pixels a side from which pictures are encoded in tiles of this size, on demand


@runtime_checkable
class Encoder(Protocol):
    """A `Prior`'s `encode`, and the size in pixels that it works at."""

    image_size: int

    def __call__(
        self, images: Tensor, generator: torch.Generator, views: Views | None = None
    ) -> Tensor: ...


class VaeEncoder:
    """A diffusers AutoencoderKL without its decoder, at one picture size."""

    def __init__(self, vae: Any, latent_size: int, keeps: str | None = None):
        """latent_size: of the network that denoises. keeps: see `offload.vae_keeps`; None is what
        memory has room for."""
        self.vae, self.asked = vae, keeps
        self.image_size = latent_size * 2 ** (len(vae.config.block_out_channels) - 1)
        vae.decoder = None
        if not isinstance(vae.encoder, Frugal):  # several priors may share one VAE
            vae.encoder = Frugal(vae.encoder)
        if slices() == "tiles":
            _tile(vae)

    def keeps(self, pictures: int) -> str:
        """Of a batch of so many: see `offload.vae_keeps`."""
        if self.asked is not None:
            return self.asked
        width = self.vae.config.block_out_channels[0] / WIDTH
        numbers = NUMBERS * width * self.image_size**2
        return vae_keeps(pictures, numbers * self.vae.dtype.itemsize, self._room)

    @cached_property
    def _room(self) -> float:
        """Told once, behind all that is loaded: every step of a run does the same."""
        return vae_room(self.vae.device)

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

        keeps = self.vae.encoder.keeps = self.keeps(len(pixels))
        if keeps == ALL:
            return self.vae.encode(pixels, return_dict=False)[0]
        parts = [self.vae.encode(one, return_dict=False)[0].parameters for one in pixels.split(1)]
        return DiagonalGaussianDistribution(torch.cat(parts))


class Frugal(nn.Module):
    """A VAE's encoder. Unless it keeps ALL, only the picture, or tile, waits for the gradients.
    When they come back, the rest is computed again, with BLOCK one block after the other."""

    def __init__(self, encoder: Any):
        super().__init__()
        self.encoder, self.keeps = encoder, ALL

    def forward(self, pixels: Tensor) -> Tensor:
        if self.keeps == ALL:
            return self.encoder(pixels)
        return _again(self._by_blocks if self.keeps == BLOCK else self.encoder, pixels)

    def _by_blocks(self, hidden: Tensor) -> Tensor:
        for block in self._blocks():
            hidden = _again(block, hidden)
        return hidden

    def _blocks(self) -> Iterator[Callable[[Tensor], Tensor]]:
        """The steps of diffusers' Encoder.forward."""
        yield self.encoder.conv_in
        for level in self.encoder.down_blocks:
            yield from (partial(resnet, temb=None) for resnet in level.resnets)
            yield from level.downsamplers or ()
        yield self.encoder.mid_block
        yield nn.Sequential(
            self.encoder.conv_norm_out, self.encoder.conv_act, self.encoder.conv_out
        )


def _again(function: Callable[[Tensor], Tensor], given: Tensor) -> Tensor:
    """function(given), computed once more when gradients come back; it must draw no numbers."""
    return checkpoint(function, given, use_reentrant=False, preserve_rng_state=False)


def _tile(vae: Any) -> None:
    """Sets the size, as diffusers tiles only what is larger than its own pictures were."""
    vae.enable_tiling()
    vae.tile_sample_min_size = TILE
    vae.tile_latent_min_size = TILE // 2 ** (len(vae.config.block_out_channels) - 1)
