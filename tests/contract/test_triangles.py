"""The triangle rasteriser against dense float64 twins, finite differences and exact areas."""

from __future__ import annotations

import logging

import numba
import numpy as np
import pytest
import torch
import trimesh
from scipy.spatial import ConvexHull
from torch.autograd import gradcheck

from backend.cameras import turntable
from backend.errors import InputError
from backend.render import triangles, triangles_cuda
from backend.render.triangles import antialias, interpolate, rasterize, texture

HEIGHT, WIDTH = 13, 17  # odd and not square, so that swapped axes show


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def random_scene(views=2, count=12, seed=0, dtype=torch.float64):
    """Large random triangles, some through the camera's plane, some behind it."""
    generator = torch.Generator().manual_seed(seed)
    pos = torch.randn(views, 3 * count, 4, generator=generator, dtype=torch.float64)
    pos[..., 3] = pos[..., 3] * 0.5 + 1
    pos[..., 2] *= 0.5
    return pos.to(dtype), torch.arange(3 * count, dtype=torch.int32).reshape(count, 3)


def twin_pixels(height, width):
    y = (torch.arange(height, dtype=torch.float64) + 0.5) * 2 / height - 1
    x = (torch.arange(width, dtype=torch.float64) + 0.5) * 2 / width - 1
    y, x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([x, y, torch.ones_like(x)], dim=-1)


def twin_rasterize(pos, tris, height, width):
    """(u, v, z/w, id) from the inverse of each triangle's matrix of (x, y, w): (B, H, W, 4)."""
    corners = pos[:, tris.long()][..., [0, 1, 3]]  # (B, F, 3 vertices, 3)
    share = torch.einsum("hwc,bfck->bhwfk", twin_pixels(height, width), torch.linalg.inv(corners))
    depth = torch.einsum("bhwfk,bfk->bhwf", share, pos[:, tris.long()][..., 2])
    hit = (share >= 0).all(-1) & (depth.abs() <= 1)
    nearest = torch.where(hit, depth, torch.inf).min(-1)
    chosen = nearest.indices[..., None, None].expand(*nearest.indices.shape, 1, 3)
    share = share.gather(-2, chosen)[..., 0, :]
    uv = share[..., :2] / share.sum(-1, keepdim=True)
    ids = (nearest.indices + 1).to(pos.dtype)
    out = torch.cat([uv, nearest.values[..., None], ids[..., None]], -1)
    return torch.where(torch.isfinite(nearest.values)[..., None], out, 0)


def clip_positions(vertices, cameras):
    points = torch.cat([vertices, torch.ones_like(vertices[:, :1])], dim=1)
    return torch.einsum("bij,vj->bvi", cameras.clip_matrices().to(vertices.dtype), points)


def tensors(mesh, dtype=torch.float32):
    return torch.tensor(mesh.vertices, dtype=dtype), torch.tensor(mesh.faces, dtype=torch.int32)


def mask_of(pos, faces, size, **options):
    rast = rasterize(pos, faces, size, size)
    return antialias((rast[..., 3:] > 0).to(pos.dtype), rast, pos, faces, **options)


@pytest.mark.parametrize("seed", range(4))
def test_raster_equals_its_twin(seed):
    pos, tris = random_scene(seed=seed)
    rast, twin = rasterize(pos, tris, HEIGHT, WIDTH), twin_rasterize(pos, tris, HEIGHT, WIDTH)
    assert 0.2 < (twin[..., 3] > 0).double().mean() < 1
    torch.testing.assert_close(rast[..., 3], twin[..., 3], atol=0, rtol=0)
    torch.testing.assert_close(rast[..., :2], twin[..., :2], atol=1e-9, rtol=0)
    torch.testing.assert_close(rast[..., 2], twin[..., 2], atol=2**-24, rtol=0)  # 24-bit depth


