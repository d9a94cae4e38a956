"""The published checkpoints of Zero-1-to-3 and Stable Zero123 -> a folder for `load_zero123`.

In: 105000.ckpt, zero123-xl.ckpt or stable_zero123.ckpt: UNet, VAE, OpenAI's CLIP and the camera's
projection in one file. Out: diffusers' layout. Each part is met tensor by tensor: nothing missing,
nothing left over but CLIP's words, which their code never asks. Where the file has both, the UNet's
averaged weights are taken, as their code does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from backend.errors import PriorError
from backend.guidance.components import TEXT
from backend.guidance.conversion import (
    UNET_PREFIX,
    read_checkpoint,
    renamed,
    under,
    write_index,
    write_part,
    write_unet,
)
from backend.guidance.ldm_parts import original_clip_name, original_vae_name, split_attention

PIPELINE = "Zero123Pipeline"
STABLE_KEY = "stable_zero123"  # of model_index.json
VAE_PREFIX, CLIP_PREFIX, CAMERA_PREFIX = (
    "first_stage_model.", "cond_stage_model.model.", "cc_projection.",
)  # fmt: skip
EMA_PREFIX = "model_ema."
WORDS = ("positional_embedding", "text_projection", "logit_scale", "token_embedding", "ln_final")
HEAD_WIDTH = 64  # of OpenAI's vision transformers


def _unet() -> dict[str, Any]:
    """Stable Diffusion 1.5's with four more channels, as configs/sd-objaverse-finetune-c_concat-256
    of cvlab-columbia/zero123 has it."""
    return {
        "_class_name": "UNet2DConditionModel",
        "sample_size": 32,
        "in_channels": 8,
        "out_channels": 4,
        "block_out_channels": [320, 640, 1280, 1280],
        "layers_per_block": 2,
        "attention_head_dim": 8,
        "cross_attention_dim": 768,
        "down_block_types": [*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"],
        "up_block_types": ["UpBlock2D", *["CrossAttnUpBlock2D"] * 3],
    }


def _vae() -> dict[str, Any]:
    return {
        "_class_name": "AutoencoderKL",
        "sample_size": 256,
        "latent_channels": 4,
        "block_out_channels": [128, 256, 512, 512],
        "layers_per_block": 2,
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "scaling_factor": 0.18215,
    }


@dataclass(frozen=True)
class Layout:
    """diffusers' configs of the two networks; CLIP's is read off its tensors."""

    unet: dict[str, Any] = field(default_factory=_unet)
    vae: dict[str, Any] = field(default_factory=_vae)


def convert_stable_zero123(checkpoint: Path, out: Path, layout: Layout | None = None) -> None:
    """As `convert_zero123`, and the folder says what its tensors do not."""
    convert_zero123(checkpoint, out, layout, stable=True)


def convert_zero123(
    checkpoint: Path, out: Path, layout: Layout | None = None, stable: bool = False
) -> None:
    """stable: the checkpoint is Stable Zero123's, which is told cameras in another way.

    Raises PriorError where a tensor is missing, left over or of another shape.
    """
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    layout, state = layout or Layout(), averaged(read_checkpoint(checkpoint), checkpoint)
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(layout.unet).state_dict()
        vae = AutoencoderKL.from_config(layout.vae).state_dict()
    write_unet(state, unet, layout.unet, checkpoint, out / "unet")
    names = {name: original_vae_name(name, len(layout.vae["block_out_channels"])) for name in vae}
    found = renamed(under(VAE_PREFIX, state), vae, names, checkpoint)
    write_part(found, layout.vae, out / "vae")
    _convert_clip(under(CLIP_PREFIX, state), checkpoint, out / "image_encoder")
    _convert_projection(under(CAMERA_PREFIX, state), checkpoint, out / "clip_camera_projection")
    _write_scheduler(out / "scheduler")
    write_index(out, PIPELINE, **{STABLE_KEY: stable})


def averaged(state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The running means of the UNet's weights in place of the last step's, where the file has any:
    the authors sample with these (cvlab-columbia/zero123, gradio_new.py).

    Raises PriorError where it has some of them alone.
    """
    means = {
        name: EMA_PREFIX + name.removeprefix("model.").replace(".", "")
        for name in state
        if name.startswith(UNET_PREFIX)
    }
    missing = [mean for mean in means.values() if mean not in state]
    if len(missing) == len(means):
        return state
    if missing:
        raise PriorError(
            f"The checkpoint '{path}' does not fit: {len(missing)} averaged tensors missing, "
            f"'{missing[0]}' first."
        )
    return state | {name: state[mean] for name, mean in means.items()}


def _convert_clip(state: dict[str, Tensor], checkpoint: Path, out: Path) -> None:
    from transformers.models.clip.configuration_clip import CLIPVisionConfig
    from transformers.models.clip.modeling_clip import CLIPVisionModelWithProjection

    seeing = {name: t for name, t in state.items() if name.split(".")[0] not in WORDS}
    config = CLIPVisionConfig(**_clip_config(seeing, checkpoint))
    with torch.device("meta"):
        wanted = CLIPVisionModelWithProjection(config).state_dict()
    wanted = {name: t for name, t in wanted.items() if not name.endswith("position_ids")}
    names = {name: original_clip_name(name) for name in wanted}
    tensors = renamed(split_attention(seeing), wanted, names, checkpoint)
    # Converted beside its shape, so that transformers says itself what class it is.
    said = config.to_dict() | {"architectures": ["CLIPVisionModelWithProjection"]}
    write_part(tensors, said, out, TEXT)


def _clip_config(state: Mapping[str, Tensor], checkpoint: Path) -> dict[str, Any]:
    """The sizes of the vision transformer, which its tensors tell."""
    try:
        width, _, patch, _ = state["visual.conv1.weight"].shape
        places = len(state["visual.positional_embedding"]) - 1
        inner = len(state["visual.transformer.resblocks.0.mlp.c_fc.bias"])
        projected = state["visual.proj"].shape[1]
    except (KeyError, ValueError, IndexError) as error:
        raise PriorError(
            f"The checkpoint '{checkpoint}' does not fit: it holds no CLIP that sees pictures."
        ) from error
    layers = {name.split(".")[3] for name in state if ".resblocks." in name}
    return {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": len(layers),
        "num_attention_heads": max(1, width // HEAD_WIDTH),
        "image_size": math.isqrt(places) * patch,
        "patch_size": patch,
        "projection_dim": projected,
        "hidden_act": "quick_gelu",
    }


def _convert_projection(state: dict[str, Tensor], checkpoint: Path, out: Path) -> None:
    if set(state) != {"weight", "bias"} or state["weight"].shape[1:] == ():
        raise PriorError(
            f"The checkpoint '{checkpoint}' does not fit: it has no projection of the camera."
        )
    tensors = {f"proj.{name}": tensor.contiguous() for name, tensor in state.items()}
    write_part(tensors, {"_class_name": "CLIPCameraProjection"}, out)


def _write_scheduler(out: Path) -> None:
    content = {
        "_class_name": "DDIMScheduler",
        "num_train_timesteps": 1000,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "prediction_type": "epsilon",
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "scheduler_config.json").write_text(json.dumps(content, indent=1) + "\n")
