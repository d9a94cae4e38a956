"""Every triangle rasteriser against dense float64 twins and on awkward scenes."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import torch
import trimesh
from torch.autograd import gradcheck
from triangle_scenes import (
    clip_positions,
    random_scene,
    same_triangles,
    tensors,
    twin_pixels,
    twin_rasterize,
)

from backend.cameras import turntable
from backend.errors import InputError
from backend.render.triangles import interpolate, rasterize, texture

HEIGHT, WIDTH = 13, 17  # odd and not square, so that swapped axes show


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("seed", range(4))
def test_raster_equals_its_twin(draw, seed):
    pos, tris = random_scene(seed=seed)
    rast, twin = draw.rasterize(pos, tris, HEIGHT, WIDTH), twin_rasterize(pos, tris, HEIGHT, WIDTH)
    assert 0.2 < (twin[..., 3] > 0).double().mean() < 1
    same = same_triangles(draw, rast, twin)
    near, depth = (2e-5, 2e-6) if draw.nvdiffrast else (1e-9, 2**-24)  # 24-bit depth
    torch.testing.assert_close(rast[same][:, :2], twin[same][:, :2], atol=near, rtol=0)
    torch.testing.assert_close(rast[same][:, 2], twin[same][:, 2], atol=depth, rtol=0)


def test_raster_gradient_equals_the_twins(draw):
    pos, tris = random_scene()
    weights = torch.randn(2, HEIGHT, WIDTH, 2, dtype=torch.float64)
    ours, twins = pos.clone().requires_grad_(), pos.clone().requires_grad_()
    rast, twin = (
        draw.rasterize(ours, tris, HEIGHT, WIDTH),
        twin_rasterize(twins, tris, HEIGHT, WIDTH),
    )
    weights *= same_triangles(draw, rast, twin)[..., None]
    (rast[..., :2] * weights).sum().backward()
    (twin[..., :2] * weights).sum().backward()
    near = (1e-3, 1e-4) if draw.nvdiffrast else (1e-6, 1e-8)
    torch.testing.assert_close(ours.grad, twins.grad, rtol=near[0], atol=near[1])


def test_float32_gradient_stays_near_float64(draw):
    pos, tris = random_scene(dtype=torch.float32)
    grads = []
    for p in (pos.clone(), pos.double()):
        p.requires_grad_()
        (draw.rasterize(p, tris, HEIGHT, WIDTH)[..., :2] ** 2).sum().backward()
        grads.append(p.grad.double())
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shared", [True, False])
def test_interpolation_and_its_gradients(draw, shared):
    pos, tris = random_scene()
    rast = draw.rasterize(pos, tris, HEIGHT, WIDTH)
    attrs = torch.randn(*(() if shared else (2,)), pos.shape[1], 3, dtype=torch.float64)
    weights = torch.randn(2, HEIGHT, WIDTH, 3, dtype=torch.float64)

    def twin(attrs, rast):
        batched = attrs.expand(2, -1, -1) if attrs.ndim == 2 else attrs
        ids = rast[..., 3].long() - 1
        corners = torch.stack([batched[b][tris.long()[ids[b].clamp(min=0)]] for b in range(2)])
        bary = torch.cat([rast[..., :2], 1 - rast[..., :2].sum(-1, keepdim=True)], dim=-1)
        return (bary[..., None] * corners).sum(-2) * (ids >= 0)[..., None]

    results = []
    for function in (lambda a, r: draw.interpolate(a, r, tris), twin):
        a, r = attrs.clone().requires_grad_(), rast.clone().requires_grad_()
        out = function(a, r)
        (out * weights).sum().backward()
        results.append((out.detach(), a.grad, r.grad))
    near = (1e-4, 1e-5) if draw.nvdiffrast else (1e-9, 1e-10)
    for ours, twins in zip(*results, strict=True):
        torch.testing.assert_close(ours, twins, rtol=near[0], atol=near[1])


def test_world_positions_come_back_through_perspective(draw):
    """Interpolated world points must lie on the pixel's own ray."""
    vertices, faces = tensors(trimesh.creation.box(), torch.float64)
    cameras = turntable(3)
    rast = draw.rasterize(clip_positions(vertices, cameras), faces, 31, 31)
    points = draw.interpolate(vertices, rast, faces)
    clip = torch.einsum("bij,bhwj->bhwi", cameras.clip_matrices().double(), _homogeneous(points))
    seen = rast[..., 3] > 0
    expected = twin_pixels(31, 31).expand(3, -1, -1, -1)[seen]
    away = ((clip / clip[..., 3:])[seen][:, :2] - expected[:, :2]).abs().max()
    assert away < (2 / 31 / 16 if draw.nvdiffrast else 1e-7)  # it moves by a sixteenth of a pixel


def _homogeneous(points):
    return torch.cat([points, torch.ones_like(points[..., :1])], dim=-1)


def test_orientation_of_the_picture(draw):
    """From the front, +X is on the right and +Z is up, in row 0's direction."""
    vertices = torch.tensor([[0.5, 0, 0.5], [0.7, 0, 0.5], [0.6, 0, 0.7]])
    faces = torch.tensor([[0, 1, 2]])
    rast = draw.rasterize(clip_positions(vertices, turntable(1, elevation_deg=0.0)), faces, 32, 32)
    _, rows, columns, _ = torch.nonzero(rast[..., 3:], as_tuple=True)
    assert len(rows) and rows.max() < 16 and columns.min() > 16


