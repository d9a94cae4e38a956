"""A finished prop from its GLB file: one mesh, one material, in the canonical frame.

In: a path. Out: a `Surface` that pictures.py renders, and what its textures say on the surface.
Normal maps are left out: what is judged here are shapes, colours and materials.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh
from PIL import Image
from torch import Tensor

from backend.errors import InputError
from backend.evaluate.pictures import Surface
from shared.conventions import CANONICAL_RADIUS, from_gltf

METAL = 0.7  # from where on a texel counts as metal


@dataclass(frozen=True)
class Terms:
    """Metallic and roughness over the surface, each part weighted by its area."""

    metallic: float  # mean
    metal_share: float  # of the surface is above METAL
    roughness: float  # mean
    roughness_spread: float  # standard deviation


def load_surface(path: Path, texture_size: int | None = None) -> Surface:
    """texture_size: pixels a side at most; larger textures are made smaller as they are read.
    Raises InputError for a file that holds no mesh."""
    mesh: Any = trimesh.load_scene(path).to_geometry()
    if not isinstance(mesh, trimesh.Trimesh) or len(mesh.faces) == 0:
        raise InputError(f"There is no mesh in '{path}'.")
    vertices = from_gltf(np.asarray(mesh.vertices, np.float64))
    vertices = vertices - (vertices.min(0) + vertices.max(0)) / 2
    vertices = vertices * (CANONICAL_RADIUS / np.linalg.norm(vertices, axis=1).max())
    normals = from_gltf(np.asarray(mesh.vertex_normals, np.float64))
    uvs = _uvs(mesh)
    albedo, orm = _textures(getattr(mesh.visual, "material", None), texture_size)
    if uvs is None:  # nothing to look textures up with: their mean
        albedo, orm = (t.mean((0, 1)).expand(len(vertices), 3) for t in (albedo, orm))
    return Surface(
        _floats(vertices), torch.as_tensor(np.asarray(mesh.faces, np.int32)), albedo, orm, uvs,
        _floats(normals),
    )  # fmt: skip


def _floats(values: np.ndarray) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(values, np.float32))


def _uvs(mesh: Any) -> Tensor | None:
    """v = 0 at the top row, as in the file; trimesh turns it around."""
    uvs = getattr(mesh.visual, "uv", None)
    if uvs is None:
        return None
    return _floats(np.stack([uvs[:, 0], 1 - uvs[:, 1]], 1))


def _textures(material: Any, size: int | None) -> tuple[Tensor, Tensor]:
    """Albedo (H, W, 3), sRGB, and ORM (H, W, 3); a factor without a texture is one texel."""
    colour = getattr(material, "baseColorFactor", None)
    base = np.ones(3) if colour is None else np.asarray(colour, np.float64)[:3]
    base = base / 255 if base.max() > 1 else base
    albedo = _texture(getattr(material, "baseColorTexture", None), base, size)
    factors = [getattr(material, f"{name}Factor", None) for name in ("roughness", "metallic")]
    terms = np.array([1.0, *(1.0 if factor is None else float(factor) for factor in factors)])
    return albedo, _texture(getattr(material, "metallicRoughnessTexture", None), terms, size)


def _texture(image: Image.Image | None, factor: np.ndarray, size: int | None) -> Tensor:
    if image is None:
        return _floats(np.ones((1, 1, 3)) * factor)
    if size is not None and max(image.size) > size:
        image = image.resize([max(1, side * size // max(image.size)) for side in image.size])
    return _floats(np.asarray(image.convert("RGB")) / 255.0 * factor)


def surface_terms(surface: Surface) -> Terms:
    """The ORM texture at the middle of every face, the large ones counting more."""
    corners = surface.vertices[surface.faces.long()]
    areas = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    weights = areas.norm(dim=-1).double()
    weights = weights / weights.sum()
    terms = _at_faces(surface).double()
    roughness, metallic = terms[:, 1], terms[:, 2]
    mean = (weights * roughness).sum()
    spread = (weights * (roughness - mean).square()).sum().sqrt()
    metal = (weights * (metallic > METAL)).sum()
    return Terms(
        float((weights * metallic).sum()), float(metal), float(mean), float(spread)
    )  # fmt: skip


def _at_faces(surface: Surface) -> Tensor:
    """(F, 3): occlusion, roughness, metallic at the faces' middles."""
    assert surface.orm is not None
    faces = surface.faces.long()
    if surface.uvs is None:
        return surface.orm[faces].mean(1)
    height, width = surface.orm.shape[:2]
    uv = surface.uvs[faces].mean(1)
    x = (uv[:, 0] * width).long().clamp(0, width - 1)
    y = (uv[:, 1] * height).long().clamp(0, height - 1)
    return surface.orm[y, x]
