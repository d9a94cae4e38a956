"""The wordings of a prompt that a prior of free text is asked with, and how cameras mix them.

In: the prompt, the negative prompt; later a branch and cameras. Out: the wordings in the order of
ROWS; for each image its weights over them (B, R). Encodings of any kind (hidden states, pooled) are
mixed by the same weights.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from backend.guidance.base import PLAIN_BRANCHES, SIDE_BRANCHES, Views
from backend.prompt.parse import Prompt, Segment
from backend.prompt.views import view_weights, view_wordings

# What distilled pictures suffer from: SDS-Bridge (2406.09417), section 4.
FAULTS = (
    ", oversaturated, smooth, pixelated, cartoon, foggy, hazy, blurry, bad structure, noisy, "
    "malformed"
)
# What NFSD's domain correction turns away from (2310.17590, section 4), if the user names nothing.
POOR = (
    "unrealistic, blurry, low quality, out of focus, ugly, low contrast, dull, dark, "
    "low-resolution, gloomy"
)
ROWS = (
    *PLAIN_BRANCHES,
    *SIDE_BRANCHES,
    "degraded",
    *(f"degraded {side}" for side in SIDE_BRANCHES),
    "poor",
)
BRANCHES = (*PLAIN_BRANCHES, *SIDE_BRANCHES, "degraded", "poor")
ROW = {name: index for index, name in enumerate(ROWS)}


def wordings(prompt: Prompt, negative: Prompt) -> list[Prompt]:
    """The texts to encode, in the order of ROWS; an empty negative is the empty prompt."""
    sides = view_wordings(prompt)
    faulty = [side.followed_by(FAULTS) for side in (prompt, *sides)]
    poor = negative if negative.segments else Prompt((Segment(POOR),))
    return [Prompt(()), negative, prompt, *sides, *faulty, poor]


def shares(branch: str, views: Views, batch: int, worded: bool) -> Float[Tensor, "B R"]:
    """Each image's weights over ROWS; worded: the sides are put into words, where known."""
    weights = torch.zeros(batch, len(ROWS))
    if branch not in ("prompt", "degraded") or views.cameras is None or not worded:
        weights[:, ROW[branch]] = 1
        return weights
    prefix = "" if branch == "prompt" else "degraded "
    cameras = views.cameras
    sides = view_weights(cameras.azimuth_deg.cpu(), cameras.elevation_deg.cpu())
    weights[:, [ROW[prefix + side] for side in SIDE_BRANCHES]] = sides
    return weights


def mixed(
    branches: list[str], rows: Float[Tensor, "R ..."], views: Views, batch: int, worded: bool
) -> Tensor:
    """Encodings (len(branches) B, ...), one branch behind the other, from each row's."""
    over = torch.cat([shares(branch, views, batch, worded) for branch in branches])
    return torch.tensordot(over.to(rows), rows, dims=1)
