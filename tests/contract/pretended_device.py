"""A pretended second device: computed on the CPU, but tensors there and on the CPU don't mix.

Within `PretendedDevice()`, tensors sent to torch's "meta" device keep their values. An operation
that takes a tensor from each side (scalars aside) raises, as on a GPU, so that such mistakes show
where there is none. What a GPU computes, and how fast, this can't show.
"""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

DEVICE = "meta"


class There(torch.Tensor):
    """A tensor on the pretended device; `inner` holds its values."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> There:
        self = torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, strides=inner.stride(), dtype=inner.dtype, device=DEVICE
        )
        self.inner = inner
        return self

    def tolist(self):
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


class PretendedDevice(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


def _run(func, args, kwargs):
    values, spec = tree_flatten((args, kwargs))
    tensors = [v for v in values if isinstance(v, torch.Tensor)]
    there = {id(v.inner): v for v in tensors if isinstance(v, There)}
    target = kwargs.get("device")
    moved = func is torch.ops.aten._to_copy.default and target is not None
    if there and not moved and any(v.dim() and not isinstance(v, There) for v in tensors):
        raise AssertionError(f"{func} takes tensors from two devices")
    args, kwargs = tree_unflatten([v.inner if isinstance(v, There) else v for v in values], spec)
    out = func(*args, **(kwargs if target is None else {**kwargs, "device": "cpu"}))
    if torch.device(target).type != DEVICE if target is not None else not there:
        return out
    return tree_map(lambda v: there.get(id(v), v) if id(v) in there else _there(v), out)


def _there(value):
    return There(value) if isinstance(value, torch.Tensor) else value
