"""Marching tetrahedra against closed forms, topology and finite differences."""

from __future__ import annotations

import math

import pytest
import torch

from backend.mesh import dmtet
from backend.mesh.dmtet import marching_tetrahedra
from backend.mesh.geometry import (
    area,
    euler_characteristic,
    face_normals,
    face_pairs,
    take,
    unique_edges,
    vertex_normals,
    volume,
)
from backend.mesh.tet_band import TetBand
from backend.mesh.tet_grid import TetGrid
from backend.mesh.types import TriMesh


def sphere(points, radius=0.6):
    return points.norm(dim=-1) - radius


def torus(points, major=0.55, minor=0.2):
    ring = points[:, :2].norm(dim=-1) - major
    return torch.stack([ring, points[:, 2]], dim=-1).norm(dim=-1) - minor


def surface_of(function, resolution=24, dtype=torch.float32):
    grid = TetGrid(resolution)
    points = grid.points.to(dtype)
    sdf = function(points)
    return marching_tetrahedra(points, sdf, grid.crossing_tets(sdf))


def directed_edges(faces):
    return torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def is_closed_manifold(faces):
    """Every directed edge once, and its reverse once: closed, manifold and consistently wound."""
    edges = directed_edges(faces)
    keys = edges[:, 0] * (int(faces.max()) + 1) + edges[:, 1]
    back = edges[:, 1] * (int(faces.max()) + 1) + edges[:, 0]
    return len(torch.unique(keys)) == len(keys) and torch.equal(keys.sort()[0], back.sort()[0])


def test_the_lattice_fills_space_with_positive_equal_tetrahedra():
    grid = TetGrid(5)
    everywhere = torch.zeros(len(grid))
    everywhere[grid.corners :] = -1.0  # corners and centres differ: every tetrahedron crosses
    tets = grid.crossing_tets(everywhere)
    a, b, c, d = take(grid.points, tets).unbind(dim=1)
    volumes = (torch.linalg.cross(b - a, c - a) * (d - a)).sum(-1) / 6
    assert len(tets) == 4 * 3 * 4 * 5 * 5
    torch.testing.assert_close(volumes, torch.full_like(volumes, grid.cell**3 / 12))
    assert len(torch.unique(tets.sort(dim=1).values, dim=0)) == len(tets)


@pytest.mark.parametrize("function, chi", [(sphere, 2), (torus, 0)])
def test_surfaces_are_closed_and_have_the_right_topology(function, chi):
    mesh = surface_of(function).mesh
    assert is_closed_manifold(mesh.faces)
    assert euler_characteristic(mesh) == chi
    assert volume(mesh) > 0


def test_random_signs_still_give_a_closed_surface():
    grid = TetGrid(6)
    sdf = torch.randn(len(grid), generator=torch.Generator().manual_seed(0))
    sdf[grid.outer] = 1.0
    mesh = marching_tetrahedra(grid.points, sdf, grid.crossing_tets(sdf)).mesh
    assert is_closed_manifold(mesh.faces)


def test_sphere_and_torus_measure_as_they_should():
    ball, ring = surface_of(sphere, 40).mesh, surface_of(torus, 40).mesh
    # Inscribed facets of edge h lose about (h/r)^2 / 8 of the area: 0.2 % and 2 % here.
    assert volume(ball).item() == pytest.approx(4 / 3 * math.pi * 0.6**3, rel=0.01)
    assert area(ball).item() == pytest.approx(4 * math.pi * 0.6**2, rel=0.01)
    assert volume(ring).item() == pytest.approx(2 * math.pi**2 * 0.55 * 0.2**2, rel=0.03)


def test_normals_point_outwards():
    mesh = surface_of(sphere).mesh
    radial = torch.nn.functional.normalize(mesh.vertices, dim=-1)
    assert (vertex_normals(mesh) * radial).sum(-1).min() > 0.97
    centres = take(mesh.vertices, mesh.faces).mean(dim=1)
    flat = face_normals(mesh).norm(dim=-1) < 0.5  # faces without area where sdf is exactly 0
    assert ((face_normals(mesh) * centres).sum(-1) > 0)[~flat].all()


def test_attributes_ride_along():
    surface = surface_of(sphere)
    grid = TetGrid(24)
    torch.testing.assert_close(
        surface.interpolate(grid.points), surface.mesh.vertices, atol=1e-5, rtol=0
    )


