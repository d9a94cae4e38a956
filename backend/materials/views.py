"""Pictures of a fixed mesh for the material stage: what is seen, lit how, painted in which domain.

In: a mesh, cameras, a `Material` per visible point. Out: images (B, H, W, 3) in sRGB (ORM linear).
Only covered pixels are shaded; nothing here is differentiable with respect to the mesh.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from backend.cameras import Cameras
from backend.color import from_srgb, to_srgb
from backend.materials.brdf import shade
from backend.materials.field import Material
from backend.materials.light import EnvironmentLight
from backend.mesh.types import TriMesh
from backend.render import triangles


@dataclass(frozen=True)
class Visible:
    """The surface behind the P covered pixels of B views."""

    pixels: Int64[Tensor, "P"]  # into the flattened (B, H, W)
    view: Int64[Tensor, "P"]  # which of the B views
    points: Float[Tensor, "P 3"]
    normals: Float[Tensor, "P 3"]  # unit, smooth
    towards: Float[Tensor, "P 3"]  # unit, to the camera
    raster: Float[Tensor, "B H W 4"]
    positions_clip: Float[Tensor, "B V 4"]


@torch.no_grad()
def look_at_surface(mesh: TriMesh, normals: Tensor, cameras: Cameras, size: int) -> Visible:
    """Rasterises the mesh in square views and gathers what the covered pixels show."""
    ones = torch.ones_like(mesh.vertices[:, :1])
    clip = torch.cat([mesh.vertices, ones], dim=-1) @ cameras.clip_matrices().transpose(1, 2)
    tris = mesh.faces.int()
    raster = triangles.rasterize(clip, tris, size, size)
    seen = triangles.interpolate(torch.cat([mesh.vertices, normals], dim=-1), raster, tris)
    pixels = torch.nonzero(raster[..., 3].reshape(-1) > 0)[:, 0]
    points, smooth = seen.reshape(-1, 6)[pixels].split(3, dim=-1)
    view = pixels // (size * size)
    towards = F.normalize(cameras.positions[view] - points, dim=-1)
    return Visible(pixels, view, points, F.normalize(smooth, dim=-1), towards, raster, clip)


def nearness(seen: Visible, cameras: Cameras) -> Float[Tensor, "P 1"]:
    """Of the covered pixels; see Cameras.nearness."""
    return cameras[seen.view].nearness(seen.points[:, None])


def composite(
    colors: Float[Tensor, "P C"], seen: Visible, backgrounds: Float[Tensor, "B C"], faces: Tensor
) -> Float[Tensor, "B H W C"]:
    """Pixels onto plain backgrounds, silhouettes smoothed."""
    batch, height, width, _ = seen.raster.shape
    flat = backgrounds[:, None].expand(-1, height * width, -1).flatten(0, 1)
    images = flat.index_put((seen.pixels,), colors).reshape(batch, height, width, -1)
    return triangles.antialias(images, seen.raster, seen.positions_clip, faces.int())


@dataclass(frozen=True)
class Lighting:
    """One environment for a batch of views, turned and exposed for each."""

    light: EnvironmentLight
    turns: Float[Tensor, "B"]  # radians about +Z
    exposure: Float[Tensor, "B"]


def draw_lighting(
    lights: list[EnvironmentLight],
    exposure: tuple[float, float],
    count: int,
    generator: torch.Generator,
) -> Lighting:
    """A light at random, `count` turns and exposures at random."""
    which = int(torch.randint(len(lights), (1,), generator=generator))
    turns = torch.rand(count, generator=generator) * 2 * math.pi
    exposures = exposure[0] + (exposure[1] - exposure[0]) * torch.rand(count, generator=generator)
    return Lighting(lights[which], turns, exposures)


def paint(
    material: Material, seen: Visible, domain: str, lighting: Lighting
) -> Float[Tensor, "P 3"]:
    """What the covered pixels look like in a domain; only "shaded" sees the light."""
    if domain == "albedo":
        return material.albedo
    if domain == "orm":
        unoccluded = torch.ones_like(material.roughness)
        return torch.stack([unoccluded, material.roughness, material.metallic], dim=-1)
    radiance = shade(
        from_srgb(material.albedo),
        material.roughness,
        material.metallic,
        seen.normals,
        seen.towards,
        lighting.light,
        lighting.turns.to(seen.points.device)[seen.view],
    )
    return to_srgb(radiance * lighting.exposure.to(radiance.device)[seen.view, None])
