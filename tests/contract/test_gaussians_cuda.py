"""The adaptor to gsplat against a stand-in with gsplat 1.5.3's signature, shapes and refusals."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

from backend.cameras import turntable
from backend.errors import DeviceError
from backend.render import gaussians_cpu, gaussians_cuda


def rasterization(
    means, quats, scales, opacities, colors, viewmats, Ks, width, height, near_plane=0.01,
    far_plane=1e10, radius_clip=0.0, eps2d=0.3, sh_degree=None, packed=True, tile_size=16,
    backgrounds=None, render_mode="RGB", sparse_grad=False, absgrad=False,
    rasterize_mode="classic", channel_chunk=32, distributed=False, camera_model="pinhole",
    segmented=False, covars=None, with_ut=False, with_eval3d=False, radial_coeffs=None,
    tangential_coeffs=None, thin_prism_coeffs=None, ftheta_coeffs=None, rolling_shutter=None,
    viewmats_rs=None,
):  # fmt: skip
    """gsplat's order and names of arguments; drawn by the CPU kernels."""
    count, views = means.shape[0], viewmats.shape[0]
    for tensor in (means, quats, scales, opacities, colors, viewmats, Ks):
        assert tensor.dtype == torch.float32  # its kernels take nothing else
    assert colors.shape[:-1] in ((count,), (views, count))
    assert (quats.shape, scales.shape) == ((count, 4), (count, 3)) and opacities.shape == (count,)
    assert not packed  # or else everything comes back as a list without views
    assert (near_plane, eps2d, render_mode, rasterize_mode) == (0.01, 0.3, "RGB+D", "classic")
    shared = (means, quats, scales, opacities, colors, viewmats, Ks, width, height)
    summed, alphas, depths, means2d, radii = gaussians_cpu.splat(*shared)
    info = {"means2d": means2d, "radii": torch.stack([radii, radii // 2], dim=-1)}
    return torch.cat([summed, depths], dim=-1), alphas, info


@pytest.fixture
def stand_in(monkeypatch):
    """Puts a gsplat with the given kernels where `import gsplat` finds it."""

    def install(kernels):
        gsplat, backend = ModuleType("gsplat"), ModuleType("gsplat.cuda._backend")
        gsplat.rasterization, backend._C = rasterization, kernels
        for module in (gsplat, ModuleType("gsplat.cuda"), backend):
            monkeypatch.setitem(sys.modules, module.__name__, module)

    gaussians_cuda._rasterization.cache_clear()
    yield install
    gaussians_cuda._rasterization.cache_clear()


def scene(dtype):
    g = torch.Generator().manual_seed(0)
    shapes = {"means": (9, 3), "quats": (9, 4), "scales": (9, 3), "opacities": (9,)}
    values = [torch.rand(s, generator=g).to(dtype) * 0.5 for s in shapes.values()]
    cameras = turntable(2)
    return values, torch.rand(9, 5, generator=g).to(dtype), cameras.viewmats.to(dtype), cameras


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("per_view", [False, True])
def test_the_adaptor_asks_as_gsplat_answers(stand_in, dtype, per_view):
    stand_in(SimpleNamespace())
    values, colors, viewmats, cameras = scene(dtype)
    colors = colors.expand(2, -1, -1) if per_view else colors
    Ks = cameras.intrinsics(20, 14)
    results = []
    for splat in (gaussians_cuda.splat, gaussians_cpu.splat):
        leaves = [v.clone().requires_grad_() for v in (*values, colors)]
        out = splat(*leaves, viewmats.float(), Ks, 20, 14)
        out[3].retain_grad()
        (out[0].square().sum() + out[1].sum() + out[2].sum()).backward()
        assert out[4].dtype == torch.int32 and (out[4] > 0).any()
        results.append([*out, out[3].grad, *(leaf.grad for leaf in leaves)])
    for ours, theirs in zip(*results, strict=True):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, check_dtype=False)


def test_no_gaussians_never_reach_gsplat(stand_in, monkeypatch):
    stand_in(SimpleNamespace())
    monkeypatch.setattr(sys.modules["gsplat"], "rasterization", lambda **_: pytest.fail("asked"))
    values, colors, viewmats, cameras = scene(torch.float32)
    nothing = [v[:0].requires_grad_() for v in (*values, colors)]
    out = gaussians_cuda.splat(*nothing, viewmats, cameras.intrinsics(20, 14), 20, 14)
    assert [tuple(o.shape) for o in out[:3]] == [(2, 14, 20, 5), (2, 14, 20, 1), (2, 14, 20, 1)]
    assert not any(o.any() for o in out[:3])
    out[0].sum().backward()


def test_gsplat_without_kernels_is_one_sentence(stand_in):
    stand_in(None)
    values, colors, viewmats, cameras = scene(torch.float32)
    with pytest.raises(DeviceError, match="nvcc"):
        gaussians_cuda.splat(*values, colors, viewmats, cameras.intrinsics(20, 14), 20, 14)


def test_no_gsplat_is_one_sentence(stand_in, monkeypatch):
    monkeypatch.setitem(sys.modules, "gsplat", None)  # what `import` takes for absent
    values, colors, viewmats, cameras = scene(torch.float32)
    with pytest.raises(DeviceError, match=r"propsmith\[cuda\]"):
        gaussians_cuda.splat(*values, colors, viewmats, cameras.intrinsics(20, 14), 20, 14)
