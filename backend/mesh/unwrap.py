"""A clean surface -> the same one with an atlas, by xatlas.

In: a TriMesh (smoothed: on a raw iso-surface xatlas makes ten times the charts, most of them
slivers). Out: a UVMesh whose vertices are split where charts meet. The smooth normals are taken
before the splitting, so that no seam shows in the shading. Same input, same atlas.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
import xatlas

from backend.errors import GenerationError
from backend.mesh.geometry import vertex_normals
from backend.mesh.types import TriMesh, UVMesh

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Config:
    resolution: int = 1024  # texels a side that the charts are packed for
    padding: int = 4  # texels between charts
    max_cost: float = 4.0  # higher: fewer, more stretched charts
    normal_deviation: float = 2.0  # weight that keeps charts flat
    brute_force: bool = False  # a tighter, slower packing


def unwrap(mesh: TriMesh, config: Config | None = None) -> UVMesh:
    """The mesh with UVs in [0, 1], v = 0 at the top row; `charts` says how many there are.

    Faces keep their order, so that a raster of one mesh names the faces of the other.
    """
    config = config or Config()
    if len(mesh.faces) == 0:
        raise GenerationError("There is no surface to unwrap.")
    source, faces, uvs, charts = _atlas(mesh, config)
    log.info("atlas: %d charts, %d vertices from %d", charts, len(uvs), len(mesh.vertices))
    device = mesh.vertices.device
    origin = torch.from_numpy(source.astype(np.int64)).to(device)
    return UVMesh(
        vertices=mesh.vertices[origin],
        faces=torch.from_numpy(faces.astype(np.int64)).to(device),
        normals=vertex_normals(mesh)[origin],
        uvs=torch.from_numpy(np.clip(uvs, 0, 1).astype(np.float32)).to(device),
        charts=charts,
    )


def _atlas(mesh: TriMesh, config: Config) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """(vertex of the input for each new vertex, faces, uvs, number of charts)."""
    charting, packing = xatlas.ChartOptions(), xatlas.PackOptions()
    charting.max_cost = config.max_cost
    charting.normal_deviation_weight = config.normal_deviation
    packing.resolution = config.resolution
    packing.padding = config.padding
    packing.bruteForce = config.brute_force
    packing.bilinear = True
    atlas = xatlas.Atlas()
    atlas.add_mesh(
        mesh.vertices.detach().cpu().numpy().astype(np.float32),
        mesh.faces.cpu().numpy().astype(np.uint32),
    )
    atlas.generate(charting, packing)
    if atlas.atlas_count != 1:  # the estimate of the texels' size was too large: let it choose
        packing.resolution = 0
        atlas.generate(charting, packing)
    source, faces, uvs = atlas.get_mesh(0)
    return source, faces, uvs, atlas.chart_count
