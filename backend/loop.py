"""The loop that every optimising stage runs in: progress, loss curves, checkpoints, stopping.

A stage hands over an `Optimisation`; the loop calls `step` until `steps`, tells the progress
callback, saves the state now and then and when it is stopped, and takes it up again on resume.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch

from backend.errors import GenerationError, Interrupted
from backend.reference.picture import Reference


@runtime_checkable
class Optimisation(Protocol):
    """Something with a fixed number of steps whose whole state can be saved and restored."""

    steps: int

    def step(self, index: int) -> dict[str, float]:
        """Does step `index` (0-based); returns its losses by name."""
        ...

    def snapshot(self) -> object:
        """What there is so far, for a preview; changes nothing, draws no random number."""
        ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Progress:
    """One step's news. A newer one replaces an older one."""

    stage: str
    step: int  # steps done in this stage
    steps: int
    losses: dict[str, float]
    seconds_left: float  # in this stage


@runtime_checkable
class Checkpoints(Protocol):
    """Where states go; `backend/checkpoint.py` has the one on disk."""

    def save(self, key: str, state: dict[str, Any]) -> None: ...

    def load(self, key: str) -> dict[str, Any] | None: ...


@runtime_checkable
class Learning(Protocol):
    """What changes over all stages and belongs into each one's checkpoint: VSD's student."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


# Told stage and step, and a function that makes the snapshot: not calling it costs nothing.
Preview = Callable[[str, int, Callable[[], object]], None]
# The same for work without steps: told at every new thing to see. See RunContext.watch.
Watch = Callable[[Callable[[], object]], None]


def nobody(_snapshot: Callable[[], object]) -> None:
    """The watcher of work that nobody looks at."""


@dataclass
class RunContext:
    """What every stage is handed beside its input and its config."""

    device: torch.device
    generator: torch.Generator  # on the CPU; the one source of randomness of a job
    progress: Callable[[Progress], None] = lambda _: None
    preview: Preview = lambda stage, step, snapshot: None
    checkpoints: Checkpoints | None = None
    learning: Learning | None = None
    reference: Reference | None = None  # what the prop is to look like from one side
    checkpoint_seconds: float = 30.0
    stop_requested: Callable[[], bool] = lambda: False
    curves: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    remarks: dict[str, dict[str, Any]] = field(default_factory=dict)  # for the result, plain JSON

    def watch(self, stage: str) -> Watch:
        """Previews of a stage that has no steps, numbered from 0."""
        numbers = itertools.count()
        return lambda snapshot: self.preview(stage, next(numbers), snapshot)


def work(optimisation: Optimisation, done: int) -> float:
    """How much work the first `done` steps are, in whole steps: an optimisation whose steps differ
    says so itself."""
    own = getattr(optimisation, "work", None)
    return float(done) if own is None else own(done)


def optimise(stage: str, optimisation: Optimisation, context: RunContext) -> None:
    """Runs all steps of `stage`, resuming from its checkpoint where there is one.

    Raises Interrupted, after saving, when `context.stop_requested()` says so; GenerationError,
    without saving, when a loss is not a number, as nothing can be made of what comes after.
    """
    curve: list[dict[str, float]] = []
    first = 0
    state = context.checkpoints.load(stage) if context.checkpoints else None
    if state is not None:
        optimisation.load_state_dict(state["optimisation"])
        if context.learning:
            context.learning.load_state_dict(state["learning"])
        context.generator.set_state(state["generator"])
        first, curve = state["step"], state["curve"]
    context.curves[stage] = curve

    def save(done: int) -> None:
        if context.checkpoints:
            context.checkpoints.save(
                stage,
                {
                    "optimisation": optimisation.state_dict(),
                    "learning": context.learning.state_dict() if context.learning else {},
                    "generator": context.generator.get_state(),
                    "step": done,
                    "curve": curve,
                },
            )

    if first < optimisation.steps:
        context.preview(stage, first, optimisation.snapshot)
    started = saved = time.monotonic()
    for index in range(first, optimisation.steps):
        if context.stop_requested():
            save(index)
            raise Interrupted(
                f"Stopped in stage '{stage}' after {index} of {optimisation.steps} steps."
            )
        losses = optimisation.step(index)
        if lost := [name for name, value in losses.items() if not math.isfinite(value)]:
            raise GenerationError(
                f"Stage '{stage}' diverged at step {index + 1} of {optimisation.steps}: its loss "
                f"'{lost[0]}' is not a finite number; try a smaller --guidance-scale."
            )
        curve.append(losses)
        now = time.monotonic()
        done = index + 1
        before, so_far, whole = (work(optimisation, n) for n in (first, done, optimisation.steps))
        left = (now - started) / (so_far - before) * (whole - so_far)
        context.progress(Progress(stage, done, optimisation.steps, losses, left))
        context.preview(stage, done, optimisation.snapshot)
        if now - saved > context.checkpoint_seconds:
            save(done)
            saved = now
    if first < optimisation.steps:
        save(optimisation.steps)
