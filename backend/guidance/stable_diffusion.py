"""Stable Diffusion 1.5 or 2.1 as a prior, from a local folder in diffusers' layout.

In: the folder (model_index.json, unet/, vae/, text_encoder/, tokenizer/, scheduler/), a prompt.
Out: a `StableDiffusionPrior` over VAE latents (Rombach et al. 2112.10752). The prior can't be told
the camera, so the prompt is worded for each side (DreamFusion 2209.14988, section 3.2). The text
encoder leaves memory once the prompt is encoded; nothing is trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from backend.guidance import texts, weights
from backend.guidance.base import Views
from backend.guidance.clip_text import encode_prompts
from backend.guidance.components import (
    load_text_model,
    load_tokenizer,
    load_unet,
    load_vae,
    network_file,
    precision_dtype,
)
from backend.guidance.latents import Encoder, VaeEncoder
from backend.guidance.reading import Reading, warn_of_cuts
from backend.guidance.worded import WordedPrior
from backend.prompt.parse import Prompt


@dataclass(frozen=True)
class StableDiffusionConfig:
    guidance_scale: float = 100.0  # of u + s (c - u); DreamFusion's 100 multiplies c - u beside c
    view_wording: bool = True  # "..., front view" and so on, by the camera
    precision: str = "auto"  # "fp16", "bf16", "fp32", or "auto": fp16 on CUDA and fp32 elsewhere


class StableDiffusionPrior(WordedPrior):
    """A `Prior` in VAE latents, its prompt already encoded."""

    encode: Encoder

    def __init__(
        self,
        unet: Any,
        encode: Encoder,
        alphas_cumprod: Float[Tensor, "T"],
        prediction_type: str,
        rows: Float[Tensor, "R L D"],
        config: StableDiffusionConfig,
    ):
        """rows: the encoded wordings, in the order of texts.ROWS."""
        super().__init__(unet, alphas_cumprod, prediction_type, config.guidance_scale)
        self.texts, self.worded, self.config = rows, config.view_wording, config
        self.encode, self.image_size = encode, encode.image_size

    def output(self, noisy: Tensor, timesteps: Tensor, branches: list[str], views: Views) -> Tensor:
        said = self.said(self.texts, branches, views, len(noisy))
        dtype = self.unet.dtype
        return self.unet(
            noisy.to(dtype), timesteps, encoder_hidden_states=said.to(dtype), return_dict=False
        )[0]


def load_stable_diffusion(
    folder: Path,
    prompt: Prompt,
    negative: Prompt,
    device: torch.device,
    config: StableDiffusionConfig | None = None,
) -> StableDiffusionPrior:
    """Raises PriorError where the folder is not whole."""
    config = config or StableDiffusionConfig()
    weights.read_index(folder)
    dtype = precision_dtype(device, config.precision)
    files = [network_file(folder / name, dtype) for name in ("unet", "vae")]
    files.append(weights.encoder_file(folder / "text_encoder"))
    schedule = weights.load_noise_schedule(folder / "scheduler")
    rows, read = encode_wordings(folder, prompt, negative, config.view_wording)
    warn_of_cuts(folder, [read])
    unet = load_unet(files[0], dtype, device)
    encode = VaeEncoder(load_vae(files[1], dtype, device), unet.config.sample_size)
    prior = StableDiffusionPrior(unet, encode, *schedule, rows.to(device), config)
    prior.weights_hash = weights.prior_hash(folder, files)
    return prior


def encode_wordings(
    folder: Path, prompt: Prompt, negative: Prompt, worded: bool, sided: bool = True
) -> tuple[Float[Tensor, "R L D"], tuple[Reading, Reading]]:
    """The folder's CLIP on all wordings, in fp32 on the CPU; see `texts.of_the_user` and, for
    `sided`, `texts.wordings`."""
    from transformers.models.clip import modeling_clip
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    tokenizer = load_tokenizer(CLIPTokenizer, folder / "tokenizer")
    model = load_text_model(modeling_clip.CLIPTextModel, folder / "text_encoder")
    rows, readings = encode_prompts(tokenizer, model, texts.wordings(prompt, negative, sided))
    return rows, texts.of_the_user(readings, worded)
