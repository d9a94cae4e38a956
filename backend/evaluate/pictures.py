"""Pictures of a finished prop, for people and judges: albedo, ORM, shaded, normals, mask.

In: a surface with its colours on the vertices or in textures, cameras, a size in pixels.
Out: a dict of images (B, size, size, 3) in [0, 1], row 0 at the top. Nothing is differentiable.

Shading is a callable, so that the one BRDF lives in backend/materials; `head_light` needs none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from backend.cameras import Cameras
from backend.color import from_srgb, to_srgb
from backend.materials.brdf import shade
from backend.materials.light import environment
from backend.mesh.geometry import vertex_normals
from backend.mesh.types import TriMesh
from backend.render import triangles

SAMPLES = 3  # per pixel and axis
GREY = 0.5


@dataclass(frozen=True)
class Surface:
    """A mesh and its looks: per vertex (V, 3), or as textures (Ht, Wt, 3) if there are uvs.

    albedo is sRGB; orm is (occlusion, roughness, metallic), linear; normal_map is glTF's, in the
    frame of `tangents` (V, 4). v = 0 is the textures' top row.
    """

    vertices: Float[Tensor, "V 3"]
    faces: Int[Tensor, "F 3"]
    albedo: Float[Tensor, "*texels 3"] | None = None
    orm: Float[Tensor, "*terms 3"] | None = None
    uvs: Float[Tensor, "V 2"] | None = None
    normals: Float[Tensor, "V 3"] | None = None
    tangents: Float[Tensor, "V 4"] | None = None
    normal_map: Float[Tensor, "Ht Wt 3"] | None = None


@dataclass(frozen=True)
class Fragments:
    """What P covered samples of one view show."""

    albedo: Float[Tensor, "P 3"]  # sRGB
    orm: Float[Tensor, "P 3"]
    normals: Float[Tensor, "P 3"]  # unit, world axes
    towards: Float[Tensor, "P 3"]  # unit, to the camera


Shading = Callable[[Fragments], Tensor]  # to sRGB (P, 3)


def head_light(seen: Fragments) -> Float[Tensor, "P 3"]:
    """Lambert's law with a lamp on the camera and some light from everywhere."""
    facing = (seen.normals * seen.towards).sum(-1, keepdim=True).abs()
    return to_srgb(from_srgb(seen.albedo) * (0.25 + 0.75 * facing)).clamp(0, 1)


def environment_light(name: str = "studio", turn_deg: float = 0.0) -> Shading:
    """Full metallic-roughness shading under one of the light presets."""
    light = environment(name)
    rotation = torch.tensor(math.radians(turn_deg))

    def shading(seen: Fragments) -> Tensor:
        occlusion, roughness, metallic = seen.orm.unbind(-1)
        radiance = shade(
            from_srgb(seen.albedo),
            roughness,
            metallic,
            seen.normals,
            seen.towards,
            light,
            rotation.to(seen.normals),
        )
        return to_srgb(radiance * occlusion[:, None])

    return shading


@torch.no_grad()
def render_mesh(
    surface: Surface,
    cameras: Cameras,
    size: int,
    shading: Shading = head_light,
    background: float = GREY,
) -> dict[str, Float[Tensor, "B size size 3"]]:
    """Images "albedo", "orm", "shaded", "normals" and "mask" of every camera.

    Normals are in view space, encoded as in shared/conventions.py. A surface without albedo is
    drawn in light grey, without orm rough and not metallic.
    """
    if surface.normals is None:
        smooth = vertex_normals(TriMesh(surface.vertices, surface.faces.long()))
    else:
        smooth = surface.normals
    views = [
        _one_view(surface, smooth, cameras[i], size * SAMPLES, shading, background)
        for i in range(len(cameras))
    ]
    return {name: _average(torch.cat([v[name] for v in views])) for name in views[0]}


def _one_view(
    surface: Surface,
    smooth: Tensor,
    camera: Cameras,
    size: int,
    shading: Shading,
    background: float,
) -> dict[str, Tensor]:
    ones = torch.ones_like(surface.vertices[:, :1])
    matrices = camera.clip_matrices().to(surface.vertices)
    pos_clip = torch.cat([surface.vertices, ones], -1) @ matrices.transpose(1, 2)
    rast = triangles.rasterize(pos_clip, surface.faces, size, size)
    covered = rast[..., 3] > 0
    seen = _fragments(surface, smooth, camera, rast, covered)
    rotation = camera.viewmats[0, :3, :3].to(seen.normals)
    view_normals = seen.normals @ rotation.T * seen.normals.new_tensor([1, -1, -1])
    values = {
        "albedo": seen.albedo,
        "orm": seen.orm,
        "shaded": shading(seen),
        "normals": view_normals * 0.5 + 0.5,
    }
    blank = rast.new_full((*covered.shape, 3), background)
    images = {name: blank.index_put((covered,), value) for name, value in values.items()}
    images["mask"] = covered[..., None].to(rast.dtype).expand(-1, -1, -1, 3)
    return images


def _fragments(
    surface: Surface, smooth: Tensor, camera: Cameras, rast: Tensor, covered: Tensor
) -> Fragments:
    def on_pixels(attributes: Tensor) -> Tensor:
        return triangles.interpolate(attributes, rast, surface.faces)

    def looks(values: Tensor | None, default: tuple[float, float, float]) -> Tensor:
        if values is None:
            return rast.new_tensor(default).expand(int(covered.sum()), 3)
        if values.ndim == 2:
            return on_pixels(values)[covered]
        assert surface.uvs is not None, "textures need uvs"
        return triangles.texture(values, on_pixels(surface.uvs))[covered].to(rast)

    points = on_pixels(surface.vertices)[covered]
    normals = F.normalize(on_pixels(smooth)[covered], dim=-1, eps=1e-6)
    if surface.normal_map is not None and surface.tangents is not None:
        bent = looks(surface.normal_map, (0.5, 0.5, 1.0)) * 2 - 1
        normals = _bend(normals, on_pixels(surface.tangents)[covered], bent)
    return Fragments(
        looks(surface.albedo, (0.8, 0.8, 0.8)),
        looks(surface.orm, (1.0, 0.6, 0.0)),
        normals,
        F.normalize(camera.positions.to(points) - points, dim=-1),
    )


def _bend(normals: Tensor, tangents: Tensor, bent: Tensor) -> Tensor:
    """glTF's normal mapping; bent is in the frame (tangent, bitangent, normal)."""
    tangent = F.normalize(tangents[:, :3], dim=-1, eps=1e-6)
    bitangent = torch.sign(tangents[:, 3:]) * torch.linalg.cross(normals, tangent)
    turned = bent[:, :1] * tangent + bent[:, 1:2] * bitangent + bent[:, 2:] * normals
    return F.normalize(turned, dim=-1, eps=1e-6)


def _average(images: Tensor) -> Tensor:
    return F.avg_pool2d(images.permute(0, 3, 1, 2), SAMPLES).permute(0, 2, 3, 1)
