"""Regularisers: small terms that make a cloud which looks right also a cloud that is a solid.

All are means over Gaussians, so that their weight does not depend on how many there are.
"""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor


def oversize(scales: Float[Tensor, "N 3"], limit: float) -> Tensor:
    """Mean square of what the scales exceed `limit` by, in units of it."""
    return (scales / limit - 1).clamp(min=0).square().mean()


def anisotropy(scales: Float[Tensor, "N 3"], limit: float) -> Tensor:
    """Mean excess of longest over shortest axis above `limit`: no needles.

    As Xie et al. 2023 (PhysGaussian), but logarithmic, so that one needle can't drown the rest.
    """
    logs = scales.clamp(min=1e-8).log()
    return (logs.amax(-1) - logs.amin(-1) - math.log(limit)).clamp(min=0).mean()
