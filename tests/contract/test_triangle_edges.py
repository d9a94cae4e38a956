"""Triangle rasterisers where they are easily wrong: the near plane, slivers, ties, 100,000."""

from __future__ import annotations

import pytest
import torch
import trimesh
from triangle_scenes import clip_positions, same_triangles, soup, tensors

from backend.cameras import turntable

HEIGHT, WIDTH = 37, 53


def twin(pos, tris, height, width, pixels, highest=False):
    """(P, 4) of (u, v, z/w, triangle + 1) at (view, row, column) pixels, in float64.

    One linear system a triangle and pixel: shares of (x, y, w) corners that give (X, Y, 1). The
    winner is found first, then solved for again, so that its gradient costs no more than it does.
    highest: of triangles at one depth the highest number wins, not the lowest.
    """
    pos = pos.double()
    view, row, column = pixels.unbind(-1)
    x, y = (column.double() + 0.5) * 2 / width - 1, (row.double() + 0.5) * 2 / height - 1
    points = torch.stack([x, y, torch.ones_like(x)], -1)
    out = []
    for b in range(len(pos)):
        corners, own = pos[b, tris.long()], points[view == b]  # (F, 3, 4), (P, 3)
        with torch.no_grad():
            matrices = corners[..., [0, 1, 3]]
            flat = torch.linalg.det(matrices) == 0
            safe = torch.where(flat[:, None, None], torch.eye(3, dtype=pos.dtype), matrices)
            inverse = torch.linalg.inv(safe)
            share = torch.einsum("pc,fck->pfk", own, inverse)
            depth = torch.einsum("pfk,fk->pf", share, corners[..., 2])
            # 24 bits, as in a hardware depth buffer.
            steps = torch.floor(depth * 2.0**24 + 0.5)
            hit = (share >= 0).all(-1) & (steps.abs() <= 2**24) & ~flat
            order = torch.arange(len(tris)) * (-1 if highest else 1)
            key = torch.where(hit, steps * len(tris) + order, torch.inf)
            best = key.min(-1)
        chosen = corners[best.indices]
        seen = torch.isfinite(best.values)[:, None]
        matrices = torch.where(seen[..., None], chosen[..., [0, 1, 3]], torch.eye(3).double())
        share = torch.linalg.solve(matrices.transpose(1, 2), own)
        uv = share[:, :2] / share.sum(-1, keepdim=True)
        z = (share * chosen[..., 2]).sum(-1, keepdim=True).detach()
        values = torch.cat([uv, z, best.indices[:, None] + 1.0], -1)
        out.append(torch.where(seen, values, 0))
    return torch.cat(out)


def all_pixels(views, height, width):
    return torch.cartesian_prod(torch.arange(views), torch.arange(height), torch.arange(width))


def compare(draw, pos, tris, height, width, pixels=None, most=0.02):
    """Rasters, and gradients through u and v, within 1e-5 of the twin's largest entry.

    most: of nvdiffrast's pixels may see another triangle, and its gradients differ by 1e-2.
    """
    pixels = all_pixels(len(pos), height, width) if pixels is None else pixels
    pixels = pixels[pixels[:, 0].argsort(stable=True)]  # the twin goes from view to view
    weights = torch.randn(len(pixels), 2, generator=torch.Generator().manual_seed(1)).double()
    ours, exact = pos.clone().requires_grad_(), pos.double().clone().requires_grad_()
    rast = draw.rasterize(ours, tris, height, width)
    values = rast[pixels[:, 0], pixels[:, 1], pixels[:, 2]]
    expected = twin(exact, tris, height, width, pixels, highest=draw.nvdiffrast)
    same = same_triangles(draw, values.double(), expected, most)
    near, far = (2e-5, 1e-2) if draw.nvdiffrast else (1e-6, 1e-5)
    torch.testing.assert_close(values[same].double(), expected[same], atol=near, rtol=0)
    weights *= same[:, None]
    (values[:, :2] * weights).sum().backward()
    (expected[:, :2] * weights).sum().backward()
    scale = float(exact.grad.abs().max())
    torch.testing.assert_close(ours.grad.double(), exact.grad, atol=far * scale, rtol=0)
    return rast


def ground() -> tuple[torch.Tensor, torch.Tensor]:
    """A floor of two triangles that runs from behind the camera to the distance."""
    vertices = torch.tensor([[-4.0, -4, -0.3], [4, -4, -0.3], [4, 9, -0.3], [-4, 9, -0.3]])
    pos = clip_positions(vertices, turntable(3, elevation_deg=5.0))
    return pos, torch.tensor([[0, 1, 2], [0, 2, 3]], dtype=torch.int32)


def near_depths(pos):
    return pos[..., 2] + pos[..., 3]


@pytest.mark.parametrize(("height", "width"), [(37, 53), (1, 1), (2, 31)])
def test_through_the_near_plane_and_the_camera(draw, height, width):
    pos, tris = ground()
    assert (pos[..., 3] < 0).any() and (near_depths(pos) > 0).any()
    most = 1.0 if height == 1 else 0.02  # a sixteenth of this pixel is one of the picture
    rast = compare(draw, pos, tris, height, width, most=most)
    assert (rast[..., 3] > 0).any()
    assert (rast[..., 2].abs() <= 1).all()


