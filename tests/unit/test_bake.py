"""Baking: tangent frames, occlusion and textures against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import trimesh
from torch.nn import functional as F

from backend.materials.bake import Config, bake, to_tangent_space
from backend.materials.closest import closest_points
from backend.materials.field import FieldConfig, MaterialField
from backend.materials.occlusion import ambient_occlusion
from backend.materials.tangents import vertex_tangents
from backend.mesh.geometry import vertex_normals
from backend.mesh.types import TriMesh, UVMesh
from backend.mesh.unwrap import unwrap


def tri_mesh(mesh: trimesh.Trimesh) -> TriMesh:
    return TriMesh(torch.tensor(mesh.vertices, dtype=torch.float32), torch.tensor(mesh.faces))


def sphere(subdivisions: int, radius: float = 0.6) -> TriMesh:
    return tri_mesh(trimesh.creation.icosphere(subdivisions, radius))


def quad(mirrored: bool = False) -> UVMesh:
    """The square [0, 1]^2 in the xy plane, facing +Z, image right = +X and image up = +Y."""
    vertices = torch.tensor([[0.0, 0, 0], [1.0, 0, 0], [1.0, 1, 0], [0.0, 1, 0]])
    uvs = torch.stack([vertices[:, 0], 1 - vertices[:, 1]], dim=-1)
    if mirrored:
        uvs[:, 0] = 1 - uvs[:, 0]
    normals = torch.tensor([0.0, 0, 1]).repeat(4, 1)
    return UVMesh(vertices, torch.tensor([[0, 1, 2], [0, 2, 3]]), normals, uvs)


def test_tangents_of_a_square_and_of_its_mirror_image() -> None:
    assert torch.allclose(vertex_tangents(quad()), torch.tensor([1.0, 0, 0, 1]).expand(4, 4))
    mirrored = vertex_tangents(quad(mirrored=True))
    assert torch.allclose(mirrored, torch.tensor([-1.0, 0, 0, -1]).expand(4, 4))


def test_tangents_are_unit_and_perpendicular_even_without_uvs() -> None:
    mesh = unwrap(sphere(3))
    tangents = vertex_tangents(mesh)
    assert torch.allclose(tangents[:, :3].norm(dim=-1), torch.ones(len(tangents)), atol=1e-5)
    assert (tangents[:, :3] * mesh.normals).sum(-1).abs().max() < 1e-5
    assert set(tangents[:, 3].tolist()) <= {1.0, -1.0}
    mesh.uvs = torch.zeros_like(mesh.uvs)
    assert torch.allclose(vertex_tangents(mesh)[:, :3].norm(dim=-1), torch.ones(len(tangents)))


def test_tangent_space_round_trip() -> None:
    generator = torch.Generator().manual_seed(0)
    n = F.normalize(torch.randn(100, 3, generator=generator), dim=-1) * 0.9
    t = torch.linalg.cross(n, torch.randn(100, 3, generator=generator)) * 0.8
    w = torch.where(torch.rand(100, 1, generator=generator) < 0.5, -1.0, 1.0)
    wanted = F.normalize(n + 0.3 * torch.randn(100, 3, generator=generator), dim=-1)
    local = to_tangent_space(wanted, n, torch.cat([t, w], dim=-1))
    b = w * torch.linalg.cross(n, t)
    back = F.normalize(local[:, :1] * t + local[:, 1:2] * b + local[:, 2:] * n, dim=-1)
    assert torch.allclose(back, wanted, atol=1e-4)


def test_closest_points_on_a_sphere() -> None:
    mesh = sphere(3)
    directions = F.normalize(
        torch.randn(300, 3, generator=torch.Generator().manual_seed(0)), dim=-1
    )
    faces, weights = closest_points(mesh, directions * 0.65, directions)
    found = (mesh.vertices[mesh.faces[faces]] * weights[..., None]).sum(1)
    reference, distance, _ = trimesh.proximity.closest_point_naive(
        trimesh.Trimesh(mesh.vertices.numpy(), mesh.faces.numpy(), process=False),
        (directions * 0.65).numpy(),
    )
    assert np.abs((directions * 0.65 - found).norm(dim=-1).numpy() - distance).max() < 1e-5
    assert np.abs(found.numpy() - reference).max() < 1e-4


def test_closest_points_keep_to_their_side_of_a_thin_wall() -> None:
    wall = tri_mesh(trimesh.creation.box((1.0, 1.0, 0.01)).subdivide().subdivide())
    points = torch.tensor([[0.1, 0.2, 0.004], [0.1, 0.2, -0.004]])
    normals = torch.tensor([[0.0, 0, -1], [0.0, 0, 1]])
    faces, weights = closest_points(wall, points, normals)
    found = (wall.vertices[wall.faces[faces]] * weights[..., None]).sum(1)
    assert found[:, 2].tolist() == pytest.approx([-0.005, 0.005], abs=1e-6)


def test_a_convex_shape_is_not_occluded() -> None:
    mesh = sphere(4)
    open_share = ambient_occlusion(mesh, mesh.vertices, vertex_normals(mesh), 64, 128)
    assert open_share.min() > 0.97


def test_occlusion_in_a_right_angled_corner_is_a_half() -> None:
    """A floor beside a wall that is endless next to the point: the cosine-weighted share is 1/2."""
    floor = trimesh.creation.box((1.2, 1.2, 0.1))
    wall = trimesh.creation.box((0.1, 1.2, 0.6))
    wall.apply_translation((-0.55, 0, 0.35))
    mesh = tri_mesh(trimesh.util.concatenate([floor, wall]))
    near, far = torch.tensor([[-0.47, 0.0, 0.05]]), torch.tensor([[0.55, 0.0, 0.05]])
    up = torch.tensor([[0.0, 0, 1]])
    assert ambient_occlusion(mesh, near, up).item() == pytest.approx(0.5, abs=0.08)
    assert ambient_occlusion(mesh, far, up).item() > 0.9
    under = torch.tensor([[0.0, 0.0, -0.05]])
    assert ambient_occlusion(mesh, under, -up).item() > 0.99


FIELD = FieldConfig(resolutions=(8, 16), samples=20_000, roughness=0.4, metallic=0.9)


def color_at(points: torch.Tensor) -> torch.Tensor:
    return (points * 0.5 + 0.5).clamp(0.05, 0.95)


def test_textures_show_the_field_at_the_surface() -> None:
    fine = sphere(4)
    field = MaterialField(fine, color_at, FIELD)
    mesh, textures = bake(unwrap(sphere(3)), field, Config(texture_size=256), detail=fine)
    # A vertex sits at a corner of its chart; faces' centres lie safely inside.
    centres = mesh.uvs[mesh.faces].mean(1).numpy()
    points = mesh.vertices[mesh.faces].mean(1)
    columns, rows = (np.clip(centres * 256, 0, 255)).astype(int).T
    expected = color_at(points).numpy() * 255
    error = np.abs(textures.albedo[rows, columns] - expected).max(axis=1)
    assert np.percentile(error, 95) < 8  # a texel is up to 0.01 away, the coarse field adds some
    occlusion, roughness, metallic = textures.orm[rows, columns].astype(float).T / 255
    assert occlusion.min() > 0.95
    assert roughness == pytest.approx(0.4, abs=0.005)
    assert metallic == pytest.approx(0.9, abs=0.005)


def test_normal_map_is_flat_without_detail_and_has_it_with() -> None:
    coarse = unwrap(sphere(2))
    field = MaterialField(sphere(3), color_at, FIELD)
    config = Config(texture_size=128, occlusion_directions=16, occlusion_resolution=64)
    mesh, flat = bake(coarse, field, config)
    assert (flat.normal == [128, 128, 255]).all()
    bumps = sphere(5)
    ripple = 1 + 0.02 * torch.sin(25 * bumps.vertices[:, 2:])
    _, bumpy = bake(coarse, field, config, detail=TriMesh(bumps.vertices * ripple, bumps.faces))
    assert bumpy.normal[..., :2].astype(float).std() > 10
    assert mesh.tangents is not None


def test_every_texel_outside_the_charts_repeats_its_nearest_neighbour() -> None:
    field = MaterialField(sphere(3), lambda p: torch.full_like(p, 0.7), FIELD)
    config = Config(texture_size=128, occlusion_directions=16, occlusion_resolution=64)
    _, textures = bake(unwrap(sphere(2)), field, config)
    # One colour everywhere on the surface, so one colour everywhere in the image.
    assert np.ptp(textures.albedo.astype(int), axis=(0, 1)).max() <= 1


def test_baking_twice_gives_the_same_bytes() -> None:
    field = MaterialField(sphere(3), color_at, FIELD)
    config = Config(texture_size=64, occlusion_directions=16, occlusion_resolution=64)
    first, second = (bake(unwrap(sphere(2)), field, config, sphere(3))[1] for _ in range(2))
    for name in ("albedo", "orm", "normal"):
        assert (getattr(first, name) == getattr(second, name)).all()
