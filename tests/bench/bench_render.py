"""Milliseconds of both rasterisers, forward and backward: `python -m tests.bench.bench_render`.

Synthetic scenes; the least of some repeats after a warm-up that also compiles, as other load on
the machine only ever adds. Compare ratios within one run rather than milliseconds of two machines.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch

from backend.cameras import turntable
from backend.render import triangles

REPEATS = 15
GAUSSIANS, GAUSSIAN_SIZES = (1_000, 5_000, 20_000), (64, 128, 256)
TRIANGLES, TRIANGLE_SIZE = (10_000, 50_000), 256


def measure(forward, inputs, repeats: int = REPEATS) -> tuple[float, float]:
    """Least milliseconds of forward() -> scalar, and of its backward pass."""
    forwards, backwards = [], []
    for _ in range(repeats + 1):
        for tensor in inputs:
            tensor.grad = None
        start = time.perf_counter()
        loss = forward()
        middle = time.perf_counter()
        loss.backward()
        forwards.append((middle - start) * 1e3)
        backwards.append((time.perf_counter() - middle) * 1e3)
    return min(forwards[1:]), min(backwards[1:])


def bench_gaussians(count: int, size: int, views: int) -> tuple[float, float]:
    from backend.render.gaussians import render_gaussians

    generator = torch.Generator().manual_seed(0)
    means = torch.randn(count, 3, generator=generator) * 0.3
    quats = torch.randn(count, 4, generator=generator)
    scales = torch.full((count, 3), 0.5 / count ** (1 / 3)) * torch.rand(3, generator=generator)
    opacities = torch.rand(count, generator=generator)
    inputs = [means, quats, scales, opacities, torch.rand(count, 3, generator=generator)]
    for tensor in inputs:
        tensor.requires_grad_()
    cameras = turntable(views)
    viewmats, Ks = cameras.viewmats, cameras.intrinsics(size, size)
    return measure(
        lambda: (render_gaussians(*inputs, viewmats, Ks, size, size).colors ** 2).sum(), inputs
    )


def globe(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A sphere of about `count` triangles: a grid of latitudes and longitudes."""
    rows = round((count / 4) ** 0.5)
    columns = 2 * rows
    theta = np.linspace(1e-3, np.pi - 1e-3, rows + 1)[:, None]
    phi = np.arange(columns) * (2 * np.pi / columns)
    points = [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta) + 0 * phi]
    i, j = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    a, b = i * columns + j, i * columns + (j + 1) % columns
    c, d = a + columns, b + columns
    faces = np.concatenate([np.stack([a, c, d], -1), np.stack([a, d, b], -1)]).reshape(-1, 3)
    vertices = 0.8 * np.stack(points, -1).reshape(-1, 3)
    return torch.tensor(vertices, dtype=torch.float32), torch.tensor(faces, dtype=torch.int32)


def bench_triangles(count: int, size: int, views: int) -> tuple[float, float]:
    vertices, faces = globe(count)
    matrices = turntable(views).clip_matrices()
    vertices.requires_grad_()

    def forward() -> torch.Tensor:
        points = torch.cat([vertices, torch.ones_like(vertices[:, :1])], -1)
        pos = points @ matrices.transpose(1, 2)
        rast = triangles.rasterize(pos, faces, size, size)
        image = triangles.interpolate(vertices, rast, faces)
        return (triangles.antialias(image, rast, pos, faces) ** 2).sum()

    return measure(forward, [vertices])


def run(views: int) -> list[dict]:
    scenes = [("gaussians", n, s, bench_gaussians) for n in GAUSSIANS for s in GAUSSIAN_SIZES]
    scenes += [("triangles", n, TRIANGLE_SIZE, bench_triangles) for n in TRIANGLES]
    rows = []
    for kind, count, size, bench in scenes:
        forward, backward = bench(count, size, views)
        row = {"kind": kind, "count": count, "size": size, "views": views}
        rows.append(row | {"forward_ms": round(forward, 2), "backward_ms": round(backward, 2)})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = run(arguments.views)
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'':10} {'count':>7} {'size':>5} {'views':>5} {'forward':>9} {'backward':>9}   ms")
    for r in rows:
        print(
            f"{r['kind']:10} {r['count']:7} {r['size']:5} {r['views']:5} "
            f"{r['forward_ms']:9.2f} {r['backward_ms']:9.2f}"
        )


if __name__ == "__main__":
    main()
