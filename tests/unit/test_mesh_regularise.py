"""Regularisers on shapes where their value is known."""

from __future__ import annotations

import math

import pytest
import torch

from backend.mesh.dmtet import Surface, marching_tetrahedra
from backend.mesh.regularise import (
    eikonal,
    laplacian_loss,
    normal_consistency,
    sign_agreement,
    uniform_laplacian,
)
from backend.mesh.tet_grid import TetGrid
from backend.mesh.types import TriMesh


def plane(size=6):
    axis = torch.arange(size, dtype=torch.float32)
    x, y = torch.meshgrid(axis, axis, indexing="ij")
    vertices = torch.stack([x, y, torch.zeros_like(x)], dim=-1).reshape(-1, 3)
    i, j = torch.meshgrid(torch.arange(size - 1), torch.arange(size - 1), indexing="ij")
    a = (i * size + j).reshape(-1)
    faces = torch.cat(
        [torch.stack([a, a + size, a + size + 1], 1), torch.stack([a, a + size + 1, a + 1], 1)]
    )
    return TriMesh(vertices, faces)


def test_a_plane_is_smooth_and_a_roof_has_its_angle():
    assert normal_consistency(plane()).item() == pytest.approx(0, abs=1e-6)
    roof = TriMesh(
        torch.tensor([[0.0, 0, 0], [0, 1, 0], [1, 0, 0], [-1, 0, 1.0]]),
        torch.tensor([[0, 2, 1], [0, 1, 3]]),
    )
    assert normal_consistency(roof).item() == pytest.approx(1 - math.cos(math.pi / 4), abs=1e-6)


def test_the_laplacian_is_zero_inside_of_a_plane_and_points_back_from_a_spike():
    mesh = plane()
    inner = 2 * 6 + 3
    torch.testing.assert_close(uniform_laplacian(mesh)[inner], torch.zeros(3))
    spike = mesh.vertices.clone()
    spike[inner, 2] = 0.5
    torch.testing.assert_close(
        uniform_laplacian(TriMesh(spike, mesh.faces))[inner], torch.tensor([0, 0, -0.5])
    )
    moved = TriMesh(mesh.vertices + 3.0, mesh.faces)
    assert laplacian_loss(moved, base=mesh).item() == pytest.approx(0, abs=1e-10)
    assert laplacian_loss(TriMesh(spike, mesh.faces), base=mesh) > 1e-3


def test_eikonal_is_zero_for_a_distance_and_known_for_a_scaled_one():
    grid = TetGrid(8)
    distance = grid.points @ torch.tensor([0.6, 0.0, 0.8])
    tets = grid.crossing_tets(distance)
    assert eikonal(grid.points, distance, tets).item() == pytest.approx(0, abs=1e-6)
    assert eikonal(grid.points, 3 * distance, tets).item() == pytest.approx(4, rel=1e-3)


def test_sign_agreement_pulls_both_ends_over():
    grid = TetGrid(8)
    sdf = (grid.points.norm(dim=-1) - 0.5).requires_grad_()
    surface: Surface = marching_tetrahedra(grid.points, sdf, grid.crossing_tets(sdf))
    sign_agreement(surface, sdf, grid.cell).backward()
    touched = sdf.grad != 0
    inside = sdf.detach() < 0
    assert (sdf.grad[touched & inside] < 0).all() and (sdf.grad[touched & ~inside] > 0).all()
