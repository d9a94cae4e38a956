"""Zero-1-to-3 (Liu et al. 2303.11328) and Stable Zero123 as priors: other views of one picture.

In: a folder in diffusers' layout (unet/, vae/, image_encoder/, clip_camera_projection/,
scheduler/), a reference picture. Out: a `Zero123Prior`. Section 3.2: the picture's CLIP embedding
with four numbers of the relative camera, projected, takes the place of words; its latents, not
scaled, stand beside the noisy ones as four more channels. Unguided, both are zero. It was trained
on white backgrounds, so stages are told to give it those (`background`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from backend.cameras import Cameras
from backend.errors import PriorError
from backend.guidance import weights
from backend.guidance.base import PLAIN_BRANCHES, Views
from backend.guidance.catalogue import RECORD
from backend.guidance.components import (
    load_text_model,
    load_unet,
    load_vae,
    network_file,
    precision_dtype,
)
from backend.guidance.latents import VaeEncoder
from backend.guidance.worded import WordedPrior
from backend.guidance.zero123_original import STABLE_KEY
from backend.prompt.parse import Prompt
from backend.reference.picture import Reference

CAMERA_NUMBERS = 4
TRAINED_DISTANCE = 1.85  # the middle of the distances it was trained at, 1.5 to 2.2
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
PROJECTION = "clip_camera_projection"
STABLE = "stable"  # in the name of where Stable Zero123 comes from


@dataclass(frozen=True)
class Zero123Config:
    guidance_scale: float = 5.0  # DreamGaussian's, in the form u + s (c - u)
    precision: str = "auto"  # "fp16", "bf16", "fp32", or "auto": fp16 on CUDA and fp32 elsewhere


@dataclass(frozen=True)
class Seen:
    """The reference as the network takes it."""

    embedding: Float[Tensor, "1 E"]  # CLIP's, as projected by CLIP itself, not normalised
    latents: Float[Tensor, "1 4 h w"]  # the posterior's mode, not scaled
    cameras: Cameras  # one


class Zero123Prior(WordedPrior):
    """A `Prior` in VAE latents of one picture's other views; "prompt" is the picture."""

    branches = PLAIN_BRANCHES
    sees_image = True
    background = (1.0, 1.0, 1.0)

    def __init__(
        self,
        unet: Any,
        vae: VaeEncoder,
        projection: nn.Linear,
        schedule: tuple[Float[Tensor, "T"], str],
        seen: Seen,
        guidance_scale: float,
        stable: bool = False,
    ):
        super().__init__(unet, *schedule, guidance_scale)
        self.encode, self.projection, self.seen, self.stable = vae, projection, seen, stable
        self.image_size = vae.image_size

    def output(self, noisy: Tensor, timesteps: Tensor, branches: list[str], views: Views) -> Tensor:
        if views.cameras is None:
            raise PriorError("Zero-1-to-3 needs to know the cameras of the views.")
        batch, dtype = len(noisy) // len(branches), self.unet.dtype
        numbers = relative_camera(views.cameras.to(noisy.device), self.seen.cameras, self.stable)
        joined = torch.cat([self.seen.embedding.expand(batch, -1), numbers], -1)
        picture = self.projection(joined.to(self.projection.weight.dtype))[:, None].to(dtype)
        latents = self.seen.latents.expand(batch, -1, -1, -1).to(dtype)
        shown = [branch == "prompt" for branch in branches]
        said = torch.cat([picture * one for one in shown])
        beside = torch.cat([latents * one for one in shown])
        stacked = torch.cat([noisy.to(dtype), beside], 1)
        return self.unet(stacked, timesteps, encoder_hidden_states=said, return_dict=False)[0]

    def alike(self, branch: str) -> str:
        """There are no words, and so none that are unwanted."""
        return "empty" if branch == "negative" else branch


