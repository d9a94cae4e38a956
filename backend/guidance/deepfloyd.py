"""DeepFloyd IF, stage 1, as a prior: pixels at 64 x 64, words by T5 (the published IF-I models).

In: a folder in diffusers' layout (unet/, text_encoder/, tokenizer/, scheduler/), a prompt. Out: a
`DeepFloydPrior`; no VAE. The network also predicts variances, which distillation has no use for.
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
from backend.guidance.components import load_unet, network_file, precision_dtype
from backend.guidance.embedded import resize
from backend.guidance.reading import warn_of_cuts
from backend.guidance.t5_text import encode_t5
from backend.guidance.worded import WordedPrior
from backend.prompt.parse import Prompt

TOKENS = 77


@dataclass(frozen=True)
class DeepFloydConfig:
    guidance_scale: float = 21.0  # threestudio's 20 in the form u + s (c - u)
    view_wording: bool = True
    precision: str = "auto"  # "fp16", "bf16", "fp32", or "auto": fp16 on CUDA and fp32 elsewhere


class DeepFloydPrior(WordedPrior):
    """A `Prior` in pixels from -1 to 1, its prompt already encoded."""

    def __init__(
        self,
        unet: Any,
        schedule: tuple[Float[Tensor, "T"], str],
        rows: Float[Tensor, "R L D"],
        config: DeepFloydConfig,
    ):
        super().__init__(unet, *schedule, config.guidance_scale)
        self.texts, self.worded = rows, config.view_wording
        self.image_size = unet.config.sample_size

    def encode(
        self,
        images: Float[Tensor, "B 3 H W"],
        generator: torch.Generator,
        views: Views | None = None,
    ) -> Tensor:
        return resize(images, self.image_size) * 2 - 1

    def output(self, noisy: Tensor, timesteps: Tensor, branches: list[str], views: Views) -> Tensor:
        dtype = self.unet.dtype
        said = self.said(self.texts, branches, views, len(noisy)).to(dtype)
        mean_and_variance = self.unet(
            noisy.to(dtype), timesteps, encoder_hidden_states=said, return_dict=False
        )[0]
        return mean_and_variance[:, : noisy.shape[1]]


def load_deepfloyd(
    folder: Path,
    prompt: Prompt,
    negative: Prompt,
    device: torch.device,
    config: DeepFloydConfig | None = None,
) -> DeepFloydPrior:
    """Raises PriorError where the folder is not whole."""
    config = config or DeepFloydConfig()
    dtype = precision_dtype(device, config.precision)
    files = [network_file(folder / "unet", dtype), weights.encoder_file(folder / "text_encoder")]
    schedule = weights.load_noise_schedule(folder / "scheduler")
    # IF was trained on captions in lower case, and T5's pieces depend on it.
    prompts = [wording.lowered() for wording in texts.wordings(prompt, negative)]
    parts = (folder / "text_encoder", folder / "tokenizer")
    rows, readings = encode_t5(*parts, prompts, TOKENS, masked=True)
    warn_of_cuts(folder, [texts.of_the_user(readings, config.view_wording)])
    unet = load_unet(files[0], dtype, device)
    prior = DeepFloydPrior(unet, schedule, rows.to(device), config)
    prior.weights_hash = weights.prior_hash(folder, files)
    return prior
