"""The reference: a picture of the prop, cut out and placed as a camera of ours would see it.

In: the path of a picture. Out: a `Reference`: square pixels, an opacity, the one camera that sees
the prop so. The prop is centred and scaled to fill the canonical sphere of radius 0.9, taking its
depth for the smaller of its width and height.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from backend.cameras import Cameras, orbit
from backend.reference.cutout import opacity_of
from backend.reference.reading import file_digest, read_picture

SIDE = 512  # pixels
DISTANCE, FOV_Y_DEG = 3.0, 40.0
RADIUS = 0.86  # of the sphere that the prop is fitted into: the canonical one with some room


@dataclass(frozen=True)
class Reference:
    """What the prop looks like from its camera."""

    colors: Float[Tensor, "3 S S"]  # sRGB in [0, 1]; 0 where nothing is
    opacity: Float[Tensor, "1 S S"]
    cameras: Cameras  # the one
    digest: str  # sha256 of the file

    def to(self, device: torch.device) -> Reference:
        moved = (self.colors.to(device), self.opacity.to(device), self.cameras.to(device))
        return Reference(*moved, self.digest)

    def at(self, size: int) -> tuple[Float[Tensor, "3 N N"], Float[Tensor, "1 N N"]]:
        """Colours and opacity at `size` pixels; an edge's colours are the prop's alone."""
        opacity = _resized(self.opacity, size)
        colors = _resized(self.colors * self.opacity, size) / opacity.clamp(min=1e-4)
        return colors.clamp(0, 1), opacity

    def over(
        self, backgrounds: Float[Tensor, "B 3"], size: int | None = None
    ) -> Float[Tensor, "B 3 N N"]:
        """The picture in front of plain colours."""
        colors, opacity = self.at(size or self.colors.shape[-1])
        return torch.lerp(backgrounds[:, :, None, None], colors[None], opacity[None])


def _resized(values: Tensor, size: int) -> Tensor:
    if values.shape[-1] == size:
        return values
    return F.interpolate(
        values[None], size=(size, size), mode="bilinear", antialias=True, align_corners=False
    )[0]


def load_reference(path: Path, elevation_deg: float = 0.0) -> Reference:
    """Raises InputError for a file that is no picture, or one that shows no prop.

    elevation_deg: how far above the prop its camera stood; the side shown is the front.
    """
    digest = file_digest(path)
    pixels = read_picture(path)
    placed = place(pixels[..., :3], opacity_of(pixels))
    values = torch.from_numpy(placed).permute(2, 0, 1)
    one = torch.ones(1)
    cameras = orbit(one * 0, one * elevation_deg, one * DISTANCE, one * FOV_Y_DEG)
    return Reference(values[:3] * values[3:], values[3:], cameras, digest)


def place(colors: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """(H, W, 3), (H, W) -> (SIDE, SIDE, 4): the prop centred, at the size a camera would see."""
    rows = np.flatnonzero((opacity > 0.5).any(1))
    columns = np.flatnonzero((opacity > 0.5).any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    height, width = bottom - top, right - left
    fitted = 0.5 * math.sqrt(height**2 + width**2 + min(height, width) ** 2)
    half = DISTANCE * math.tan(math.radians(FOV_Y_DEG / 2)) / RADIUS * fitted  # pixels
    centre = ((left + right) / 2, (top + bottom) / 2)
    box = (centre[0] - half, centre[1] - half, centre[0] + half, centre[1] + half)
    whole = np.concatenate([colors * opacity[..., None], opacity[..., None]], -1)
    return _cropped(whole.astype(np.float32), box)


def _cropped(values: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """Resampled to SIDE; outside of the picture nothing is. Premultiplied in, straight out."""
    height, width = values.shape[:2]
    margin = 1 + math.ceil(max(0.0, -box[0], -box[1], box[2] - width, box[3] - height))
    padded = np.pad(values, ((margin, margin), (margin, margin), (0, 0)))
    moved = tuple(edge + margin for edge in box)
    layers = [
        Image.fromarray(padded[..., c]).resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=moved)
        for c in range(4)
    ]
    out = np.stack([np.asarray(layer) for layer in layers], -1)
    straight = out[..., :3] / np.maximum(out[..., 3:], 1e-4)
    return np.concatenate([straight.clip(0, 1), out[..., 3:].clip(0, 1)], -1)
