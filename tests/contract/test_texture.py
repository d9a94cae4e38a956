"""Textures against a dense float64 twin: every texel's weight by a tent about its centre."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
import trimesh
from torch.autograd import gradcheck
from triangle_scenes import clip_positions, random_scene, tensors

from backend.cameras import turntable
from backend.errors import InputError
from backend.render import textures, textures_cpu, triangles_cuda
from backend.render.triangles import interpolate, rasterize, screen_derivatives, texture

SAMPLERS = {"kernels-cpu": (textures_cpu, "cpu"), "torch-cpu": (textures, "cpu")}
NO_DEVICE = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
SAMPLERS["torch-cuda"] = (textures, "cuda")


@pytest.fixture(params=["kernels-cpu", "torch-cpu", pytest.param("torch-cuda", marks=NO_DEVICE)])
def sampler(request):
    return SAMPLERS[request.param]


def tents(coordinate, size, wrap, nearest):
    """(..., size) weights of one axis' texels: 1 at a centre, 0 one texel away."""
    coordinate = coordinate % 1 if wrap else coordinate.clamp(0, 1)
    x = coordinate[..., None] * size
    if nearest:
        return torch.nn.functional.one_hot(x[..., 0].long().clamp(max=size - 1), size).double()
    centres = torch.arange(-1, size + 1, dtype=torch.float64) + 0.5
    weights = (1 - (x - centres).abs()).clamp(min=0)
    out = weights[..., 1:-1].clone()
    out[..., 0] += weights[..., -1 if wrap else 0]
    out[..., -1] += weights[..., 0 if wrap else -1]
    return out


