"""Differentiable pictures of a mesh for the 2D prior: view-space normals, or simply lit colour.

In: a mesh, cameras, plain backgrounds. Out: (B, 3, H, W) in [0, 1], silhouettes antialiased, so
that gradients reach the vertices both through shading and through the outline.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from backend.cameras import Cameras
from backend.color import from_srgb
from backend.mesh import pictures_cpu, surface_cpu
from backend.mesh.geometry import vertex_normals
from backend.mesh.types import TriMesh
from backend.render import triangles


@dataclass(frozen=True)
class Raster:
    """Which triangle every pixel of B square views shows, and where the vertices fall."""

    tris: Int[Tensor, "F 3"]
    pixels: Float[Tensor, "B H W 4"]
    pos_clip: Float[Tensor, "B V 4"]

    @property
    def covered(self) -> Float[Tensor, "B H W 1"]:
        return (self.pixels[..., 3:] > 0).to(self.pixels.dtype)


def rasterize(mesh: TriMesh, cameras: Cameras, size: int) -> Raster:
    ones = torch.ones_like(mesh.vertices[:, :1])
    matrices = cameras.clip_matrices().to(mesh.vertices)
    pos_clip = torch.cat([mesh.vertices, ones], dim=-1) @ matrices.transpose(1, 2)
    tris = mesh.faces.int()
    return Raster(tris, triangles.rasterize(pos_clip, tris, size, size), pos_clip)


def composite(
    colors: Float[Tensor, "B H W C"], raster: Raster, backgrounds: Float[Tensor, "B C"]
) -> Float[Tensor, "B C H W"]:
    """Over plain backgrounds, with smooth silhouettes."""
    return _smoothed(torch.lerp(backgrounds[:, None, None], colors, raster.covered), raster)


def _smoothed(images: Float[Tensor, "B H W C"], raster: Raster) -> Float[Tensor, "B C H W"]:
    """With smooth silhouettes."""
    images = triangles.antialias(images, raster.pixels, raster.pos_clip, raster.tris)
    return images.permute(0, 3, 1, 2)


def silhouettes(mesh: TriMesh, cameras: Cameras, size: int) -> Float[Tensor, "B 1 H W"]:
    """1 where the mesh is, smooth at its outline."""
    raster = rasterize(mesh, cameras, size)
    return triangles.antialias(raster.covered, raster.pixels, raster.pos_clip, raster.tris).permute(
        0, 3, 1, 2
    )


def _unit_normals(seen: Float[Tensor, "B H W 3"]) -> Float[Tensor, "B H W 3"]:
    """Of what is interpolated to the pixels; zero where there is nothing."""
    return F.normalize(seen, dim=-1, eps=1e-6)


def normal_images(
    mesh: TriMesh,
    raster: Raster,
    cameras: Cameras,
    backgrounds: Float[Tensor, "B 3"],
    nearness: bool = False,
) -> Float[Tensor, "B C H W"]:
    """n * 0.5 + 0.5 with +X right, +Y up, +Z to the viewer; and nearness behind it, if asked."""
    rotation = cameras.viewmats[:, :3, :3].to(mesh.vertices)  # OpenCV: y down, z away from us
    flip = torch.tensor([1.0, -1.0, -1.0], device=rotation.device, dtype=rotation.dtype)
    axes = rotation * flip[:, None]
    seen = triangles.interpolate(vertex_normals(mesh), raster.pixels, raster.tris)
    if surface_cpu.takes(seen):
        normals = _smoothed(pictures_cpu.turned(seen, raster.pixels, axes, backgrounds), raster)
    else:
        turned = torch.einsum("bij,bhwj->bhwi", axes, _unit_normals(seen))
        normals = composite(turned * 0.5 + 0.5, raster, backgrounds)
    if not nearness:
        return normals
    points = triangles.interpolate(mesh.vertices, raster.pixels, raster.tris).flatten(1, 2)
    near = cameras.nearness(points).reshape(*seen.shape[:3], 1)
    empty = torch.zeros_like(backgrounds[:, :1])
    return torch.cat([normals, composite(near, raster, empty)], 1)


@dataclass(frozen=True)
class Light:
    """A sky that fades into the ground, and one distant lamp; one of each a view."""

    sky: Float[Tensor, "B 1"]
    ground: Float[Tensor, "B 1"]
    lamp: Float[Tensor, "B 1"]
    towards: Float[Tensor, "B 3"]  # unit, world space, to the lamp

    @staticmethod
    def sample(cameras: Cameras, generator: torch.Generator) -> Light:
        """The lamp hangs above and turns with the camera, so that shading says nothing about the
        azimuth."""

        def between(low: float, high: float) -> Tensor:
            drawn = torch.rand(len(cameras), 1, generator=generator)
            return (low + (high - low) * drawn).to(cameras.positions)

        direction = torch.randn(len(cameras), 3, generator=generator).to(cameras.positions)
        towards = F.normalize(direction + F.normalize(cameras.positions, dim=-1), dim=-1)
        towards = torch.cat([towards[:, :2], towards[:, 2:].abs()], dim=-1)
        return Light(between(0.5, 1.0), between(0.15, 0.45), between(0.2, 0.9), towards)


def shaded_images(
    mesh: TriMesh,
    albedo: Float[Tensor, "V 3"],
    raster: Raster,
    light: Light,
    backgrounds: Float[Tensor, "B 3"],
) -> Float[Tensor, "B 3 H W"]:
    """Lambert's shading of sRGB vertex colours, shaded in linear light and encoded to sRGB."""
    both = torch.cat([vertex_normals(mesh), from_srgb(albedo)], dim=-1)
    seen = triangles.interpolate(both, raster.pixels, raster.tris)
    return _lit(seen, raster, light, backgrounds)


def lit_images(
    mesh: TriMesh,
    linear: Float[Tensor, "B H W 3"],
    raster: Raster,
    light: Light,
    backgrounds: Float[Tensor, "B 3"],
) -> Float[Tensor, "B 3 H W"]:
    """The same for linear colours that are known at the pixels."""
    normals = triangles.interpolate(vertex_normals(mesh), raster.pixels, raster.tris)
    return _lit(torch.cat([normals, linear], dim=-1), raster, light, backgrounds)


def _lit(
    seen: Float[Tensor, "B H W 6"], raster: Raster, light: Light, backgrounds: Float[Tensor, "B 3"]
) -> Float[Tensor, "B 3 H W"]:
    """Of normals and linear colours behind the pixels."""
    if surface_cpu.takes(seen):
        lights = torch.cat([light.sky, light.ground, light.lamp, light.towards], dim=-1)
        return _smoothed(pictures_cpu.lit(seen, raster.pixels, lights, backgrounds), raster)
    normals, linear = _unit_normals(seen[..., :3]), seen[..., 3:]

    def per_view(values: Tensor) -> Tensor:
        return values[:, None, None]

    upward = torch.sigmoid(2.5 * normals[..., 2:])
    ambient = torch.lerp(per_view(light.ground), per_view(light.sky), upward)
    facing = (normals * per_view(light.towards)).sum(dim=-1, keepdim=True).clamp(min=0)
    return composite(
        _to_srgb(linear * (ambient + per_view(light.lamp) * facing)), raster, backgrounds
    )


def _to_srgb(linear: Tensor) -> Tensor:
    """Clamped away from 0 inside of the root, whose slope there is infinite."""
    linear = linear.clamp(max=1)
    high = 1.055 * linear.clamp(min=1e-4) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, 12.92 * linear, high)