def test_raster_gradient_equals_the_twins():
    pos, tris = random_scene()
    weights = torch.randn(2, HEIGHT, WIDTH, 2, dtype=torch.float64)
    ours, twins = pos.clone().requires_grad_(), pos.clone().requires_grad_()
    (rasterize(ours, tris, HEIGHT, WIDTH)[..., :2] * weights).sum().backward()
    (twin_rasterize(twins, tris, HEIGHT, WIDTH)[..., :2] * weights).sum().backward()
    torch.testing.assert_close(ours.grad, twins.grad, rtol=1e-6, atol=1e-8)


def test_float32_gradient_stays_near_float64():
    pos, tris = random_scene(dtype=torch.float32)
    grads = []
    for p in (pos.clone(), pos.double()):
        p.requires_grad_()
        (rasterize(p, tris, HEIGHT, WIDTH)[..., :2] ** 2).sum().backward()
        grads.append(p.grad.double())
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shared", [True, False])
def test_interpolation_and_its_gradients(shared):
    pos, tris = random_scene()
    rast = rasterize(pos, tris, HEIGHT, WIDTH)
    attrs = torch.randn(*(() if shared else (2,)), pos.shape[1], 3, dtype=torch.float64)
    weights = torch.randn(2, HEIGHT, WIDTH, 3, dtype=torch.float64)

    def twin(attrs, rast):
        batched = attrs.expand(2, -1, -1) if attrs.ndim == 2 else attrs
        ids = rast[..., 3].long() - 1
        corners = torch.stack([batched[b][tris.long()[ids[b].clamp(min=0)]] for b in range(2)])
        bary = torch.cat([rast[..., :2], 1 - rast[..., :2].sum(-1, keepdim=True)], dim=-1)
        return (bary[..., None] * corners).sum(-2) * (ids >= 0)[..., None]

    results = []
    for function in (lambda a, r: interpolate(a, r, tris), twin):
        a, r = attrs.clone().requires_grad_(), rast.clone().requires_grad_()
        out = function(a, r)
        (out * weights).sum().backward()
        results.append((out.detach(), a.grad, r.grad))
    for ours, twins in zip(*results, strict=True):
        torch.testing.assert_close(ours, twins, rtol=1e-9, atol=1e-10)


def test_world_positions_come_back_through_perspective():
    """Interpolated world points must lie on the pixel's own ray."""
    vertices, faces = tensors(trimesh.creation.box(), torch.float64)
    cameras = turntable(3)
    rast = rasterize(clip_positions(vertices, cameras), faces, 31, 31)
    points = interpolate(vertices, rast, faces)
    clip = torch.einsum("bij,bhwj->bhwi", cameras.clip_matrices().double(), _homogeneous(points))
    seen = rast[..., 3] > 0
    expected = twin_pixels(31, 31).expand(3, -1, -1, -1)[seen]
    torch.testing.assert_close((clip / clip[..., 3:])[seen][:, :2], expected[:, :2])


def _homogeneous(points):
    return torch.cat([points, torch.ones_like(points[..., :1])], dim=-1)


def test_orientation_of_the_picture():
    """From the front, +X is on the right and +Z is up, in row 0's direction."""
    vertices = torch.tensor([[0.5, 0, 0.5], [0.7, 0, 0.5], [0.6, 0, 0.7]])
    faces = torch.tensor([[0, 1, 2]])
    rast = rasterize(clip_positions(vertices, turntable(1, elevation_deg=0.0)), faces, 32, 32)
    _, rows, columns, _ = torch.nonzero(rast[..., 3:], as_tuple=True)
    assert len(rows) and rows.max() < 16 and columns.min() > 16


def test_both_faces_are_seen():
    pos, tris = random_scene(count=1, seed=3)
    flipped = rasterize(pos, tris[:, [1, 0, 2]], HEIGHT, WIDTH)
    rast = rasterize(pos, tris, HEIGHT, WIDTH)
    assert rast[..., 3].any()
    torch.testing.assert_close(flipped, rast[..., [1, 0, 2, 3]])


