"""Which timestep at which step: (share of the run done, generator) -> timestep in (0, 1).

uniform    t ~ U(t_min, t_max): DreamFusion (2209.14988) with 0.02 and 0.98
annealed   linear from t_max to t_min with jitter: DreamGaussian (2309.16653)
hifa       t_max - (t_max - t_min) sqrt(share): HiFA (2305.18766), eq. 10, with jitter
dreamtime  falls slowly where a prior decides most: DreamTime (2306.12422), eqs. 5 and 6; the share
           of W(t) = sqrt((1 - a) / a) exp(-(t - m)^2 / (2 s^2)) above t is the share of the run
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

LEAST_ALPHA_BAR = 1e-3  # where none of the picture is left, W(t) would be infinite


@dataclass(frozen=True)
class TimestepConfig:
    kind: str = "annealed"  # a key of SCHEDULES
    t_min: float = 0.02
    t_max: float = 0.98
    jitter: float = 0.05  # half-width of the uniform jitter of all but "uniform"
    centre: float = 0.5  # m of "dreamtime"
    spread: float = 0.125  # s of "dreamtime"

    def __post_init__(self) -> None:
        if self.kind not in SCHEDULES:
            raise ValueError(f"unknown schedule '{self.kind}'; there are {sorted(SCHEDULES)}")
        if not 0 < self.t_min <= self.t_max < 1 or self.jitter < 0:
            raise ValueError("a schedule needs 0 < t_min <= t_max < 1 and a jitter of 0 or more")
        if self.spread <= 0:
            raise ValueError("the spread of a schedule must be positive")


def _annealed(share: float, config: TimestepConfig, alphas: Tensor) -> float:
    return config.t_max - (config.t_max - config.t_min) * share


def _hifa(share: float, config: TimestepConfig, alphas: Tensor) -> float:
    return _annealed(math.sqrt(share), config, alphas)


def _dreamtime(share: float, config: TimestepConfig, alphas: Tensor) -> float:
    times = torch.linspace(config.t_max, config.t_min, 500, dtype=torch.float64)
    a = alphas.double().cpu()[(times * len(alphas)).long().clamp(max=len(alphas) - 1)]
    data = ((1 - a) / a.clamp(min=LEAST_ALPHA_BAR)).sqrt()
    perceived = torch.exp(-((times - config.centre) ** 2) / (2 * config.spread**2))
    spent = torch.cumsum(data * perceived, 0)
    place = torch.searchsorted(spent, share * spent[-1])
    return float(times[int(place.clamp(max=len(times) - 1))])


Schedule = Callable[[float, TimestepConfig, Tensor], float]
SCHEDULES: dict[str, Schedule | None] = {  # None: drawn, whatever the share
    "annealed": _annealed,
    "dreamtime": _dreamtime,
    "hifa": _hifa,
    "uniform": None,
}


def stable_diffusion_alphas() -> Float[Tensor, "1000"]:
    """Alpha bar of Stable Diffusion's training, which DreamTime's weights are made for."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0)


def between(
    ends: tuple[float, float],
    share: float,
    kind: str,
    generator: torch.Generator,
    prior: Any,  # a Prior
) -> float:
    """The timestep of a stage whose config has but its first and its last, without jitter; draws
    from `generator` and asks the prior only where the order is not "annealed"."""
    if kind == "annealed":
        return ends[0] + (ends[1] - ends[0]) * share
    config = TimestepConfig(kind, min(ends), max(ends), jitter=0.0)
    return timestep(share, config, generator, prior.alphas_cumprod)


def timestep(
    share: float,
    config: TimestepConfig,
    generator: torch.Generator,
    alphas_cumprod: Float[Tensor, "T"] | None = None,
) -> float:
    """The timestep in [t_min, t_max] when `share` (0..1) of the run is done.

    alphas_cumprod: the prior's, or Stable Diffusion's where None. Draws one number from `generator`
    whatever the kind, so that a run's noise does not depend on the schedule.
    """
    u = torch.rand((), generator=generator).item()
    schedule = SCHEDULES[config.kind]
    if schedule is None:
        return config.t_min + (config.t_max - config.t_min) * u
    alphas = stable_diffusion_alphas() if alphas_cumprod is None else alphas_cumprod
    t = schedule(min(max(share, 0.0), 1.0), config, alphas) + config.jitter * (2 * u - 1)
    return min(max(t, config.t_min), config.t_max)
