"""Antialiasing of every triangle rasteriser: exact areas, finite differences, the owner's rule."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import trimesh
from scipy.spatial import ConvexHull
from triangle_scenes import Rasteriser, clip_positions, soup, tensors

from backend.cameras import turntable
from backend.render import triangles_cpu


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("angle", [3, 20, 45, 70, 88])
def test_antialiased_values_are_near_the_coverage(draw, angle):
    """A turned square: the area to 0.5 %, each pixel near its exact share (corners aside)."""
    turn = np.deg2rad(angle + 90 * np.arange(4))
    corners = np.stack([np.cos(turn), np.sin(turn)], -1) * 0.73 + [0.031, -0.017]
    pos = np.concatenate([corners, np.zeros((4, 1)), np.ones((4, 1))], -1)
    pos = torch.tensor(pos[None], dtype=torch.float64)
    tris = torch.tensor([[0, 1, 2], [0, 2, 3]])
    mask = draw.mask(pos, tris, 24)
    fine = (draw.rasterize(pos, tris, 24 * 32, 24 * 32)[..., 3] > 0).double()
    exact = fine.reshape(1, 24, 32, 24, 32).mean((2, 4))[..., None]
    assert mask.min() >= 0 and mask.max() <= 1
    assert float(mask.sum() / exact.sum()) == pytest.approx(1, abs=5e-3)
    errors = (mask - exact).abs().flatten().sort(descending=True).values
    hard = ((draw.rasterize(pos, tris, 24, 24)[..., 3:] > 0).double() - exact).abs().mean()
    assert errors[8:].max() < 0.13 and errors.mean() < 0.3 * hard  # an edge at 45 deg: 1/8


def test_antialias_gradients_by_finite_differences(exact_draw):
    """To images and to positions, on a closed mesh that hides part of itself."""
    mesh = trimesh.creation.torus(0.6, 0.25, major_sections=9, minor_sections=6)
    # Turned, so that no vertex stands exactly in a column of pixel centres: a kink there.
    mesh.apply_transform(trimesh.transformations.euler_matrix(0.1, 0.2, 0.3))
    vertices, faces = tensors(mesh, torch.float64)
    pos = clip_positions(vertices, turntable(2, elevation_deg=23.0)).requires_grad_()
    rast = exact_draw.rasterize(pos, faces, 15, 19).detach()
    images = torch.rand(2, 15, 19, 2, dtype=torch.float64, requires_grad=True)
    weights = torch.rand_like(images)
    (exact_draw.antialias(images, rast, pos, faces) * weights).sum().backward()
    assert pos.grad[..., [0, 1, 3]].any(-1).sum() > 20 and not pos.grad[..., 2].any()
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        for tensor in (images, pos):
            step = torch.randn(tensor.shape, generator=generator, dtype=torch.float64) * 1e-7
            moved = [[x + d if x is tensor else x for x in (images, pos)] for d in (step, -step)]
            values = [
                (exact_draw.antialias(i, rast, p, faces) * weights).sum().item() for i, p in moved
            ]
            expected = float((tensor.grad * step).sum())
            assert values[0] - values[1] == pytest.approx(2 * expected, rel=1e-4)


def hull_area(vertices, cameras, size):
    """Exact area in square pixels of a convex mesh's outlines, all views together."""
    pos = clip_positions(vertices, cameras).numpy()
    return sum(ConvexHull((p[:, :2] / p[:, 3:] * 0.5 + 0.5) * size).volume for p in pos)


# Smaller triangles than pixels and larger ones. Each outline crosses some hundred pixel columns,
# whose sampling leaves a few per cent.
@pytest.mark.parametrize("subdivisions", [2, 5])
def test_silhouette_gradient_equals_the_areas(draw, subdivisions):
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions, radius=0.8)
    vertices, faces = tensors(mesh, torch.float64)
    assert len(faces) == {2: 320, 5: 20480}[subdivisions]
    cameras, size = turntable(4), 128
    scale = torch.ones(3, dtype=torch.float64, requires_grad=True)
    draw.mask(clip_positions(vertices * scale, cameras), faces, size).sum().backward()
    for axis in range(3):
        step = torch.eye(3, dtype=torch.float64)[axis] * 1e-3
        above = hull_area(vertices * (1 + step), cameras, size)
        below = hull_area(vertices * (1 - step), cameras, size)
        assert float(scale.grad[axis]) == pytest.approx((above - below) / 2e-3, rel=0.03)