def test_lowest_triangle_wins_a_tie():
    pos, _ = random_scene(count=1, seed=3)
    for order in ([0, 1, 2], [1, 2, 0], [2, 1, 0]):
        tris = torch.tensor([order, [0, 1, 2], [0, 1, 2]])
        ids = rasterize(pos, tris, HEIGHT, WIDTH)[..., 3]
        assert set(ids.unique().tolist()) == {0.0, 1.0}


def test_no_cracks_between_neighbours():
    """A fan that fills the screen, its spokes through pixel centres, leaves no pixel out."""
    angles = torch.arange(16) * (2 * np.pi / 16)
    rim = torch.stack([2 * angles.cos(), 2 * angles.sin(), 0 * angles, 1 + 0 * angles], -1)
    pos = torch.cat([torch.tensor([[0.0, 0, 0, 1]]), rim])[None]
    tris = torch.tensor([[0, i + 1, (i + 1) % 16 + 1] for i in range(16)])
    assert (rasterize(pos, tris, 33, 33)[..., 3] > 0).all()


def test_nothing_and_degenerate_triangles():
    pos, _ = random_scene()
    pos.requires_grad_()
    nothing = torch.zeros(0, 3, dtype=torch.int32)
    points = torch.tensor([[0, 0, 0], [1, 1, 2]])
    for tris in (nothing, points):
        rast = rasterize(pos, tris, HEIGHT, WIDTH)
        assert not rast.any()
        image = antialias(interpolate(pos, rast, tris), rast, pos, tris)
        image.sum().backward()
        assert not image.any() and not pos.grad.any()


def test_behind_the_camera_and_outside_the_planes():
    triangle = torch.tensor([[-1.0, -1, 0, 1], [1, -1, 0, 1], [0, 1, 0, 1]])
    tris = torch.tensor([[0, 1, 2]])
    assert rasterize(triangle[None], tris, 9, 9)[..., 3].any()
    for scale, shift in ((-1.0, 0.0), (1.0, 1.01), (1.0, -1.01)):
        moved = triangle * scale + torch.tensor([0, 0, shift, 0])
        assert not rasterize(moved[None], tris, 9, 9).any()


def test_bad_values_and_indices():
    tris = torch.tensor([[0, 1, 2]])
    assert not rasterize(torch.full((1, 3, 4), torch.nan), tris, 9, 9).any()
    with pytest.raises(InputError, match="0 to 7"):
        rasterize(torch.rand(1, 3, 4), torch.tensor([[0, 1, 7]]), 9, 9)
    with pytest.raises(InputError):
        interpolate(torch.rand(3, 1), torch.zeros(1, 4, 4, 4), torch.tensor([[0, -1, 2]]))


def test_same_bits_on_any_number_of_threads():
    vertices, faces = tensors(trimesh.creation.icosphere(subdivisions=3))
    results = []
    for threads in (1, 2):
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        v = vertices.clone().requires_grad_()
        pos = clip_positions(v, turntable(2))
        rast = rasterize(pos, faces, 48, 40)
        image = antialias(interpolate(v, rast, faces), rast, pos, faces)
        (image**2).sum().backward()
        results.append((image.detach(), v.grad))
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("angle", [3, 20, 45, 70, 88])
def test_antialiased_values_are_near_the_coverage(angle):
    """A turned square: the area to 0.5 %, each pixel near its exact share (corners aside)."""
    turn = np.deg2rad(angle + 90 * np.arange(4))
    corners = np.stack([np.cos(turn), np.sin(turn)], -1) * 0.73 + [0.031, -0.017]
    pos = np.concatenate([corners, np.zeros((4, 1)), np.ones((4, 1))], -1)
    pos = torch.tensor(pos[None], dtype=torch.float64)
    tris = torch.tensor([[0, 1, 2], [0, 2, 3]])
    mask = mask_of(pos, tris, 24)
    fine = (rasterize(pos, tris, 24 * 32, 24 * 32)[..., 3] > 0).double()
    exact = fine.reshape(1, 24, 32, 24, 32).mean((2, 4))[..., None]
    assert mask.min() >= 0 and mask.max() <= 1
    assert float(mask.sum() / exact.sum()) == pytest.approx(1, abs=5e-3)
    errors = (mask - exact).abs().flatten().sort(descending=True).values
    hard = ((rasterize(pos, tris, 24, 24)[..., 3:] > 0).double() - exact).abs().mean()
    assert errors[8:].max() < 0.13 and errors.mean() < 0.3 * hard  # an edge at 45 deg: 1/8


