"""A tiny random Zero-1-to-3, in its diffusers folders' layout or as its published checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import save_file

from tests.tiny_models import SCALED_LINEAR, build_tiny_unet, write_json, write_scheduler, write_vae

WIDTH = 16


def write_zero123(folder: Path, seed: int = 0, pipeline: object = "Zero123Pipeline") -> Path:
    torch.manual_seed(seed)
    build_tiny_unet(in_channels=8).save_pretrained(folder / "unet")
    write_vae(folder, 4)
    _tiny_clip().save_pretrained(folder / "image_encoder")
    projection = torch.nn.Linear(WIDTH + 4, WIDTH)
    state = {f"proj.{name}": tensor for name, tensor in projection.state_dict().items()}
    (folder / "clip_camera_projection").mkdir(parents=True)
    file = folder / "clip_camera_projection" / "diffusion_pytorch_model.safetensors"
    save_file(state, file)
    write_scheduler(folder, "DDIMScheduler", "epsilon", SCALED_LINEAR)
    write_json(folder / "model_index.json", {"_class_name": pipeline})
    return folder


def _tiny_clip() -> Any:
    from transformers.models.clip.configuration_clip import CLIPVisionConfig
    from transformers.models.clip.modeling_clip import CLIPVisionModelWithProjection

    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=1,
        image_size=16, patch_size=8, projection_dim=WIDTH, hidden_act="quick_gelu",
    )  # fmt: skip
    return CLIPVisionModelWithProjection(vision)


def write_picture(folder: Path) -> Path:
    """A red box on nothing, 64 pixels square: what such a prior is asked about."""
    picture = Image.new("RGBA", (64, 64))
    picture.paste((190, 30, 40, 255), (16, 20, 48, 50))
    picture.save(folder / "box.png")
    return folder / "box.png"