def test_gradients_match_finite_differences():
    grid = TetGrid(4)
    points = grid.points.double()
    sdf = sphere(points)
    tets = grid.crossing_tets(sdf)
    generator = torch.Generator().manual_seed(1)
    surface = marching_tetrahedra(points, sdf, tets)
    pull = torch.randn(surface.mesh.vertices.shape, generator=generator, dtype=torch.float64)
    used = torch.unique(surface.edges)

    def loss(sdf_used, points_used):
        s, p = sdf.index_copy(0, used, sdf_used), points.index_copy(0, used, points_used)
        mesh = marching_tetrahedra(p, s, tets).mesh
        return (mesh.vertices * pull).sum() + area(mesh)

    inputs = (sdf[used].clone().requires_grad_(), points[used].clone().requires_grad_())
    assert torch.autograd.gradcheck(loss, inputs, eps=1e-6, atol=1e-6)


def test_gradients_are_reproducible():
    grid = TetGrid(24)
    results = []
    for _ in range(3):
        sdf = sphere(grid.points).requires_grad_()
        mesh = marching_tetrahedra(grid.points, sdf, grid.crossing_tets(sdf)).mesh
        (vertex_normals(mesh)[:, 0] * mesh.vertices[:, 1]).sum().backward()
        results.append(sdf.grad)
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])


def test_nothing_inside_gives_an_empty_mesh():
    surface = surface_of(lambda p: p.norm(dim=-1) + 1, 6)
    assert surface.mesh.vertices.shape == (0, 3) and surface.mesh.faces.shape == (0, 3)


def test_face_pairs_of_a_tetrahedron_and_of_a_lone_face():
    faces = torch.tensor([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
    assert len(face_pairs(faces)) == 6 and len(unique_edges(faces)) == 6
    assert {tuple(sorted(p)) for p in face_pairs(faces).tolist()} == {
        (a, b) for a in range(4) for b in range(a + 1, 4)
    }
    assert len(face_pairs(faces[:1])) == 0
    assert volume(TriMesh(torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]), faces)) > 0


def test_a_band_gives_the_whole_grid_s_surface():
    """Also where a fixed part is cut: the second ball is far from anything free."""
    grid = TetGrid(12)
    start = torch.minimum(sphere(grid.points), (grid.points - 0.7).norm(dim=-1) - 0.2)
    free = ((sphere(grid.points)).abs() < 0.35) & ~grid.outer
    assert bool(((start < 0) & ~free).any())
    band = TetBand(grid, free, start < 0)
    assert len(band.members) < len(grid) and bool((band.members.diff() > 0).all())
    generator = torch.Generator().manual_seed(0)
    sdf = start + torch.where(free, 0.3 * torch.randn(len(grid), generator=generator), 0.0)
    whole = marching_tetrahedra(grid.points, sdf, grid.crossing_tets(sdf))
    inner = sdf[band.members]
    part = marching_tetrahedra(band.points, inner, band.crossing_tets(inner))
    assert torch.equal(whole.mesh.vertices, part.mesh.vertices)
    assert torch.equal(whole.mesh.faces, part.mesh.faces) and len(part.mesh.faces) > 100
    assert torch.equal(whole.edges, band.members[part.edges])


@pytest.mark.parametrize("function", [sphere, torus])
def test_the_kernels_march_as_torch_does(function):
    """Same vertices, faces and bits; gradients as float64's, which torch's own arithmetic gives."""
    grid = TetGrid(16)
    generator = torch.Generator().manual_seed(2)
    points = grid.points + 0.02 * torch.randn(grid.points.shape, generator=generator)
    sdf = function(grid.points) + 0.02 * torch.randn(len(grid), generator=generator)
    tets = grid.crossing_tets(sdf)
    surface = marching_tetrahedra(points, sdf, tets)
    edges, faces = dmtet._march(sdf < 0, tets)
    assert torch.equal(surface.edges, edges) and torch.equal(surface.mesh.faces, faces)
    vertices, weights = dmtet._place(points, sdf, edges)
    assert torch.equal(surface.mesh.vertices, vertices) and torch.equal(surface.weights, weights)
    pull = torch.randn(len(edges), 4, generator=generator)
    found = []
    for dtype in (torch.float32, torch.float64):
        leaves = [points.to(dtype).requires_grad_(), sdf.to(dtype).requires_grad_()]
        made = marching_tetrahedra(*leaves, tets)
        loss = (made.mesh.vertices * pull[:, :3]).sum() + (made.weights * pull[:, 3]).sum()
        found.append(torch.autograd.grad(loss, leaves))
    for kernel, twin in zip(*found, strict=True):
        assert float((kernel - twin).norm() / twin.norm()) < 1e-5


def test_nothing_crossed_has_no_edges():
    grid = TetGrid(4)
    sdf = torch.ones(len(grid), requires_grad=True)
    surface = marching_tetrahedra(grid.points, sdf, grid.crossing_tets(sdf))
    assert surface.mesh.vertices.shape == (0, 3) and surface.mesh.faces.shape == (0, 3)
    assert surface.edges.shape == (0, 2)
