"""A low-rank adapter (Hu et al. 2106.09685) in a frozen network, by peft, told the camera.

In: a network with attention, as diffusers names its parts. Out: a small trainable module that
changes the network's outputs while it is `active`, and nothing otherwise. The layers are peft's;
ours are their start, which comes from a generator that is passed in, their precision (fp32 whatever
the network's), and the camera, for which peft has no layer. peft is loaded with the first adapter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from backend.cameras import Cameras
from backend.errors import InputError
from backend.guidance.distillations import PEFT, has_peft
from backend.guidance.halves import as_a_whole

TARGETS = (
    *("to_q", "to_k", "to_v", "to_out.0"),
    *("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"),  # of the words' side in SD3
)
TIMES = ("time_embedding", "timestep_embedder")  # as UNets call it, and SD3
CAMERA_NUMBERS = 16
NAME = "student"  # the adapter's, among peft's
NO_PEFT = (
    f"The distillation vsd needs peft {'.'.join(map(str, PEFT))} or newer: install Propsmith "
    "again, or choose another --distillation."
)


class LoraAdapter(nn.Module):
    """Adds B A x to every linear map of the attention, and an embedding of the camera to each
    embedding of the timestep (a network of several has several). B and the last layer of the
    camera's start at zero: no change at first."""

    def __init__(self, network: nn.Module, rank: int, generator: torch.Generator):
        """Raises ValueError where the network has no attention to adapt, or is adapted already;
        InputError where peft is absent or too old."""
        super().__init__()
        names = [name for name, part in network.named_modules() if _is_target(name, part)]
        if not names:
            raise ValueError("the network has no linear maps of attention that are free to adapt")
        self.layers = _inject(network, names, rank)
        self.down, self.up = nn.ParameterDict(), nn.ParameterDict()
        for name, layer in zip(names, self.layers, strict=True):
            key, device = name.replace(".", "/"), layer.weight.device
            self.down[key] = _normal(rank, layer.in_features, generator).to(device)
            self.up[key] = nn.Parameter(torch.zeros(layer.out_features, rank, device=device))
            layer.lora_A[NAME].weight, layer.lora_B[NAME].weight = self.down[key], self.up[key]
        self._network = (network,)  # not a part of this module
        self._active, self._camera = False, torch.zeros(0)
        self.cameras = nn.ModuleList(
            self._told_camera(part, generator)
            for name, part in network.named_modules()
            if name.endswith(TIMES) and isinstance(getattr(part, "linear_2", None), nn.Linear)
        )
        self._switch(False)

    def _switch(self, on: bool) -> None:
        for layer in self.layers:
            layer.enable_adapters(on)
        self.requires_grad_()  # peft freezes what it switches off, whose gradient is yet to come

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
    def active(self, cameras: Cameras | None, known: bool = True) -> Iterator[None]:
        """The network is the adapted one inside; several branches of one batch share cameras.
        known: False tells it poses of zeros instead."""
        self._switch(True)
        self._active = True
        self._camera = torch.zeros(0) if cameras is None else camera_numbers(cameras) * known
        try:
            with as_a_whole(self._network[0]):  # the hook has a row for each camera
                yield
        finally:
            self._active, self._camera = False, torch.zeros(0)
            self._switch(False)


def _is_target(name: str, part: nn.Module) -> bool:
    return name.endswith(TARGETS) and isinstance(part, nn.Linear)


def _inject(network: nn.Module, names: list[str], rank: int) -> list[Any]:
    """peft's layers in place of the network's, in the order of `names`; B A x counts once.
    Raises InputError where there is no peft that will do."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise InputError(NO_PEFT) from error
    if not has_peft():
        raise InputError(NO_PEFT)
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=names)
    with torch.random.fork_rng(devices=[]):  # their own start is drawn from torch's numbers
        inject_adapter_in_model(config, network, NAME)
    return [network.get_submodule(name) for name in names]


def camera_numbers(cameras: Cameras) -> Float[Tensor, "B 16"]:
    """The pose as 16 numbers, at distance 1."""
    pose = cameras.T_world_camera.clone()
    pose[:, :3, 3] /= cameras.distance[:, None]
    return pose.reshape(len(cameras), CAMERA_NUMBERS)


def _normal(rows: int, columns: int, generator: torch.Generator) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, columns, generator=generator) / columns**0.5)
