"""A stage's snapshot -> messages for the stream. Runs in the worker, between two steps.

Gaussians become a mesh the cheap way: density on a coarse grid, cut by marching tetrahedra at the
threshold that the solid will use, coloured by the nearest Gaussians. A solid that is being closed
is cut on the same grid. The other stages have a mesh; baking has textures too, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from backend.gaussians.field import FEW, colors_at, density_grid
from backend.gaussians.model import GaussianCloud
from backend.materials.bake import Baked
from backend.mesh.dmtet import marching_tetrahedra
from backend.mesh.from_field import automatic_threshold, sample_grid
from backend.mesh.tet_grid import TetGrid
from backend.mesh.types import PaintedLevel, PaintedMesh, TriMesh
from backend.service.store import wall_clock
from shared.messages import MOST_PIXELS, Mesh, Texture
from shared.preview import OFFSET, SCALE, narrow, quantise, topology_of

Picture = Mesh | Texture
ColorAt = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Config:
    resolution: int = 40  # cells an axis of the grid that Gaussians are cut on
    texture_size: int = 2048  # pixels a side at most on the stream


class Painter:
    """`paint` turns snapshots into messages; the grid is made once."""

    def __init__(self, config: Config | None = None):
        self.config = config or Config()
        self._grid: TetGrid | None = None

    def paint(self, job: str, stage: str, step: int, snapshot: object) -> list[Picture]:
        """Serials are left 0, for the server to number. Raises GenerationError for emptiness."""
        if snapshot is None:  # of a stage that makes no shape
            return []
        if isinstance(snapshot, GaussianCloud):
            snapshot = self.mesh_of(snapshot)
        if isinstance(snapshot, PaintedLevel):
            snapshot = self.cut(torch.from_numpy(snapshot.level).float(), snapshot.color_at)
        if isinstance(snapshot, PaintedMesh):
            return [_painted(job, stage, step, snapshot)]
        assert isinstance(snapshot, Baked), type(snapshot)
        finished = _finished(job, stage, step, snapshot)
        return [finished, *self._textures(job, snapshot.images)]

    def mesh_of(self, cloud: GaussianCloud) -> PaintedMesh:
        density = density_grid(cloud, self.config.resolution + 1)
        level = np.log(automatic_threshold(density.numpy().astype(np.float64)))
        return self.cut(
            density.clamp(min=1e-6).log() - level, partial(colors_at, cloud, neighbours=FEW)
        )

    @torch.no_grad()
    def cut(self, level: Float[Tensor, "R R R"], color_at: ColorAt) -> PaintedMesh:
        """The surface of a grid over [-1, 1]^3 that is positive inside."""
        grid = self._grid = self._grid or TetGrid(self.config.resolution)
        sdf = -sample_grid(level, grid.points)
        sdf = torch.where(grid.outer, sdf.clamp(min=1e-3), sdf)
        mesh = marching_tetrahedra(grid.points, sdf, grid.crossing_tets(sdf)).mesh
        return PaintedMesh(mesh, color_at(mesh.vertices).to(mesh.vertices))

    def _textures(self, job: str, images: Mapping[str, np.ndarray]) -> list[Picture]:
        most = min(self.config.texture_size, MOST_PIXELS)
        return [Texture(0, job, name, _shrunk(image, most)) for name, image in images.items()]


def _painted(job: str, stage: str, step: int, painted: PaintedMesh) -> Mesh:
    colors = _array(painted.colors.clamp(0, 1) * 255 + 0.5).astype("u1")
    return _mesh(job, stage, step, painted.mesh, colors=colors)


def _finished(job: str, stage: str, step: int, baked: Baked) -> Mesh:
    """Its vertices are as its texture is there."""
    uvs, albedo = _array(baked.mesh.uvs).astype("<f4"), baked.images["albedo"]
    column, row = np.minimum((uvs * len(albedo)).astype(np.int64), len(albedo) - 1).T
    return _mesh(job, stage, step, baked.mesh.surface, albedo[row, column], uvs)


def _mesh(
    job: str,
    stage: str,
    step: int,
    mesh: TriMesh,
    colors: np.ndarray | None = None,
    uvs: np.ndarray | None = None,
) -> Mesh:
    positions = quantise(_array(mesh.vertices))
    faces = narrow(_array(mesh.faces), len(positions))
    return Mesh(
        *(0, job, stage, step, topology_of(faces, uvs), len(positions), OFFSET, SCALE),
        *(wall_clock(), positions, colors, faces, uvs),
    )


def _shrunk(image: np.ndarray, most: int) -> np.ndarray:
    """Halved until it fits, by means of four."""
    while image.shape[0] > most:
        quarters = image[0::2, 0::2].astype(np.uint16) + image[1::2, 0::2]
        image = ((quarters + image[0::2, 1::2] + image[1::2, 1::2] + 2) // 4).astype(np.uint8)
    return image


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()
