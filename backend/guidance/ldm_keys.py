"""Names of a UNet's tensors in the original latent-diffusion layout, from diffusers' names.

In: a name as diffusers has it ("down_blocks.0.resnets.1.conv1.weight"). Out: its name in the
published checkpoints of MVDream and its kin ("input_blocks.2.0.in_layers.2.weight"), which number
blocks in the order in which they run: a level's residual blocks, then a change of size. Shapes are
the same on both sides.
"""

from __future__ import annotations

import re

_WHOLE = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.resnets.1": "middle_block.2",
}
_RESIDUAL = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|\w+samplers)\.(\d+)\.(.+)")


def original_name(name: str, layers: int, attention_in_up: tuple[bool, ...]) -> str:
    """layers: residual blocks a level on the way down, one more on the way up. attention_in_up:
    whether each level on the way up attends, in diffusers' order. Names that both layouts share
    (camera_embed) come back as they are."""
    for ours, theirs in _WHOLE.items():
        if name.startswith(ours + "."):
            return theirs + _rest(name.removeprefix(ours))
    match = _BLOCK.fullmatch(name)
    if match is None:
        return name
    way, level, part, index, rest = match.groups()
    first, place = int(level) * (layers + 1), int(index)
    if part == "downsamplers":
        return f"input_blocks.{first + layers + 1}.0.op.{rest.removeprefix('conv.')}"
    if part == "upsamplers":
        slot = 2 if attention_in_up[int(level)] else 1
        return f"output_blocks.{first + layers}.{slot}.{rest}"
    blocks, place = ("input_blocks", first + place + 1) if way == "down" else (
        "output_blocks", first + place
    )  # fmt: skip
    return f"{blocks}.{place}.{int(part == 'attentions')}{_rest('.' + rest)}"


def _rest(rest: str) -> str:
    """Names inside a residual block; those inside attention are the same on both sides."""
    first, _, last = rest.removeprefix(".").partition(".")
    return f".{_RESIDUAL[first]}.{last}" if first in _RESIDUAL else rest
