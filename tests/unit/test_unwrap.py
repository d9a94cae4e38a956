"""The atlas: inside of the picture, without overlaps, without seams in the normals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from backend.mesh.cleanup import Config as CleanConfig
from backend.mesh.cleanup import clean
from backend.mesh.dmtet import marching_tetrahedra
from backend.mesh.geometry import vertex_normals
from backend.mesh.tet_grid import TetGrid
from backend.mesh.unwrap import Config, unwrap

SIZE = 256


@pytest.fixture(scope="module")
def torus():
    grid = TetGrid(20)
    ring = torch.stack([grid.points[:, :2].norm(dim=-1) - 0.55, grid.points[:, 2]], dim=-1)
    sdf = ring.norm(dim=-1) - 0.22
    raw = marching_tetrahedra(grid.points, sdf, grid.crossing_tets(sdf)).mesh
    return clean(raw, CleanConfig(target_faces=1500))


@pytest.fixture(scope="module")
def atlas(torus):
    return unwrap(torus, Config(resolution=SIZE, padding=2))


def charts_of(mesh):
    """Which chart each face belongs to: charts share no vertices."""
    faces = mesh.faces.numpy()
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    size = len(mesh.vertices)
    graph = sparse.coo_matrix((np.ones(len(edges)), edges.T), shape=(size, size))
    return csgraph.connected_components(graph, directed=False)[1][faces[:, 0]]


def inner_texels(triangle):
    """Texels whose centres lie strictly inside of a triangle (3, 2) in texels."""
    low = np.floor(triangle.min(axis=0)).astype(int)
    high = np.ceil(triangle.max(axis=0)).astype(int)
    x, y = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
    centres = np.stack([x.ravel(), y.ravel()], axis=-1) + 0.5
    sides = []
    for i in range(3):
        edge, to = triangle[(i + 1) % 3] - triangle[i], centres - triangle[i]
        sides.append(edge[0] * to[:, 1] - edge[1] * to[:, 0])
    margin = 1e-6
    inside = (np.min(sides, axis=0) > margin) | (np.max(sides, axis=0) < -margin)
    return centres[inside].astype(int)


def test_uvs_are_inside_and_no_texel_belongs_to_two_faces(atlas):
    uvs = atlas.uvs.numpy().astype(np.float64)
    assert uvs.min() >= 0 and uvs.max() <= 1
    owner = np.full((SIZE, SIZE), -1)
    for face, triangle in enumerate(uvs[atlas.faces.numpy()] * SIZE):
        for x, y in inner_texels(triangle):
            assert owner[y, x] == -1, f"texel {x}, {y}: faces {owner[y, x]} and {face}"
            owner[y, x] = face
    assert (owner >= 0).mean() > 0.35  # the atlas is used


def test_charts_are_counted_and_keep_their_distance(atlas):
    charts = charts_of(atlas)
    assert atlas.charts == charts.max() + 1
    assert 1 < atlas.charts < 40
    uvs = atlas.uvs.numpy() * SIZE
    chart_of_vertex = np.zeros(len(uvs), dtype=int)
    chart_of_vertex[atlas.faces.numpy().ravel()] = charts.repeat(3)
    pairs = cKDTree(uvs).query_pairs(1.0, output_type="ndarray")
    assert (chart_of_vertex[pairs[:, 0]] == chart_of_vertex[pairs[:, 1]]).all()


def test_the_surface_is_the_same_face_by_face(torus, atlas):
    assert torch.equal(atlas.vertices[atlas.faces], torus.vertices[torus.faces])
    assert torch.equal(atlas.normals[atlas.faces], vertex_normals(torus)[torus.faces])


def test_unwrapping_is_deterministic(torus, atlas):
    again = unwrap(torus, Config(resolution=SIZE, padding=2))
    assert torch.equal(atlas.uvs, again.uvs) and torch.equal(atlas.faces, again.faces)
