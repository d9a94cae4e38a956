"""Names inside the original layout's VAE and CLIP, from diffusers' and transformers' names.

In: a tensor's name in an AutoencoderKL or in a CLIPVisionModelWithProjection. Out: its name in the
published checkpoints (below "first_stage_model." and "cond_stage_model.model."). The VAE's decoder
counts its levels from the finest, so ours are turned round; OpenAI's CLIP has one matrix for
query, key and value, and its projection transposed: `split_attention` makes ours of theirs.
"""

from __future__ import annotations

import re

from torch import Tensor

_VAE = (
    (r"mid_block\.resnets\.0\.", "mid.block_1."),
    (r"mid_block\.resnets\.1\.", "mid.block_2."),
    (r"mid_block\.attentions\.0\.group_norm\.", "mid.attn_1.norm."),
    (r"mid_block\.attentions\.0\.to_([qkv])\.", r"mid.attn_1.\1."),
    (r"mid_block\.attentions\.0\.to_out\.0\.", "mid.attn_1.proj_out."),
    (r"conv_norm_out\.", "norm_out."),
    (r"conv_shortcut\.", "nin_shortcut."),
    (r"(down|up)_blocks\.(\d+)\.resnets\.(\d+)\.", r"\1.\2.block.\3."),
    (r"down_blocks\.(\d+)\.downsamplers\.0\.", r"down.\1.downsample."),
    (r"up_blocks\.(\d+)\.upsamplers\.0\.", r"up.\1.upsample."),
)
_CLIP = (
    (r"vision_model\.embeddings\.class_embedding", "visual.class_embedding"),
    (r"vision_model\.embeddings\.position_embedding\.weight", "visual.positional_embedding"),
    (r"vision_model\.embeddings\.patch_embedding\.", "visual.conv1."),
    (r"vision_model\.pre_layrnorm\.", "visual.ln_pre."),
    (r"vision_model\.post_layernorm\.", "visual.ln_post."),
    (r"vision_model\.encoder\.layers\.(\d+)\.", r"visual.transformer.resblocks.\1."),
    (r"self_attn\.", "attn."),
    (r"layer_norm([12])\.", r"ln_\1."),
    (r"mlp\.fc1\.", "mlp.c_fc."),
    (r"mlp\.fc2\.", "mlp.c_proj."),
    (r"visual_projection\.weight", "visual.proj"),
)


def original_vae_name(name: str, levels: int) -> str:
    """levels: resolutions of the VAE."""
    for ours, theirs in _VAE:
        name = re.sub(ours, theirs, name)
    return re.sub(r"\bup\.(\d+)\.", lambda m: f"up.{levels - 1 - int(m.group(1))}.", name)


def original_clip_name(name: str) -> str:
    for ours, theirs in _CLIP:
        name = re.sub(ours, theirs, name)
    return name


def split_attention(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """OpenAI's tensors with a matrix each for query, key and value, the projection as a linear
    map's weight."""
    split: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if match := re.fullmatch(r"(.+\.attn\.)in_proj_(weight|bias)", name):
            for letter, part in zip("qkv", tensor.chunk(3), strict=True):
                split[f"{match[1]}{letter}_proj.{match[2]}"] = part
        else:
            split[name] = tensor.T if name == "visual.proj" else tensor
    return split
