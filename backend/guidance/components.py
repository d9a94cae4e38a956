"""Parts of a prior from a folder in diffusers' layout: networks, text encoders, their precision.

In: a folder of one component. Out: the part, frozen, on its device. A file that lacks tensors is a
PriorError, not random numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from backend.errors import PriorError
from backend.guidance import offload, weights

NETWORK = "diffusion_pytorch_model"
TEXT = "model"


def precision_dtype(device: torch.device, precision: str) -> torch.dtype:
    """ "fp16", "bf16", "fp32", or "auto": fp16 on CUDA and fp32 elsewhere."""
    if precision == "auto":
        precision = "fp16" if device.type == "cuda" else "fp32"
    known = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}
    if precision not in known:
        raise ValueError(f"precision must be 'auto', {', '.join(known)}, not '{precision}'")
    return known[precision]


def network_file(folder: Path, dtype: torch.dtype) -> Path:
    """The component's safetensors, those of half size where they are there and will do."""
    return weights.weight_file(folder, NETWORK, "fp16" if dtype == torch.float16 else None)


def load_network(kind: Any, file: Path, dtype: torch.dtype, device: torch.device) -> Any:
    """A diffusers model from the folder of `file`."""
    variant = next((v for v in ("fp16", "fp16_ema") if file.stem.endswith(f".{v}")), None)
    with weights.unreadable_is_prior_error(file):
        model, notes = kind.from_pretrained(
            file.parent,
            variant=variant,
            torch_dtype=dtype,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    refuse_missing(notes, file)
    model.eval().requires_grad_(False)
    return offload.place(model, device, torch.channels_last)


def load_unet(file: Path, dtype: torch.dtype, device: torch.device) -> Any:
    """A UNet2DConditionModel; its attention is never sliced (see offload.py)."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    return load_network(UNet2DConditionModel, file, dtype, device)


def load_vae(file: Path, dtype: torch.dtype, device: torch.device) -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    return load_network(AutoencoderKL, file, dtype, device)


def load_text_model(kind: Any, folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    """A transformers model on the CPU: a prompt is encoded once and costs a second."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    plain = list(folder.glob(f"{TEXT}*.safetensors"))
    half = bool(plain) and all(f"{TEXT}.fp16" in file.name for file in plain)
    with weights.unreadable_is_prior_error(folder):
        model, notes = kind.from_pretrained(
            folder,
            variant="fp16" if half else None,
            dtype=dtype,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    refuse_missing(notes, folder)
    return model.to(dtype).eval()


def load_tokenizer(kind: Any, folder: Path) -> Any:
    with weights.unreadable_is_prior_error(folder):
        return kind.from_pretrained(folder, local_files_only=True)


def refuse_missing(notes: dict[str, Any], path: Path) -> None:
    """Loaders fill what a file lacks with random numbers; we would rather stop."""
    missing = sorted(k for k in notes["missing_keys"] if not k.endswith("position_ids"))
    if missing:
        raise PriorError(
            f"The prior's '{path}' lacks {len(missing)} tensors, '{missing[0]}' among them; "
            "download it again."
        )
