"""The embedded prior's network and noise schedule, as they are before training."""

from __future__ import annotations

import math
from typing import Any

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from torch import Tensor

from backend.guidance.mean_net import LATENTS, MeanNet
from backend.guidance.prop_conditioning import VECTOR_SIZE
from backend.guidance.word_encoder import WordTextEncoder

IMAGE_SIZE = 64
FOLD = 4
TEXT_SIZE = 128


def build_unet(channels: tuple[int, int, int] = (96, 128, 192), mean: MeanNet | None = None) -> Any:
    """A UNet over (48, 16, 16) folded pixels, and what `mean` shows beside them; words enter in the
    middle, at 4x4, and everywhere by their mean."""
    shown, told = (0, 0) if mean is None else (LATENTS, mean.config["width"])
    return UNet2DConditionModel(
        sample_size=IMAGE_SIZE // FOLD,
        in_channels=3 * FOLD**2 + shown,
        out_channels=3 * FOLD**2,
        block_out_channels=channels,
        layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D", "UpBlock2D"),
        cross_attention_dim=TEXT_SIZE,
        attention_head_dim=4,
        norm_num_groups=16,
        resnet_time_scale_shift="scale_shift",
        class_embed_type="simple_projection",
        projection_class_embeddings_input_dim=VECTOR_SIZE + TEXT_SIZE + told,
    )


def build_text_encoder(words: list[str], taught: int, meanings: Tensor) -> WordTextEncoder:
    """words: the table's, those of the captions first; meanings (words, M) int8."""
    return WordTextEncoder(words, TEXT_SIZE, taught=taught, meanings=meanings)


def shifted_cosine_betas(steps: int = 1000) -> list[float]:
    """A cosine schedule (Nichol and Dhariwal 2021) with the signal-to-noise ratio of 64 pixels.

    Shifted by (32 / 64)^2 as in simple diffusion (Hoogeboom et al. 2023, eq. 3), so that as much
    of the picture is destroyed at a step as by the plain schedule at 32 pixels.
    """
    t = torch.linspace(0, 1, steps + 1, dtype=torch.float64).clamp(1e-4, 1 - 1e-4)
    log_snr = -2 * torch.log(torch.tan(math.pi * t / 2)) + 2 * math.log(32 / IMAGE_SIZE)
    alpha_bar = torch.sigmoid(log_snr)
    betas = 1 - alpha_bar[1:] / alpha_bar[:-1]
    return betas.clamp(1e-6, 0.999).tolist()


def build_scheduler() -> Any:
    """The network predicts the clean image ("sample"): with 48 numbers a token, noise would not
    fit through its first layer (Li and He 2025, "Back to basics")."""
    return DDPMScheduler(
        num_train_timesteps=1000,
        trained_betas=shifted_cosine_betas(),
        prediction_type="sample",
        clip_sample=True,
    )


def loss_weight(alpha_bar: Tensor) -> Tensor:
    """Of the clean image's squared error: the v-prediction loss, bounded where noise vanishes:
    there the picture is all but given, and props gain nothing from it."""
    return 1 / (1 - alpha_bar).clamp(min=0.2)
