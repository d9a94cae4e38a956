"""Networks that are larger than the card: their blocks wait in main memory and come one by one.

In: a frozen network and a device. Out: the same network, its blocks on the device while they run.
Weights are never written, so what leaves the card is simply dropped; the results are the same.
Whether a network is streamed is decided by the card's free memory, or by $PROPSMITH_OFFLOAD
("auto", "always" or "never"). What a VAE keeps for the gradients is made smaller by
$PROPSMITH_SLICES: "auto" weighs it against the free memory, and has the VAE take one picture after
the other, or one block of its layers after the other as well; "always" does both with all pictures
anywhere. The numbers stay the same. "tiles" has it take pictures of more than 512 pixels a side in
overlapping parts as well, whose latents are others: each part has norms of its own; a job that goes
on without it goes on with whole pictures. Attention is never sliced: PyTorch's own
(scaled_dot_product_attention) keeps no matrix of all tokens by all tokens, and slices would.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from backend.errors import InputError

VARIABLE = "PROPSMITH_OFFLOAD"
CHOICES = ("auto", "always", "never")
SLICES = "PROPSMITH_SLICES"
SLICES_CHOICES = ("auto", "always", "tiles")
SHARE = 0.6  # of the free memory that weights may fill; the rest is for pictures and activations
# Of the free memory that a VAE may fill until gradients come back: the network is asked meanwhile.
VAE_SHARE = 0.5
UNTOLD = 8e9  # bytes taken to be free for a VAE where the device has no memory of its own
ALL, PICTURE, BLOCK = "all", "picture", "block"  # what a VAE keeps at a time, see `vae_keeps`
_LEFT: ContextVar[float] = ContextVar("bytes that weights must leave free", default=0.0)
MARK = "streamed_in"  # set on blocks that are
BLOCKS = ("down_blocks", "mid_block", "up_blocks", "transformer_blocks")


def chosen(variable: str = VARIABLE, choices: tuple[str, ...] = CHOICES) -> str:
    """What a variable of the environment says; raises InputError for what it can't be."""
    said = os.environ.get(variable, "auto").lower()
    if said not in choices:
        raise InputError(f"{variable} is '{said}'; set it to {', '.join(choices)}.")
    return said


def slices() -> str:
    """What $PROPSMITH_SLICES says."""
    return chosen(SLICES, SLICES_CHOICES)


def free_memory(device: torch.device) -> float | None:
    """Bytes of the card, with those that torch holds and does not use; None where the device has no
    memory of its own."""
    if device.type != "cuda":
        return None
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return float(torch.cuda.mem_get_info(device)[0] + unused)


def wants_streaming(network: nn.Module, device: torch.device) -> bool:
    """Whether the network's blocks should wait outside of the device."""
    free, choice = free_memory(device), chosen()
    if choice != "auto":
        return choice == "always"
    return free is not None and size_of(network) > min(SHARE * free, free - _LEFT.get())


@contextmanager
def leaving(needed: float) -> Iterator[None]:
    """Networks that are loaded inside leave so many bytes of the card free, or are streamed."""
    before = _LEFT.set(needed)
    try:
        yield
    finally:
        _LEFT.reset(before)


def vae_room(device: torch.device) -> float:
    """Bytes that a VAE may keep for the gradients."""
    free = free_memory(device)
    return VAE_SHARE * (UNTOLD if free is None else free)


def vae_keeps(pictures: int, each: float, room: float) -> str:
    """ALL of a batch's work until its gradients come back, or that of one PICTURE, or BLOCK, at a
    time when they do. each: bytes that one picture's takes; room: bytes there are."""
    if slices() != "auto":
        return BLOCK
    if pictures * each <= room:
        return ALL
    return PICTURE if each <= room else BLOCK


def size_of(network: nn.Module) -> float:
    """Bytes of all weights."""
    return float(sum(t.numel() * t.element_size() for t in _tensors(network)))


def place(
    network: nn.Module, device: torch.device, memory_format: torch.memory_format | None = None
) -> nn.Module:
    """The network on the device, or streamed to it where it is too large."""
    # diffusers' own `to` warns of a list of modules to keep in fp32 even where it is empty.
    if memory_format is not None:
        nn.Module.to(network, memory_format=memory_format)  # type: ignore[call-overload]
    if wants_streaming(network, device):
        return stream(network, device)
    return nn.Module.to(network, device)


def is_streamed(network: nn.Module) -> bool:
    return any(getattr(module, MARK, False) for module in network.modules())


def stream(network: nn.Module, device: torch.device) -> nn.Module:
    """Blocks stay where they are and visit the device; the rest moves there for good."""
    blocks = list(_blocks(network))
    inside = {id(tensor) for block in blocks for tensor in _tensors(block)}
    for tensor in _tensors(network):
        if id(tensor) not in inside:
            tensor.data = tensor.data.to(device)
    for block in blocks:
        _Visit(block, device)
    return network


def _blocks(network: nn.Module) -> Iterator[nn.Module]:
    """Residual and attention blocks, the parts of a level that run one after the other."""
    for name in BLOCKS:
        part = getattr(network, name, None)
        if part is None:
            continue
        for level in part if isinstance(part, nn.ModuleList) else [part]:
            inner = [child for child in level.children() if isinstance(child, nn.ModuleList)]
            yield from (block for child in inner for block in child) if inner else [level]


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()
    yield from module.buffers()


class _Visit:
    """Hooks that bring a block's weights before it runs, and drop them behind it."""

    def __init__(self, block: nn.Module, device: torch.device):
        self.device = device
        # Pinned memory is copied while the card still computes.
        pinned = device.type == "cuda"
        self.home = [(t, t.data.pin_memory() if pinned else t.data) for t in _tensors(block)]
        for tensor, at_home in self.home:
            tensor.data = at_home
        setattr(block, MARK, True)
        block.register_forward_pre_hook(self._come)
        block.register_forward_hook(self._go, always_call=True)

    def _come(self, _: nn.Module, __: Any) -> None:
        for tensor, at_home in self.home:
            tensor.data = at_home.to(self.device, non_blocking=True, copy=True)

    def _go(self, _: nn.Module, __: Any, ___: Any) -> None:
        for tensor, at_home in self.home:
            tensor.data = at_home