def relative_camera(
    cameras: Cameras, reference: Cameras, stable: bool = False
) -> Float[Tensor, "B 4"]:
    """Polar angle beyond the reference's, sine and cosine of the azimuth beyond its (all in
    radians), and the distance beyond its; Stable Zero123 has the reference's own polar angle there.

    Their pictures were all taken through one lens. Ours may differ, so the distance is what changes
    a prop's size in the picture as much, in units of theirs.
    """
    polar = torch.deg2rad(reference.elevation_deg - cameras.elevation_deg)
    turn = torch.deg2rad(cameras.azimuth_deg - reference.azimuth_deg)
    last = TRAINED_DISTANCE * (_extent(cameras) / _extent(reference) - 1)
    if stable:
        last = torch.deg2rad(90 - reference.elevation_deg).expand(len(cameras))
    return torch.stack([polar, turn.sin(), turn.cos(), last], -1)


def _extent(cameras: Cameras) -> Tensor:
    return cameras.distance * torch.tan(torch.deg2rad(cameras.fov_y_deg) / 2)


def load_zero123(
    folder: Path,
    prompt: Prompt,
    negative: Prompt,
    device: torch.device,
    config: Zero123Config | None,
    reference: Reference,
) -> Zero123Prior:
    """The words are not read, and so are its `ignored_words`. Raises PriorError where the folder is
    not whole."""
    config = config or Zero123Config()
    dtype = precision_dtype(device, config.precision)
    files = [network_file(folder / name, dtype) for name in ("unet", "vae", PROJECTION)]
    files.append(weights.encoder_file(folder / "image_encoder"))
    schedule = weights.load_noise_schedule(folder / "scheduler")
    projection = _load_projection(files[2])
    unet = load_unet(files[0], dtype, device)
    if unet.config.in_channels != 2 * unet.config.out_channels:
        raise PriorError(f"'{folder}' holds no Zero-1-to-3: its network takes no picture beside.")
    vae = load_vae(files[1], dtype, device)
    encode = VaeEncoder(vae, unet.config.sample_size)
    seen = _look(folder, encode, reference, device)
    scale = config.guidance_scale
    projection, stable = projection.to(device), is_stable(folder)
    prior = Zero123Prior(unet, encode, projection, schedule, seen, scale, stable)
    prior.weights_hash = weights.prior_hash(folder, files, stable=stable)
    prior.ignored_words = tuple(dict.fromkeys((*prompt.words, *negative.words)))
    return prior


def is_stable(folder: Path) -> bool:
    """Whether it holds Stable Zero123, whose networks are of the same shapes: by what our converter
    noted in the index, else by where it was pulled from, else by the folder's own name."""
    noted = weights.read_index(folder).get(STABLE_KEY)
    if noted is not None:
        return bool(noted)
    named = folder.resolve().name
    if (folder / RECORD).is_file():
        place = str(weights.read_json(folder / RECORD).get("repository", ""))
        named = place if "/" in place else named  # else it is the user's own file
    return STABLE in named.lower()


def _load_projection(file: Path) -> nn.Linear:
    with weights.unreadable_is_prior_error(file):
        state = {name.removeprefix("proj."): t.float() for name, t in load_file(file).items()}
        rows, columns = state["weight"].shape
        projection = nn.Linear(columns, rows)
        projection.load_state_dict(state)
    return projection.requires_grad_(False)


@torch.no_grad()
def _look(folder: Path, encode: VaeEncoder, reference: Reference, device: torch.device) -> Seen:
    from transformers.models.clip.modeling_clip import CLIPVisionModelWithProjection

    size = encode.image_size
    shown = reference.over(torch.ones(1, 3, device=reference.colors.device), size).to(device)
    pixels = (shown * 2 - 1).to(encode.vae.dtype)
    latents = encode.vae.encode(pixels, return_dict=False)[0].mode().float()
    model = load_text_model(CLIPVisionModelWithProjection, folder / "image_encoder")
    side = model.config.image_size
    small = F.interpolate(shown.float().cpu(), size=(side, side), mode="bicubic", antialias=True)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (CLIP_MEAN, CLIP_STD))
    embedding = model(pixel_values=(small.clamp(0, 1) - mean) / std).image_embeds
    return Seen(embedding.to(device), latents, reference.cameras.to(device))
