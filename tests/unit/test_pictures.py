"""The kernels for normal and lit pictures against the same in plain torch, which float64 takes."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from backend.cameras import Cameras, turntable
from backend.mesh import pictures, pictures_cpu
from backend.mesh.types import TriMesh

BACKGROUNDS = torch.tensor([[0.1, 0.2, 0.3], [0.9, 0.6, 0.4]])


def blob(rings: int = 12, around: int = 18) -> TriMesh:
    """A bumpy closed ball."""
    up = torch.linspace(0, math.pi, rings + 1)[1:-1]
    turn = torch.arange(around) * (2 * math.pi / around)
    t, p = torch.meshgrid(up, turn, indexing="ij")
    radius = 0.6 + 0.1 * torch.cos(3 * p) * torch.sin(t)
    ball = torch.stack([t.sin() * p.cos(), t.sin() * p.sin(), t.cos()], -1) * radius[..., None]
    poles = torch.tensor([[0.0, 0.0, 0.6], [0.0, 0.0, -0.6]])
    vertices, faces = torch.cat([ball.reshape(-1, 3), poles]), []
    for k in range(around):
        following = (k + 1) % around
        faces += [[len(vertices) - 2, k, following]]
        last = (rings - 2) * around
        faces += [[len(vertices) - 1, last + following, last + k]]
        for ring in range(rings - 2):
            a, b = ring * around + k, ring * around + following
            faces += [[a, a + around, b], [b, a + around, b + around]]
    return TriMesh(vertices, torch.tensor(faces))


def normals(mesh: TriMesh, albedo: Tensor, cameras: Cameras) -> Tensor:
    raster = pictures.rasterize(mesh, cameras, 40)
    return pictures.normal_images(mesh, raster, cameras, BACKGROUNDS.to(albedo))


def lit(mesh: TriMesh, albedo: Tensor, cameras: Cameras) -> Tensor:
    towards = torch.nn.functional.normalize(
        torch.tensor([[1.0, 0.2, 0.5], [-0.3, 1.0, 0.1]]), dim=1
    )
    sizes = (torch.tensor([[x], [y]]) for x, y in ((0.9, 0.6), (0.2, 0.4), (0.3, 0.8)))
    light = pictures.Light(*(t.to(albedo) for t in (*sizes, towards)))
    raster = pictures.rasterize(mesh, cameras, 40)
    return pictures.shaded_images(mesh, albedo, raster, light, BACKGROUNDS.to(albedo))


@pytest.mark.parametrize("paint", [normals, lit])
def test_pictures_and_gradients_are_those_of_float64(
    paint: Callable[[TriMesh, Tensor, Cameras], Tensor],
) -> None:
    generator = torch.Generator().manual_seed(0)
    cameras, ball = turntable(2, elevation_deg=20.0), blob()
    colors = torch.rand(ball.vertices.shape, generator=generator) ** 4  # dark ones among them
    weights = torch.randn(2, 3, 40, 40, generator=generator)
    found = []
    for dtype in (torch.float32, torch.float64):
        given = (t.detach().clone().to(dtype) for t in (ball.vertices, colors))
        vertices, albedo = (t.requires_grad_() for t in given)
        images = paint(TriMesh(vertices, ball.faces), albedo, cameras)
        (images * weights.to(dtype)).sum().backward()
        found.append([images.detach(), vertices.grad, *([albedo.grad] if paint is lit else [])])
    for one, other in zip(*found, strict=True):
        assert other is not None and other.norm() > 1
        assert float((one - other).norm() / other.norm()) < 1e-5
    assert torch.equal(found[0][0][:, :, 0, 0], BACKGROUNDS)


def test_too_much_light_and_a_normal_of_no_length_are_finite() -> None:
    """Beyond white the slope is 0; of a length of 0 nothing can be told."""
    seen = torch.tensor([[0.0, 0.0, 0.0, 0.5, 0.5, 0.5], [0.0, 0.0, 2.0, 0.9, 0.001, 0.0]])
    seen = seen.reshape(1, 1, 2, 6).requires_grad_()
    raster = torch.tensor([0.0, 0.0, 0.0, 1.0]).expand(1, 1, 2, 4)
    lights = torch.tensor([[1.0, 0.5, 2.0, 0.0, 0.0, 1.0]])
    images = pictures_cpu.lit(seen, raster, lights, torch.zeros(1, 3))
    images.sum().backward()
    assert seen.grad is not None and bool(seen.grad.isfinite().all())
    assert float(images[0, 0, 1, 0].detach()) == pytest.approx(1.0)
    assert seen.grad[0, 0, 1, 3] == 0 and float(seen.grad[0, 0, 1, 4]) > 12
