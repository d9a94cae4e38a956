"""The one number that matters: a whole step of score distillation over the prior's passes alone.

In: a device, a prior's name or folder. Out: for each stage that asks the prior, milliseconds of a
step and of the forward passes in it: the encoding of its pictures, where it works on latents, and
its network. Stages are the pipeline's own with the draft's settings: 5,000 Gaussians, a ring at the
draft's resolution.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from backend.cameras import CameraRange
from backend.config import GenerateConfig
from backend.evaluate.bench.timing import wait
from backend.gaussians import stage as gaussians
from backend.gaussians.model import StartConfig
from backend.guidance.distil import distil
from backend.guidance.priors import load_prior
from backend.loop import Optimisation, RunContext
from backend.materials import stage as materials
from backend.mesh import stage as mesh

PROMPT = "a red wooden chair"
STAGES = ("gaussians", "geometry", "materials")
COUNT = 5_000
CYCLE = 10  # steps in which a stage goes through its domains in their shares
SLOW_MS = 5_000.0  # of a prior for which one step takes longer, the second one says enough


@dataclass(frozen=True)
class StepTiming:
    step_ms: float
    prior_ms: float

    @property
    def over_prior(self) -> float:
        return self.step_ms / self.prior_ms


class _Watched:
    """A prior that notes what a step asks it, so that it can be asked the same alone. A step begins
    with an encoding; it predicts once for each of its draws of noise."""

    def __init__(self, prior: Any):
        self._prior = prior
        self._predictions: list[Callable[[], Tensor]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._prior, name)

    def encode(self, images: Tensor, *rest: Any, **more: Any) -> Tensor:
        self._encode = partial(self._prior.encode, images.detach(), *rest, **more)
        self._predictions = []
        return self._prior.encode(images, *rest, **more)

    def predict_x0(self, *args: Any, **kwargs: Any) -> Tensor:
        self._predictions.append(partial(self._prior.predict_x0, *args, **kwargs))
        return self._predictions[-1]()

    @torch.no_grad()
    def passes_alone(self) -> None:
        """The forward passes of the last step once more."""
        self._encode()
        for predict in self._predictions:
            predict()


def measure(
    stage: str,
    device: torch.device,
    rounds: int,
    prior_name: str = "embedded",
    draws: int | None = None,
) -> StepTiming:
    """Means over one cycle of the least of `rounds` times of each step, and of its passes alone;
    of a slow prior (SLOW_MS) a single step's. draws: of noise a step, None for the draft's."""
    prior = _Watched(load_prior(prior_name, PROMPT, device=device))
    optimisation = _build(stage, prior, device, draws)
    first = optimisation.steps * 2 // 3
    steps: dict[int, float] = {}
    alone: dict[int, float] = {}
    for round_ in range(rounds + 1):  # the first one warms up
        for index in range(first, first + CYCLE):
            optimisation.generator.manual_seed(index)  # type: ignore[attr-defined]
            step = _milliseconds(partial(optimisation.step, index), device)
            passes = _milliseconds(prior.passes_alone, device)
            if passes > SLOW_MS and (round_ or index > first):
                return StepTiming(step, passes)
            if round_:
                steps[index] = min(step, steps.get(index, step))
                alone[index] = min(passes, alone.get(index, passes))
    return StepTiming(sum(steps.values()) / CYCLE, sum(alone.values()) / CYCLE)


def _milliseconds(work: Any, device: torch.device) -> float:
    wait(device)
    start = time.perf_counter()
    work()
    wait(device)
    return (time.perf_counter() - start) * 1e3


def _build(stage: str, prior: Any, device: torch.device, draws: int | None = None) -> Optimisation:
    draft = GenerateConfig()
    guidance = draft.guidance if draws is None else replace(draft.guidance, draws=draws)
    context = RunContext(device, torch.Generator().manual_seed(0))
    rest = (distil(prior, guidance), CameraRange(), context)
    if stage == "gaussians":
        config = replace(draft.gaussians, start=StartConfig(count=COUNT))
        return gaussians.GaussianOptimisation(None, config, *rest)
    geometry = mesh.GeometryOptimisation(mesh.GeometryStart(ring(), _paint), draft.mesh, *rest)
    if stage == "geometry":
        return geometry
    with torch.no_grad():
        start = materials.MaterialStart(geometry.surface().mesh.detach(), _paint)
    return materials.MaterialOptimisation(start, draft.materials, *rest)


def ring(samples: int = 96) -> Float[Tensor, "R R R"]:
    """Signed distances of a torus about the size of a prop."""
    axis = torch.linspace(-1, 1, samples)
    x, y, z = torch.meshgrid(axis, axis, axis, indexing="ij")
    return torch.hypot(torch.hypot(x, y) - 0.45, z) - 0.25


def _paint(points: Float[Tensor, "P 3"]) -> Float[Tensor, "P 3"]:
    return points * 0.4 + 0.5
