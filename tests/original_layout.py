"""The original latent-diffusion layout: names as published, tiny random checkpoints in it."""

from __future__ import annotations

import json

import torch

from backend.guidance.ldm_keys import original_name
from backend.guidance.mvdream import build_network

PREFIX = "model.diffusion_model."
STABLE_DIFFUSION_2 = {  # the UNet of the published Stable Diffusion 2.1-base
    "_class_name": "UNet2DConditionModel",
    "sample_size": 32,
    "block_out_channels": [320, 640, 1280, 1280],
    "layers_per_block": 2,
    "attention_head_dim": [5, 10, 20, 20],
    "cross_attention_dim": 1024,
    "use_linear_projection": True,
    "down_block_types": [*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"],
    "up_block_types": ["UpBlock2D", *["CrossAttnUpBlock2D"] * 3],
}


def write_original(path, base, seed=0, **changes):
    """A checkpoint as published, of the tiny network's shapes; changes: of its config."""
    config = json.loads((base / "unet" / "config.json").read_text()) | {"sample_size": 32} | changes
    torch.manual_seed(seed)
    network = build_network(config)
    attends = tuple("CrossAttn" in kind for kind in config["up_block_types"])
    state = {
        PREFIX + original_name(name, config["layers_per_block"], attends): tensor
        for name, tensor in network.state_dict().items()
    }
    state["first_stage_model.encoder.conv_in.weight"] = torch.zeros(1)
    torch.save(state, path)
    return network
