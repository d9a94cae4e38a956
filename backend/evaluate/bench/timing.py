"""Milliseconds of a differentiable function, forward and backward, within a budget of seconds.

In: a function that returns a scalar and the tensors it depends on. Out: a `Timing`.

The least of the repeats is kept: other load on a machine only ever adds. The first call, which may
compile, is left out unless it alone has used up the budget.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


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
    forwards: list[float] = []
    backwards: list[float] = []
    end = time.perf_counter() + budget.seconds
    while not forwards or (time.perf_counter() < end and len(forwards) <= budget.repeats):
        for tensor in inputs:
            tensor.grad = None
        start = time.perf_counter()
        loss = forward()
        wait(device)
        middle = time.perf_counter()
        loss.backward()
        wait(device)
        forwards.append((middle - start) * 1e3)
        backwards.append((time.perf_counter() - middle) * 1e3)
    warm = slice(1, None) if len(forwards) > 1 else slice(None)
    return Timing(min(forwards[warm]), min(backwards[warm]), len(forwards[warm]))


def fastest_ms(work: Callable[[], object], budget: Budget) -> float:
    """Least time of `work`, the first call left out where there is more than one."""
    spent: list[float] = []
    end = time.perf_counter() + budget.seconds
    while not spent or (time.perf_counter() < end and len(spent) <= budget.repeats):
        start = time.perf_counter()
        work()
        spent.append((time.perf_counter() - start) * 1e3)
    return min(spent[1:] or spent)
