"""The mean of all props that words may name, seen from a camera: what a denoiser knows before it
has seen a pixel.

In: the text encoder's words and camera features. Out: the mean G-buffer at half of the prior's
resolution, and the state it was drawn from. A denoiser's best estimate at pure noise is that mean
(Karras et al. 2022, appendix B.3); one network that has to find it and to denoise spends each
convolution at every pixel of every training picture on it. A network of its own, asked once a
picture, trains on 1,700 pictures a second where the denoiser does on 70 (two cores of an AMD EPYC
with bf16); the denoiser starts where it ends (Whang et al. 2022, "Deblurring via stochastic
refinement": an initial predictor).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from backend.guidance.base import DOMAINS

MEAN = "mean"  # its folder in a prior's
CHANNELS = 9  # albedo 3, encoded normal 3, roughness, metallic: times coverage; coverage
GRID, GROWTH = 8, 4  # pixels where the state becomes a picture; how much larger the picture is
SIZE = GRID * GROWTH
FOLD = 2  # of the picture, to the denoiser's 16x16
APPARENT, KNOWN = 9, 10  # places in `camera_features`: the apparent size, and a 1
APPARENT_SCALE = 4  # of the first
LATENTS = (CHANNELS + 3) * FOLD**2  # what `layout` gives


class MeanNet(nn.Module):
    """A residual MLP over the words, moved by the camera, that ends in one convolution."""

    def __init__(
        self, words: int = 1280, camera: int = 11, width: int = 640, blocks: int = 4,
        camera_width: int = 256, features: int = 64, zoom: float | None = None,
    ):  # fmt: skip
        """words: entries of all tokens of a prompt together; camera: camera features.

        zoom: the apparent size (`camera_features`: log of distance times tangent) that all pictures
        are drawn at, to be resized to their camera's: one thing less to learn of every kind. None,
        as in the priors up to the seventh version: each is drawn at its camera's.
        """
        super().__init__()
        self.config: dict[str, Any] = {
            "words": words, "camera": camera, "width": width, "blocks": blocks,
            "camera_width": camera_width, "features": features, "zoom": zoom,
        }  # fmt: skip
        self.said = nn.Linear(words, width)
        self.seen = nn.Sequential(
            nn.Linear(camera, camera_width), nn.GELU(), nn.Linear(camera_width, camera_width),
            nn.GELU(),
        )  # fmt: skip
        self.blocks = nn.ModuleList(Block(width, camera_width) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.grid = nn.Linear(width, GRID**2 * features)
        self.picture = nn.Conv2d(features, CHANNELS * GROWTH**2, 3, padding=1)

    def forward(
        self, words: Float[Tensor, "B L D"], cameras: Float[Tensor, "B C"]
    ) -> tuple[Float[Tensor, "B 9 32 32"], Float[Tensor, "B W"]]:
        """cameras: `camera_features`, zeros where the camera is unknown. The G-buffer is in [0, 1]
        but for errors."""
        shown = cameras
        zoom = self.config["zoom"]
        if zoom is not None:
            smaller = (cameras[:, APPARENT] / APPARENT_SCALE - zoom) * cameras[:, KNOWN]
            shown = cameras.clone()
            shown[:, APPARENT] = APPARENT_SCALE * zoom * cameras[:, KNOWN]
        view, state = self.seen(shown), self.said(words.flatten(1))
        for block in self.blocks:
            state = block(state, view)
        state = self.norm(state)
        grid = F.gelu(self.grid(state)).unflatten(1, (GRID, GRID, -1)).permute(0, 3, 1, 2)
        picture = uncentred(F.pixel_shuffle(self.picture(grid), GROWTH))
        if zoom is not None:
            picture = resized(picture, smaller.exp())
        return picture, state

    def at(self, zoom: float) -> MeanNet:
        """This, drawing at one apparent size from now on."""
        self.config["zoom"] = zoom
        return self

    def save_pretrained(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.config, indent=1) + "\n")
        save_file(self.state_dict(), folder / "model.safetensors")

    @classmethod
    def from_pretrained(cls, folder: Path) -> MeanNet:
        """Raises OSError, ValueError, TypeError or RuntimeError where the folder is not whole."""
        net = cls(**json.loads((folder / "config.json").read_text(encoding="utf-8")))
        state = load_file(folder / "model.safetensors")
        net.load_state_dict({name: tensor.float() for name, tensor in state.items()})
        return net.eval()


class Block(nn.Module):
    """x + MLP(norm(x)), the normalised state scaled and shifted by the camera."""

    def __init__(self, width: int, camera_width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.moved = nn.Linear(camera_width, 2 * width)
        nn.init.zeros_(self.moved.weight)
        nn.init.zeros_(self.moved.bias)

    def forward(self, state: Tensor, view: Tensor) -> Tensor:
        scale, shift = self.moved(view).chunk(2, -1)
        return state + self.narrow(F.gelu(self.wide(self.norm(state) * (1 + scale) + shift)))


def resized(
    pictures: Float[Tensor, "B C N N"], smaller: Float[Tensor, "B"]
) -> Float[Tensor, "B C N N"]:
    """What pictures show, so many times smaller about their middle; zeros beyond their borders.

    Keys' cubic (1981, "Cubic convolution interpolation", eq. 15), wider where it shrinks; the same
    along rows and columns, so that it is a product of matrices from either side.
    """
    count, beyond = pictures.shape[-1], pictures.shape[-1] // 2
    places = torch.arange(count, device=pictures.device)
    around = torch.arange(-beyond, count + beyond, device=pictures.device)
    scale = smaller.float()[:, None, None]
    sources = (places - (count - 1) / 2) * scale + (count - 1) / 2  # (B, 1, N)
    away = ((sources.mT - around) / scale.clamp(min=1)).abs()
    near = 1 + away**2 * (1.5 * away - 2.5)
    far = 2 + away * (-4 + away * (2.5 - 0.5 * away))
    weights = torch.where(away < 1, near, torch.where(away < 2, far, 0.0))
    weights = weights / weights.sum(-1, keepdim=True)
    taken = weights[..., beyond : beyond + count].to(pictures.dtype).mT
    lines = pictures.flatten(1, 2)  # of all channels in one product
    for _ in range(2):
        turned = (lines @ taken).unflatten(1, pictures.shape[1:3]).mT
        lines = turned.flatten(1, 2)
    return turned


def centred(gbuffers: Float[Tensor, "B 9 H W"]) -> Float[Tensor, "B 9 H W"]:
    """The G-buffer whose squared error is that of the pictures, a mean over all backgrounds.

    A picture is p + (1 - c) b; over backgrounds b of mean 1/2 and variance s, the mean of
    (dp - dc b)^2 is (dp - dc / 2)^2 + s dc^2. With s about 0.11 and nine pictures' channels that
    have the coverage c in them, its own weight is about 1.1 squared.
    """
    coverage = gbuffers[:, 8:]
    return torch.cat([gbuffers[:, :8] - 0.5 * coverage, 1.1 * coverage], 1)


def uncentred(gbuffers: Float[Tensor, "B 9 H W"]) -> Float[Tensor, "B 9 H W"]:
    """The inverse of `centred`."""
    coverage = gbuffers[:, 8:] / 1.1
    return torch.cat([gbuffers[:, :8] + 0.5 * coverage, coverage], 1)


def pictures(
    gbuffers: Float[Tensor, "B 9 H W"],
    backgrounds: Float[Tensor, "B 3"],
    domain: Int[Tensor, "B"],
) -> Float[Tensor, "B 3 H W"]:
    """The mean pictures of domains (indices into DOMAINS) before their backgrounds, in about
    [0, 1]. A shaded picture's mean depends on the light; it is shown as the albedo's."""
    coverage = gbuffers[:, 8:]
    orm = torch.cat([coverage, gbuffers[:, 6:8]], 1)
    of_domains = torch.stack([gbuffers[:, :3], gbuffers[:, :3], gbuffers[:, 3:6], orm], 1)
    own = of_domains[torch.arange(len(domain), device=domain.device), domain]
    return own + (1 - coverage) * backgrounds[:, :, None, None]


def layout(
    gbuffers: Float[Tensor, "B 9 H W"],
    backgrounds: Float[Tensor, "B 3"],
    domain: Int[Tensor, "B"],
) -> Float[Tensor, "B 48 h w"]:
    """What the denoiser is shown beside its noisy pixels, folded, in about [-1, 1]: the mean
    picture and the G-buffer."""
    shown = torch.cat([pictures(gbuffers, backgrounds, domain), gbuffers], 1)
    return F.pixel_unshuffle(shown * 2 - 1, FOLD)


assert DOMAINS == ("shaded", "albedo", "normal", "orm"), "the order that pictures() stacks"
