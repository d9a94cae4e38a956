"""What VSD trains beside the prop: an estimate of how the renders themselves are distributed.

In: renders as latents. Out: a `Student` that predicts their clean latents from noisy ones. The one
of the product is the prior with a camera-conditioned adapter, as in ProlificDreamer (2305.16213),
section 3.3, and its code: asked with the prompt itself, the same from all sides, its adapter told
the camera, in a tenth of its steps a pose of zeros. A prior that is told the camera itself, which
theirs is not, goes on being told. Ours learns at one noise level a step (theirs: one a picture), of
the middle 96 % (theirs: of all).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from backend.errors import InputError
from backend.guidance.base import Prior, Views
from backend.guidance.diffusion import per_sample
from backend.guidance.lora import LoraAdapter
from backend.guidance.noising import noised
from backend.guidance.offload import is_streamed
from backend.guidance.settings import check, setting


@runtime_checkable
class Student(Protocol):
    def predict_x0(self, noisy: Tensor, timesteps: Tensor, views: Views) -> Tensor: ...

    def fit(self, latents: Tensor, views: Views, generator: torch.Generator) -> None:
        """One step of learning from these renders."""
        ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class StudentConfig:
    rank: int = setting(4, "of the adapter's maps", 1, 1024)
    # ProlificDreamer's, which has 25,000 steps.
    learning_rate: float = setting(1e-4, "of AdamW", 1e-8, 1)
    steps: int = setting(1, "of learning, a step of the prop", 1, 100)
    t_range: tuple[float, float] = setting((0.02, 0.98), "timesteps to learn at", 0, 1)
    drop_camera: float = setting(0.1, "share of steps learnt without the adapter's camera", 0, 1)

    def __post_init__(self) -> None:
        check(self)


FP16_SCALE = 2.0**14  # of the loss, at first
LARGE = 100_000_000  # parameters; Stable Diffusion 1.5 has 860 million, the embedded prior 9


class LoraStudent:
    """The prior with an adapter; AdamW on the v-prediction's mean square, |x0_hat - z|^2 / (1 - a)
    (v = sqrt(a) eps - sqrt(1 - a) x0, 2202.00512).

    What a large network's blocks compute on the way is not kept for the gradient but computed again
    (gradient checkpointing, Chen et al. 1604.06174): a third more time to learn, the same numbers.

    The gradient of a mean rounds to zero inside a network in fp16, so there it travels enlarged by
    a power of two (Micikevicius et al. 1710.03740, section 3.2), which is halved, and the step left
    out, whenever something overflows.
    """

    def __init__(self, prior: Prior, config: StudentConfig, generator: torch.Generator):
        self.prior, self.config = prior, config
        if is_streamed(prior.network):
            raise InputError(
                "--distillation vsd trains beside the prior and needs all of it on the card, which "
                "has too little memory: choose another --distillation, or a smaller --prior."
            )
        self.adapter = LoraAdapter(prior.network, config.rank, generator)
        compute_blocks_again(prior.network)
        self.optimiser = torch.optim.AdamW(self.adapter.parameters(), lr=config.learning_rate)
        self.half = any(p.dtype == torch.float16 for p in prior.network.parameters())
        self.scale = FP16_SCALE if self.half else 1.0

    def predict_x0(
        self, noisy: Tensor, timesteps: Tensor, views: Views, camera_known: bool = True
    ) -> Tensor:
        """From the prompt and, by the adapter, the camera; without it the pose's numbers are 0."""
        with self.adapter.active(views.cameras, camera_known):
            return self._answer(noisy, timesteps, views)

    def _answer(self, noisy: Tensor, timesteps: Tensor, views: Views) -> Tensor:
        # A network that is not told the camera itself would have the side put into words.
        part = getattr(self.prior, "part", None)  # of a prior of several networks
        worded = getattr(part(views) if part else self.prior, "worded", False)
        asked = replace(views, cameras=None) if worded else views
        return self.prior.denoise(noisy, timesteps, asked, ("prompt",))[0]

    @torch.enable_grad()
    def fit(self, latents: Tensor, views: Views, generator: torch.Generator) -> None:
        for _ in range(self.config.steps):
            low, high = self.config.t_range
            t, drop = torch.rand(2, generator=generator).tolist()
            at = noised(self.prior, latents.detach(), low + (high - low) * t, generator)
            known = drop >= self.config.drop_camera
            self.optimiser.zero_grad(set_to_none=True)
            with self.adapter.active(views.cameras, known):  # backwards, too: see LARGE
                x0 = self._answer(at.noisy, at.timesteps, views)
                weight = per_sample(1 / (1 - at.alpha_bar).clamp(min=1e-3), x0)
                loss = (weight * (x0 - latents.detach()).square()).mean()
                (loss * self.scale).backward()
            if self._unscaled():
                self.optimiser.step()

    def _unscaled(self) -> bool:
        """Gradients at their own size again; False where they have overflowed, which in fp16 they
        may at any scale."""
        if not self.half:
            return True
        found = [p.grad for p in self.adapter.parameters() if p.grad is not None]
        for gradient in found:
            gradient /= self.scale
        if all(bool(gradient.isfinite().all()) for gradient in found):
            return True
        self.scale = max(1.0, self.scale / 2)
        return False

    def state_dict(self) -> dict[str, Any]:
        adapter = {name: value.detach().clone() for name, value in self._named()}
        optimiser = self.optimiser.state_dict()
        return {"adapter": adapter, "optimiser": optimiser, "scale": self.scale}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            for name, value in self._named():
                value.copy_(state["adapter"][name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.scale = state.get("scale", self.scale)

    def _named(self) -> list[tuple[str, Tensor]]:
        return list(self.adapter.named_parameters())


def compute_blocks_again(network: nn.Module, large: int = LARGE) -> None:
    """Has a network of so many parameters, or each of several, keep its blocks' inputs alone."""
    for part in network if isinstance(network, nn.ModuleList) else (network,):
        enable = getattr(part, "enable_gradient_checkpointing", None)
        if enable and sum(p.numel() for p in part.parameters()) >= large:
            enable()