def test_the_owner_rule_loses_the_gradient_of_small_triangles(draw):
    """The finding that the default rests on: keep the numbers apart, or drop the default."""
    vertices, faces = tensors(trimesh.creation.icosphere(subdivisions=5, radius=0.8))
    gradients = []
    for owner_only in (False, True):
        scale = torch.ones((), requires_grad=True)
        pos = clip_positions(vertices * scale, turntable(2))
        draw.mask(pos, faces, 128, owner_only=owner_only).sum().backward()
        gradients.append(float(scale.grad))
    assert 0 <= gradients[1] < 0.2 * gradients[0]


def test_silhouette_gradient_of_a_shape_with_a_hole(draw):
    """A torus against the counted area at 8 times the resolution."""
    mesh = trimesh.creation.torus(0.6, 0.25, major_sections=64, minor_sections=32)
    vertices, faces = tensors(mesh, torch.float64)
    cameras, size = turntable(2, elevation_deg=50.0), 96
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    draw.mask(clip_positions(vertices * scale, cameras), faces, size).sum().backward()

    def area(factor):
        rast = draw.rasterize(clip_positions(vertices * factor, cameras), faces, 8 * size, 8 * size)
        return float((rast[..., 3] > 0).sum()) / 64

    assert float(scale.grad) == pytest.approx((area(1.02) - area(0.98)) / 0.04, rel=0.03)


def test_hidden_silhouettes_get_no_gradient(draw):
    front = trimesh.creation.icosphere(subdivisions=3, radius=0.6)
    hidden = trimesh.creation.icosphere(subdivisions=2, radius=0.2).apply_translation([0, 0.8, 0])
    vertices, faces = tensors(trimesh.util.concatenate([front, hidden]))
    pos = clip_positions(vertices, turntable(1, elevation_deg=0.0)).requires_grad_()
    rast = draw.rasterize(pos, faces, 64, 64)
    colors = torch.rand(len(vertices), 3)
    draw.antialias(
        draw.interpolate(colors, rast.detach(), faces), rast, pos, faces
    ).sum().backward()
    assert pos.grad[:, : len(front.vertices)].any()
    assert not pos.grad[:, len(front.vertices) :].any()


def test_inner_edges_are_left_alone(draw):
    """Only outlines blend: a flat sheet of many triangles keeps its picture."""
    sheet = trimesh.creation.box([4, 0.1, 4]).subdivide().subdivide()
    vertices, faces = tensors(sheet)
    pos = clip_positions(vertices, turntable(1, elevation_deg=0.0))
    rast = draw.rasterize(pos, faces, 21, 21)
    image = torch.rand(1, 21, 21, 3)
    assert torch.equal(draw.antialias(image, rast, pos, faces), image)


@pytest.mark.parametrize("owner_only", [False, True])
def test_crowded_pixel_pairs(torch_draw, owner_only):
    """Open edges by the dozen between two pixels: the kernels keep the same one."""
    pos, tris = soup(3000, views=1, size=0.2)
    colors = torch.rand(pos.shape[1], 3)
    results = []
    for draw in (torch_draw, Rasteriser(triangles_cpu, "cpu")):
        leaf = pos.clone().requires_grad_()
        rast = draw.rasterize(pos, tris, 12, 12)
        image = draw.interpolate(colors, rast, tris)
        out = draw.antialias(image, rast, leaf, tris, owner_only=owner_only)
        assert ((out - image).abs() > 1e-3).float().mean() > 0.3
        (out**2).sum().backward()
        results.append((out.detach(), leaf.grad))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
