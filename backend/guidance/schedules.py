"""Which timestep at which step: (share of the run done, generator) -> timestep in (0, 1).

annealed   linear from t_max to t_min with jitter: DreamTime (2306.12422), DreamGaussian
sqrt       t_max - (t_max - t_min) sqrt(share): HiFA (2305.18766), eq. 10
uniform    t ~ U(t_min, t_max): DreamFusion (2209.14988) with 0.02 and 0.98
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class TimestepConfig:
    kind: str = "annealed"  # a key of SCHEDULES
    t_min: float = 0.02
    t_max: float = 0.98
    jitter: float = 0.05  # half-width of the uniform jitter of "annealed" and "sqrt"

    def __post_init__(self) -> None:
        if self.kind not in SCHEDULES:
            raise ValueError(f"unknown schedule '{self.kind}'; there are {sorted(SCHEDULES)}")
        if not 0 < self.t_min <= self.t_max < 1 or self.jitter < 0:
            raise ValueError("a schedule needs 0 < t_min <= t_max < 1 and a jitter of 0 or more")


def _annealed(share: float, u: float, config: TimestepConfig) -> float:
    return config.t_max - (config.t_max - config.t_min) * share + config.jitter * (2 * u - 1)


def _sqrt(share: float, u: float, config: TimestepConfig) -> float:
    return _annealed(math.sqrt(share), u, config)


def _uniform(share: float, u: float, config: TimestepConfig) -> float:
    return config.t_min + (config.t_max - config.t_min) * u


SCHEDULES: dict[str, Callable[[float, float, TimestepConfig], float]] = {
    "annealed": _annealed,
    "sqrt": _sqrt,
    "uniform": _uniform,
}


def timestep(share: float, config: TimestepConfig, generator: torch.Generator) -> float:
    """The timestep in [t_min, t_max] when `share` (0..1) of the run is done.

    Draws one number from `generator` whatever the kind, so that a run's noise does not depend on
    the schedule.
    """
    u = torch.rand((), generator=generator).item()
    t = SCHEDULES[config.kind](min(max(share, 0.0), 1.0), u, config)
    return min(max(t, config.t_min), config.t_max)
