"""Perp-Neg (Armandpour et al. 2304.04968): the sides that are not seen, avoided.

In: a prior that reads the side from words. Out: a `Prior` whose guided estimate is
u + s (p - sum_i w_i n_i), with p = prompt - u, and n_i the part of (text of a wrong side - u) that
is perpendicular to p, so that the prompt is not undone. The weights depend on the azimuth:
a exp(-b r) + c, where r falls from 1 to 0 over an interval (front to side, side to back); the
constants are theirs. Distillations that guide by differences of branches themselves (CSD, NFSD,
SDS-Bridge) meet it in "prompt" (or "improved"), which is then empty + p - sum_i w_i n_i, with u the
empty text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from backend.cameras import Cameras
from backend.errors import InputError
from backend.guidance.base import Prior, Views
from backend.guidance.diffusion import rescaled
from backend.guidance.guided import Asked, Guided
from backend.prompt.views import VIEW_WORDS, view_weights

Decay = tuple[float, float, float]  # a, b, c


@dataclass(frozen=True)
class Config:
    """INTERVAL_SIDE: how much SIDE is avoided in that interval of azimuths."""

    front_side_front: Decay = (4.0, 0.5, -2.426)
    front_side_side: Decay = (4.0, 0.5, -2.426)
    side_back_side: Decay = (1.0, 0.5, -0.606)
    side_back_front: Decay = (1.0, 0.5, 0.967)

    def __post_init__(self) -> None:
        if any(len(getattr(self, f.name)) != 3 for f in fields(self)):
            raise ValueError("a weight of Perp-Neg is three numbers: a, b and c")


class PerpNeg(Guided):
    """A `Prior` around another. Raises InputError where that one knows the camera itself."""

    whole_answers = (0,)  # a scale of 1 avoids sides, too

    def __init__(self, prior: Prior, config: Config | None = None):
        if not _reads_sides(prior):
            raise InputError(
                "--perp-neg helps priors that read the side from words; this one is told the "
                "camera, so leave it out."
            )
        self._prior, self.config = prior, config or Config()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._prior, name)

    def denoise(
        self, noisy: Tensor, timesteps: Tensor, views: Views, branches: Sequence[str]
    ) -> tuple[Tensor, ...]:
        """See `Prior`; "prompt" avoids the wrong sides where it is asked beside what it is compared
        with. Alone it is the text itself: VSD's student learns what renders are, not wishes."""
        asked = Asked(noisy, timesteps, views)
        wished = [branch for branch in ("prompt", "improved") if branch in branches]
        if views.cameras is None or not wished or len(branches) == 1:
            return self._plain(asked, *branches)
        needed = dict.fromkeys([*branches, "empty", "front", "side"])
        said = dict(zip(needed, self._plain(asked, *needed), strict=True))
        empty = said["empty"]
        stepped = {b: empty + self._step(views.cameras, said, empty, b) for b in wished}
        return tuple((said | stepped)[branch] for branch in branches)

    def guided(self, asked: Asked, scale: float, rescale: float) -> Tensor:
        cameras = asked.views.cameras
        if cameras is None:
            return super().guided(asked, scale, rescale)
        needed = ("negative", "prompt", "front", "side")
        said = dict(zip(needed, self._plain(asked, *needed), strict=True))
        unguided = said["negative"]
        step = self._step(cameras, said, unguided)
        return rescaled(unguided + scale * step, said["prompt"], rescale)

    def _plain(self, asked: Asked, *branches: str) -> tuple[Tensor, ...]:
        return self._prior.denoise(asked.noisy, asked.timesteps, asked.views, branches)

    def _step(
        self, cameras: Cameras, said: dict[str, Tensor], unguided: Tensor, wished: str = "prompt"
    ) -> Tensor:
        """Towards the wish and away from the wrong sides: p - sum_i w_i n_i."""
        towards = said[wished] - unguided
        shares = avoided(cameras, self.config).to(towards)
        step = towards.clone()
        for share, wrong in zip(shares.unbind(-1), ("front", "side"), strict=True):
            step -= share.view(-1, 1, 1, 1) * perpendicular(said[wrong] - unguided, towards)
        return step


def around(prior: Prior, config: Config | None = None) -> Prior:
    """A `PerpNeg`; of a prior with several networks, around each that reads sides from words."""
    parts = getattr(prior, "parts", {})
    worded = {name: PerpNeg(p, config) for name, p in parts.items() if _reads_sides(p)}
    if not worded:
        return PerpNeg(prior, config)
    changed = copy(prior)
    changed.parts = {**parts, **worded}  # type: ignore[attr-defined]
    return changed


def _reads_sides(prior: Prior) -> bool:
    return {"front", "side"} <= set(prior.branches)


def perpendicular(of: Tensor, to: Tensor) -> Tensor:
    """What is left of `of` without its share along `to`, sample by sample."""
    along = (of * to).sum((1, 2, 3), keepdim=True)
    length = to.square().sum((1, 2, 3), keepdim=True).clamp(min=1e-12)
    return of - along / length * to


def avoided(cameras: Cameras, config: Config) -> Float[Tensor, "B 2"]:
    """`avoidance`, but nothing is where the words are "overhead view": it is none of the sides."""
    sides = view_weights(cameras.azimuth_deg.cpu(), cameras.elevation_deg.cpu())
    beside = 1 - sides[:, VIEW_WORDS.index("overhead view"), None]
    return avoidance(cameras.azimuth_deg.cpu(), config) * beside


def avoidance(azimuth_deg: Float[Tensor, "B"], config: Config) -> Float[Tensor, "B 2"]:
    """How much "front view" and "side view" are avoided; 0 and more. Azimuth 0 is the front."""
    turned = torch.abs(torch.remainder(azimuth_deg + 180, 360) - 180) / 90
    r = 1 - turned % 1  # towards the back, 180 degrees are the end of the second interval
    r = torch.where(turned >= 2, 0.0, r)
    before = turned < 1
    front = torch.where(
        before, _decay(r, config.front_side_front), _decay(r, config.side_back_front)
    )
    side = torch.where(
        before, _decay(1 - r, config.front_side_side), _decay(r, config.side_back_side)
    )
    return torch.stack([front, side], dim=-1).clamp(min=0)


def _decay(r: Tensor, decay: Decay) -> Tensor:
    a, b, c = decay
    return a * math.e ** (-b * r) + c
