"""The embedded prior: a small pixel-space diffusion model of props that runs on a CPU.

In: what embedded_files.py reads of a folder and a prompt. Out: an `EmbeddedPrior`. What it is
conditioned on is in prop_conditioning.py; backend/training makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from backend.errors import PriorError
from backend.guidance.base import DOMAINS, PLAIN_BRANCHES, Views
from backend.guidance.diffusion import x0_from_output
from backend.guidance.guided import Guided
from backend.guidance.halves import ask
from backend.guidance.mean_net import MeanNet
from backend.guidance.mean_net import pictures as mean_pictures
from backend.guidance.prop_conditioning import (
    CAMERA_FEATURES,
    camera_features,
    condition_vector,
    fold,
    network_inputs,
    unfold,
)


@dataclass(frozen=True)
class EmbeddedConfig:
    precision: str = "auto"  # "fp32", "bf16", or "auto": bf16 where the processor multiplies in it
    guide_camera: bool = True  # the unconditional branch doesn't know the camera either
    clip_x0: bool = False  # clamp the guided estimate to the pixels' range


class EmbeddedPrior(Guided):
    """A `Prior` in folded pixel space, its prompt already encoded."""

    branches: tuple[str, ...] = PLAIN_BRANCHES
    views_together: int = 1
    default_rescale: float = 0.0

    def __init__(
        self,
        unet: nn.Module,
        alphas_cumprod: Float[Tensor, "T"],
        prediction_type: str,
        tokens: Float[Tensor, "3 L D"],
        index: dict[str, Any],
        config: EmbeddedConfig,
        mean: MeanNet | None = None,
    ):
        """tokens: the empty prompt's row, the negative (or again the empty), the prompt's; mean:
        what they mean together with a camera, for a network that is shown it."""
        self.unet, self.tokens, self.config, self.mean = unet, tokens, config, mean
        self.alphas_cumprod, self.prediction_type = alphas_cumprod, prediction_type
        self.fold: int = index["fold"]
        self.image_size: int = index["image_size"]
        self.domains: tuple[str, ...] = tuple(index["domains"])
        self.default_guidance_scale: float = float(index["guidance_scale"])
        self.weights_hash = ""
        self.ignored_words: tuple[str, ...] = ()
        self.looks: tuple[str, ...] = ("",)
        self.wordings: Float[Tensor, "K L D"] = tokens[2:]

    def encode(
        self,
        images: Float[Tensor, "B 3 H W"],
        generator: torch.Generator,
        views: Views | None = None,
    ) -> Tensor:
        """Images in [0, 1] -> (B, 3 f^2, size / f, size / f) in [-1, 1]; draws no noise."""
        return fold(resize(images, self.image_size), self.fold)

    @property
    def said(self) -> Float[Tensor, "1 L D"]:
        """What "prompt" is asked with; inversion.py moves it."""
        return self.tokens[2:]

    @said.setter
    def said(self, tokens: Float[Tensor, "1 L D"]) -> None:
        self.tokens = torch.cat([self.tokens[:2].detach(), tokens])

    def pictures(self, latents: Tensor) -> Float[Tensor, "B 3 H W"]:
        """The inverse of `encode`, at `image_size`."""
        return unfold(latents, self.fold)

    @property
    def network(self) -> nn.Module:
        return self.unet

    @torch.no_grad()
    def guess(self, views: Views) -> Float[Tensor, "B 3 S S"] | None:
        """The mean of what the prompt names, seen so; see `base.guess`. For some 4 % of what the
        network computes. None without a mean, where cameras or backgrounds are unknown, and where
        something is unwanted: a mean can't be led away from it."""
        if self.mean is None or not self._nothing_unwanted:
            return None
        if views.cameras is None or views.backgrounds is None:
            return None
        vector = self._condition(views, len(views.cameras))
        dtype = next(self.mean.parameters()).dtype
        words = self.tokens[2:3].expand(len(vector), -1, -1).to(dtype)
        gbuffers, _ = self.mean(words, vector[:, :CAMERA_FEATURES].to(dtype))
        domain = vector[:, -len(DOMAINS) :].argmax(1)
        shown = views.backgrounds.to(vector).detach()
        return mean_pictures(gbuffers.float(), shown, domain).clamp(0, 1)

    def finished(self, x0: Tensor) -> Tensor:
        return x0.clamp(-1, 1) if self.config.clip_x0 else x0

    def denoise(
        self, noisy: Tensor, timesteps: Tensor, views: Views, branches: Sequence[str]
    ) -> tuple[Tensor, ...]:
        """x0 of the branches, all in one pass; see `Prior`."""
        vector = self._condition(views, len(noisy))
        asked = list(dict.fromkeys(self._alike(branch) for branch in branches))
        rows = [PLAIN_BRANCHES.index(branch) for branch in asked]
        count, dtype = len(rows), next(self.unet.parameters()).dtype
        tokens = self.tokens[rows].repeat_interleave(len(noisy), 0)
        vectors = torch.cat([self._for_branch(vector, branch) for branch in asked])
        pixels, labels = network_inputs(
            noisy.repeat(count, 1, 1, 1).to(dtype), vectors, tokens, self.mean
        )
        output = ask(
            self.unet,
            pixels,
            timesteps.repeat(count),
            encoder_hidden_states=tokens.to(dtype),
            class_labels=labels.to(dtype),
        ).to(noisy.dtype)
        alpha_bar = self.alphas_cumprod.to(timesteps.device)[timesteps].repeat(count)
        kind = self.prediction_type
        x0 = x0_from_output(output, noisy.repeat(count, 1, 1, 1), alpha_bar, kind).chunk(count)
        return tuple(x0[asked.index(self._alike(branch))] for branch in branches)

    def _alike(self, branch: str) -> str:
        """What is asked for it: where nothing is unwanted, "negative" is "empty" once more."""
        return "empty" if branch == "negative" and self._nothing_unwanted else branch

    @cached_property
    def _nothing_unwanted(self) -> bool:
        return torch.equal(self.tokens[0], self.tokens[1])

    def _for_branch(self, vector: Tensor, branch: str) -> Tensor:
        """Guidance from a picture of nothing from nowhere sharpens the side seen, too: without
        it, words are amplified and the camera isn't, and all sides come to look alike."""
        if branch == "prompt" or not self.config.guide_camera:
            return vector
        vector = vector.clone()
        vector[:, :CAMERA_FEATURES] = 0
        return vector

    def _condition(self, views: Views, batch: int) -> Tensor:
        """class_labels (B, VECTOR_SIZE); what isn't known is zero."""
        if views.domain not in self.domains:
            raise PriorError(
                f"This prior knows the domains {', '.join(self.domains)}, not '{views.domain}'."
            )
        device = self.tokens.device
        cameras = torch.zeros(batch, CAMERA_FEATURES, device=device)
        if views.cameras is not None:
            cameras = camera_features(views.cameras.to(device)).float()
        backgrounds = views.backgrounds
        shown = torch.zeros(batch, 3) if backgrounds is None else backgrounds.detach().float()
        domain = torch.full((batch,), DOMAINS.index(views.domain), device=device)
        vector = condition_vector(cameras, shown.to(device), domain)
        if backgrounds is None:
            vector[:, CAMERA_FEATURES : CAMERA_FEATURES + 4] = 0
        return vector


def resize(images: Float[Tensor, "B C H W"], size: int) -> Float[Tensor, "B C {size} {size}"]:
    """Differentiable, without aliasing: box means for whole factors, else a wide bilinear."""
    height, width = images.shape[-2:]
    if height == width == size:
        return images
    if height % size == 0 and width % size == 0:
        return F.interpolate(images, size=(size, size), mode="area")
    return F.interpolate(
        images, size=(size, size), mode="bilinear", antialias=True, align_corners=False
    )
