"""A small network on the CPU: the halves of a batch beside each other, each on half of the threads.

In: a network, whose inputs have the batch in front. Out: its output, the same but for rounding (to
the bit in bf16 on a Zen 4): the network looks at every picture by itself.

Inside an operator threads meet at its end, some hundreds of times a pass, and to wake one that
sleeps (backend/runtime.py says why they do) takes about as long as an operator of a small network:
two threads inside each gained nothing over one, 50 ms for a pass over eight pictures. Two halves
meet once, in 34 ms. With threads that spin a while before they sleep it was 32, but two jobs beside
each other then took 1.8 times as long. Timed on two cores alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from backend.guidance.offload import is_streamed
from backend.neighbours import flushes_subnormals
from backend.threads import together

LEAST = 4  # pictures from which halves are worth handing over
_WHOLE = "asked_as_a_whole"  # set on networks that know something of the whole batch


@contextmanager
def as_a_whole(network: nn.Module) -> Iterator[None]:
    """Inside, its batch stays together: something in it has a row for each picture of it."""
    setattr(network, _WHOLE, True)
    try:
        yield
    finally:
        delattr(network, _WHOLE)


def ask(network: nn.Module, *inputs: Tensor, **named: Tensor) -> Tensor:
    """network(*inputs, **named, return_dict=False)[0], where all inputs are of one batch."""
    threads, batch = torch.get_num_threads(), len(inputs[0])
    whole = inputs[0].device.type != "cpu" or torch.is_grad_enabled() or is_streamed(network)
    if whole or hasattr(network, _WHOLE) or threads < 2 or batch < LEAST:
        return network(*inputs, **named, return_dict=False)[0]
    answers: dict[int, Tensor] = {}
    middle, flushes, calls = (batch + 1) // 2, flushes_subnormals(), []
    for place, part in enumerate((slice(0, middle), slice(middle, batch))):
        few = {name: tensor[part] for name, tensor in named.items()}
        say = partial(network, *(tensor[part] for tensor in inputs), **few, return_dict=False)
        calls.append((_answer, answers, place, say, (threads + 1 - place) // 2, flushes))
    try:
        together(calls)
    finally:
        torch.set_num_threads(threads)
    return torch.cat([answers[0], answers[1]])


def _answer(answers: dict[int, Tensor], place: int, say: Any, threads: int, flushes: bool) -> None:
    """In any thread: it has a number of threads, an arithmetic and a wish for gradients of its
    own."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(flushes)
    with torch.no_grad():
        answers[place] = say()[0]