def test_antialias_gradients_by_finite_differences():
    """To images and to positions, on a closed mesh that hides part of itself."""
    mesh = trimesh.creation.torus(0.6, 0.25, major_sections=9, minor_sections=6)
    # Turned, so that no vertex stands exactly in a column of pixel centres: a kink there.
    mesh.apply_transform(trimesh.transformations.euler_matrix(0.1, 0.2, 0.3))
    vertices, faces = tensors(mesh, torch.float64)
    pos = clip_positions(vertices, turntable(2, elevation_deg=23.0)).requires_grad_()
    rast = rasterize(pos, faces, 15, 19).detach()
    images = torch.rand(2, 15, 19, 2, dtype=torch.float64, requires_grad=True)
    weights = torch.rand_like(images)
    (antialias(images, rast, pos, faces) * weights).sum().backward()
    assert pos.grad[..., [0, 1, 3]].any(-1).sum() > 20 and not pos.grad[..., 2].any()
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        for tensor in (images, pos):
            step = torch.randn(tensor.shape, generator=generator, dtype=torch.float64) * 1e-7
            moved = [[x + d if x is tensor else x for x in (images, pos)] for d in (step, -step)]
            values = [(antialias(i, rast, p, faces) * weights).sum().item() for i, p in moved]
            expected = float((tensor.grad * step).sum())
            assert values[0] - values[1] == pytest.approx(2 * expected, rel=1e-4)


def hull_area(vertices, cameras, size):
    """Exact area in square pixels of a convex mesh's outlines, all views together."""
    pos = clip_positions(vertices, cameras).numpy()
    return sum(ConvexHull((p[:, :2] / p[:, 3:] * 0.5 + 0.5) * size).volume for p in pos)


# Smaller triangles than pixels and larger ones. Each outline crosses some hundred pixel columns,
# whose sampling leaves a few per cent.
@pytest.mark.parametrize("subdivisions", [2, 5])
def test_silhouette_gradient_equals_the_areas(subdivisions):
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions, radius=0.8)
    vertices, faces = tensors(mesh, torch.float64)
    assert len(faces) == {2: 320, 5: 20480}[subdivisions]
    cameras, size = turntable(4), 128
    scale = torch.ones(3, dtype=torch.float64, requires_grad=True)
    mask_of(clip_positions(vertices * scale, cameras), faces, size).sum().backward()
    for axis in range(3):
        step = torch.eye(3, dtype=torch.float64)[axis] * 1e-3
        above = hull_area(vertices * (1 + step), cameras, size)
        below = hull_area(vertices * (1 - step), cameras, size)
        assert float(scale.grad[axis]) == pytest.approx((above - below) / 2e-3, rel=0.03)


def test_the_owner_rule_loses_the_gradient_of_small_triangles():
    """The finding that the default rests on: keep the numbers apart, or drop the default."""
    vertices, faces = tensors(trimesh.creation.icosphere(subdivisions=5, radius=0.8))
    gradients = []
    for owner_only in (False, True):
        scale = torch.ones((), requires_grad=True)
        pos = clip_positions(vertices * scale, turntable(2))
        mask_of(pos, faces, 128, owner_only=owner_only).sum().backward()
        gradients.append(float(scale.grad))
    assert 0 <= gradients[1] < 0.2 * gradients[0]


def test_silhouette_gradient_of_a_shape_with_a_hole():
    """A torus against the counted area at 8 times the resolution."""
    mesh = trimesh.creation.torus(0.6, 0.25, major_sections=64, minor_sections=32)
    vertices, faces = tensors(mesh, torch.float64)
    cameras, size = turntable(2, elevation_deg=50.0), 96
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    mask_of(clip_positions(vertices * scale, cameras), faces, size).sum().backward()

    def area(factor):
        rast = rasterize(clip_positions(vertices * factor, cameras), faces, 8 * size, 8 * size)
        return float((rast[..., 3] > 0).sum()) / 64

    assert float(scale.grad) == pytest.approx((area(1.02) - area(0.98)) / 0.04, rel=0.03)


