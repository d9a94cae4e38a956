"""Which triangle rasteriser draws on CUDA; nvdiffrast (non-commercial) where it is installed."""

from __future__ import annotations

import importlib.util
import logging
from types import SimpleNamespace

import pytest
import torch
import trimesh
from triangle_scenes import Rasteriser, clip_positions, random_scene, soup, tensors

from backend.cameras import turntable
from backend.errors import DeviceError
from backend.render import triangles, triangles_cpu, triangles_cuda, triangles_torch


@pytest.fixture
def nvdiffrast() -> Rasteriser:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here: nvdiffrast is compared with ours only where one is")
    if importlib.util.find_spec("nvdiffrast") is None:
        pytest.skip("nvdiffrast is not installed: it is optional, its licence is non-commercial")
    return Rasteriser(triangles_cuda, "cuda")


class StandIn:
    """nvdiffrast.torch 0.3.3.1's signatures and refusals, drawn by the CPU kernels."""

    def __init__(self):
        self.antialiased = 0

    def RasterizeCudaContext(self, device=None):
        return SimpleNamespace(device=device)

    def rasterize(self, glctx, pos, tri, resolution, ranges=None, grad_db=True):
        self._check(tri, pos)
        assert isinstance(glctx, SimpleNamespace) and pos.ndim == 3 and ranges is None
        out = triangles_cpu.rasterize(pos, tri, *resolution)
        return out, torch.zeros_like(out[..., :0])

    def interpolate(self, attr, rast, tri, rast_db=None, diff_attrs=None):
        self._check(tri, attr, rast)
        assert attr.ndim == 3 and attr.shape[0] in (1, rast.shape[0])
        out = triangles_cpu.interpolate(attr, rast, tri)
        return out, out[..., :0]

    def antialias(self, color, rast, pos, tri, topology_hash=None, pos_gradient_boost=1.0):
        self._check(tri, color, rast, pos)
        self.antialiased += 1
        return triangles_cpu.antialias(color, rast, pos, tri, owner_only=True)

    def _check(self, tri, *floats):
        assert tri.dtype == torch.int32 and tri.is_contiguous() and len(tri) > 0
        assert all(t.dtype == torch.float32 and t.is_contiguous() for t in floats)


@pytest.fixture
def stand_in(monkeypatch):
    module = StandIn()
    monkeypatch.setattr(triangles_cuda, "load", lambda: module)
    triangles_cuda.context.cache_clear()
    yield module
    triangles_cuda.context.cache_clear()


@pytest.mark.parametrize("count", [0, 12])
def test_the_adaptor_asks_as_nvdiffrast_answers(stand_in, count):
    pos, tris = random_scene(count=12, dtype=torch.float32)
    tris, colors = tris[:count], torch.rand(36, 2)
    draw = Rasteriser(triangles_cuda, "cpu")
    expected = Rasteriser(triangles_cpu, "cpu")
    rast = draw.rasterize(pos, tris, 13, 17)
    assert torch.equal(rast, expected.rasterize(pos, tris, 13, 17))
    for attrs in (colors, colors.expand(2, -1, -1)):
        image = draw.interpolate(attrs, rast, tris)
        assert torch.equal(image, expected.interpolate(attrs, rast, tris))
    for owner_only in (False, True):
        out = draw.antialias(image, rast, pos, tris, owner_only=owner_only)
        other = expected.antialias(image, rast, pos, tris, owner_only=owner_only)
        torch.testing.assert_close(out, other, rtol=0, atol=1e-6)
    assert stand_in.antialiased == (1 if count else 0)  # only the owner's rule is nvdiffrast's


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
    assert choice(monkeypatch, caplog, StandIn) is triangles_cuda
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
