"""Seconds to compile every kernel that a job on the CPU runs, and to load them in a later process.

In: nothing; the compiled code goes to an empty folder of its own. Out: seconds of the first
process, and in it until the first picture of Gaussians with its gradient, and of a second process.
A job's later kernels are compiled when their stages begin. What is timed is the first call of each
kernel, on inputs so small that nothing else counts; loading Python, torch and numba themselves is
not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from backend.cameras import turntable
from backend.evaluate.bench.scenes import GaussianScene, TriangleScene, globe
from backend.gaussians.field import density_grid
from backend.gaussians.model import GaussianCloud
from backend.materials.closest import closest_points
from backend.materials.field import FieldConfig, MaterialField
from backend.materials.occlusion import ambient_occlusion
from backend.mesh import pictures
from backend.mesh.dmtet import marching_tetrahedra
from backend.mesh.geometry import vertex_normals
from backend.mesh.moved_band import MovedBand
from backend.mesh.regularise import eikonal, laplacian_loss, normal_consistency
from backend.mesh.tet_band import TetBand
from backend.mesh.tet_grid import TetGrid
from backend.mesh.types import TriMesh


@dataclass(frozen=True)
class Startup:
    compile_seconds: float
    first_picture_seconds: float  # of these
    load_seconds: float


def first_picture() -> GaussianScene:
    """Gaussians, forward and backward: what a job waits for first."""
    scene = GaussianScene.make(8, 16, 1, torch.device("cpu"))
    scene.ours()().backward()
    return scene


def call_every_kernel(scene: GaussianScene) -> None:
    """The other rasteriser, forward and backward, and the stages' own kernels."""
    TriangleScene.make(32, 16, torch.device("cpu")).ours()().backward()
    cloud = GaussianCloud(*(t.detach() for t in scene.inputs))
    density_grid(cloud, 8)
    grid = TetGrid(3)
    inside = grid.points.norm(dim=-1) < 0.6
    band = TetBand(grid, ~grid.outer, inside)
    base = torch.where(inside[band.members], -1.0, 1.0)
    free = torch.nonzero(~grid.outer[band.members])[:, 0]
    moved = MovedBand(band.points, base, free, free < 0, grid.cell, 0.1, 0.1)
    count = len(free)
    learnt = [torch.zeros(s, requires_grad=True) for s in ((2, 2, 2), (count,), (count, 3))]
    points, sdf = moved(*learnt)
    tets = band.crossing_tets(sdf)
    cut = marching_tetrahedra(points, sdf, tets).mesh
    terms = normal_consistency(cut) + laplacian_loss(cut) + _paintings(cut).sum()
    (terms + eikonal(points, sdf, tets)).backward()
    vertices, faces = globe(32)
    mesh = TriMesh(vertices, faces.long())
    config = FieldConfig(resolutions=(4,), samples=32)
    material = MaterialField(mesh, lambda points: points * 0 + 0.5, config)
    material(vertices).albedo.sum().backward()
    normals = vertex_normals(mesh)
    closest_points(mesh, vertices, normals)
    ambient_occlusion(mesh, vertices, normals, directions=2, resolution=8)


def _paintings(mesh: TriMesh) -> Tensor:
    """A mesh's normals, and in some light."""
    cameras, behind = turntable(1), torch.zeros(1, 3)
    raster = pictures.rasterize(mesh, cameras, 8)
    light = pictures.Light.sample(cameras, torch.Generator())
    lit = pictures.shaded_images(mesh, mesh.vertices, raster, light, behind)
    return pictures.normal_images(mesh, raster, cameras, behind) + lit


def measure() -> Startup:
    """Two processes, one after the other, with one empty cache between them."""
    with tempfile.TemporaryDirectory(prefix="propsmith-bench-") as folder:
        first, compiled = _process(folder)
        return Startup(compiled, first, _process(folder)[1])


def _process(cache: str) -> tuple[float, float]:
    """Seconds until the first picture, and until the last kernel's call."""
    finished = subprocess.run(
        [sys.executable, "-m", "backend.evaluate.bench.startup"],
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    first, last = finished.stdout.split()[-2:]
    return float(first), float(last)


if __name__ == "__main__":
    begun = time.perf_counter()
    drawn = first_picture()
    first_done = time.perf_counter() - begun
    call_every_kernel(drawn)
    print(first_done, time.perf_counter() - begun)
