"""Silhouette gradients against exact coverage: spheres, tori, plates and boxes, 200 to 50,000
triangles, some smaller than a pixel and some a hundred pixels long."""

from __future__ import annotations

import functools

import pytest
import torch
import trimesh
from triangle_scenes import clip_positions, tensors

from backend.cameras import turntable
from backend.render import triangles_cpu

HEIGHT, WIDTH, FINE = 107, 131, 8  # odd; FINE^2 samples a pixel count the coverage
SIZES = (200, 2000, 20_000, 50_000)


def _box(extents: list[float], size: int) -> trimesh.Trimesh:
    mesh = trimesh.creation.box(extents)
    for _ in range({200: 2, 2000: 4, 20_000: 5, 50_000: 6}[size]):
        mesh = mesh.subdivide()
    return mesh


def _torus(size: int) -> trimesh.Trimesh:
    major, minor = {200: (10, 10), 2000: (32, 32), 20_000: (100, 100), 50_000: (160, 156)}[size]
    return trimesh.creation.torus(0.55, 0.25, major_sections=major, minor_sections=minor)


def _sphere(size: int) -> trimesh.Trimesh:
    sections = {200: 8, 2000: 23, 20_000: 71, 50_000: 112}[size]
    return trimesh.creation.uv_sphere(0.8, count=[sections, sections])


SHAPES = {
    "sphere": _sphere,
    "torus": _torus,
    "plate": lambda size: _box([1.3, 0.02, 0.9], size),
    "box": lambda size: _box([0.9, 0.7, 0.8], size),
}


def half(length: int) -> torch.Tensor:
    """0 on the first half of a side, 1 on the second, smoothly: opposite edges then don't cancel
    as the picture moves."""
    return torch.sigmoid((torch.arange(length, dtype=torch.float64) + 0.5) / length * 40 - 20)


def moved(vertices: torch.Tensor, scale: torch.Tensor, bulge: torch.Tensor) -> torch.Tensor:
    grown = torch.sigmoid(5 * vertices[:, :1] + 3 * vertices[:, 2:])
    return vertices * (1 + scale + bulge * grown)


@functools.cache
def mesh_and_truth(shape: str, size: int) -> tuple[torch.Tensor, torch.Tensor, dict[str, float]]:
    """Vertices, faces and the losses' derivatives by counting FINE^2 samples a pixel."""
    mesh = SHAPES[shape](size)
    mesh.apply_transform(trimesh.transformations.euler_matrix(0.13, 0.27, 0.41))
    vertices, faces = tensors(mesh, torch.float64)
    cameras, height, width = turntable(2, elevation_deg=27.0), HEIGHT * FINE, WIDTH * FINE

    def coverage(scale: float, bulge: float) -> torch.Tensor:
        changed = moved(vertices, torch.tensor(scale), torch.tensor(bulge))
        rast = triangles_cpu.rasterize(clip_positions(changed, cameras), faces, height, width)
        return (rast[..., 3] > 0).double().sum(0) / FINE**2

    seen = coverage(0.0, 0.0)
    # Moving a shape by t under weights w changes its sum by the integral of w' t over the shape.
    rise_x, rise_y = (torch.gradient(half(n))[0] * n / 2 for n in (width, height))
    truth = {
        "scale": float((coverage(0.02, 0.0) - coverage(-0.02, 0.0)).sum()) / 0.04,
        "bulge": float((coverage(0.0, 0.02) - coverage(0.0, -0.02)).sum()) / 0.04,
        "right": float((seen * rise_x).sum()),
        "down": float((seen * rise_y[:, None]).sum()),
    }
    return vertices.float(), faces, truth


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_within_three_per_cent_of_exact_coverage(draw, shape, size):
    vertices, faces, truth = mesh_and_truth(shape, size)
    assert 0.6 < len(faces) / size < 1.6
    knobs = {name: torch.zeros((), requires_grad=True) for name in truth}
    changed = moved(vertices, knobs["scale"], knobs["bulge"])
    pos = clip_positions(changed, turntable(2, elevation_deg=27.0))
    shift = torch.stack([knobs["right"], knobs["down"], *torch.zeros(2)])
    pos = pos + pos[..., 3:].detach() * shift
    rast = draw.rasterize(pos, faces, HEIGHT, WIDTH)
    mask = draw.antialias((rast[..., 3:] > 0).float(), rast, pos, faces)[..., 0].sum(0).double()
    weights = {"right": half(WIDTH), "down": half(HEIGHT)[:, None]}
    for name, expected in truth.items():
        loss = (mask * weights.get(name, 1.0)).sum()
        (gradient,) = torch.autograd.grad(loss, knobs[name], retain_graph=True)
        assert float(gradient) == pytest.approx(expected, rel=0.03), name


def test_shaded_edges_inside_the_picture():
    """A ball before a large one: the change of colour counts, not that of coverage alone."""
    front = trimesh.creation.icosphere(subdivisions=4, radius=0.35).apply_translation([0, -1.2, 0])
    behind = trimesh.creation.icosphere(subdivisions=4, radius=0.85)
    both = trimesh.util.concatenate([front, behind])
    vertices, faces = tensors(both, torch.float64)
    own = torch.zeros(len(vertices), 1, dtype=torch.float64)
    own[: len(front.vertices)] = 1
    centre = torch.tensor([0.0, -1.2, 0.0], dtype=torch.float64)
    camera = turntable(1, elevation_deg=0.0)

    def picture(scale, factor=1):
        changed = torch.where(own > 0, centre + (vertices - centre) * (1 + scale), vertices)
        pos = clip_positions(changed, camera)
        rast = triangles_cpu.rasterize(pos, faces, HEIGHT * factor, WIDTH * factor)
        colors = triangles_cpu.interpolate(own * 0.9 + 0.05, rast, faces)
        return colors if factor > 1 else triangles_cpu.antialias(colors, rast, pos, faces)

    scale = torch.zeros((), dtype=torch.float64, requires_grad=True)
    picture(scale).sum().backward()
    counted = [picture(torch.tensor(s), FINE).sum() / FINE**2 for s in (0.02, -0.02)]
    assert float(scale.grad) == pytest.approx(float(counted[0] - counted[1]) / 0.04, rel=0.03)
