"""From a material field to glTF's three textures.

In: a `UVMesh`, a `MaterialField`, and where there is one the fine mesh that the UV mesh was
simplified from. Out: the mesh with tangents, and albedo (sRGB), occlusion-roughness-metallic
(linear) and tangent-space normals (OpenGL style: green up), as 8-bit images.

Texels are surface points: the atlas is rasterised in UV space, each covered texel finds its point
on the fine mesh, and the field, the occlusion and the normal are taken there. Texels outside the
charts repeat the nearest covered one, so that neither filtering nor mip maps show seams. Where no
camera of the distillation looked, what is around is continued (unseen.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional as F

from backend.cameras import CameraRange, Cameras
from backend.errors import GenerationError
from backend.loop import Watch, nobody
from backend.materials.closest import closest_points
from backend.materials.field import MaterialField
from backend.materials.occlusion import ambient_occlusion
from backend.materials.tangents import vertex_tangents
from backend.materials.unseen import continued, well_seen
from backend.mesh.geometry import take, vertex_normals
from backend.mesh.types import PaintedMesh, TriMesh, UVMesh
from backend.render import triangles


@dataclass(frozen=True)
class Config:
    texture_size: int = 1024  # pixels, square
    occlusion_directions: int = 128
    occlusion_resolution: int = 256  # of each direction's depth map
    chunk: int = 200_000  # texels evaluated at a time
    views: int = 48  # drawn from the cameras, to find what none of them sees


@dataclass(frozen=True)
class Textures:
    """Row 0 at the top, as glTF's v = 0."""

    albedo: UInt8[np.ndarray, "S S 3"]  # sRGB
    orm: UInt8[np.ndarray, "S S 3"]  # occlusion, roughness, metallic; linear
    normal: UInt8[np.ndarray, "S S 3"]  # tangent space, +Y up; (128, 128, 255) is flat


@dataclass(frozen=True)
class Baked:
    """What is finished so far, for looking at: the albedo at least. Names are those of Textures."""

    mesh: UVMesh
    images: Mapping[str, UInt8[np.ndarray, "S S 3"]]


@dataclass(frozen=True)
class Texels:
    """The covered texels of an atlas, P of S x S."""

    index: Tensor  # (P,) into the flattened image
    points: Float[Tensor, "P 3"]
    normals: Float[Tensor, "P 3"]  # interpolated, as a renderer will see them: not unit
    tangents: Float[Tensor, "P 4"]  # the same

    @property
    def facing(self) -> Float[Tensor, "P 3"]:
        return F.normalize(self.normals, dim=-1)


def bake(
    mesh: UVMesh,
    field: MaterialField,
    config: Config,
    detail: TriMesh | None = None,
    cameras: CameraRange | None = None,
    watch: Watch = nobody,
) -> tuple[UVMesh, Textures]:
    """cameras: those of the distillation; without them all of the surface counts as seen.
    watch: offered the mesh in its new colours, then a `Baked` with each texture that is done.

    Raises GenerationError where the atlas covers no texel.
    """
    watch(partial(_colored, mesh, field))
    mesh = replace(mesh, tangents=vertex_tangents(mesh))
    texels = atlas_texels(mesh, config.texture_size)
    found = None if detail is None else closest_points(detail, texels.points, texels.facing)
    points, normals = _on_surface(texels, detail, found)
    terms = _evaluate(field, points, config.chunk)
    if cameras is not None and detail is not None and found is not None:
        terms = _continued(terms, field, detail, found, _looks(cameras, config.views), config.chunk)
    image = _Sheet(texels.index, config.texture_size)
    done = {"albedo": image(terms[:, :3])}
    watch(lambda: Baked(mesh, dict(done)))
    tangent_space = to_tangent_space(normals, texels.normals, texels.tangents)
    done["normal"] = image(tangent_space * 0.5 + 0.5)
    watch(lambda: Baked(mesh, dict(done)))
    occluder = mesh.surface if detail is None else detail
    occlusion = ambient_occlusion(
        occluder, points, normals, config.occlusion_directions, config.occlusion_resolution
    )
    done["orm"] = image(torch.cat([occlusion[:, None], terms[:, 3:]], dim=-1))
    watch(lambda: Baked(mesh, done))
    return mesh, Textures(**done)


@torch.no_grad()
def _colored(mesh: UVMesh, field: MaterialField) -> PaintedMesh:
    return PaintedMesh(mesh.surface, field(mesh.vertices).albedo)


