"""Seconds to compile the kernels that a job on the CPU runs, and to load them in a later process.

In: nothing; the compiled code goes to an empty folder of its own. Out: seconds in the first process
and in a second one, each in three parts that a job waits for one after the other, when their stages
begin: Gaussians with their gradient, triangles with theirs, the stages' own kernels. What is timed
is the first call of each kernel, on inputs so small that nothing else counts; loading Python, torch
and numba themselves is not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise

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
class Waits:
    """Seconds of one process."""

    gaussians: float  # until the first picture's gradient
    triangles: float
    stages: float  # what geometry, materials and baking call beside these

    @property
    def all(self) -> float:
        return self.gaussians + self.triangles + self.stages


@dataclass(frozen=True)
class Startup:
    compiling: Waits
    loading: Waits


def first_gaussians() -> GaussianScene:
    """Forward and backward: what a job waits for first."""
    scene = GaussianScene.make(8, 16, 1, torch.device("cpu"))
    scene.ours()().backward()
    return scene


def first_triangles() -> None:
    TriangleScene.make(32, 16, torch.device("cpu")).ours()().backward()


def call_the_stages(scene: GaussianScene) -> None:
    """What the stages call beside the rasterisers."""
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
        compiling = _process(folder)
        return Startup(compiling, _process(folder))


def _process(cache: str) -> Waits:
    finished = subprocess.run(
        [sys.executable, "-m", "backend.evaluate.bench.startup"],
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    return Waits(*map(float, finished.stdout.split()[-3:]))


def _main() -> None:
    times = [time.perf_counter()]
    scene = first_gaussians()
    times.append(time.perf_counter())
    first_triangles()
    times.append(time.perf_counter())
    call_the_stages(scene)
    times.append(time.perf_counter())
    print(*(after - before for before, after in pairwise(times)))


if __name__ == "__main__":
    _main()
