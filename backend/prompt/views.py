"""View-dependent wording, for priors that can't be told the camera (DreamFusion, section 3.2).

In: a prompt and cameras. Out: the prompt's four wordings ("..., front view", "side view", "back
view", "overhead view") and each camera's weights over them. Embeddings are mixed with these
weights: between neighbouring azimuths linearly, so that the text does not jump as a camera moves.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from backend.prompt.parse import Prompt

VIEW_WORDS = ("front view", "side view", "back view", "overhead view")
OVERHEAD_ABOVE_DEG = 60.0


def view_wordings(prompt: Prompt) -> tuple[Prompt, ...]:
    """The prompt once for each of VIEW_WORDS, in that order."""
    return tuple(prompt.followed_by(f", {words}") for words in VIEW_WORDS)


def view_weights(
    azimuth_deg: Float[Tensor, "B"], elevation_deg: Float[Tensor, "B"]
) -> Float[Tensor, "B 4"]:
    """Weights over VIEW_WORDS; every row sums to 1.

    Azimuth 0 is the front, +-90 the sides, 180 the back; any full turns are taken off. Above 60
    degrees of elevation only "overhead view" is left, as in the paper.
    """
    turned = torch.abs(torch.remainder(azimuth_deg + 180, 360) - 180) / 90
    front = (1 - turned).clamp(min=0)
    back = (turned - 1).clamp(min=0)
    around = torch.stack([front, 1 - front - back, back, torch.zeros_like(front)], dim=-1)
    overhead = torch.zeros_like(around)
    overhead[:, 3] = 1
    return torch.where((elevation_deg > OVERHEAD_ABOVE_DEG)[:, None], overhead, around)
