"""The optimiser of the training: Muon for the matrices inside the network, AdamW for the rest.

Muon (Jordan et al. 2024) replaces a matrix' momentum by about the nearest orthogonal one, so that
rare directions (rare kinds of props) move as far as common ones. A convolution counts as a matrix
(out, k * k * in). The rate is scaled so that an update is as large as AdamW's (Liu et al. 2025,
"Muon is scalable for LLM training", section 2.2): one learning rate serves both.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

BETAS = (0.9, 0.98)
WEIGHT_DECAY = 0.01
MOMENTUM = 0.95
QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan et al.: takes singular values to about 1 in 5 rounds
ROUNDS = 5
# The borders of the network, its many large maps of the conditions, and the table of words.
OUTSIDE = ("conv_in", "conv_out", "time_emb", "class_embedding", "text.")


class Muon(torch.optim.Optimizer):
    """Of parameters with two or four axes: momentum (Nesterov), made orthogonal."""

    def __init__(self, params: list[nn.Parameter], lr: float):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group["lr"])

    def _move(self, parameter: Tensor, gradient: Tensor, rate: float) -> None:
        last = parameter.ndim == 4 and parameter.is_contiguous(memory_format=torch.channels_last)
        matrix, slope = as_matrix(parameter, last), as_matrix(gradient, last)
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(slope)
        momentum = state["momentum"].lerp_(slope, 1 - MOMENTUM)
        towards = orthogonal(slope.lerp(momentum, MOMENTUM))
        matrix.mul_(1 - rate * WEIGHT_DECAY)
        matrix.sub_(towards, alpha=rate * 0.2 * math.sqrt(max(matrix.shape)))


class Optimiser:
    """Steps all parameters of `nets`, each with what suits it."""

    def __init__(self, nets: nn.Module, rate: float):
        named = {n: p for n, p in nets.named_parameters() if p.requires_grad}
        inner = [n for n, p in named.items() if p.ndim in (2, 4) and not _outside(n)]
        others = [p for n, p in named.items() if n not in set(inner)]
        self.matrices = Muon([named[n] for n in inner], rate)
        self.others = torch.optim.AdamW(
            others, rate, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
        )

    def set_rate(self, rate: float) -> None:
        for group in self.matrices.param_groups + self.others.param_groups:
            group["lr"] = rate

    def step(self) -> None:
        """One step along the gradients, which are gone afterwards."""
        for part in (self.matrices, self.others):
            part.step()
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        return {"matrices": self.matrices.state_dict(), "others": self.others.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.matrices.load_state_dict(state["matrices"])
        self.others.load_state_dict(state["others"])


def orthogonal(matrix: Float[Tensor, "m n"]) -> Float[Tensor, "m n"]:
    """About U V^T of the matrix' singular value decomposition, by Newton and Schulz's iteration.

    The rounds are of X -> (a + b X X^T + c (X X^T)^2) X. As all of it are polynomials of the small
    square G = X X^T, they are multiplied out there, and the long matrix is touched twice.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonal(matrix.T).T
    a, b, c = QUINTIC
    scale = 1 / matrix.norm().clamp(min=1e-12)
    gram = (matrix @ matrix.T) * scale**2
    product = torch.eye(len(gram), device=gram.device)
    for _ in range(ROUNDS):
        factor = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal().add_(a)
        product = factor @ product
        gram = factor @ gram @ factor
    return product @ matrix * scale


def as_matrix(tensor: Tensor, channels_last: bool) -> Tensor:
    """(out, in, k, k) -> (out, k * k * in) in that order of memory, or (out, in * k * k)."""
    return (tensor.permute(0, 2, 3, 1) if channels_last else tensor).flatten(1)


def _outside(name: str) -> bool:
    return any(part in name for part in OUTSIDE)
