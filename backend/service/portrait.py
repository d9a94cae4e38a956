"""A small picture of a finished prop, for lists of jobs: `preview.png` among a job's files.

In: the files that a run wrote. Out: a PNG, the prop from the front and a little to the side, in
studio light, with nothing behind it. Drawn on the CPU, whatever device made the prop; the same
files give the same bytes. All is read back from the files, so it shows what was shipped.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from backend.cameras import Cameras, orbit
from backend.evaluate.glb import load_surface
from backend.evaluate.pictures import Surface, environment_light, render_mesh
from shared.conventions import CANONICAL_RADIUS
from shared.mesh_file import MeshFile, read_mesh

PREVIEW = "preview.png"


@dataclass(frozen=True)
class Config:
    size: int = 256  # pixels a side
    azimuth_deg: float = 30.0
    elevation_deg: float = 20.0
    light: str = "studio"
    texture_size: int = 1024  # pixels a side at most: more is not seen, and takes memory
    crease_deg: float = 40.0  # between a face and its vertex' normal, from where an edge is sharp


def portrait(files: Sequence[Path], config: Config | None = None) -> bytes:
    """files: a run's, the prop itself first. Raises InputError for a file without a mesh."""
    config = config or Config()
    images = render_mesh(
        _surface(files, config), _camera(config), config.size, environment_light(config.light), 0.0
    )
    mask = images["mask"][0, ..., :1]
    shaded = images["shaded"][0] / mask.clamp(min=1e-3)  # the background, black, has no share
    pixels = torch.cat([shaded, mask], dim=-1).clamp(0, 1) * 255 + 0.5
    file = io.BytesIO()
    Image.fromarray(pixels.numpy().astype(np.uint8), "RGBA").save(file, "PNG")
    return file.getvalue()


def _camera(config: Config) -> Cameras:
    values = (config.azimuth_deg, config.elevation_deg, 3.0, 36.0)
    return orbit(*(torch.tensor([value]) for value in values))


def _surface(files: Sequence[Path], config: Config) -> Surface:
    if files[0].suffix != ".npz":
        return load_surface(files[0], config.texture_size)
    with open(files[0], "rb") as file:
        mesh = read_mesh(file)
    surface = _of_corners(mesh, config)
    if surface.uvs is None:
        return surface
    images = {path.stem: path for path in files if path.suffix == ".png"}
    looks = {n: _texture(images[n], config) for n in ("albedo", "orm") if n in images}
    return replace(surface, **looks)


def _of_corners(mesh: MeshFile, config: Config) -> Surface:
    """Each corner a vertex of its own: with its UV, and smooth unless its edge is sharp."""
    points = mesh.vertices.astype(np.float64)
    points -= (points.min(0) + points.max(0)) / 2
    points *= CANONICAL_RADIUS / max(np.linalg.norm(points, axis=1).max(), 1e-12)
    corners = torch.from_numpy(points.astype(np.float32))[torch.from_numpy(mesh.faces.astype("i8"))]
    flat = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = _smooth(flat, mesh, np.cos(np.radians(config.crease_deg)))
    count = 3 * len(mesh.faces)
    faces = torch.arange(count, dtype=torch.int32).reshape(-1, 3)
    uvs = None
    if mesh.corner_uvs is not None:  # Blender's v = 0 is at the bottom of the image
        uvs = torch.from_numpy(mesh.corner_uvs.reshape(count, 2) * (1, -1) + (0, 1)).float()
    return Surface(corners.reshape(count, 3), faces, uvs=uvs, normals=normals)


def _smooth(flat: Tensor, mesh: MeshFile, least: float) -> Tensor:
    """(3 F, 3): the vertices' normals, areas as weights, or the face's where those lean too far."""
    index = torch.from_numpy(mesh.faces.astype(np.int64)).reshape(-1)
    each = flat.repeat_interleave(3, dim=0)
    total = torch.zeros(len(mesh.vertices), 3).index_add_(0, index, each)
    face, smooth = F.normalize(each, dim=-1), F.normalize(total, dim=-1)[index]
    sharp = (face * smooth).sum(-1, keepdim=True) < least
    return torch.where(sharp, face, smooth)


def _texture(path: Path, config: Config) -> Tensor:
    with Image.open(path) as image:
        image.thumbnail((config.texture_size, config.texture_size))
        return torch.from_numpy(np.asarray(image.convert("RGB"), np.float32) / 255)
