"""Which triangle rasteriser draws on CUDA; nvdiffrast (non-commercial) where it is installed."""

from __future__ import annotations

import logging

import pytest
import torch
import trimesh
from nvdiffrast_rules import NvdiffrastRules, on_the_grid
from triangle_scenes import Rasteriser, clip_positions, random_scene, soup, tensors

from backend.cameras import turntable
from backend.errors import DeviceError
from backend.render import triangles, triangles_cpu, triangles_cuda, triangles_torch


@pytest.mark.parametrize("count", [0, 12])
def test_the_adaptor_asks_as_nvdiffrast_answers(rules, count):
    pos, tris = random_scene(count=12, dtype=torch.float32)
    tris, colors = tris[:count], torch.rand(36, 2)
    draw = Rasteriser(triangles_cuda, "cpu")
    expected = Rasteriser(triangles_cpu, "cpu")
    rast = draw.rasterize(pos, tris, 13, 17)
    exact = expected.rasterize(pos, tris, 13, 17)
    assert (rast[..., 3] == exact[..., 3]).float().mean() > 0.95  # vertices move a little
    for attrs in (colors, colors.expand(2, -1, -1)):
        image = draw.interpolate(attrs, rast, tris)
        assert torch.equal(image, expected.interpolate(attrs, rast, tris))
    for owner_only in (False, True):
        out = draw.antialias(image, rast, pos, tris, owner_only=owner_only)
        covered = pos if owner_only else on_the_grid(pos, 13, 17)
        other = expected.antialias(image, rast, covered, tris, owner_only=owner_only)
        torch.testing.assert_close(out, other, rtol=0, atol=1e-5)
    assert rules.antialiased == (1 if count else 0)  # only the owner's rule is nvdiffrast's


def choice(monkeypatch, caplog, load):
    monkeypatch.setattr(triangles_cuda, "load", load)
    triangles._nvdiffrast_available.cache_clear()
    triangles_cuda.context.cache_clear()
    device = torch.device("cuda", 0)
    with caplog.at_level(logging.INFO):
        chosen = [triangles._implementation(device, torch.float32) for _ in range(2)]
    assert triangles._implementation(device, torch.float64) is triangles_torch
    triangles._nvdiffrast_available.cache_clear()
    triangles_cuda.context.cache_clear()
    assert len(caplog.records) == 1  # told once
    assert chosen[0] is chosen[1]
    return chosen[0]


def test_without_nvdiffrast_our_own_draws_on_cuda(monkeypatch, caplog):
    def absent():
        raise DeviceError(triangles_cuda.ABSENT)

    assert choice(monkeypatch, caplog, absent) is triangles_torch
    assert "faster" in caplog.text and "non-commercial" in caplog.text


def test_nvdiffrast_that_cannot_compile_is_left_alone(monkeypatch, caplog):
    class Broken:
        def RasterizeCudaContext(self, device=None):
            raise OSError("CUDA_HOME environment variable is not set.\nSee the manual.")

    assert choice(monkeypatch, caplog, Broken) is triangles_torch
    assert "CUDA_HOME" in caplog.text and "manual" not in caplog.text


def test_nvdiffrast_draws_where_it_is_installed(monkeypatch, caplog):
    assert choice(monkeypatch, caplog, NvdiffrastRules) is triangles_cuda
    assert "non-commercial" in caplog.text


def test_other_devices_are_refused():
    with pytest.raises(DeviceError, match="'cpu' or 'cuda'"):
        triangles.rasterize(torch.zeros(1, 3, 4, device="meta"), torch.zeros(0, 3).int(), 8, 8)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here: nothing dispatched")
def test_cuda_tensors_stay_on_cuda():
    vertices, faces = (t.cuda() for t in tensors(trimesh.creation.icosphere(subdivisions=2)))
    pos = clip_positions(vertices, turntable(2).to(vertices.device)).requires_grad_()
    rast = triangles.rasterize(pos, faces, 50, 50)
    image = triangles.interpolate(vertices, rast, faces)
    for owner_only in (False, True):
        out = triangles.antialias(image, rast, pos, faces, owner_only=owner_only)
        assert out.device == pos.device
    out.sum().backward()
    assert pos.grad.any()


@pytest.mark.parametrize("size", [(50, 50), (13, 17)])
def test_nvdiffrast_draws_our_pictures(nvdiffrast, size):
    """Pixels on the very edge may fall either way; gradients are compared as a whole."""
    vertices, faces = tensors(trimesh.creation.icosphere(subdivisions=2, radius=0.8))
    results = []
    for draw in (nvdiffrast, Rasteriser(triangles_cpu, "cpu")):
        v = vertices.clone().requires_grad_()
        pos = clip_positions(v, turntable(2))
        image = draw.interpolate(vertices, draw.rasterize(pos, faces, *size), faces)
        (image**2).sum().backward()
        results.append((image.detach(), v.grad))
    (image, grad), (other, grad_other) = results
    assert ((image - other).abs().amax(-1) > 1e-3).float().mean() < 0.01
    assert torch.cosine_similarity(grad.flatten(), grad_other.flatten(), dim=0) > 0.99


def test_our_silhouettes_on_nvdiffrasts_rasters(nvdiffrast):
    """Its raster carries our rule's gradient, which its own rule loses on small triangles."""
    vertices, faces = tensors(trimesh.creation.icosphere(subdivisions=5, radius=0.8))
    gradients = {}
    for name, draw in {"cuda": nvdiffrast, "cpu": Rasteriser(triangles_cpu, "cpu")}.items():
        for owner_only in (False, True):
            scale = torch.ones((), requires_grad=True)
            pos = clip_positions(vertices * scale, turntable(2))
            draw.mask(pos, faces, 128, owner_only=owner_only).sum().backward()
            gradients[name, owner_only] = float(scale.grad)
    assert gradients["cuda", False] == pytest.approx(gradients["cpu", False], rel=0.02)
    assert gradients["cuda", True] < 0.5 * gradients["cuda", False]


def test_nvdiffrast_draws_nothing_and_hidden_things(nvdiffrast):
    pos, tris = soup(5, views=1)
    assert not nvdiffrast.rasterize(pos, tris[:0], 9, 9).any()
    assert not nvdiffrast.rasterize(-pos, tris, 9, 9).any()
