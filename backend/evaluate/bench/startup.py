"""Seconds to compile every kernel that a job on the CPU runs, and to load them in a later process.

In: nothing; the compiled code goes to an empty folder of its own. Out: seconds of the first
process and of a second one. What is timed is the first call of each kernel, on inputs so small
that nothing else counts; loading Python, torch and numba themselves is not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import torch

from backend.evaluate.bench.scenes import GaussianScene, TriangleScene, globe
from backend.gaussians.field import density_grid
from backend.gaussians.model import GaussianCloud
from backend.materials.closest import closest_points
from backend.materials.field import FieldConfig, MaterialField
from backend.materials.occlusion import ambient_occlusion
from backend.mesh.dmtet import marching_tetrahedra
from backend.mesh.geometry import vertex_normals
from backend.mesh.regularise import eikonal, laplacian_loss, normal_consistency
from backend.mesh.tet_grid import TetGrid
from backend.mesh.types import TriMesh


@dataclass(frozen=True)
class Startup:
    compile_seconds: float
    load_seconds: float


def call_every_kernel() -> None:
    """Both rasterisers, forward and backward, and the stages' own kernels."""
    cpu = torch.device("cpu")
    scene = GaussianScene.make(8, 16, 1, cpu)
    scene.ours()().backward()
    TriangleScene.make(32, 16, cpu).ours()().backward()
    cloud = GaussianCloud(*(t.detach() for t in scene.inputs))
    density_grid(cloud, 8)
    grid = TetGrid(3)
    sdf = (grid.points.norm(dim=-1) - 0.6).requires_grad_()
    tets = grid.crossing_tets(sdf)
    cut = marching_tetrahedra(grid.points, sdf, tets).mesh
    terms = normal_consistency(cut) + laplacian_loss(cut) + vertex_normals(cut)[0, 0]
    (terms + eikonal(grid.points, sdf, tets)).backward()
    vertices, faces = globe(32)
    mesh = TriMesh(vertices, faces.long())
    config = FieldConfig(resolutions=(4,), samples=32)
    material = MaterialField(mesh, lambda points: points * 0 + 0.5, config)
    material(vertices).albedo.sum().backward()
    normals = vertex_normals(mesh)
    closest_points(mesh, vertices, normals)
    ambient_occlusion(mesh, vertices, normals, directions=2, resolution=8)


def measure() -> Startup:
    """Two processes, one after the other, with one empty cache between them."""
    with tempfile.TemporaryDirectory(prefix="propsmith-bench-") as folder:
        return Startup(_process(folder), _process(folder))


def _process(cache: str) -> float:
    finished = subprocess.run(
        [sys.executable, "-m", "backend.evaluate.bench.startup"],
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(finished.stdout.split()[-1])


if __name__ == "__main__":
    begun = time.perf_counter()
    call_every_kernel()
    print(time.perf_counter() - begun)