def test_hidden_silhouettes_get_no_gradient():
    front = trimesh.creation.icosphere(subdivisions=3, radius=0.6)
    hidden = trimesh.creation.icosphere(subdivisions=2, radius=0.2).apply_translation([0, 0.8, 0])
    vertices, faces = tensors(trimesh.util.concatenate([front, hidden]))
    pos = clip_positions(vertices, turntable(1, elevation_deg=0.0)).requires_grad_()
    rast = rasterize(pos, faces, 64, 64)
    colors = torch.rand(len(vertices), 3)
    antialias(interpolate(colors, rast.detach(), faces), rast, pos, faces).sum().backward()
    assert pos.grad[:, : len(front.vertices)].any()
    assert not pos.grad[:, len(front.vertices) :].any()


def test_inner_edges_are_left_alone():
    """Only outlines blend: a flat sheet of many triangles keeps its picture."""
    sheet = trimesh.creation.box([4, 0.1, 4]).subdivide().subdivide()
    vertices, faces = tensors(sheet)
    pos = clip_positions(vertices, turntable(1, elevation_deg=0.0))
    rast = rasterize(pos, faces, 21, 21)
    image = torch.rand(1, 21, 21, 3)
    assert torch.equal(antialias(image, rast, pos, faces), image)


def test_texture_values_and_gradients():
    tex = torch.rand(5, 4, 3, dtype=torch.float64, requires_grad=True)
    rows, columns = torch.meshgrid(torch.arange(5), torch.arange(4), indexing="ij")
    centres = torch.stack([(columns.double() + 0.5) / 4, (rows.double() + 0.5) / 5], -1)[None]
    torch.testing.assert_close(texture(tex, centres)[0], tex)  # v = 0 is the top row
    between = torch.tensor([[[[0.25, 0.1]]]], dtype=torch.float64)
    torch.testing.assert_close(texture(tex, between)[0, 0, 0], (tex[0, 0] + tex[0, 1]) / 2)
    uv = torch.rand(2, 3, 2, 2, dtype=torch.float64) * 0.7 + 0.15
    assert gradcheck(texture, (tex, uv.requires_grad_()))


def test_larger_canvas_shows_the_same_pixels():
    """What the CUDA path does for sizes that nvdiffrast refuses."""
    pos, tris = random_scene()
    canvas = triangles_cuda._onto_canvas(pos, 13 / 16, 17 / 24)
    rast = rasterize(canvas, tris, 16, 24)[:, :13, :17]
    torch.testing.assert_close(rast, rasterize(pos, tris, 13, 17), atol=1e-6, rtol=0)


def test_absence_of_nvdiffrast_is_told_once(monkeypatch, caplog):
    def absent():
        raise triangles_cuda.DeviceError(triangles_cuda.ABSENT)

    monkeypatch.setattr(triangles_cuda, "load", absent)
    triangles._nvdiffrast_available.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert not triangles._nvdiffrast_available() and not triangles._nvdiffrast_available()
    triangles._nvdiffrast_available.cache_clear()
    assert len(caplog.records) == 1 and "non-commercial" in caplog.text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_the_cpu():
    vertices, faces = tensors(trimesh.creation.icosphere(subdivisions=2, radius=0.8))
    images = []
    for device in ("cpu", "cuda"):
        pos = clip_positions(vertices, turntable(2)).to(device)
        tris = faces.to(device)
        rast = rasterize(pos, tris, 50, 50)
        images.append(interpolate(vertices.to(device), rast, tris).cpu())
    different = (images[0] - images[1]).abs().amax(-1) > 1e-3
    assert different.float().mean() < 0.01  # pixels on the very edge may fall either way
