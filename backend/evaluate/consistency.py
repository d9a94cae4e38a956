"""Does a prop look like one thing from all sides: two fronts, sides mistaken, outlines that differ.

In: views whose true azimuth is known, and what a classifier takes their azimuth for, as vectors
(sin, cos). Out: plain numbers. "Two fronts" is what Poole et al. 2022 (DreamFusion, sec. 5) call
the Janus problem.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

SURE = 0.5  # length of an azimuth vector from which a side counts as recognised
BEHIND_DEG = 120.0  # from the front, at least: such a view must not look like a front
FRONT_DEG = 60.0  # from the front, at most: such an estimate says "front"


@dataclass(frozen=True)
class Sides:
    """How well the sides are told apart."""

    sure: float  # share of the views whose side is recognised at all
    error_deg: float | None  # mean over those; None where there is none
    second_fronts: int  # views from behind that surely show a front
    views_behind: int

    @property
    def two_fronts(self) -> bool:
        """Most of what is seen from behind is a front."""
        return self.second_fronts * 2 > self.views_behind


def read_sides(sides: Float[Tensor, "B 2"], azimuth_deg: Float[Tensor, "B"]) -> Sides:
    """sides: estimated (sin, cos) of each view; azimuth_deg: the true ones."""
    sure = sides.norm(dim=-1) > SURE
    estimated = torch.rad2deg(torch.atan2(sides[:, 0], sides[:, 1]))
    error = turn(estimated - azimuth_deg)[sure]
    behind = turn(azimuth_deg) >= BEHIND_DEG
    fronts = behind & sure & (turn(estimated) <= FRONT_DEG)
    mean = float(error.mean()) if len(error) else None
    return Sides(float(sure.float().mean()), mean, int(fronts.sum()), int(behind.sum()))


def turn(angle_deg: Tensor) -> Tensor:
    """Degrees -> how far from 0 on the circle, in [0, 180]."""
    return ((angle_deg + 180) % 360 - 180).abs()


def mirrored_iou(masks: Float[Tensor, "B H W"]) -> float:
    """Opposite views' outlines are mirror images: their mean IoU, 1 where they agree.

    masks: an even number of views all around at elevation 0, in order. Perspective costs a true
    solid a few per cent, so compare with what solids get.
    """
    half = len(masks) // 2
    here, there = masks[:half] > 0.5, masks[half:].flip(-1) > 0.5
    shared = (here & there).flatten(1).sum(1)
    return float((shared / (here | there).flatten(1).sum(1).clamp(min=1)).mean())


def front_back_difference(images: Float[Tensor, "B 3 H W"], masks: Float[Tensor, "B H W"]) -> float:
    """Mean absolute difference of the first view and the mirrored opposite one where both show the
    prop: near 0 for what is the same from both sides, or has two fronts."""
    front, back = images[0], images[len(images) // 2].flip(-1)
    both = (masks[0] > 0.5) & (masks[len(masks) // 2].flip(-1) > 0.5)
    if not both.any():
        return 0.0
    return float((front - back).abs().mean(0)[both].mean())