def test_both_faces_are_seen(draw):
    pos, tris = random_scene(count=1, seed=3)
    flipped = draw.rasterize(pos, tris[:, [1, 0, 2]], HEIGHT, WIDTH)
    rast = draw.rasterize(pos, tris, HEIGHT, WIDTH)
    assert rast[..., 3].any()
    torch.testing.assert_close(flipped, rast[..., [1, 0, 2, 3]])


def test_lowest_triangle_wins_a_tie(draw):
    """With nvdiffrast, the highest."""
    pos, _ = random_scene(count=1, seed=3)
    for order in ([0, 1, 2], [1, 2, 0], [2, 1, 0]):
        tris = torch.tensor([order, [0, 1, 2], [0, 1, 2]])
        ids = draw.rasterize(pos, tris, HEIGHT, WIDTH)[..., 3]
        assert set(ids.unique().tolist()) == {0.0, 3.0 if draw.nvdiffrast else 1.0}


def test_no_cracks_between_neighbours(draw):
    """A fan that fills the screen, its spokes through pixel centres, leaves no pixel out."""
    angles = torch.arange(16) * (2 * np.pi / 16)
    rim = torch.stack([2 * angles.cos(), 2 * angles.sin(), 0 * angles, 1 + 0 * angles], -1)
    pos = torch.cat([torch.tensor([[0.0, 0, 0, 1]]), rim])[None]
    tris = torch.tensor([[0, i + 1, (i + 1) % 16 + 1] for i in range(16)])
    assert (draw.rasterize(pos, tris, 33, 33)[..., 3] > 0).all()


def test_nothing_and_degenerate_triangles(draw):
    pos, _ = random_scene()
    pos.requires_grad_()
    nothing = torch.zeros(0, 3, dtype=torch.int32)
    points = torch.tensor([[0, 0, 0], [1, 1, 2]])
    for tris in (nothing, points):
        rast = draw.rasterize(pos, tris, HEIGHT, WIDTH)
        assert not rast.any()
        image = draw.antialias(draw.interpolate(pos, rast, tris), rast, pos, tris)
        image.sum().backward()
        assert not image.any() and not pos.grad.any()


def test_behind_the_camera_and_outside_the_planes(draw):
    triangle = torch.tensor([[-1.0, -1, 0, 1], [1, -1, 0, 1], [0, 1, 0, 1]])
    tris = torch.tensor([[0, 1, 2]])
    assert draw.rasterize(triangle[None], tris, 9, 9)[..., 3].any()
    for scale, shift in ((-1.0, 0.0), (1.0, 1.01), (1.0, -1.01)):
        moved = triangle * scale + torch.tensor([0, 0, shift, 0])
        assert not draw.rasterize(moved[None], tris, 9, 9).any()


def test_bad_values(draw):
    if draw.nvdiffrast and draw.device == "cuda":
        pytest.skip("nvdiffrast says nothing of what it draws for NaN")
    tris = torch.tensor([[0, 1, 2]])
    for value in (torch.nan, torch.inf, -torch.inf, 0.0):
        assert not draw.rasterize(torch.full((1, 3, 4), value), tris, 9, 9).any()
    pos = torch.tensor([[[-1.0, -1, 0, 1], [1, -1, 0, 1], [0, torch.nan, 0, 1]]])
    assert not draw.rasterize(pos, tris, 9, 9).any()


def test_wrong_indices_are_refused_at_the_door():
    with pytest.raises(InputError, match="0 to 7"):
        rasterize(torch.rand(1, 3, 4), torch.tensor([[0, 1, 7]]), 9, 9)
    with pytest.raises(InputError):
        interpolate(torch.rand(3, 1), torch.zeros(1, 4, 4, 4), torch.tensor([[0, -1, 2]]))


def test_same_bits_on_any_number_of_threads(draw):
    vertices, faces = tensors(trimesh.creation.icosphere(subdivisions=3))
    results = []
    for threads in (1, 2):
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        torch.set_num_threads(threads)
        v = vertices.clone().requires_grad_()
        image = draw.shaded(clip_positions(v, turntable(2)), faces, 48, 40, v)
        (image**2).sum().backward()
        results.append((image.detach(), v.grad))
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    (image, grad), (again, grad_again) = results
    if draw.device == "cpu":
        assert torch.equal(image, again) and torch.equal(grad, grad_again)
    else:  # atomics add in any order
        torch.testing.assert_close(image, again, rtol=0, atol=1e-6)
        torch.testing.assert_close(grad, grad_again, rtol=1e-5, atol=1e-5)


def test_texture_values_and_gradients():
    tex = torch.rand(5, 4, 3, dtype=torch.float64, requires_grad=True)
    rows, columns = torch.meshgrid(torch.arange(5), torch.arange(4), indexing="ij")
    centres = torch.stack([(columns.double() + 0.5) / 4, (rows.double() + 0.5) / 5], -1)[None]
    torch.testing.assert_close(texture(tex, centres)[0], tex)  # v = 0 is the top row
    between = torch.tensor([[[[0.25, 0.1]]]], dtype=torch.float64)
    torch.testing.assert_close(texture(tex, between)[0, 0, 0], (tex[0, 0] + tex[0, 1]) / 2)
    uv = torch.rand(2, 3, 2, 2, dtype=torch.float64) * 0.7 + 0.15
    assert gradcheck(texture, (tex, uv.requires_grad_()))
