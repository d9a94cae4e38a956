"""Stable Diffusion 3 and 3.5 (Esser et al. 2403.03206) as a prior: a flow, read as a diffusion.

In: a folder in diffusers' layout (transformer/, vae/, two CLIPs, T5 or none, scheduler/), a prompt.
Out: an `SD3Prior` over 16-channel latents. The flow z_s = (1 - s) x0 + s eps with velocity
v = eps - x0 is a diffusion's mixture but for its length l = sqrt((1 - s)^2 + s^2): this prior
states alpha bar = ((1 - s) / l)^2 and shortens what it is given, so that every distillation serves
it. x0 = z_s - s v (their eq. 13 and section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from backend.guidance import texts, weights
from backend.guidance.base import Views
from backend.guidance.clip_text import encode_clips
from backend.guidance.components import (
    load_network,
    load_vae,
    network_file,
    precision_dtype,
)
from backend.guidance.diffusion import per_sample
from backend.guidance.latents import VaeEncoder
from backend.guidance.reading import Reading, warn_of_cuts
from backend.guidance.t5_text import encode_t5
from backend.guidance.worded import WordedPrior
from backend.prompt.parse import Prompt

CLIPS = ("text_encoder", "text_encoder_2")
T5 = "text_encoder_3"
T5_TOKENS = 77
LEVELS = 1000


@dataclass(frozen=True)
class SD3Config:
    guidance_scale: float = 100.0  # RFDS's (2406.03293), in the form u + s (c - u)
    view_wording: bool = True
    image_size: int = 512  # pixels; the network takes any multiple of 16 up to 1024
    precision: str = "auto"  # "fp16", "bf16", "fp32", or "auto": fp16 on CUDA and fp32 elsewhere
    t5: bool = True  # False leaves out the largest text encoder, as their section 5.3 allows


class SD3Prior(WordedPrior):
    """A `Prior` in VAE latents, its prompt already encoded."""

    is_flow = True  # the velocity says what is noise at any level

    def __init__(
        self,
        transformer: Any,
        vae: Any,
        sigmas: Float[Tensor, "T"],
        rows: Float[Tensor, "R L D"],
        pooled: Float[Tensor, "R E"],
        config: SD3Config,
    ):
        """sigmas: the flow's s at each index, rising from 0 to 1; rows, pooled: of texts.ROWS."""
        alphas = (1 - sigmas).square() / ((1 - sigmas).square() + sigmas.square())
        super().__init__(transformer, alphas, "sample", config.guidance_scale)
        self.sigmas, self.texts, self.pooled = sigmas, rows, pooled
        self.worded = config.view_wording
        halvings = 2 ** (len(vae.config.block_out_channels) - 1)
        self.encode = VaeEncoder(vae, config.image_size // halvings)
        self.image_size = self.encode.image_size

    def output(self, noisy: Tensor, timesteps: Tensor, branches: list[str], views: Views) -> Tensor:
        """x0, from the velocity."""
        dtype, batch = self.unet.dtype, len(noisy)
        sigma = self.sigmas.to(noisy.device)[timesteps]
        s = per_sample(sigma, noisy)
        flow = noisy * ((1 - s).square() + s.square()).sqrt()
        velocity = self.unet(
            hidden_states=flow.to(dtype),
            timestep=(sigma * LEVELS).to(dtype),
            encoder_hidden_states=self.said(self.texts, branches, views, batch).to(dtype),
            pooled_projections=self.said(self.pooled, branches, views, batch).to(dtype),
            return_dict=False,
        )[0].to(noisy.dtype)
        return flow - s * velocity


def load_sd3(
    folder: Path,
    prompt: Prompt,
    negative: Prompt,
    device: torch.device,
    config: SD3Config | None = None,
) -> SD3Prior:
    """Raises PriorError where the folder is not whole."""
    config = config or SD3Config()
    dtype = precision_dtype(device, config.precision)
    files = [network_file(folder / name, dtype) for name in ("transformer", "vae")]
    files += [weights.encoder_file(folder / name) for name in CLIPS]
    if _has_t5(folder, config):
        files.append(weights.encoder_file(folder / T5))
    sigmas = flow_sigmas(folder / "scheduler")
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

    transformer = load_network(SD3Transformer2DModel, files[0], dtype, device)
    wordings = texts.wordings(prompt, negative)
    rows, pooled, readings = _encode(folder, wordings, transformer, config)
    warn_of_cuts(folder, [texts.of_the_user(read, config.view_wording) for read in readings])
    vae = load_vae(files[1], dtype, device)
    prior = SD3Prior(transformer, vae, sigmas, rows.to(device), pooled.to(device), config)
    prior.weights_hash = weights.prior_hash(folder, files)
    return prior


def _has_t5(folder: Path, config: SD3Config) -> bool:
    return config.t5 and (folder / T5).is_dir()


def flow_sigmas(folder: Path) -> Float[Tensor, "T"]:
    """s at 1000 indices, shifted as the scheduler's config says: shift s / (1 + (shift - 1) s)
    (their eq. 23)."""
    config = weights.read_json(folder / "scheduler_config.json")
    even = (torch.arange(LEVELS) + 1) / LEVELS
    with weights.unreadable_is_prior_error(folder):
        shift = float(config.get("shift", 1.0))
    return shift * even / (1 + (shift - 1) * even)


def _encode(
    folder: Path, prompts: list[Prompt], transformer: Any, config: SD3Config
) -> tuple[Tensor, Tensor, list[list[Reading]]]:
    """Both CLIPs side by side, filled up with zeros to T5's width, and T5 behind them (zeros
    without it); the two CLIPs' vectors side by side; each encoder's readings."""
    from transformers.models.clip.modeling_clip import CLIPTextModelWithProjection

    kinds = dict.fromkeys(CLIPS, CLIPTextModelWithProjection)
    clips, pooled, readings = encode_clips(folder, kinds, prompts)
    width = transformer.config.joint_attention_dim
    clips = F.pad(clips, (0, width - clips.shape[-1]))
    t5 = torch.zeros(len(prompts), T5_TOKENS, width)
    if _has_t5(folder, config):
        parts = (folder / T5, folder / "tokenizer_3")
        t5, read = encode_t5(*parts, prompts, T5_TOKENS, masked=False)
        readings.append(read)
    return torch.cat([clips, t5], 1), torch.cat(pooled, -1), readings