def box_matrix(size):
    """(size // 2, size): the mean over equal intervals, from the overlaps of their ends."""
    half = max(size // 2, 1)
    ends = torch.arange(half + 1, dtype=torch.float64) * size / half
    texels = torch.arange(size, dtype=torch.float64)
    low = torch.maximum(ends[:-1, None], texels)
    high = torch.minimum(ends[1:, None], texels + 1)
    return (high - low).clamp(min=0) * half / size


def twin_texture(tex, uv, level, nearest=False, wrap=False):
    levels = [tex]
    while max(levels[-1].shape[:2]) > 1:
        rows, columns = (box_matrix(n) for n in levels[-1].shape[:2])
        levels.append(torch.einsum("ij,jkc,lk->ilc", rows, levels[-1], columns))
    out = torch.zeros(*uv.shape[:-1], tex.shape[2], dtype=tex.dtype)
    for number, image in enumerate(levels):
        share = (1 - (level - number).abs()).clamp(min=0)
        x = tents(uv[..., 0], image.shape[1], wrap, nearest)
        y = tents(uv[..., 1], image.shape[0], wrap, nearest)
        out = out + share[..., None] * torch.einsum("...i,...j,ijc->...c", y, x, image)
    return out


def through(sampler, tex, uv, level, nearest, wrap):
    module, device = sampler
    top = textures.mip_count(*tex.shape[:2], None) if level is not None else 0
    level = None if level is None else level.to(device, tex.dtype)
    pyramid = textures.pyramid(tex.to(device), top)
    return module.sample(pyramid, uv.to(device), level, nearest=nearest, wrap=wrap).to(tex.device)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("mode", ["nearest", "linear", "linear-mipmap-linear"])
@pytest.mark.parametrize("size", [(16, 8), (37, 53), (1, 1), (5, 1)])
def test_look_ups_and_gradients_equal_the_twins(sampler, size, mode, wrap, dtype):
    g = torch.Generator().manual_seed(3)
    tex = torch.rand(*size, 5, generator=g, dtype=torch.float64).to(dtype)
    uv = (torch.rand(2, 11, 7, 2, generator=g, dtype=torch.float64) * 3 - 1).to(dtype)
    top = textures.mip_count(*size, None)
    level = torch.rand(2, 11, 7, generator=g, dtype=torch.float64) * (top + 0.5)
    level = level.clamp(max=top) if mode == "linear-mipmap-linear" else None
    results = []
    for exact in (False, True):
        kind = torch.float64 if exact else dtype
        t, c = (x.detach().clone().to(kind).requires_grad_() for x in (tex, uv))
        if exact:
            out = twin_texture(t, c, uv.new_zeros(2, 11, 7) if level is None else level,
                               mode == "nearest", wrap)  # fmt: skip
        else:
            out = through(sampler, t, c, level, mode == "nearest", wrap)
        (
            out * torch.rand(out.shape, generator=g.manual_seed(9), dtype=torch.float64)
        ).sum().backward()
        slope = torch.zeros_like(c) if c.grad is None else c.grad
        results.append([x.detach().double() for x in (out, t.grad, slope)])
    for ours, twins in zip(*results, strict=True):
        scale = float(twins.abs().max())
        torch.testing.assert_close(ours, twins, atol=1e-5 * max(scale, 1e-2), rtol=0)
    assert mode == "nearest" or size == (1, 1) or results[1][2].any()


def test_bad_coordinates_read_inside_the_texture(sampler):
    bad = torch.tensor([torch.nan, torch.inf, -torch.inf, 1e30, -1e30, -1e-30, 1.0, 0.0])
    uv = torch.cartesian_prod(bad, bad).reshape(1, 8, 8, 2)
    tex = torch.rand(6, 3, 1)
    for nearest in (False, True):
        for wrap in (False, True):
            level = None if nearest else torch.zeros(1, 8, 8)
            out = through(sampler, tex, uv, level, nearest, wrap)
            assert ((out >= tex.min() - 1e-6) & (out <= tex.max() + 1e-6)).all()


def test_every_level_keeps_the_mean():
    tex = torch.rand(37, 53, 2, dtype=torch.float64)
    levels = textures.pyramid(tex, textures.mip_count(37, 53, None))
    assert [x.shape[:2] for x in levels] == [(37, 53), (18, 26), (9, 13), (4, 6), (2, 3), (1, 1)]
    for image in levels:
        torch.testing.assert_close(image.mean((0, 1)), tex.mean((0, 1)))


@pytest.mark.parametrize("derivatives", ["kernels", "torch"])
def test_screen_derivatives_equal_the_twins(derivatives):
    """Perspective-correct barycentrics one small step beside each pixel's centre."""
    pos, tris = random_scene(count=6)
    attrs = torch.randn(2, pos.shape[1], 3, dtype=torch.float64)
    rast = rasterize(pos, tris, 13, 17)
    module = textures_cpu if derivatives == "kernels" else textures
    ours = module.screen_derivatives(attrs, rast, pos, tris).reshape(2, 13, 17, 3, 2)
    seen = rast[..., 3] > 0
    assert 0.2 < seen.double().mean() < 1 and not ours[~seen].any()
    for axis, size in ((0, 17), (1, 13)):
        step = 1e-4
        values = []
        for sign in (1, -1):  # moving the picture under the pixels, one triangle at a time
            moved = pos.clone()
            moved[..., axis] -= sign * step * 2 / size * moved[..., 3]
            values.append(interpolate(attrs, _same_triangle(moved, tris, rast), tris))
        expected = (values[0] - values[1]) / (2 * step)
        scale = float(expected.abs().max())
        torch.testing.assert_close(ours[..., axis], expected, atol=1e-5 * scale, rtol=0)


def _same_triangle(pos, tris, rast):
    """Barycentrics of the triangles of `rast` for other positions, inside or not."""
    out = rast.clone()
    for b, j, i in torch.nonzero(rast[..., 3] > 0).tolist():
        corners = pos[b, tris[int(rast[b, j, i, 3]) - 1].long()][:, [0, 1, 3]]
        y, x = (j + 0.5) * 2 / rast.shape[1] - 1, (i + 0.5) * 2 / rast.shape[2] - 1
        share = torch.linalg.solve(corners.T, torch.tensor([x, y, 1.0], dtype=pos.dtype))
        out[b, j, i, :2] = (share / share.sum())[:2]
    return out


def test_a_distant_checkerboard_turns_grey():
    """The reason for mipmaps: a floor of fine checks, far away, by its mean and not by chance."""
    squares = torch.arange(256)
    tex = ((squares[:, None] + squares) % 2).float()[..., None].repeat(1, 1, 3)
    vertices, faces = tensors(trimesh.creation.box([60, 60, 0.01]))
    pos = clip_positions(vertices, turntable(1, elevation_deg=10.0))
    rast = rasterize(pos, faces, 64, 64)
    vertex_uv = vertices[:, :2] / 60 + 0.5
    uv = interpolate(vertex_uv, rast, faces)
    uv_da = screen_derivatives(vertex_uv, rast, pos, faces)
    seen = rast[..., 3] > 0
    level = textures.mip_levels(uv_da, 256, 256, 8)
    assert level[seen].max() > 3
    smooth, rough = texture(tex, uv, uv_da), texture(tex, uv)
    far = seen & (level > 1)
    assert (smooth[far] - 0.5).abs().max() < 1e-5 < 0.1 < (rough[far] - 0.5).abs().max()


def test_levels_are_log2_of_the_longer_axis():
    def of(ux, uy, vx, vy):
        return float(textures.mip_levels(torch.tensor([[[[ux, uy, vx, vy]]]]), 32, 64, 5))

    assert of(4 / 64, 0.0, 0.0, 1 / 32) == pytest.approx(2)
    assert of(0.0, 1 / 64, 8 / 32, 0.0) == pytest.approx(3)
    assert of(3 / 64, 0.0, 4 / 32, 0.0) == pytest.approx(2.321928, abs=1e-5)  # log2(5)
    assert of(2.0, 0.0, 0.0, 2.0) == 5 and of(torch.inf, 0.0, 0.0, 0.0) == 5
    assert of(0.0, 0.0, 0.0, 0.0) == 0 and of(1e-3, 0.0, 0.0, 1e-3) == 0
    turned = torch.tensor([[0.6, -0.8], [0.8, 0.6]]) @ torch.diag(torch.tensor([4.0, 1.0]))
    assert of(*(turned / torch.tensor([[64.0], [32.0]])).flatten().tolist()) == pytest.approx(2)


def test_the_interface_picks_filters_and_refuses_nonsense():
    tex = torch.rand(8, 8, 2, dtype=torch.float64)
    uv = torch.rand(1, 3, 3, 2, dtype=torch.float64, requires_grad=True)
    uv_da = torch.full((1, 3, 3, 4), 0.5, dtype=torch.float64)
    base = texture(tex, uv)
    torch.testing.assert_close(texture(tex, uv, uv_da, filter_mode="linear"), base)
    torch.testing.assert_close(texture(tex, uv, uv_da, max_mip_level=0), base)
    assert (texture(tex, uv, uv_da) - texture(tex, uv, uv_da, max_mip_level=1)).abs().max() > 1e-3
    wrapped = texture(tex, uv + 3, boundary_mode="wrap")
    torch.testing.assert_close(wrapped, texture(tex, uv, boundary_mode="wrap"))
    tex.requires_grad_()
    assert gradcheck(lambda t, c: texture(t, c, uv_da, max_mip_level=2), (tex, uv))
    for bad in ({"filter_mode": "cubic"}, {"boundary_mode": "mirror"},
                {"filter_mode": "linear-mipmap-linear"}):  # fmt: skip
        with pytest.raises(InputError):
            texture(tex, uv, **bad)


def test_same_bits_on_any_number_of_threads():
    import numba

    g = torch.Generator().manual_seed(0)
    tex, uv = torch.rand(33, 65, 3, generator=g), torch.rand(2, 64, 64, 2, generator=g)
    uv_da = torch.rand(2, 64, 64, 4, generator=g) * 0.2
    results = []
    for threads in (1, 2):
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        leaves = tex.clone().requires_grad_(), uv.clone().requires_grad_()
        texture(*leaves, uv_da).square().sum().backward()
        results.append([leaf.grad for leaf in leaves])
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_what_nvdiffrast_is_asked(monkeypatch):
    """No GPU needed: the call's arguments, and which pyramids it can halve."""
    asked = {}

    def record(tex, uv, **options):
        asked.update(options, shape=tuple(tex.shape))
        return uv

    monkeypatch.setattr(triangles_cuda, "load", lambda: SimpleNamespace(texture=record))
    uv, uv_da = torch.rand(1, 2, 2, 2), torch.rand(1, 2, 2, 4, requires_grad=True)
    tex = torch.rand(8, 4, 3)
    triangles_cuda.texture(tex, uv, uv_da, "linear-mipmap-linear", "wrap", 2)
    assert asked["shape"] == (1, 8, 4, 3) and not asked["uv_da"].requires_grad
    assert (asked["filter_mode"], asked["boundary_mode"]) == ("linear-mipmap-linear", "wrap")
    assert asked["max_mip_level"] == 2
    asked.clear()
    triangles_cuda.texture(tex, uv, uv_da, "nearest", "clamp", 0)
    assert "uv_da" not in asked and "max_mip_level" not in asked
    assert textures.halves_evenly(8, 4, 3) and textures.halves_evenly(12, 6, 1)
    assert not textures.halves_evenly(12, 6, 2) and textures.halves_evenly(37, 53, 0)
