"""Inversion: words for what a picture shows, for priors that cannot see it.

In: a prior with its prompt encoded, a reference. Out: the same prior, its prompt told the colours
and materials that the picture shows and the words left open: the green of "a teddy bear" is then
the picture's on the sides that it hides, too.

Gal et al. 2208.01618 learn a word's vector from pictures (eq. 2, the denoising loss), RealFusion
(Melas-Kyriazi et al. 2302.10663, section 3.3) from the one that it reconstructs. A small prior
forgets what a bear is when its words may go anywhere, so ours go where words are: a mixture of the
prompt as it stands and with a look added, whose shares are learned. The picture is not where the
prior would put the prop, so only means over cells of pixels are compared, at high noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from backend.guidance.base import Prior, Views
from backend.guidance.diffusion import add_noise
from backend.guidance.noising import normal_like
from backend.reference.picture import Reference


@dataclass(frozen=True)
class InversionConfig:
    steps: int = 60
    batch: int = 8
    learning_rate: float = 0.25  # of the shares' logarithms
    timesteps: tuple[float, float] = (0.6, 0.99)  # where the words decide what there is to see
    domains: tuple[str, ...] = ("shaded", "albedo")  # in turn: those in which a picture has colours
    cells: int = 8  # a side, over which pixels are averaged before they are compared
    doubt: float = 3.0  # logarithm of the share of the prompt as it stands, at first
    told: float = 0.15  # the least share of a look that the user hears of


@runtime_checkable
class Reworded(Prior, Protocol):
    """A prior whose prompt can be said with looks added, and that can be asked with mixtures."""

    said: Float[Tensor, "1 L D"]  # what "prompt" is asked with; gradients pass
    looks: tuple[str, ...]  # the first is "": the prompt as it stands
    wordings: Float[Tensor, "K L D"]  # the prompt with each of the looks

    def pictures(self, latents: Tensor) -> Float[Tensor, "B 3 H W"]:
        """The inverse of `encode`."""
        ...


class Inversion:
    """An `Optimisation` of the looks' shares; the prior is asked with the mixture at all times."""

    def __init__(
        self,
        prior: Reworded,
        reference: Reference,
        config: InversionConfig,
        generator: torch.Generator,
    ):
        self.prior, self.reference, self.config = prior, reference, config
        self.steps, self.generator = config.steps, generator
        self.domains = tuple(d for d in config.domains if d in prior.domains)
        self.shares = torch.zeros(len(prior.looks), device=prior.wordings.device)
        self.shares[0] = config.doubt
        self.shares.requires_grad_()
        self.optimiser = torch.optim.Adam([self.shares], config.learning_rate, betas=(0.9, 0.95))
        self._say()

    def step(self, index: int) -> dict[str, float]:
        views, noisy, clean, timesteps = self._noised(index)
        with torch.enable_grad():
            self.prior.said = self._mixture()
            (guess,) = self.prior.denoise(noisy, timesteps, views, ("prompt",))
            error = F.mse_loss(self._cells(guess), self._cells(clean))
            self.optimiser.zero_grad(set_to_none=True)
            error.backward()
        self.optimiser.step()
        self._say()
        return {"picture": error.item()}

    def taken_for(self) -> list[str]:
        """The looks that make up a good share of the mixture, the largest first."""
        shares = self.shares.detach().softmax(0)
        order = shares.argsort(descending=True).tolist()
        told = [i for i in order if shares[i] >= self.config.told]
        return [look for i in told if (look := self.prior.looks[i])]

    def _mixture(self) -> Float[Tensor, "1 L D"]:
        return (self.shares.softmax(0)[:, None, None] * self.prior.wordings).sum(0, keepdim=True)

    @torch.no_grad()
    def _say(self) -> None:
        self.prior.said = self._mixture()

    def _cells(self, latents: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(self.prior.pictures(latents), self.config.cells)

    def _noised(self, index: int) -> tuple[Views, Tensor, Tensor, Tensor]:
        """The picture before random colours, at noise levels in even steps from a random one."""
        count, device = self.config.batch, self.shares.device
        backgrounds = torch.rand(count, 3, generator=self.generator).to(device)
        domain = self.domains[index % len(self.domains)]
        views = Views(self.reference.cameras[[0] * count], domain, backgrounds)
        pictures = self.reference.over(backgrounds, self.prior.image_size)
        clean = self.prior.encode(pictures, self.generator, views)
        low, high = self.config.timesteps
        strata = (torch.rand(1, generator=self.generator) + torch.arange(count) / count) % 1
        total = len(self.prior.alphas_cumprod)
        timesteps = ((low + (high - low) * strata) * total).long().clamp(max=total - 1).to(device)
        alpha_bar = self.prior.alphas_cumprod.to(device)[timesteps]
        noise = normal_like(clean, self.generator)
        return views, add_noise(clean, noise, alpha_bar), clean, timesteps

    def snapshot(self) -> object:
        """Nothing: there is no shape yet."""
        return None

    def state_dict(self) -> dict[str, Any]:
        return {"shares": self.shares.detach(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            self.shares.copy_(state["shares"])
        self.optimiser.load_state_dict(state["optimiser"])
        self._say()
