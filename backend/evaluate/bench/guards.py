"""Two properties of the Gaussians' CPU kernels that are lost without a test failing.

In: nothing. Out: how many times more pairs a second the kernels composite than a loop that cannot
be vectorised, and how their time grows with the pairs. A pair is a Gaussian and a pixel whose
colour it changes. Signed indices or a branch in the inner loop cost the vectors: the first number
then falls to about 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
import torch
from numba import njit, prange

from backend.evaluate.bench import tile_loop
from backend.evaluate.bench.scenes import GaussianScene
from backend.evaluate.bench.timing import Budget, fastest_ms
from backend.gaussians.rotations import rotation_matrices

COUNT, SIZES = 2_000, (64, 128, 256)


@dataclass(frozen=True)
class Guards:
    vectorised: float  # pairs a second over those of the scalar loop
    exponent: float  # time ~ pairs^exponent; at most 1 where it is at most linear
    million_pairs_per_second: float


@njit(cache=True, parallel=True, nogil=True, error_model="numpy")
@no_type_check
def scalar_loop(centres, conics, opacities, colors, entries, starts, size):
    """The picture (H, W, 3), pixel by pixel with branches, and the number of visible pairs."""
    out = np.zeros((size, size, 3), np.float32)
    pairs = np.zeros(size, np.int64)
    for y in prange(size):
        for x in range(size):
            tile = y // 16 * (size // 16) + x // 16
            left = np.float32(1)
            for e in range(starts[tile], starts[tile + 1]):
                n = entries[e]
                dx, dy = x + 0.5 - centres[n, 0], y + 0.5 - centres[n, 1]
                power = 0.5 * (conics[n, 0] * dx * dx + conics[n, 2] * dy * dy)
                alpha = min(opacities[n] * math.exp(-power - conics[n, 1] * dx * dy), 0.999)
                if alpha < 1 / 255:
                    continue
                after = left * (1 - alpha)
                if after <= 1e-4:
                    break
                for c in range(3):
                    out[y, x, c] += alpha * left * colors[n, c]
                left = after
                pairs[y] += 1
    return out, pairs.sum()


def measure(budget: Budget) -> Guards:
    """The kernels' forward pass on scenes of growing pictures, the loop on the largest."""
    times, pairs = [], []
    for size in SIZES:
        scene = GaussianScene.make(COUNT, size, 1, torch.device("cpu"))
        forward = scene.ours()
        with torch.no_grad():
            times.append(fastest_ms(forward, budget))
        arrays = _for_the_loop(scene)
        pairs.append(int(scalar_loop(*arrays, size)[1]))
    scalar = fastest_ms(lambda: scalar_loop(*arrays, size), budget)
    return Guards(
        vectorised=scalar / times[-1],
        exponent=math.log(times[-1] / times[0]) / math.log(pairs[-1] / pairs[0]),
        million_pairs_per_second=pairs[-1] / times[-1] / 1e3,
    )


@torch.no_grad()
def _for_the_loop(scene: GaussianScene) -> list[np.ndarray]:
    means, quats, scales, opacities, colors = scene.inputs
    axes = rotation_matrices(quats) * scales[:, None, :]
    view, K = scene.cameras.viewmats[0], scene.intrinsics[0]
    centres, covariances, depths = tile_loop.project(means, axes, view, K)
    tiles = scene.size // tile_loop.TILE
    entries, counts = tile_loop.tile_entries(centres, covariances, depths, opacities, tiles)
    tensors = (centres, tile_loop.conics(covariances), opacities, colors, entries)
    starts = np.concatenate([[0], np.cumsum(counts)])
    return [*(t.detach().contiguous().numpy() for t in tensors), starts]
