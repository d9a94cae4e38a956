"""A small network on the CPU: the halves of a batch beside each other, each on half of the threads.

In: a network, whose inputs have the batch in front. Out: its output, the same numbers: the network
looks at every picture by itself. Inside an operator threads meet at its end, some hundreds of times
a pass, and to wake one that sleeps (backend/runtime.py says why they do) takes about as long as an
operator of a small network: two threads inside each gained nothing over one, 50 ms for a pass over
eight pictures. Two halves meet once, in 34 ms. With threads that spin a while before they sleep it
was 32, but two jobs beside each other then took 1.8 times as long.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from backend.guidance.offload import is_streamed
from backend.threads import together

LEAST = 4  # pictures from which halves are worth handing over


def ask(network: nn.Module, *inputs: Tensor, **named: Tensor) -> Tensor:
    """network(*inputs, **named, return_dict=False)[0], where all inputs are of one batch."""
    threads, batch = torch.get_num_threads(), len(inputs[0])
    plain = inputs[0].device.type != "cpu" or torch.is_grad_enabled() or is_streamed(network)
    if plain or threads < 2 or batch < LEAST:
        return network(*inputs, **named, return_dict=False)[0]
    answers: dict[int, Tensor] = {}
    middle = (batch + 1) // 2
    calls = []
    for place, part in enumerate((slice(0, middle), slice(middle, batch))):
        few = {name: tensor[part] for name, tensor in named.items()}
        say = partial(network, *(tensor[part] for tensor in inputs), **few, return_dict=False)
        calls.append((_answer, answers, place, say, threads // 2))
    try:
        together(calls)
    finally:
        torch.set_num_threads(threads)
    return torch.cat([answers[0], answers[1]])


def _answer(answers: dict[int, Tensor], place: int, say: Any, threads: int) -> None:
    """In any thread: it has a number of threads and a wish for gradients of its own."""
    torch.set_num_threads(threads)
    with torch.no_grad():
        answers[place] = say()[0]
