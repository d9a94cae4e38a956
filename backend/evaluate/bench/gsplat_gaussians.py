"""A peer on CUDA: gsplat called as its own documentation does, without our adaptor around it.

In: a `GaussianScene` on a CUDA device. Out: milliseconds.
"""

from __future__ import annotations

from torch import Tensor

from backend.evaluate.bench.scenes import GaussianScene
from backend.evaluate.bench.timing import Budget, Timing, forward_backward


def measure(scene: GaussianScene, budget: Budget) -> Timing:
    """Raises ImportError where gsplat is absent."""
    from gsplat import rasterization

    viewmats, Ks, size = scene.cameras.viewmats, scene.intrinsics, scene.size

    def forward() -> Tensor:
        colors, _, _ = rasterization(*scene.inputs, viewmats, Ks, size, size, packed=False)
        return colors.square().sum()

    return forward_backward(forward, scene.inputs, budget)
