"""Environment lights without files: procedural skies and studios, filtered for split-sum shading.

In: a preset's name. Out: an `EnvironmentLight` that answers irradiance (order-2 spherical
harmonics; Ramamoorthi and Hanrahan 2001) and GGX-filtered radiance (Karis 2013) for directions in
world axes, turned about +Z at lookup. Lookups are differentiable in directions and roughness. All
radiance is linear and HDR, scaled so that its mean over the sphere is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

HEIGHT, WIDTH = 64, 128
COARSE = 2  # rough lobes are filtered at this fraction of the resolution
ROUGHNESS_LEVELS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
# Cosine lobe over pi, per spherical-harmonics band: 1, 2/3, 1/4.
COSINE_BANDS = np.array([1.0] + [2 / 3] * 3 + [0.25] * 5)


def directions_grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Equirectangular texel directions (H, W, 3) and solid angles (H, W).

    Row 0 is the top (+Z); column 0 starts at azimuth -180 degrees from +X, counter-clockwise.
    """
    theta = (np.arange(height) + 0.5) / height * np.pi
    phi = ((np.arange(width) + 0.5) / width * 2 - 1) * np.pi
    sin_t, cos_t = np.sin(theta)[:, None], np.cos(theta)[:, None]
    grid = [sin_t * np.cos(phi), sin_t * np.sin(phi), np.broadcast_to(cos_t, (height, width))]
    edges = np.cos(np.linspace(0, np.pi, height + 1))
    angles = np.repeat((edges[:-1] - edges[1:])[:, None] * 2 * np.pi / width, width, axis=1)
    return np.stack(grid, axis=-1), angles


def sh_basis(d: np.ndarray | Tensor) -> list:
    """The nine real spherical harmonics up to order 2, for unit directions (..., 3)."""
    x, y, z = d[..., 0], d[..., 1], d[..., 2]
    return [
        0.282095 + 0 * x,
        0.488603 * y,
        0.488603 * z,
        0.488603 * x,
        1.092548 * x * y,
        1.092548 * y * z,
        0.315392 * (3 * z * z - 1),
        1.092548 * x * z,
        0.546274 * (x * x - y * y),
    ]


def _panel(
    directions: np.ndarray, azimuth_deg: float, elevation_deg: float, size_deg: float, edge: float
) -> np.ndarray:
    """A soft round lamp around a direction (azimuth as in conventions): 1 inside, 0 outside."""
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    level = math.cos(elevation)
    centre = [math.sin(azimuth) * level, -math.cos(azimuth) * level, math.sin(elevation)]
    angle = np.degrees(np.arccos(np.clip(directions @ np.array(centre), -1, 1)))
    return 1 / (1 + np.exp((angle - size_deg) / edge))[..., None]


def _studio(d: np.ndarray) -> np.ndarray:
    room = 0.25 + 0.15 * d[..., 2:]
    key = _panel(d, 40.0, 45.0, 28.0, 3.0) * 7.0
    fill = _panel(d, -70.0, 25.0, 35.0, 5.0) * 2.0
    return room + key + fill + _panel(d, 180.0, 60.0, 20.0, 4.0) * 3.0


def _overcast(d: np.ndarray) -> np.ndarray:
    # CIE overcast sky: the zenith is three times as bright as the horizon.
    up = d[..., 2:]
    sky = (1 + 2 * np.maximum(up, 0)) / 3 * np.array([0.95, 1.0, 1.08])
    ground = np.array([0.24, 0.22, 0.2])
    return np.where(up > 0, sky, ground)


def _sunset(d: np.ndarray) -> np.ndarray:
    up = np.clip(d[..., 2:], 0, 1)
    sky = np.array([0.9, 0.55, 0.35]) * np.exp(-4 * up) + np.array([0.25, 0.35, 0.6]) * up**0.5
    ground = np.array([0.16, 0.13, 0.11])
    sun = _panel(d, 60.0, 8.0, 6.0, 1.2) * np.array([60.0, 32.0, 14.0])
    return np.where(d[..., 2:] > 0, sky, ground) + sun


def _three_point(d: np.ndarray) -> np.ndarray:
    key = _panel(d, 45.0, 40.0, 15.0, 2.0) * np.array([22.0, 20.5, 18.5])
    fill = _panel(d, -55.0, 15.0, 22.0, 3.0) * np.array([3.0, 3.4, 4.0])
    rim = _panel(d, 160.0, 35.0, 10.0, 2.0) * 22.0
    return 0.12 + key + fill + rim


PRESETS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "studio": _studio,
    "overcast": _overcast,
    "sunset": _sunset,
    "three_point": _three_point,
}


def _halve(image: np.ndarray, times: int) -> np.ndarray:
    h, w = image.shape[0] // times, image.shape[1] // times
    return image.reshape(h, times, w, times, 3).mean(axis=(1, 3))


