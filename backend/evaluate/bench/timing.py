"""Milliseconds of a differentiable function, forward and backward, within a budget of seconds.

In: a function that returns a scalar and the tensors it depends on. Out: a `Timing`.

The least of the repeats is kept: other load on a machine only ever adds. The first call may
compile: it is left out, of the budget too, and there is always one after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


@dataclass(frozen=True)
class Timing:
    forward_ms: float
    backward_ms: float
    repeats: int

    @property
    def total_ms(self) -> float:
        return self.forward_ms + self.backward_ms


@dataclass(frozen=True)
class Budget:
    """How long a scene may be repeated, in seconds, and how often at most."""

    seconds: float = 1.0
    repeats: int = 30


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def forward_backward(
    forward: Callable[[], Tensor], inputs: Sequence[Tensor], budget: Budget
) -> Timing:
    """Least forward and least backward time; gradients on `inputs` are dropped in between."""
    device = inputs[0].device

    def once() -> tuple[float, float]:
        for tensor in inputs:
            tensor.grad = None
        start = time.perf_counter()
        loss = forward()
        wait(device)
        middle = time.perf_counter()
        loss.backward()
        wait(device)
        return (middle - start) * 1e3, (time.perf_counter() - middle) * 1e3

    repeats = _repeats(once, budget)
    forwards, backwards = zip(*repeats, strict=True)
    return Timing(min(forwards), min(backwards), len(repeats))


def fastest_ms(work: Callable[[], object], budget: Budget) -> float:
    """Least time of `work`."""

    def once() -> float:
        start = time.perf_counter()
        work()
        return (time.perf_counter() - start) * 1e3

    return min(_repeats(once, budget))


def _repeats(once: Callable[[], T], budget: Budget) -> list[T]:
    """What `once` gives, call by call, after a first one."""
    once()
    end = time.perf_counter() + budget.seconds
    found = [once()]
    while time.perf_counter() < end and len(found) < budget.repeats:
        found.append(once())
    return found
