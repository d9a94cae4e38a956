"""What priors of free text have in common: branches of words, one pass for all, guidance.

In: a network's raw prediction, given by a subclass. Out: a `Prior`, but for `encode`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from backend.errors import PriorError
from backend.guidance import texts
from backend.guidance.base import Views
from backend.guidance.diffusion import x0_from_output
from backend.guidance.guided import Guided


class WordedPrior(Guided):
    """Holds the encoded wordings (texts.ROWS) and asks the network about them."""

    domains: tuple[str, ...] = ("shaded",)
    branches: tuple[str, ...] = texts.BRANCHES
    views_together: int = 1
    default_rescale: float = 0.0
    ignored_words: tuple[str, ...] = ()
    weights_hash: str = ""
    image_size: int
    worded: bool  # whether sides are put into words
    texts: Float[Tensor, "R L D"]

    def __init__(
        self,
        unet: Any,
        alphas_cumprod: Float[Tensor, "T"],
        prediction_type: str,
        guidance_scale: float,
    ):
        self.unet, self.alphas_cumprod = unet, alphas_cumprod
        self.prediction_type, self.default_guidance_scale = prediction_type, guidance_scale

    @property
    def network(self) -> nn.Module:
        return self.unet

    @abstractmethod
    def output(self, noisy: Tensor, timesteps: Tensor, branches: list[str], views: Views) -> Tensor:
        """The network's raw output for len(branches) B rows, noisy repeated accordingly."""

    def denoise(
        self, noisy: Tensor, timesteps: Tensor, views: Views, branches: Sequence[str]
    ) -> tuple[Tensor, ...]:
        if views.domain not in self.domains:
            known = ", ".join(self.domains)
            raise PriorError(f"This prior knows images that are {known}, not '{views.domain}'.")
        asked = list(dict.fromkeys(self.alike(branch) for branch in branches))
        count = len(asked)
        noisy, timesteps = noisy.repeat(count, 1, 1, 1), timesteps.repeat(count)
        output = self.output(noisy, timesteps, asked, views).to(noisy.dtype)
        alpha_bar = self.alphas_cumprod.to(timesteps.device)[timesteps]
        x0 = x0_from_output(output, noisy, alpha_bar, self.prediction_type).chunk(count)
        return tuple(x0[asked.index(self.alike(branch))] for branch in branches)

    def alike(self, branch: str) -> str:
        """What is asked for it: where nothing is unwanted, "negative" is "empty" once more."""
        return "empty" if branch == "negative" and self._nothing_unwanted else branch

    @cached_property
    def _nothing_unwanted(self) -> bool:
        return torch.equal(*(self.texts[texts.ROW[name]] for name in ("empty", "negative")))

    def said(self, rows: Tensor, branches: list[str], views: Views, batch: int) -> Tensor:
        """Encodings of the branches, (batch, ...), batch being all branches' images."""
        return texts.mixed(branches, rows, views, batch // len(branches), self.worded)
