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


def published(levels=4, blocks=2, attends=(True, True, True, False), skips=None):
    """Every tensor's name in the original layout, counted up as its blocks run: mvdream/configs/
    sd-v2-base.yaml has channel_mult 1 2 4 4, 2 residual blocks a level, attention at 1 2 4."""

    def pair(name):
        return [f"{name}.weight", f"{name}.bias"]

    def residual(name, wider):
        inner = ["in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3"]
        return [
            n for part in [*inner, *["skip_connection"] * wider] for n in pair(f"{name}.{part}")
        ]

    def attention(name):
        block = f"{name}.transformer_blocks.0"
        linear = [f"{block}.attn{k}.to_{x}.weight" for k in (1, 2) for x in "qkv"]
        biased = [f"{block}.attn{k}.to_out.0" for k in (1, 2)]
        biased += [f"{block}.norm{k}" for k in (1, 2, 3)]
        biased += [f"{block}.ff.net.0.proj", f"{block}.ff.net.2"]
        biased += [f"{name}.{part}" for part in ("norm", "proj_in", "proj_out")]
        return linear + [n for part in biased for n in pair(part)]

    names = [*pair("time_embed.0"), *pair("time_embed.2"), *pair("camera_embed.0")]
    names += [*pair("camera_embed.2"), *pair("input_blocks.0.0"), *pair("out.0"), *pair("out.2")]
    index = 1
    for level in range(levels):
        for block in range(blocks):
            wider = block == 0 and level in skips
            names += residual(f"input_blocks.{index}.0", wider)
            names += attention(f"input_blocks.{index}.1") if attends[level] else []
            index += 1
        if level < levels - 1:
            names += pair(f"input_blocks.{index}.0.op")
            index += 1
    names += residual("middle_block.0", False) + residual("middle_block.2", False)
    names += attention("middle_block.1")
    index = 0
    for level in reversed(range(levels)):
        for block in range(blocks + 1):
            names += residual(f"output_blocks.{index}.0", True)
            names += attention(f"output_blocks.{index}.1") if attends[level] else []
            if level and block == blocks:
                names += pair(f"output_blocks.{index}.{1 + attends[level]}.conv")
            index += 1
    return names


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
