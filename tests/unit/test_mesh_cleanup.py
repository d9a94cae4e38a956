"""Clean-up: what comes out is closed, whatever harm was done to what went in."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from backend.errors import GenerationError
from backend.mesh import cleanup
from backend.mesh.cleanup import Config, clean, inspect
from backend.mesh.dmtet import marching_tetrahedra
from backend.mesh.geometry import euler_characteristic
from backend.mesh.tet_grid import TetGrid
from backend.mesh.types import TriMesh


def extract(function, resolution=20):
    grid = TetGrid(resolution)
    sdf = function(grid.points)
    sdf = torch.where(grid.outer, sdf.clamp(min=0.01), sdf)
    return marching_tetrahedra(grid.points, sdf, grid.crossing_tets(sdf)).mesh


def ball(points, radius=0.6, centre=(0.0, 0.0, 0.0)):
    return (points - torch.tensor(centre)).norm(dim=-1) - radius


def health(mesh):
    return inspect(mesh.vertices.double().numpy(), mesh.faces.numpy())


def test_health_of_an_open_a_flipped_and_a_closed_mesh():
    mesh = extract(ball, 8)
    vertices, faces = mesh.vertices.numpy(), mesh.faces.numpy()
    assert inspect(vertices, faces).closed
    assert inspect(vertices, faces[1:]).open_edges == 6  # three edges, once in each direction
    assert not inspect(vertices, faces[:, ::-1]).closed  # inside out
    flipped = faces.copy()
    flipped[0] = flipped[0, ::-1]
    assert inspect(vertices, flipped).crowded_edges == 3


def test_crumbs_and_cavities_go():
    def shape(points):
        hollow = torch.maximum(ball(points), -ball(points, 0.35))
        crumb = ball(points, 0.13, (0.8, 0.0, 0.0))
        return torch.minimum(hollow, crumb)

    raw = extract(shape)
    assert health(raw).pieces == 3
    cleaned = clean(raw, Config(smoothing=0))
    assert health(cleaned).pieces == 1 and health(cleaned).closed
    assert health(cleaned).volume == pytest.approx(4 / 3 * np.pi * 0.6**3, rel=0.03)


def test_holes_and_wrong_winding_are_repaired():
    raw = extract(ball)
    generator = torch.Generator().manual_seed(0)
    faces = raw.faces[torch.rand(len(raw.faces), generator=generator) > 0.01]
    flip = torch.rand(len(faces), generator=generator) < 0.2
    faces = torch.where(flip[:, None], faces.flip(1), faces)
    big_hole = (raw.vertices[faces].mean(dim=1) - torch.tensor([0, 0, 0.6])).norm(dim=-1) < 0.2
    broken = TriMesh(raw.vertices, faces[~big_hole])
    assert not health(broken).closed
    cleaned = clean(broken, Config(smoothing=0))
    assert health(cleaned).closed
    assert health(cleaned).volume == pytest.approx(health(raw).volume, rel=0.05)


def test_taubin_smooths_without_shrinking():
    raw = extract(ball)
    noise = torch.randn(raw.vertices.shape, generator=torch.Generator().manual_seed(0)) * 0.01
    rough = (raw.vertices + noise).double().numpy()
    smooth = cleanup.taubin(rough, raw.faces.numpy(), 8)

    def roughness(vertices):
        return np.std(np.linalg.norm(vertices, axis=-1))

    assert roughness(smooth) < 0.5 * roughness(rough)
    before, after = health(raw).volume, inspect(smooth, raw.faces.numpy()).volume
    assert after == pytest.approx(before, rel=0.01)


@pytest.mark.parametrize("target", [500, 2000])
def test_decimation_keeps_the_target_the_topology_and_the_shape(target):
    def torus(points):
        ring = torch.stack([points[:, :2].norm(dim=-1) - 0.55, points[:, 2]], dim=-1)
        return ring.norm(dim=-1) - 0.22

    raw = extract(torus, 24)
    cleaned = clean(raw, Config(target_faces=target))
    assert len(raw.faces) > 2 * target and len(cleaned.faces) <= target
    assert health(cleaned).closed and euler_characteristic(cleaned) == 0
    assert torus(cleaned.vertices).abs().max() < 0.05


def test_noise_shapes_come_out_closed():
    def noise(points):
        x, y, z = (points * 6).unbind(-1)
        waves = (
            torch.sin(x) * torch.cos(y) + torch.sin(y) * torch.cos(z) + torch.sin(z) * torch.cos(x)
        )
        return torch.maximum(waves * 0.2, ball(points, 0.8))

    for target in (800, 3000):
        assert health(clean(extract(noise, 24), Config(target_faces=target))).closed


def test_cleaning_is_deterministic():
    raw = extract(ball)
    first, second = (clean(raw, Config(target_faces=800)) for _ in range(2))
    assert torch.equal(first.vertices, second.vertices) and torch.equal(first.faces, second.faces)


def test_nothing_left_is_told():
    empty = TriMesh(torch.zeros(0, 3), torch.zeros(0, 3, dtype=torch.int64))
    with pytest.raises(GenerationError, match="no surface"):
        clean(empty)
    with pytest.raises(ValueError, match="target_faces"):
        Config(target_faces=3)