@torch.no_grad()
def atlas_texels(mesh: UVMesh, size: int) -> Texels:
    """Rasterises the atlas: texel centres and what lies under them."""
    assert mesh.tangents is not None
    flat = torch.zeros_like(mesh.uvs[:, :1])
    clip = torch.cat([mesh.uvs * 2 - 1, flat, flat + 1], dim=-1)[None]
    tris = mesh.faces.int()
    raster = triangles.rasterize(clip, tris, size, size)
    attributes = torch.cat([mesh.vertices, mesh.normals, mesh.tangents], dim=-1)
    values = triangles.interpolate(attributes, raster, tris).reshape(-1, 10)
    index = torch.nonzero(raster[..., 3].reshape(-1) > 0)[:, 0]
    if len(index) == 0:
        raise GenerationError("The UV atlas covers no texel: its charts have no area.")
    points, normals, tangents = values[index].split([3, 3, 4], dim=-1)
    return Texels(index, points, normals, tangents)


def _on_surface(
    texels: Texels, detail: TriMesh | None, found: tuple[Tensor, Tensor] | None
) -> tuple[Tensor, Tensor]:
    """Points and unit normals of the texels on the fine mesh, or on the mesh itself."""
    if detail is None or found is None:
        return texels.points, texels.facing
    fine = torch.cat([detail.vertices, vertex_normals(detail)], dim=-1).detach()
    points, normals = _at(fine, detail, found).split(3, dim=-1)
    return points, F.normalize(normals, dim=-1)


def _at(values: Float[Tensor, "V C"], mesh: TriMesh, found: tuple[Tensor, Tensor]) -> Tensor:
    """Vertices' values (P, C) at (faces, barycentric weights)."""
    faces, weights = found
    return (take(values, mesh.faces[faces]) * weights[..., None]).sum(1)


@torch.no_grad()
def _evaluate(field: MaterialField, points: Tensor, chunk: int) -> Float[Tensor, "P 5"]:
    """Albedo, roughness and metallic."""
    parts = [field(part) for part in points.split(chunk)]
    rows = [torch.cat([p.albedo, p.roughness[:, None], p.metallic[:, None]], 1) for p in parts]
    return torch.cat(rows)


def _looks(cameras: CameraRange, count: int) -> Cameras:
    return cameras.sample(count, torch.Generator().manual_seed(0))


def _continued(
    terms: Float[Tensor, "P 5"],
    field: MaterialField,
    mesh: TriMesh,
    found: tuple[Tensor, Tensor],
    cameras: Cameras,
    chunk: int,
) -> Float[Tensor, "P 5"]:
    """The terms, those of texels on faces with an unseen corner taken from the continuation."""
    known = well_seen(mesh, cameras.to(mesh.vertices.device))
    smooth = continued(_evaluate(field, mesh.vertices.detach(), chunk), mesh, known)
    unseen = ~known[mesh.faces[found[0]]].all(dim=-1, keepdim=True)
    return torch.where(unseen, _at(smooth, mesh, found), terms)


def to_tangent_space(
    wanted: Float[Tensor, "P 3"], normals: Float[Tensor, "P 3"], tangents: Float[Tensor, "P 4"]
) -> Float[Tensor, "P 3"]:
    """Unit coefficients of `wanted` in the frame that a MikkTSpace renderer makes of the
    interpolated, unnormalised vectors: x t + y b + z n with b = w cross(n, t)."""
    t, w = tangents[:, :3], torch.where(tangents[:, 3:] < 0, -1.0, 1.0)
    b = w * torch.linalg.cross(normals, t)
    # Cramer's rule; the determinant's size drops out in the normalisation, its sign is w's.
    x = (wanted * torch.linalg.cross(b, normals)).sum(-1) * w[:, 0]
    y = (wanted * torch.linalg.cross(normals, t)).sum(-1) * w[:, 0]
    z = (wanted * torch.linalg.cross(t, b)).sum(-1) * w[:, 0]
    # A fine normal that looks below the coarse surface can't be lit; keep it just above.
    local = F.normalize(torch.stack([x, y, z], dim=-1), dim=-1)
    return F.normalize(torch.cat([local[:, :2], local[:, 2:].clamp(min=0.05)], dim=-1), dim=-1)


class _Sheet:
    """Writes values of the covered texels into images; the others repeat the nearest of these."""

    def __init__(self, index: Tensor, size: int):
        self.size, self.index = size, index.cpu().numpy()
        covered = np.zeros(size * size, bool)
        covered[self.index] = True
        away = ~covered.reshape(size, size)
        rows, columns = distance_transform_edt(away, return_distances=False, return_indices=True)
        self.nearest = rows * size + columns

    def __call__(self, values: Float[Tensor, "P 3"]) -> UInt8[np.ndarray, "S S 3"]:
        pixels = np.zeros((self.nearest.size, 3), np.uint8)
        # Halves round up, float noise below them too: a flat normal is 127.5, by convention 128.
        rounded = np.floor(values.clamp(0, 1).cpu().numpy() * 255 + 0.501)
        pixels[self.index] = np.minimum(rounded, 255).astype(np.uint8)
        return pixels[self.nearest]
