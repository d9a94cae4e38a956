"""What the embedded prior is conditioned on, and how its pixels are folded.

The embedded prior is a `UNet2DConditionModel` in pixel space. Its pixels are folded
(space-to-depth), which stands where a VAE stands in Stable Diffusion and costs nothing. Camera,
background, domain and the mean of the words enter through `class_labels`
(`class_embed_type="simple_projection"`), the words themselves through cross-attention. Training
and inference share this file.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from backend.cameras import Cameras
from backend.guidance.base import DOMAINS

CAMERA_FEATURES = 11
VECTOR_SIZE = CAMERA_FEATURES + 4 + len(DOMAINS)
MAX_WORDS = 10


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


class WordTextEncoder(nn.Module):
    """Words of a closed vocabulary -> tokens for cross-attention, order-aware.

    Token 0 pads. An empty prompt is all padding: that is the unconditional branch.
    """

    def __init__(self, vocabulary: list[str], size: int = 128, heads: int = 4, layers: int = 2):
        super().__init__()
        self.config = {"vocabulary": vocabulary, "size": size, "heads": heads, "layers": layers}
        self.index = {word: i + 1 for i, word in enumerate(vocabulary)}
        self.words = nn.Embedding(len(vocabulary) + 1, size)
        self.positions = nn.Parameter(torch.randn(MAX_WORDS, size) * 0.02)
        layer = nn.TransformerEncoderLayer(
            size, heads, size * 2, dropout=0.0, batch_first=True, norm_first=True
        )
        self.transformer = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(size)

    def tokenize(self, words: list[str]) -> list[int]:
        """Known words -> token ids, padded or cut to MAX_WORDS; unknown ones are left out."""
        ids = [self.index[w] for w in words if w in self.index][:MAX_WORDS]
        return ids + [0] * (MAX_WORDS - len(ids))

    def forward(self, tokens: Tensor) -> Float[Tensor, "B MAX_WORDS size"]:
        hidden = self.words(tokens) + self.positions
        return self.norm(self.transformer(hidden))

    def save_pretrained(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.config, indent=1) + "\n")
        save_file(self.state_dict(), folder / "model.safetensors")

    @classmethod
    def from_pretrained(cls, folder: Path) -> WordTextEncoder:
        encoder = cls(**json.loads((folder / "config.json").read_text()))
        weights = load_file(folder / "model.safetensors")
        encoder.load_state_dict({k: v.float() for k, v in weights.items()})
        return encoder.eval()
