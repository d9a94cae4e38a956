"""Stable Diffusion XL (Podell et al. 2307.01952) as a prior, from a folder in diffusers' layout.

In: the folder (unet/, vae/, two text encoders and tokenizers, scheduler/), a prompt. Out: an
`SDXLPrior` over VAE latents. Beside the words the network takes the text's one vector and the sizes
that a picture of training had; we say that ours is whole and of the network's own size. Nothing
said is zeros rather than the encoding of an empty text, as in its training and in diffusers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from backend.guidance import offload, texts, weights
from backend.guidance.base import Views
from backend.guidance.clip_text import encode_clips
from backend.guidance.components import (
    load_unet,
    load_vae,
    network_file,
    precision_dtype,
)
from backend.guidance.latents import BLOCK_NUMBERS, VaeEncoder
from backend.guidance.reading import Reading, warn_of_cuts
from backend.guidance.worded import WordedPrior
from backend.prompt.parse import Prompt

LATENT_SIZE = 128  # where a folder does not say it
PROP = 1e9  # bytes of a card for the prop and its pictures


@dataclass(frozen=True)
class SDXLConfig:
    guidance_scale: float = 100.0  # in the form u + s (c - u)
    view_wording: bool = True
    precision: str = "auto"  # "fp16", "bf16", "fp32", or "auto": fp16 on CUDA and fp32 elsewhere


class SDXLPrior(WordedPrior):
    """A `Prior` in VAE latents, its prompt already encoded."""

    def __init__(
        self,
        unet: Any,
        encode: VaeEncoder,
        schedule: tuple[Float[Tensor, "T"], str],
        rows: Float[Tensor, "R L D"],
        pooled: Float[Tensor, "R E"],
        config: SDXLConfig,
    ):
        """schedule: alphas_cumprod and the prediction type; rows, pooled: of texts.ROWS."""
        super().__init__(unet, *schedule, config.guidance_scale)
        self.texts, self.pooled, self.worded = rows, pooled, config.view_wording
        self.encode, self.image_size = encode, encode.image_size

    def output(self, noisy: Tensor, timesteps: Tensor, branches: list[str], views: Views) -> Tensor:
        dtype, size, batch = self.unet.dtype, self.image_size, len(noisy)
        pooled = self.said(self.pooled, branches, views, batch)
        # Height and width of the original, its crop's corner, height and width aimed for.
        sizes = torch.tensor([size, size, 0, 0, size, size], device=noisy.device)
        added = {"text_embeds": pooled.to(dtype), "time_ids": sizes.to(dtype).repeat(batch, 1)}
        return self.unet(
            noisy.to(dtype),
            timesteps,
            encoder_hidden_states=self.said(self.texts, branches, views, batch).to(dtype),
            added_cond_kwargs=added,
            return_dict=False,
        )[0]


def load_sdxl(
    folder: Path,
    prompt: Prompt,
    negative: Prompt,
    device: torch.device,
    config: SDXLConfig | None = None,
) -> SDXLPrior:
    """Raises PriorError where the folder is not whole."""
    config = config or SDXLConfig()
    dtype = precision_dtype(device, config.precision)
    files = [network_file(folder / name, dtype) for name in ("unet", "vae")]
    files += [weights.encoder_file(folder / name) for name in TEXT_ENCODERS]
    schedule = weights.load_noise_schedule(folder / "scheduler")
    rows, pooled, readings = _encode(folder, texts.wordings(prompt, negative))
    warn_of_cuts(folder, [texts.of_the_user(read, config.view_wording) for read in readings])
    if weights.read_index(folder).get("force_zeros_for_empty_prompt", True):
        silent = [texts.ROW[name] for name in ("empty", "negative")[: 1 + (not negative.segments)]]
        rows[silent], pooled[silent] = 0.0, 0.0
    # The published VAE leaves fp16's range; its config says so.
    careful = weights.read_json(folder / "vae" / "config.json").get("force_upcast", True)
    vae = load_vae(files[1], torch.float32 if careful else dtype, device)
    size = weights.read_json(folder / "unet" / "config.json").get("sample_size", LATENT_SIZE)
    encode = VaeEncoder(vae, size)
    # Its pictures are large: on a card of 12 GB the weights would leave too little for one.
    one = BLOCK_NUMBERS * encode.image_size**2 * vae.dtype.itemsize
    with offload.leaving(1.2 * one + PROP):
        unet = load_unet(files[0], dtype, device)
    prior = SDXLPrior(unet, encode, schedule, rows.to(device), pooled.to(device), config)
    prior.weights_hash = weights.prior_hash(folder, files)
    return prior


TEXT_ENCODERS = ("text_encoder", "text_encoder_2")


def _encode(folder: Path, prompts: list[Prompt]) -> tuple[Tensor, Tensor, list[list[Reading]]]:
    """Both encoders' hidden states side by side, the second one's vector, and their readings."""
    from transformers.models.clip import modeling_clip

    kinds = (modeling_clip.CLIPTextModel, modeling_clip.CLIPTextModelWithProjection)
    by_name = dict(zip(TEXT_ENCODERS, kinds, strict=True))
    hidden, pooled, readings = encode_clips(folder, by_name, prompts)
    return hidden, pooled[1], readings
