"""A tiny random Zero-1-to-3 in the layout of its published diffusers folders, for tests."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.tiny_models import _write_json, _write_scheduler
from tests.tiny_priors import SCALED_LINEAR, _write_vae

WIDTH = 16


def write_zero123(folder: Path, seed: int = 0, pipeline: object = "Zero123Pipeline") -> Path:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers.models.clip.configuration_clip import CLIPVisionConfig
    from transformers.models.clip.modeling_clip import CLIPVisionModelWithProjection

    torch.manual_seed(seed)
    UNet2DConditionModel(
        sample_size=8,
        in_channels=8,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
    ).save_pretrained(folder / "unet")
    _write_vae(folder, 4)
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        image_size=16, patch_size=8, projection_dim=WIDTH,
    )  # fmt: skip
    CLIPVisionModelWithProjection(vision).save_pretrained(folder / "image_encoder")
    projection = torch.nn.Linear(WIDTH + 4, WIDTH)
    state = {f"proj.{name}": tensor for name, tensor in projection.state_dict().items()}
    (folder / "clip_camera_projection").mkdir(parents=True)
    file = folder / "clip_camera_projection" / "diffusion_pytorch_model.safetensors"
    save_file(state, file)
    _write_scheduler(folder, "DDIMScheduler", "epsilon", SCALED_LINEAR)
    _write_json(folder / "model_index.json", {"_class_name": pipeline})
    return folder
