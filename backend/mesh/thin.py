"""Thin parts on a grid: found where they are faint, made as thick as the next grid can hold.

In: samples (R, R, R) over [-1, 1]^3. Out: the same. Legs and handles are what a small prior tells
least about: their Gaussians are few and faint, and smoothing eats what is two voxels wide.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

NEAR = 0.07  # canonical units: half of a cube's side, in which the peak is looked for


def local_limit(values: np.ndarray, least: float, most: float) -> np.ndarray:
    """Half of the highest value near each sample, kept between `least` and `most`.

    One limit for all loses a faint leg or swells the seat above it; half of what is there is
    where a soft edge lies, whatever it is the edge of.
    """
    half = max(1, round(NEAR / spacing_of(values)))
    peak = ndimage.maximum_filter(values, size=2 * half + 1, mode="nearest")
    return np.clip(peak / 2, least, most)


def thicken(level: np.ndarray, radius: float) -> np.ndarray:
    """Raises `level` (positive inside) until every part holds balls of `radius`, in canonical
    units. What does already is left as it is."""
    wanted = radius / spacing_of(level)
    depth = ndimage.distance_transform_edt(level > 0)
    core = depth >= wanted
    opened = core if not core.any() else ndimage.distance_transform_edt(~core) < wanted
    ridge = (depth > 0) & ~opened & (depth >= ndimage.maximum_filter(depth, size=3))
    if not ridge.any():
        return level
    return np.maximum(level, wanted - ndimage.distance_transform_edt(~ridge))


def around_thin(
    sdf: Float[Tensor, "R R R"], radius: float, margin: float = 0.07
) -> Bool[Tensor, "R R R"]:
    """Where a part is nearer than `margin` that holds no ball of `radius` (canonical units).

    sdf: distances in canonical units, negative inside. Corners of thick parts do not count.
    """
    values = np.asarray(sdf.detach().cpu(), np.float64)
    spacing = spacing_of(values)
    core = values <= -radius
    away = ndimage.distance_transform_edt(~core) * spacing
    # The corner of a cube is 1.7 radii away from where balls fit in.
    thin = (values < 0) & (away > 2 * radius if core.any() else True)
    if not thin.any():
        return torch.zeros(values.shape, dtype=torch.bool)
    return torch.from_numpy(ndimage.distance_transform_edt(~thin) * spacing <= margin)


def spacing_of(values: np.ndarray) -> float:
    """Canonical units between two samples."""
    return 2.0 / (values.shape[0] - 1)
