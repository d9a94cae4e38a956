"""Beginning with what a prior guesses: what the prompt looks like from every side, on average.

In: a prior, pictures of the Gaussians so far and where they are seen from. Out: the distance from
its guess. At the highest noise levels all that a denoiser is asked to refine is noise, and its best
answer is the mean of what the prompt may mean (Karras et al. 2022, appendix B.3). A prior that
knows this mean (guidance/mean_net.py) is asked for it alone: the shape stands after a second or two
of such steps, and the denoiser begins where it has something to say: half of the steps suffice.
GaussianDreamer (Yi et al. 2310.08529) begins with a 3D diffusion model's guess likewise.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from backend.cameras import turntable
from backend.guidance.asking import shrink
from backend.guidance.base import Guidance, Views, guess

COST = 0.35  # of another step's time, for the time left: 25 of 69 ms, two CPU cores


@dataclass(frozen=True)
class GuessConfig:
    """How a run with a guess differs from one without, which has all of the stage's steps: after a
    start, with several particles, and where the prior knows no mean or something is unwanted."""

    share: float = 0.1  # of the stage's steps: so many fit the guess, before the others; 0: none
    rest: float = 0.4  # of the stage's steps: so many are left for the guidance
    t_max: float = 0.75  # the highest noise level of these

    def counts(self, steps: int, able: bool) -> tuple[int, int]:
        """Of a stage of so many steps: those that fit the guess, and all that are done."""
        first = round(self.share * steps) if able else 0
        return first, first + round(self.rest * steps) if first else steps


def guesses(guidance: Guidance, domain: str, device: torch.device) -> bool:
    """Whether there is a guess to begin with: not where several particles are to differ."""
    if getattr(guidance, "particles", 1) > 1:
        return False
    grey = torch.full((1, 3), 0.5, device=device)
    return guess(guidance.prior, Views(turntable(1).to(device), domain, grey)) is not None


def distance(prior: object, images: Float[Tensor, "B C H W"], views: Views) -> Float[Tensor, ""]:
    """Half the mean squared distance from the guess, at its size, in units of [-1, 1] as the
    guidance's losses are; of colours alone, whatever comes behind them."""
    guessed = guess(prior, views)
    if guessed is None:
        raise ValueError("this prior has no guess of these views")
    return 2 * (shrink(images[:, :3], guessed.shape[-1]) - guessed).square().mean()