def test_only_the_part_beyond_the_near_plane_is_seen(draw):
    """A triangle that leans through the plane at z = -w, across which it is cut."""
    triangle = torch.tensor([[[-0.8, -0.9, -1.5, 1.0], [0.9, -0.8, -1.5, 1.0], [0, 0.9, 0.5, 1.0]]])
    rast = compare(draw, triangle, torch.tensor([[0, 1, 2]], dtype=torch.int32), HEIGHT, WIDTH)
    rows = torch.nonzero(rast[0, ..., 3])[:, 0]
    # z/w = -1 a quarter of the way up from y = -0.85.
    assert rows.min() == pytest.approx((-0.85 + 0.25 * 1.75 + 1) / 2 * HEIGHT, abs=1.5)
    assert rows.max() > 0.85 * HEIGHT


def test_slivers_and_triangles_without_area(draw):
    g = torch.Generator().manual_seed(2)
    pos = torch.rand(1, 60, 4, generator=g) * 1.6 - 0.8
    pos[..., 3] = 1 + pos[..., 3] * 0.3
    tris = torch.arange(60, dtype=torch.int32).reshape(20, 3)
    pos[0, 3:6] = pos[0, 3]  # a point
    pos[0, 8] = pos[0, 6]  # a line
    pos[0, 9:12, :2] = pos[0, 9:12, 3:]  # all at the picture's corner: nothing between them
    pos[0, 14] = (pos[0, 12] + pos[0, 13]) / 2 + 1e-4  # a sliver
    tris[19] = tris[18]  # the same twice
    rast = compare(draw, pos, tris, HEIGHT, WIDTH)
    numbers = rast[..., 3].unique().int().tolist()
    assert not {2, 3, 4, 19 if draw.nvdiffrast else 20} & set(numbers) and len(numbers) > 5


def test_the_back_is_as_good_as_the_front(draw):
    pos, tris = soup(40, views=2, size=0.3)
    front = compare(draw, pos, tris, HEIGHT, WIDTH)
    back = compare(draw, pos, tris[:, [1, 0, 2]], HEIGHT, WIDTH)
    torch.testing.assert_close(back[..., [1, 0, 2, 3]], front, atol=1e-6, rtol=0)


def test_overlapping_at_one_depth(draw):
    """Different triangles of one plane: where they overlap, the lowest number is seen,
    with nvdiffrast the highest."""
    g = torch.Generator().manual_seed(4)
    pos = torch.rand(1, 24, 4, generator=g) * 2 - 1
    pos[..., 2], pos[..., 3] = 0.25, 1.0
    tris = torch.arange(24, dtype=torch.int32).reshape(8, 3)
    rast = compare(draw, pos, tris, HEIGHT, WIDTH)
    alone = [draw.rasterize(pos, tris[k : k + 1], HEIGHT, WIDTH)[..., 3] > 0 for k in range(8)]
    seen = torch.zeros_like(rast[..., 3])
    for k in range(8) if draw.nvdiffrast else reversed(range(8)):
        seen[alone[k]] = k + 1
    assert torch.equal(rast[..., 3], seen)


@pytest.mark.parametrize("views", [1, 3])
def test_no_triangles_no_vertices(draw, views):
    nothing = torch.zeros(0, 3, dtype=torch.int32)
    for vertices in (0, 4):
        pos = torch.rand(views, vertices, 4, requires_grad=True)
        rast = draw.rasterize(pos, nothing, 5, 3)
        image = draw.antialias(draw.interpolate(pos[..., :2], rast, nothing), rast, pos, nothing)
        assert image.shape == (views, 5, 3, 2) and not rast.any() and not image.any()
        image.sum().backward()
        assert pos.grad is None or not pos.grad.any()


def test_a_hundred_thousand(draw):
    pos, tris = soup(100_000, views=2, size=0.01)
    g = torch.Generator().manual_seed(6)
    ends = torch.tensor([2, HEIGHT, WIDTH])
    pixels = (torch.rand(60, 3, generator=g) * ends).long()
    rast = compare(draw, pos, tris, HEIGHT, WIDTH, pixels, most=0.25)
    assert (rast[..., 3] > 0).float().mean() > 0.3


@pytest.mark.parametrize("channels", [1, 8])
def test_float32_pictures_and_gradients_are_those_of_float64(draw, channels):
    """The whole line, antialiasing included; in float64 that is checked by finite differences."""
    mesh = trimesh.creation.torus(0.6, 0.25, major_sections=40, minor_sections=20)
    vertices, faces = tensors(mesh)
    g = torch.Generator().manual_seed(8)
    colors = torch.rand(len(vertices), channels, generator=g)
    pos = clip_positions(vertices, turntable(3, elevation_deg=40.0))
    weights = torch.randn(3, HEIGHT, WIDTH, channels, generator=g).double()
    results = []
    for dtype in (torch.float32, torch.float64):
        leaves = [x.to(dtype).clone().requires_grad_() for x in (pos, colors)]
        image = draw.shaded(leaves[0], faces, HEIGHT, WIDTH, leaves[1])
        (image.double() * weights).sum().backward()
        results.append([image.detach().double(), *(leaf.grad.double() for leaf in leaves)])
    for single, double in zip(*results, strict=True):
        scale = float(double.abs().max())
        torch.testing.assert_close(single, double, atol=1e-5 * scale, rtol=0)
