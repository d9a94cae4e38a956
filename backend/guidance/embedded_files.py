"""A folder of the embedded prior and a prompt -> an `EmbeddedPrior` (embedded.py).

It names the words that it does not know, and those it guesses at by their meaning.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from backend.errors import PriorError
from backend.guidance import weights
from backend.guidance.embedded import EmbeddedConfig, EmbeddedPrior
from backend.guidance.mean_net import MEAN, MeanNet
from backend.guidance.prop_conditioning import CAMERA_FEATURES, VECTOR_SIZE
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
    mean = None
    if MEAN in index:
        files.append(weights.weight_file(folder / MEAN, TEXT_WEIGHTS))
        mean = _load_mean(folder / MEAN, tokens[0].numel())
        mean.to(device, _dtype(device, config.precision))  # its weights are most of its time
    unet = _load_unet(folder / "unet", files[0], device, config, mean)
    alphas_cumprod, prediction_type = weights.load_noise_schedule(folder / "scheduler")
    with weights.unreadable_is_prior_error(folder / weights.INDEX):
        prior = EmbeddedPrior(
            unet, alphas_cumprod, prediction_type, tokens.to(device), index, config, mean
        )
    prior.looks, wordings = looks_added(known.words, index.get("knows", {}), encoder)
    prior.wordings = wordings.to(device)
    names = [*READ_FILES, f"{MEAN}/config.json"] if MEAN in index else READ_FILES
    read = [folder / name for name in names if (folder / name).is_file()]
    prior.weights_hash = weights.weights_hash(folder, [*files, *read])
    prior.ignored_words = tuple(dict.fromkeys(known.ignored + avoided.ignored))
    return prior


def _load_mean(folder: Path, words: int) -> MeanNet:
    """words: numbers in a prompt's tokens."""
    with weights.unreadable_is_prior_error(folder):
        mean = MeanNet.from_pretrained(folder).requires_grad_(False)
    if (mean.config["words"], mean.config["camera"]) != (words, CAMERA_FEATURES):
        raise _of_another_version(folder)
    return mean


def _load_unet(
    folder: Path, file: Path, device: torch.device, config: EmbeddedConfig, mean: MeanNet | None
) -> nn.Module:
    """Strict: a missing or an unexpected tensor is an error, not a random number."""
    content = weights.read_json(folder / "config.json")
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with weights.unreadable_is_prior_error(folder):
        unet = UNet2DConditionModel.from_config(content)
        unet.load_state_dict(load_file(file))
    taken = unet.config["projection_class_embeddings_input_dim"]
    told = 0 if mean is None else mean.config["width"]
    if taken != VECTOR_SIZE + unet.config["cross_attention_dim"] + told:
        raise _of_another_version(folder)
    unet.eval().requires_grad_(False)
    # diffusers' own `to` warns of a list of modules to keep in fp32 even where it is empty.
    return nn.Module.to(unet, device, dtype=_dtype(device, config.precision))


def _of_another_version(folder: Path) -> PriorError:
    return PriorError(
        f"The prior's '{folder}' takes other conditions than this version of Propsmith gives; "
        "use weights made for it."
    )


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
