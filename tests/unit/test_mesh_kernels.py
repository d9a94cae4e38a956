"""The CPU's kernels for meshes against the plain torch that other devices run."""

from __future__ import annotations

import torch

from backend.mesh import geometry, kernels_cpu, regularise
from backend.mesh.dmtet import marching_tetrahedra
from backend.mesh.moved_band import MovedBand
from backend.mesh.tet_grid import TetGrid
from backend.mesh.types import TriMesh


def bumpy_ball():
    generator = torch.Generator().manual_seed(0)
    grid = TetGrid(8)
    points = grid.points + 0.01 * torch.randn(grid.points.shape, generator=generator)
    sdf = grid.points.norm(dim=-1) - 0.6 + 0.02 * torch.randn(len(grid), generator=generator)
    return points, sdf, grid.crossing_tets(sdf)


def test_the_eikonal_kernel_has_torchs_value_and_gradients() -> None:
    points, sdf, tets = bumpy_ball()
    found = []
    for dtype in (torch.float32, torch.float64):  # float64 goes through torch
        leaves = [points.to(dtype).requires_grad_(), sdf.to(dtype).requires_grad_()]
        loss = regularise.eikonal(*leaves, tets)
        found.append((loss.detach(), *torch.autograd.grad(3 * loss, leaves)))
    for kernel, twin in zip(*found, strict=True):
        assert twin.abs().max() > 0
        assert float((kernel - twin).norm() / twin.norm()) < 1e-6


def test_a_band_moves_as_torch_moves_it() -> None:
    """Against float64, which torch does; some vertices are held, some lie on the cube's faces."""
    drawn = torch.Generator().manual_seed(1)
    points = (torch.rand(300, 3, generator=drawn) * 2.2 - 1.1).clamp(-1, 1)
    base = torch.randn(300, generator=drawn)
    free = torch.arange(0, 300, 2)
    held = torch.rand(150, generator=drawn) > 0.5
    shapes = ((5, 5, 5), (150,), (150, 3))
    learnt = [torch.randn(shape, generator=drawn) for shape in shapes]
    pulls = torch.randn(300, 3, generator=drawn), torch.randn(300, generator=drawn)
    pulls[1][20:60] = 0
    found = []
    for dtype in (torch.float32, torch.float64):
        band = MovedBand(points.to(dtype), base.to(dtype), free, held, 0.05, 0.01, 0.3)
        leaves = [one.to(dtype).requires_grad_() for one in learnt]
        moved, sdf = band(*leaves)
        loss = (moved * pulls[0]).sum() + (sdf * pulls[1]).sum()
        found.append((moved.detach(), sdf.detach(), *torch.autograd.grad(loss, leaves)))
    for kernel, twin in zip(*found, strict=True):
        assert twin.abs().max() > 0
        assert float((kernel - twin).norm() / twin.norm()) < 1e-6


def test_edges_and_pairs_are_those_of_sorting() -> None:
    points, sdf, tets = bumpy_ball()
    faces = marching_tetrahedra(points, sdf, tets).mesh.faces
    faces = torch.cat([faces, faces[:5], faces[3:9].flip(1)])  # edges of three faces and more
    edges, pairs = kernels_cpu.edges_and_pairs(faces)
    keys, size = geometry._edge_keys(faces)
    kinds, counts = torch.unique(keys, return_counts=True)
    assert torch.equal(edges, torch.stack([kinds // size, kinds % size], dim=1))
    order = torch.argsort(keys, stable=True) // 3
    starts = (counts.cumsum(0) - counts)[counts == 2]
    assert torch.equal(pairs, torch.stack([order[starts], order[starts + 1]], dim=1))
    assert 0 < len(pairs) < len(edges)


def test_no_faces_have_no_edges() -> None:
    edges, pairs = kernels_cpu.edges_and_pairs(torch.zeros(0, 3, dtype=torch.int64))
    assert edges.shape == pairs.shape == (0, 2)


def test_normals_and_smoothness_have_torchs_values_and_gradients() -> None:
    """Against float64, which torch does; faces twice, without area, and a vertex of no face too."""
    mesh = marching_tetrahedra(*bumpy_ball()).mesh
    odd = torch.tensor([[0, 1, 1], [5, 5, 5]])
    faces = torch.cat([mesh.faces, mesh.faces[:3], odd])
    vertices = torch.cat([mesh.vertices.detach(), torch.ones(1, 3)])
    pull = torch.randn(vertices.shape, generator=torch.Generator().manual_seed(3))
    terms = {
        "normals": lambda m: (geometry.vertex_normals(m) * pull.to(m.vertices)).sum(),
        "consistency": lambda m: 2 * regularise.normal_consistency(m),
        "laplacian": lambda m: 3 * regularise.laplacian_loss(m),
    }
    for name, term in terms.items():
        found = []
        for dtype in (torch.float32, torch.float64):
            leaf = vertices.to(dtype).requires_grad_()
            loss = term(TriMesh(leaf, faces))
            found.append((loss.detach(), *torch.autograd.grad(loss, [leaf])))
        for kernel, twin in zip(*found, strict=True):
            assert twin.abs().max() > 0
            assert float((kernel - twin).norm() / twin.norm()) < 1e-5, name


def test_a_mesh_without_faces_has_no_smoothness_to_lose() -> None:
    nothing = TriMesh(torch.zeros(0, 3), torch.zeros(0, 3, dtype=torch.int64))
    assert geometry.vertex_normals(nothing).shape == (0, 3)
