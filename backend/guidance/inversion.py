"""Inversion: a word for what a picture shows, for priors that cannot see it.

In: a prior with its prompt encoded, a reference. Out: the same prior, its prompt told the colour
that the picture shows and the words left open: the green of "a teddy bear" is then the picture's on
the sides that it hides, too.

Gal et al. 2208.01618 learn a word's vector from pictures, RealFusion (Melas-Kyriazi et al.
2302.10663, section 3.3) from the one that it reconstructs. A small prior forgets what a bear is
when its words may go anywhere, and mixtures of its words mean nothing it has learned, so each word
of its list is tried in turn, as hard prompts are found (Wen et al. 2302.03668), and one is taken
or none. The denoising error would choose badly: the picture is not where the prior would put the
prop, nor of its size, and a grey prop of another size errs least. So what is compared is the
prop's own colour, told from its background's by changing that (`prop_color`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from backend.guidance.base import Prior, Views
from backend.guidance.diffusion import add_noise
from backend.guidance.noising import normal_like
from backend.reference.picture import Reference


@dataclass(frozen=True)
class InversionConfig:
    batch: int = 8  # noisy pictures of each domain that a word is tried on
    timesteps: tuple[float, float] = (0.8, 0.99)  # where the words decide what there is to see
    domains: tuple[str, ...] = ("shaded", "albedo")  # those in which a picture has colours
    nearer: float = 0.05  # than the prompt as it stands: by so much a word must be, in [0, sqrt 3]
    spread: float = 0.1  # colours so far apart count as one when the picture's is looked for


@runtime_checkable
class Reworded(Prior, Protocol):
    """A prior whose prompt can be said with looks added."""

    said: Float[Tensor, "1 L D"]  # what "prompt" is asked with
    looks: tuple[str, ...]  # the first is "": the prompt as it stands
    wordings: Float[Tensor, "K L D"]  # the prompt with each of the looks

    def pictures(self, latents: Tensor) -> Float[Tensor, "B 3 H W"]:
        """The inverse of `encode`."""
        ...


class Inversion:
    """An `Optimisation` that tries a look a step; the prior is then asked with the best so far."""

    def __init__(
        self,
        prior: Reworded,
        reference: Reference,
        config: InversionConfig,
        generator: torch.Generator,
    ):
        self.prior, self.reference, self.config = prior, reference, config
        self.steps, self.generator = len(prior.looks), generator
        self.color = main_color(reference, config.spread)
        self.asked = [self._noised(d) for d in config.domains if d in prior.domains]
        self.distances = torch.full((self.steps,), torch.inf)
        self._say()

    @torch.no_grad()
    def step(self, index: int) -> dict[str, float]:
        self.prior.said = self.prior.wordings[index : index + 1]
        means = []
        for views, noisy, timesteps in self.asked:
            (guess,) = self.prior.denoise(noisy, timesteps, views, ("prompt",))
            means.append(self.prior.pictures(guess).mean((2, 3)).cpu())
        backgrounds = [v.backgrounds.cpu() for v, _, _ in self.asked if v.backgrounds is not None]
        color = prop_color(torch.cat(means), torch.cat(backgrounds))
        self.distances[index] = (color - self.color).norm()
        self._say()
        return {"picture": float(self.distances[index])}

    def taken_for(self) -> str:
        """The look that was added; "" for none."""
        return self.prior.looks[self._best()]

    def _best(self) -> int:
        best = int(self.distances.argmin())
        near = self.distances[best] < self.distances[0] - self.config.nearer
        return best if near else 0

    def _say(self) -> None:
        best = self._best()
        self.prior.said = self.prior.wordings[best : best + 1]

    def _noised(self, domain: str) -> tuple[Views, Tensor, Tensor]:
        """The picture before random colours, at noise levels in even steps from a random one."""
        count, device = self.config.batch, self.prior.wordings.device
        backgrounds = torch.rand(count, 3, generator=self.generator).to(device)
        views = Views(self.reference.cameras[[0] * count], domain, backgrounds)
        pictures = self.reference.over(backgrounds, self.prior.image_size)
        clean = self.prior.encode(pictures, self.generator, views)
        low, high = self.config.timesteps
        strata = (torch.rand(1, generator=self.generator) + torch.arange(count) / count) % 1
        total = len(self.prior.alphas_cumprod)
        timesteps = ((low + (high - low) * strata) * total).long().clamp(max=total - 1).to(device)
        alpha_bar = self.prior.alphas_cumprod.to(device)[timesteps]
        return views, add_noise(clean, normal_like(clean, self.generator), alpha_bar), timesteps

    def snapshot(self) -> object:
        """Nothing: there is no shape yet."""
        return None

    def state_dict(self) -> dict[str, Any]:
        return {"distances": self.distances}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.distances.copy_(state["distances"])
        self._say()


def prop_color(means: Float[Tensor, "B 3"], backgrounds: Float[Tensor, "B 3"]) -> Tensor:
    """A prop's colour (3,) from the mean colours of whole pictures of it before known backgrounds.

    A mean is cover x colour + (1 - cover) x background; cover and colour follow by least squares.
    """
    mean, behind = means.mean(0), backgrounds.mean(0)
    centred = backgrounds - behind
    slope = ((means - mean) * centred).sum() / centred.square().sum().clamp(min=1e-6)
    cover = (1 - slope).clamp(0.05, 1.0)
    return (mean - (1 - cover) * behind) / cover


def main_color(reference: Reference, spread: float, size: int = 64) -> Float[Tensor, "3"]:
    """The colour that most of the prop has, or nearly: the densest one's neighbourhood, its mean
    moved until it stays (mean shift). Lids, wheels and noses have no say in it."""
    colors, opacity = reference.at(size)
    inside = opacity.reshape(-1) > 0.95
    seen = colors.reshape(3, -1).T[inside if inside.any() else slice(None)].cpu()
    color = seen[_nearness(seen, seen, spread).sum(1).argmax()]
    for _ in range(8):
        weights = _nearness(color[None], seen, spread)[0]
        color = (weights[:, None] * seen).sum(0) / weights.sum()
    return color


def _nearness(one: Float[Tensor, "N 3"], other: Float[Tensor, "M 3"], spread: float) -> Tensor:
    """(N, M), 1 where colours are the same."""
    return torch.exp(-torch.cdist(one, other).square() / (2 * spread**2))
