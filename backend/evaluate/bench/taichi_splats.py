"""A peer: Taichi compositing Gaussians on the CPU; raster part only, which is in its favour.

In: the scene, projected and sorted into tiles, untimed. Out: milliseconds.
Taichi (Hu et al. 2019) compiles plain loops over pixels, as one writes them for a GPU; its backward
pass adds with atomics. Taichi is an optional extra: pip install 'propsmith[bench]'.
"""

# No `from __future__ import annotations`: Taichi reads its kernels' annotations as values.

import time
from typing import Any

import numpy as np
import torch

from backend.evaluate.bench import tile_loop
from backend.evaluate.bench.scenes import GaussianScene
from backend.evaluate.bench.timing import Budget, Timing
from backend.gaussians.rotations import rotation_matrices

TILE = tile_loop.TILE


def measure(scene: GaussianScene, budget: Budget) -> Timing:
    """Raises ImportError where Taichi is absent."""
    import taichi as ti

    threads = torch.get_num_threads()
    ti.init(arch=ti.cpu, cpu_max_num_threads=threads, log_level=ti.ERROR, offline_cache=False)
    try:
        forward, backward = _kernels(ti)
        arrays, state = _projected(scene)
        return _repeat(ti, forward, backward, arrays, state, budget)
    finally:
        ti.reset()


@torch.no_grad()
def _projected(scene: GaussianScene) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What the kernels read, and what forward leaves for backward."""
    means, quats, scales, opacities, colors = (t.detach() for t in scene.inputs)
    axes = rotation_matrices(quats) * scales[:, None, :]
    centres, inverses, entries, counts = [], [], [], []
    for view, K in zip(scene.cameras.viewmats, scene.intrinsics, strict=True):
        at, covariances, depths = tile_loop.project(means, axes, view, K)
        tiles = scene.size // tile_loop.TILE
        found, lengths = tile_loop.tile_entries(at, covariances, depths, opacities, tiles)
        centres.append(at)
        inverses.append(tile_loop.conics(covariances))
        entries.append(found.int())
        counts += lengths
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    tensors = (torch.stack(centres), torch.stack(inverses), opacities, colors, torch.cat(entries))
    image = np.zeros((len(centres), scene.size, scene.size, 3), np.float32)
    left, last = np.zeros(image.shape[:3], np.float32), np.zeros(image.shape[:3], np.int32)
    return [*(t.contiguous().numpy() for t in tensors), starts], [image, left, last]


def _repeat(
    ti: Any, forward: Any, backward: Any, arrays: list, state: list, budget: Budget
) -> Timing:
    means2d, conics, opacities, colors = arrays[:4]
    gradients = [np.zeros_like(a) for a in (means2d, conics, opacities, colors)]
    forwards: list[float] = []
    backwards: list[float] = []
    end = time.perf_counter() + budget.seconds
    while len(forwards) < 2 or (time.perf_counter() < end and len(forwards) <= budget.repeats):
        start = time.perf_counter()
        forward(*arrays, *state)
        ti.sync()
        middle = time.perf_counter()
        backward(*arrays, *state, 2 * state[0], *gradients)
        ti.sync()
        forwards.append((middle - start) * 1e3)
        backwards.append((time.perf_counter() - middle) * 1e3)
    # The first call compiles, however long it takes.
    return Timing(min(forwards[1:]), min(backwards[1:]), len(forwards) - 1)


def _kernels(ti: Any) -> tuple[Any, Any]:
    """The forward and the backward kernel, over all pixels of all views."""
    array = ti.types.ndarray

    @ti.func
    def alpha_of(
        b, n, x, y, means2d: ti.template(), conics: ti.template(), opacities: ti.template()
    ):  # fmt: skip
        dx, dy = x + 0.5 - means2d[b, n, 0], y + 0.5 - means2d[b, n, 1]
        power = 0.5 * (conics[b, n, 0] * dx * dx + conics[b, n, 2] * dy * dy)
        return ti.min(opacities[n] * ti.exp(-power - conics[b, n, 1] * dx * dy), 0.999)

    @ti.kernel
    def forward(
        means2d: array(ti.f32, 3), conics: array(ti.f32, 3), opacities: array(ti.f32, 1),
        colors: array(ti.f32, 2), entries: array(ti.i32, 1), starts: array(ti.i32, 1),
        image: array(ti.f32, 4), left: array(ti.f32, 3), last: array(ti.i32, 3),
    ):  # fmt: skip
        for b, y, x in ti.ndrange(left.shape[0], left.shape[1], left.shape[2]):
            tiles = left.shape[1] // TILE
            tile = (b * tiles + y // TILE) * tiles + x // TILE
            transmittance, color = 1.0, ti.Vector([0.0, 0.0, 0.0])
            e, end, seen = starts[tile], starts[tile + 1], starts[tile]
            while e < end:
                n = entries[e]
                alpha = alpha_of(b, n, x, y, means2d, conics, opacities)
                if alpha >= 1.0 / 255:
                    after = transmittance * (1 - alpha)
                    if after <= 1e-4:
                        break
                    for c in ti.static(range(3)):
                        color[c] += alpha * transmittance * colors[n, c]
                    transmittance = after
                    seen = e + 1
                e += 1
            for c in ti.static(range(3)):
                image[b, y, x, c] = color[c]
            left[b, y, x], last[b, y, x] = transmittance, seen

    @ti.kernel
    def backward(
        means2d: array(ti.f32, 3), conics: array(ti.f32, 3), opacities: array(ti.f32, 1),
        colors: array(ti.f32, 2), entries: array(ti.i32, 1), starts: array(ti.i32, 1),
        image: array(ti.f32, 4), left: array(ti.f32, 3), last: array(ti.i32, 3),
        v_image: array(ti.f32, 4), v_means2d: array(ti.f32, 3), v_conics: array(ti.f32, 3),
        v_opacities: array(ti.f32, 1), v_colors: array(ti.f32, 2),
    ):  # fmt: skip
        for b, y, x in ti.ndrange(left.shape[0], left.shape[1], left.shape[2]):
            tiles = left.shape[1] // TILE
            start = starts[(b * tiles + y // TILE) * tiles + x // TILE]
            transmittance, behind, e = left[b, y, x], 0.0, last[b, y, x] - 1
            while e >= start:
                n = entries[e]
                alpha = alpha_of(b, n, x, y, means2d, conics, opacities)
                if alpha >= 1.0 / 255:
                    transmittance /= 1 - alpha
                    along = 0.0
                    for c in ti.static(range(3)):
                        along += v_image[b, y, x, c] * colors[n, c]
                        v_colors[n, c] += alpha * transmittance * v_image[b, y, x, c]
                    v_alpha = transmittance * along - behind / (1 - alpha)
                    behind += alpha * transmittance * along
                    if alpha < 0.999:
                        q = alpha * v_alpha
                        dx, dy = x + 0.5 - means2d[b, n, 0], y + 0.5 - means2d[b, n, 1]
                        v_opacities[n] += q / opacities[n]
                        v_means2d[b, n, 0] += q * (conics[b, n, 0] * dx + conics[b, n, 1] * dy)
                        v_means2d[b, n, 1] += q * (conics[b, n, 1] * dx + conics[b, n, 2] * dy)
                        v_conics[b, n, 0] -= 0.5 * q * dx * dx
                        v_conics[b, n, 1] -= q * dx * dy
                        v_conics[b, n, 2] -= 0.5 * q * dy * dy
                e -= 1

    return forward, backward
