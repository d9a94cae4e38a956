"""The wordings of a prompt that a prior of free text is asked with, and how cameras mix them.

In: the prompt, the negative prompt; later a branch and cameras. Out: the wordings in the order of
ROWS; for each image its weights over them (B, R). Encodings of any kind (hidden states, pooled) are
mixed by the same weights.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from backend.guidance.base import PLAIN_BRANCHES, SIDE_BRANCHES, Views
from backend.guidance.reading import Reading
from backend.prompt.parse import Prompt, Segment
from backend.prompt.views import view_weights, view_wordings

# What distilled pictures suffer from, and what they should be: SDS-Bridge (2406.09417), section 4,
# and its authors' code.
FAULTS = (
    ", oversaturated, smooth, pixelated, cartoon, foggy, hazy, blurry, bad structure, noisy, "
    "malformed"
)
VIRTUES = ", detailed high resolution, high quality, sharp"
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
    "improved",
    *(f"improved {side}" for side in SIDE_BRANCHES),
    "poor",
)
BRANCHES = (*PLAIN_BRANCHES, *SIDE_BRANCHES, "degraded", "improved", "poor")
ROW = {name: index for index, name in enumerate(ROWS)}


def wordings(prompt: Prompt, negative: Prompt, sided: bool = True) -> list[Prompt]:
    """The texts to encode, in the order of ROWS; an empty negative is the empty prompt.

    sided: whether sides are asked for; else their rows are the plain ones. "degraded" and
    "improved" of a side read as many of the user's words, so that these are no difference.
    """
    sides = view_wordings(prompt) if sided else [prompt] * len(SIDE_BRANCHES)
    faulty = [side.followed_by(FAULTS) for side in (prompt, *sides)]
    good = [side.followed_by(VIRTUES) for side in (prompt, *sides)]
    faulty, good = (
        [replace(one, rival=other) for one, other in zip(some, others, strict=True)]
        for some, others in ((faulty, good), (good, faulty))
    )
    poor = negative if negative.segments else Prompt((Segment(POOR, own=True),))
    return [Prompt(()), negative, prompt, *sides, *faulty, *good, poor]


def once(prompts: list[Prompt]) -> tuple[list[Prompt], list[int]]:
    """The different ones, and for each of all its place among them."""
    several = list(dict.fromkeys(prompts))
    return several, [several.index(prompt) for prompt in prompts]


def of_the_user(readings: list[Reading], worded: bool) -> tuple[Reading, Reading]:
    """What an encoder reads of the prompt, where that is least, and of the negative prompt.

    readings: in the order of ROWS. worded: as in `shares`, so that rows nobody asks don't count;
    nor do "degraded" and "improved", which only differ.
    """
    rows = SIDE_BRANCHES if worded else ("prompt",)
    least = min((readings[ROW[name]] for name in rows), key=lambda reading: reading.read)
    return least, readings[ROW["negative"]]


def shares(branch: str, views: Views, batch: int, worded: bool) -> Float[Tensor, "B R"]:
    """Each image's weights over ROWS; worded: the sides are put into words, where known."""
    weights = torch.zeros(batch, len(ROWS))
    if branch not in ("prompt", "degraded", "improved") or views.cameras is None or not worded:
        weights[:, ROW[branch]] = 1
        return weights
    prefix = "" if branch == "prompt" else f"{branch} "
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
