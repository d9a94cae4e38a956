"""What the embedded prior is conditioned on, and how its pixels are folded.

The embedded prior is a `UNet2DConditionModel` in pixel space. Its pixels are folded
(space-to-depth), which stands where a VAE stands in Stable Diffusion and costs nothing. Camera,
background, domain and the mean of the words enter through `class_labels`
(`class_embed_type="simple_projection"`), the words themselves (word_encoder.py) through
cross-attention, and what the words and the camera mean together (mean_net.py) through both
`class_labels` and channels beside the noisy pixels. Training and inference share this file.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from backend.cameras import Cameras
from backend.guidance.base import DOMAINS
from backend.guidance.mean_net import MeanNet, layout

CAMERA_FEATURES = 11
VECTOR_SIZE = CAMERA_FEATURES + 4 + len(DOMAINS)


def fold(images: Float[Tensor, "B 3 H W"], factor: int) -> Tensor:
    """Pixels in [0, 1] -> folded latents (B, 3 f^2, H/f, W/f) in [-1, 1]."""
    return F.pixel_unshuffle(images * 2 - 1, factor)


def unfold(latents: Tensor, factor: int) -> Float[Tensor, "B 3 H W"]:
    """The inverse of `fold`."""
    return F.pixel_shuffle(latents, factor) * 0.5 + 0.5


def camera_features(cameras: Cameras) -> Float[Tensor, "B 11"]:
    """Azimuth as three harmonics, elevation, field of view, apparent size, and a 1: 'known'."""
    azimuth = torch.deg2rad(cameras.azimuth_deg)
    elevation = torch.deg2rad(cameras.elevation_deg)
    half = torch.deg2rad(cameras.fov_y_deg) / 2
    harmonics = [f(k * azimuth) for k in (1, 2, 3) for f in (torch.sin, torch.cos)]
    size = torch.log(cameras.distance * torch.tan(half))
    rest = [torch.sin(elevation), torch.cos(elevation), (half - 0.35) * 4, size * 4]
    return torch.stack([*harmonics, *rest, torch.ones_like(azimuth)], dim=-1)


def condition_vector(
    cameras: Float[Tensor, "B 11"], backgrounds: Float[Tensor, "B 3"], domain: Tensor
) -> Tensor:
    """The vector for `class_labels`, (B, VECTOR_SIZE); `domain` holds indices into DOMAINS."""
    known = torch.ones_like(backgrounds[:, :1])
    one_hot = F.one_hot(domain, len(DOMAINS)).to(backgrounds.dtype)
    return torch.cat([cameras, backgrounds * 2 - 1, known, one_hot], dim=-1)


def class_labels(vector: Tensor, words: Float[Tensor, "B L size"]) -> Tensor:
    """What the network is given beside the words: `condition_vector` and the words' mean."""
    return torch.cat([vector, words.mean(1).to(vector.dtype)], dim=-1)


def network_inputs(
    noisy: Float[Tensor, "B C H W"],
    vector: Float[Tensor, "B V"],
    words: Float[Tensor, "B L D"],
    mean: MeanNet | None,
) -> tuple[Tensor, Tensor]:
    """What the network reads: its pixels and its `class_labels`, with the mean's where there is
    one. A background that isn't known (zeros in `condition_vector`) is a middle grey there."""
    labels = class_labels(vector, words)
    if mean is None:
        return noisy, labels
    dtype = next(mean.parameters()).dtype
    gbuffers, state = mean(words.to(dtype), vector[:, :CAMERA_FEATURES].to(dtype))
    gbuffers, state = gbuffers.to(vector.dtype), state.to(vector.dtype)
    shown = vector[:, CAMERA_FEATURES : CAMERA_FEATURES + 3] * 0.5 + 0.5
    beside = layout(gbuffers, shown, vector[:, -len(DOMAINS) :].argmax(1))
    return torch.cat([noisy, beside.to(noisy.dtype)], 1), torch.cat([labels, state], 1)
