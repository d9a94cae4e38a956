"""The embedded prior: a small pixel-space diffusion model of props that runs on a CPU.

In: a folder (model_index.json, unet/, scheduler/, text_encoder/), a prompt. Out: an
`EmbeddedPrior`. What it is conditioned on is in prop_conditioning.py; backend/training makes it.
It names the words that it does not know, and those it guesses at by their meaning.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from backend.errors import PriorError
from backend.guidance import weights
from backend.guidance.base import DOMAINS, PLAIN_BRANCHES, Views
from backend.guidance.diffusion import x0_from_output
from backend.guidance.guided import Guided
from backend.guidance.halves import ask
from backend.guidance.prop_conditioning import (
    CAMERA_FEATURES,
    VECTOR_SIZE,
    camera_features,
    class_labels,
    condition_vector,
    fold,
    unfold,
)
from backend.guidance.word_encoder import WordTextEncoder
from backend.guidance.words import SILENT_WORDS, encode_words, examples, looks_added, understand
from backend.prompt.parse import Prompt

log = logging.getLogger(__name__)

UNET_WEIGHTS = "diffusion_pytorch_model"
TEXT_WEIGHTS = "model"
READ_FILES = (  # what else decides the outcome: a word's place in the list is its token
    "model_index.json",
    "unet/config.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/words.txt",
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
    ):
        """tokens: the empty prompt's row, the negative (or again the empty), the prompt's."""
        self.unet, self.tokens, self.config = unet, tokens, config
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
        output = ask(
            self.unet,
            noisy.repeat(count, 1, 1, 1).to(dtype),
            timesteps.repeat(count),
            encoder_hidden_states=tokens.to(dtype),
            class_labels=class_labels(vectors, tokens).to(dtype),
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


def load_embedded(
    folder: Path,
    prompt: Prompt,
    negative: Prompt,
    device: torch.device,
    config: EmbeddedConfig | None = None,
) -> EmbeddedPrior:
    """Raises PriorError where the folder is not whole; warns where no word is known."""
    config = config or EmbeddedConfig()
    index = weights.read_index(folder)
    files = [
        weights.weight_file(folder / "unet", UNET_WEIGHTS),
        weights.weight_file(folder / "text_encoder", TEXT_WEIGHTS),
    ]
    with weights.unreadable_is_prior_error(folder / "text_encoder"):
        encoder = WordTextEncoder.from_pretrained(folder / "text_encoder")
    known = understand(prompt, encoder)
    if all(word in SILENT_WORDS for word, _ in known.words):
        log.warning(
            "The embedded prior knows none of the words of '%s', so what comes out is any prop; "
            "it knows %d, for example %s.", prompt.text, encoder.taught, examples(encoder),
        )  # fmt: skip
    for word, like in known.guessed.items():
        log.warning(
            "The embedded prior never saw '%s'; it takes it for something like '%s'.", word, like
        )
    avoided = understand(negative, encoder)
    # Unwanted words are unwanted from this side; without a camera the prior hardly knows them.
    config = replace(config, guide_camera=config.guide_camera and not avoided.words)
    rows: list[list[tuple[str, float]]] = [[], avoided.words, known.words]
    tokens = torch.cat([encode_words(encoder, words) for words in rows])
    unet = _load_unet(folder / "unet", files[0], device, config)
    alphas_cumprod, prediction_type = weights.load_noise_schedule(folder / "scheduler")
    with weights.unreadable_is_prior_error(folder / weights.INDEX):
        prior = EmbeddedPrior(
            unet, alphas_cumprod, prediction_type, tokens.to(device), index, config
        )
    prior.looks, wordings = looks_added(known.words, index.get("knows", {}), encoder)
    prior.wordings = wordings.to(device)
    read = [folder / name for name in READ_FILES if (folder / name).is_file()]
    prior.weights_hash = weights.weights_hash(folder, [*files, *read])
    prior.ignored_words = tuple(dict.fromkeys(known.ignored + avoided.ignored))
    return prior


def _load_unet(folder: Path, file: Path, device: torch.device, config: EmbeddedConfig) -> nn.Module:
    """Strict: a missing or an unexpected tensor is an error, not a random number."""
    content = weights.read_json(folder / "config.json")
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with weights.unreadable_is_prior_error(folder):
        unet = UNet2DConditionModel.from_config(content)
        unet.load_state_dict(load_file(file))
    taken = unet.config["projection_class_embeddings_input_dim"]
    if taken != VECTOR_SIZE + unet.config["cross_attention_dim"]:
        raise PriorError(
            f"The prior's '{folder}' takes other conditions than this version of Propsmith gives; "
            "use weights made for it."
        )
    unet.eval().requires_grad_(False)
    # diffusers' own `to` warns of a list of modules to keep in fp32 even where it is empty.
    return nn.Module.to(unet, device, dtype=_dtype(device, config.precision))


def _dtype(device: torch.device, precision: str) -> torch.dtype:
    """The UNet's dtype; see EmbeddedConfig."""
    if precision not in ("auto", "fp32", "bf16"):
        raise ValueError(f"precision must be 'auto', 'fp32' or 'bf16', not '{precision}'")
    if precision == "auto":
        precision = "bf16" if _multiplies_in_bf16(device) else "fp32"
    return torch.bfloat16 if precision == "bf16" else torch.float32


def _multiplies_in_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is native there: elsewhere it is emulated and slower than fp32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return device.type == "cpu" and any(getattr(torch.cpu, c, bool)() for c in checks)
