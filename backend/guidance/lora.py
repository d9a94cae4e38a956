"""A low-rank adapter (Hu et al. 2106.09685) hooked on to a frozen network, told the camera.

In: a network with attention, as diffusers names its parts. Out: a small trainable module that
changes the network's outputs while it is `active`, and nothing otherwise. Ours rather than peft's:
it is these lines, needs no dependency, leaves the network's keys alone, takes its start from a
generator that is passed in, and its state is a flat dict of tensors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from backend.cameras import Cameras

TARGETS = (
    *("to_q", "to_k", "to_v", "to_out.0"),
    *("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"),  # of the words' side in SD3
)
TIMES = ("time_embedding", "timestep_embedder")  # as UNets call it, and SD3
CAMERA_NUMBERS = 16


class LoraAdapter(nn.Module):
    """Adds B A x to every linear map of the attention, and an embedding of the camera to each
    embedding of the timestep (a network of several has several). B and the last layer of the
    camera's start at zero: no change at first."""

    def __init__(self, network: nn.Module, rank: int, generator: torch.Generator):
        """Raises ValueError where the network has no attention to adapt."""
        super().__init__()
        device = next(network.parameters()).device
        found = [(name, part) for name, part in network.named_modules() if name.endswith(TARGETS)]
        linear = [(name, part) for name, part in found if isinstance(part, nn.Linear)]
        if not linear:
            raise ValueError("the network has no linear maps of attention to adapt")
        self.down, self.up = nn.ParameterDict(), nn.ParameterDict()
        self._active, self._camera = False, torch.zeros(0)
        for name, part in linear:
            key = name.replace(".", "/")
            self.down[key] = _normal(rank, part.in_features, generator).to(device)
            self.up[key] = nn.Parameter(torch.zeros(part.out_features, rank, device=device))
            part.register_forward_hook(self._added(key))
        self.cameras = nn.ModuleList(
            self._told_camera(part, generator)
            for name, part in network.named_modules()
            if name.endswith(TIMES) and isinstance(getattr(part, "linear_2", None), nn.Linear)
        )

    def _added(self, key: str):
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
            if not self._active:
                return None
            low = F.linear(inputs[0].to(self.down[key].dtype), self.down[key])
            return output + F.linear(low, self.up[key]).to(output.dtype)

        return hook

    def _told_camera(self, embedding: nn.Module, generator: torch.Generator) -> nn.Module:
        """A map from poses to the outputs of a timestep's embedding, hooked on to it."""
        last: nn.Linear = embedding.linear_2  # type: ignore[assignment]
        camera = nn.Sequential(
            nn.Linear(CAMERA_NUMBERS, 64), nn.SiLU(), nn.Linear(64, last.out_features)
        )
        with torch.no_grad():
            camera[0].weight.copy_(_normal(64, CAMERA_NUMBERS, generator))  # type: ignore[operator]
            for zero in (camera[0].bias, *camera[2].parameters()):
                zero.zero_()  # type: ignore[operator]

        def hook(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> Tensor | None:
            if not self._active or not len(self._camera):
                return None
            told = camera(self._camera.to(output.device))
            return output + told.repeat(len(output) // len(told), 1).to(output.dtype)

        embedding.register_forward_hook(hook)
        return camera.to(last.weight.device)

    @contextmanager
    def active(self, cameras: Cameras | None) -> Iterator[None]:
        """The network is the adapted one inside; several branches of one batch share cameras."""
        self._active = True
        self._camera = torch.zeros(0) if cameras is None else camera_numbers(cameras)
        try:
            yield
        finally:
            self._active, self._camera = False, torch.zeros(0)


def camera_numbers(cameras: Cameras) -> Float[Tensor, "B 16"]:
    """The pose as 16 numbers, at distance 1."""
    pose = cameras.T_world_camera.clone()
    pose[:, :3, 3] /= cameras.distance[:, None]
    return pose.reshape(len(cameras), CAMERA_NUMBERS)


def _normal(rows: int, columns: int, generator: torch.Generator) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, columns, generator=generator) / columns**0.5)
