"""Between sRGB, in which priors see colours and textures are stored, and linear light.

The transfer functions of IEC 61966-2-1; shared by all rooms that shade.
"""

from __future__ import annotations

import torch
from torch import Tensor


def from_srgb(colors: Tensor) -> Tensor:
    """sRGB in [0, 1] -> linear; any shape."""
    low = colors / 12.92
    return torch.where(colors <= 0.04045, low, ((colors.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: Tensor, shoulder: float = 0.8) -> Tensor:
    """Linear radiance >= 0 -> sRGB in [0, 1); any shape.

    Above `shoulder` the curve bends smoothly towards 1 instead of clipping, so that highlights
    keep a gradient. Inverse of `from_srgb` below it.
    """
    over = (linear - shoulder).clamp(min=0)
    bent = 1 - (1 - shoulder) * torch.exp(-over / (1 - shoulder))
    x = torch.where(linear > shoulder, bent, linear).clamp(min=0)
    return torch.where(
        x <= 0.0031308, x * 12.92, 1.055 * x.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    )
