"""The torch rasteriser against the CPU kernels: pixel by pixel, in pieces, on one device only."""

from __future__ import annotations

import pytest
import torch
import trimesh
from pretended_device import DEVICE, PretendedDevice
from triangle_scenes import Rasteriser, clip_positions, random_scene, soup, tensors

from backend.cameras import turntable
from backend.render import triangles_cpu, triangles_pairs, triangles_torch


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def sheets(count=40):
    """Triangles that all fill the screen, at depths that tie now and then, some edge-on."""
    generator = torch.Generator().manual_seed(5)
    pos = torch.tensor([[-3.0, -1, 0, 1], [3, -1, 0, 1], [0, 3, 0, 1]]).repeat(count, 1)
    pos[:, 2] = torch.randint(-8, 8, (count,), generator=generator).repeat_interleave(3) / 8
    pos[:9, 0] = 0.25
    return pos[None], torch.arange(3 * count).reshape(count, 3)


def through_the_near_plane():
    """A floor that runs from behind the camera to the horizon, and a box that stands on it."""
    floor = torch.tensor([[-9.0, -9, -0.6], [9, -9, -0.6], [9, 9, -0.6], [-9, 9, -0.6]])
    box, faces = tensors(trimesh.creation.box([0.8, 0.8, 1.0]))
    tris = torch.cat([torch.tensor([[0, 1, 2], [0, 2, 3]]), faces.long() + 4])
    return clip_positions(torch.cat([floor, box]), turntable(2, elevation_deg=10.0)), tris


SCENES = {
    "open triangles": lambda: soup(2000, size=0.1),
    "screen-filling": sheets,
    "near plane": through_the_near_plane,
    "edge-on": lambda: (
        clip_positions(tensors(trimesh.creation.box())[0], turntable(4, elevation_deg=0.0)),
        tensors(trimesh.creation.box())[1],
    ),
    "many": lambda: soup(100_000, views=1, size=0.01),
}


@pytest.mark.parametrize("size", [(67, 45), (1, 5), (3, 1)])
@pytest.mark.parametrize("name", SCENES)
def test_all_rasterisers_agree(torch_draw, name, size):
    """Every pixel of the raster, then the antialiased picture and both gradients of it."""
    pos, tris = SCENES[name]()
    colors = torch.rand(pos.shape[1], 3)
    reference = Rasteriser(triangles_cpu, "cpu")
    expected = reference.rasterize(pos, tris, *size)
    assert expected[..., 3].any() or min(size) == 1
    torch.testing.assert_close(torch_draw.rasterize(pos, tris, *size), expected, rtol=0, atol=1e-6)
    results = []
    for rasteriser in (torch_draw, reference):
        leaves = [pos.clone().requires_grad_(), colors.clone().requires_grad_()]
        image = rasteriser.shaded(leaves[0], tris, *size, leaves[1])
        (image**2).sum().backward()
        results.append((image.detach(), *(leaf.grad for leaf in leaves)))
    for ours, theirs in zip(*results, strict=True):
        scale = float(theirs.abs().max())
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6 + 1e-5 * scale)


def test_pictures_dont_depend_on_the_chunks(monkeypatch):
    """Memory is bounded by cutting the work up; a screen-filling triangle is cut within itself."""
    draw = Rasteriser(triangles_torch, "cpu")
    for scene in (soup(300, size=0.2), sheets(), random_scene(dtype=torch.float32)):
        rasts, colors = [], torch.rand(scene[0].shape[1], 1)
        for chunk in (2**21, 50):
            monkeypatch.setattr(triangles_pairs, "CHUNK", chunk)
            monkeypatch.setattr(triangles_torch, "CHUNK", chunk)
            pos = scene[0].clone().requires_grad_()
            image = draw.shaded(pos, scene[1], 41, 39, colors)
            image.sum().backward()
            rasts.append((draw.rasterize(scene[0], scene[1], 41, 39), image.detach(), pos.grad))
        for whole, cut in zip(*rasts, strict=True):
            torch.testing.assert_close(cut, whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["open triangles", "screen-filling", "near plane"])
def test_everything_happens_on_the_tensors_own_device(name):
    pos, tris = SCENES[name]()
    draw, colors = Rasteriser(triangles_torch, "cpu"), torch.rand(pos.shape[1], 3)
    expected = draw.shaded(pos, tris, 21, 33, colors)
    with PretendedDevice():
        there, leaf = Rasteriser(triangles_torch, DEVICE), pos.to(DEVICE).requires_grad_()
        image = there.shaded(leaf, tris.to(DEVICE), 21, 33, colors.to(DEVICE))
        (image**2).sum().backward()
        there.antialias(image, there.rasterize(leaf, tris.to(DEVICE), 21, 33), leaf, tris, True)
        assert leaf.grad.to("cpu").any()
        torch.testing.assert_close(image.to("cpu"), expected, rtol=0, atol=0)
        with pytest.raises(AssertionError, match="two devices"):
            leaf + pos


def test_expansion_names_every_pair_once_in_bounded_pieces():
    counts = torch.tensor([0, 3, 0, 0, 7, 1, 0, 2, 5, 0])
    expected = [(i, k) for i, count in enumerate(counts.tolist()) for k in range(count)]
    for limit in (1, 2, 4, 6, 18, 100):
        pieces = list(triangles_pairs.expand(counts, limit))
        assert all(len(item) < limit + 7 for item, _ in pieces)
        pairs = [p for item, k in pieces for p in zip(item.tolist(), k.tolist(), strict=True)]
        assert pairs == expected
    for nothing in (counts[:0], counts[:1]):
        assert not list(triangles_pairs.expand(nothing))