@lru_cache(maxsize=16)
def _lobe(height: int, width: int, roughness: float) -> np.ndarray:
    """Rows of weights (targets, sources) of the GGX lobe seen head-on (n = v = r)."""
    directions, angles = directions_grid(height, width)
    flat = directions.reshape(-1, 3).astype(np.float32)
    cosine = np.clip(flat @ flat.T, -1, 1)
    a2 = np.float32(roughness**4)
    half_squared = (1 + cosine) / 2
    weights = np.maximum(cosine, 0) / (half_squared * (a2 - 1) + 1) ** 2
    weights *= angles.reshape(1, -1).astype(np.float32)
    return weights / weights.sum(axis=1, keepdims=True)


def _prefilter(image: np.ndarray) -> np.ndarray:
    """Radiance (H, W, 3) -> (levels, H, W, 3), one level per entry of ROUGHNESS_LEVELS."""
    small = _halve(image, COARSE)
    h, w = small.shape[:2]
    levels = [image]
    for roughness in ROUGHNESS_LEVELS[1:]:
        filtered = (_lobe(h, w, roughness) @ small.reshape(-1, 3)).reshape(h, w, 3)
        wrapped = np.pad(filtered, ((1, 1), (0, 0), (0, 0)), mode="edge")
        wrapped = np.pad(wrapped, ((0, 0), (1, 1), (0, 0)), mode="wrap")
        grown = F.interpolate(
            torch.from_numpy(wrapped).permute(2, 0, 1)[None],
            scale_factor=COARSE,
            mode="bilinear",
            align_corners=False,
        )[0].permute(1, 2, 0)
        levels.append(grown[COARSE:-COARSE, COARSE:-COARSE].numpy())
    return np.stack(levels)


@dataclass(frozen=True)
class EnvironmentLight:
    """A filtered environment; see `backend.materials.brdf.Light` for the meaning of the lookups."""

    harmonics: Float[Tensor, "9 3"]  # of irradiance / pi
    volume: Float[Tensor, "1 3 L H W"]  # filtered radiance; one column repeated at each side

    @classmethod
    def from_radiance(cls, radiance: Float[np.ndarray, "H W 3"]) -> EnvironmentLight:
        """Filters an equirectangular picture of linear radiance (layout: `directions_grid`)."""
        image = np.ascontiguousarray(radiance, dtype=np.float32)
        directions, angles = directions_grid(*image.shape[:2])
        basis = np.stack(sh_basis(directions), axis=-1) * angles[..., None]
        harmonics = np.einsum("hwk,hwc->kc", basis, image) * COSINE_BANDS[:, None]
        levels = np.pad(_prefilter(image), ((0, 0), (0, 0), (1, 1), (0, 0)), mode="wrap")
        volume = torch.from_numpy(levels).permute(3, 0, 1, 2)[None].contiguous()
        return cls(torch.from_numpy(harmonics.astype(np.float32)), volume)

    def to(self, device: torch.device | str) -> EnvironmentLight:
        return EnvironmentLight(self.harmonics.to(device), self.volume.to(device))

    def irradiance(
        self, normals: Float[Tensor, "P 3"], rotation: Float[Tensor, "*R"]
    ) -> Float[Tensor, "P 3"]:
        basis = torch.stack(sh_basis(turn(normals, -rotation)), dim=-1)
        return (basis @ self.harmonics.to(basis)).clamp(min=0)

    def radiance(
        self,
        directions: Float[Tensor, "P 3"],
        roughness: Float[Tensor, "P"],
        rotation: Float[Tensor, "*R"],
    ) -> Float[Tensor, "P 3"]:
        x, y, z = turn(directions, -rotation).unbind(-1)
        # At the poles the azimuth is undefined; any will do, but its gradient must be finite.
        x = torch.where(x * x + y * y < 1e-8, x + 1e-3, x)
        width = self.volume.shape[-1]
        column = torch.atan2(y, x) / math.pi * (width - 2) / width
        row = torch.acos(z.clamp(-1 + 1e-6, 1 - 1e-6)) / math.pi * 2 - 1
        levels = len(ROUGHNESS_LEVELS)
        level = (roughness.clamp(0, 1) * 2 - 1) * (levels - 1) / levels
        where = torch.stack([column, row, level], dim=-1)[None, None, None]
        volume = self.volume.to(where)
        found = F.grid_sample(volume, where, padding_mode="border", align_corners=False)
        return found[0, :, 0, 0].T


def turn(vectors: Float[Tensor, "P 3"], angle: Float[Tensor, "*R"]) -> Float[Tensor, "P 3"]:
    """Turned counter-clockwise about +Z by `angle` radians, one for all or one per vector."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    x, y, z = vectors.unbind(-1)
    return torch.stack([x * cos - y * sin, x * sin + y * cos, z], dim=-1)


@lru_cache(maxsize=8)
def environment(name: str) -> EnvironmentLight:
    """The preset of that name, on the CPU; names are the keys of PRESETS."""
    directions, angles = directions_grid(HEIGHT, WIDTH)
    radiance = PRESETS[name](directions) * np.ones(3)
    mean = (radiance * angles[..., None]).sum() / (3 * 4 * np.pi)
    return EnvironmentLight.from_radiance((radiance / mean).astype(np.float32))
