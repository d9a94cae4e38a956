"""MVDream (Shi et al. 2308.16512) as a prior: four sides of one prop at once, told their cameras.

In: a folder that `convert_mvdream` made, a prompt. Out: an `MVDreamPrior`. Its network is Stable
Diffusion 2.1's, but the self-attention of a picture reaches across the four pictures of its group
(section 3.1), and the pose, 16 numbers at distance 1, is embedded and added to the timestep's
embedding (section 3.2). Images come in groups of four, a quarter turn apart: `views_together`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from backend.cameras import Cameras
from backend.errors import PriorError
from backend.guidance import offload, weights
from backend.guidance.base import Views
from backend.guidance.components import load_vae, network_file, precision_dtype
from backend.guidance.conversion import copy_parts, read_checkpoint, write_index, write_unet
from backend.guidance.latents import VaeEncoder
from backend.guidance.reading import warn_of_cuts
from backend.guidance.stable_diffusion import (
    StableDiffusionConfig,
    StableDiffusionPrior,
    encode_wordings,
)
from backend.prompt.parse import Prompt

VIEWS = 4
LATENT_SIZE = 32
CAMERA_NUMBERS = 16
TO_PLUS_X = torch.tensor([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])  # from -y
PIPELINE = "MVDreamPipeline"
SHARED = ("vae", "text_encoder", "tokenizer", "scheduler")  # Stable Diffusion 2.1's, untouched


@dataclass(frozen=True)
class MVDreamConfig:
    guidance_scale: float = 50.0  # theirs, in the form u + s (c - u)
    suffix: str = ", 3d asset"  # behind every prompt, as in their training on rendered assets
    precision: str = "auto"  # "fp16", "bf16", "fp32", or "auto": fp16 on CUDA and fp32 elsewhere


class MVDreamPrior(StableDiffusionPrior):
    """A `Prior` in VAE latents for groups of four views."""

    branches = ("empty", "negative", "prompt", "degraded", "improved", "poor")  # no sides in words
    views_together = VIEWS
    elevation_deg = (0.0, 30.0)  # theirs, in training and in distillation
    default_rescale = 0.5  # their code's; the paper has 0.7

    def output(self, noisy: Tensor, timesteps: Tensor, branches: list[str], views: Views) -> Tensor:
        if views.cameras is None or len(views.cameras) % VIEWS:
            raise PriorError(f"MVDream needs cameras, in groups of {VIEWS} around the prop.")
        poses = self.poses(views.cameras).to(noisy.device).repeat(len(branches), 1)
        self.unet.camera = self.unet.camera_embed(poses.to(self.unet.dtype))
        try:
            return super().output(noisy, timesteps, branches, views)
        finally:
            self.unet.camera = None

    def poses(self, cameras: Cameras) -> Float[Tensor, "B 16"]:
        """Its props face +x (their scripts begin at azimuth 90), ours -y."""
        return (TO_PLUS_X.to(cameras.T_world_camera) @ blender_poses(cameras)).flatten(1)


def blender_poses(cameras: Cameras) -> Float[Tensor, "B 4 4"]:
    """Camera to world, z up, the camera's axes right, up and back, at distance 1."""
    pose = cameras.T_world_camera.clone()
    pose[:, :, 1:3] *= -1
    pose[:, :3, 3] /= pose[:, :3, 3].norm(dim=1, keepdim=True)
    return pose


class AcrossViews:
    """Self-attention over the pixels of all the views of a group, for diffusers' Attention."""

    def __init__(self, inner: Any):
        self.inner = inner

    def __call__(self, attention: Any, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        batch, length, width = hidden_states.shape
        joined = hidden_states.reshape(batch // VIEWS, VIEWS * length, width)
        return self.inner(attention, joined, *args, **kwargs).reshape(batch, length, width)


def build_network(config: dict[str, Any]) -> Any:
    """diffusers' UNet with attention across views and the embedding of the camera, untrained."""
    from diffusers.models.attention_processor import AttnProcessor2_0
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    unet = UNet2DConditionModel.from_config(config)
    width = unet.time_embedding.linear_2.out_features
    unet.camera_embed = nn.Sequential(
        nn.Linear(CAMERA_NUMBERS, width), nn.SiLU(), nn.Linear(width, width)
    )
    unet.camera = None
    plain = AttnProcessor2_0()
    unet.set_attn_processor(
        {name: AcrossViews(plain) if ".attn1." in name else plain for name in unet.attn_processors}
    )
    unet.time_embedding.register_forward_hook(
        lambda _, __, output: output if unet.camera is None else output + unet.camera
    )
    return unet


def load_mvdream(
    folder: Path,
    prompt: Prompt,
    negative: Prompt,
    device: torch.device,
    config: MVDreamConfig | None = None,
) -> MVDreamPrior:
    """Raises PriorError where the folder is not whole."""
    config = config or MVDreamConfig()
    dtype = precision_dtype(device, config.precision)
    files = [network_file(folder / name, dtype) for name in ("unet", "vae")]
    files.append(weights.encoder_file(folder / "text_encoder"))
    schedule = weights.load_noise_schedule(folder / "scheduler")
    asset = prompt.followed_by(config.suffix)
    rows, read = encode_wordings(folder, asset, negative, worded=False, sided=False)
    warn_of_cuts(folder, [read])
    unet = load_views_network(files[0], dtype, device)
    encode = VaeEncoder(load_vae(files[1], dtype, device), unet.config.sample_size)
    plain = StableDiffusionConfig(config.guidance_scale, view_wording=False)
    prior = MVDreamPrior(unet, encode, *schedule, rows.to(device), plain)
    prior.weights_hash = weights.prior_hash(folder, files)
    return prior


def load_views_network(file: Path, dtype: torch.dtype, device: torch.device) -> Any:
    """The UNet whose weights are `file`, frozen."""
    with weights.unreadable_is_prior_error(file.parent):
        unet = build_network(weights.read_json(file.parent / "config.json"))
        unet.load_state_dict(load_file(file))
    unet.eval().requires_grad_(False)
    return offload.place(nn.Module.to(unet, dtype=dtype), device)


def convert_mvdream(checkpoint: Path, base: Path, out: Path) -> None:
    """The published checkpoint (sd-v2.1-base-4view.pt) and a folder of Stable Diffusion 2.1-base ->
    a folder for `load_mvdream`.

    Raises PriorError where a tensor is missing, left over or of another shape.
    """
    config = weights.read_json(base / "unet" / "config.json") | {"sample_size": LATENT_SIZE}
    convert_network(checkpoint, config, out / "unet")
    copy_parts(base, out, SHARED)
    write_index(out, PIPELINE)


def convert_network(checkpoint: Path, config: dict[str, Any], out: Path) -> None:
    """A multi-view UNet of `config` out of a checkpoint, into its folder."""
    with torch.device("meta"):
        wanted = build_network(config).state_dict()
    write_unet(read_checkpoint(checkpoint), wanted, config, checkpoint, out)
