"""Colours that depend on the view: spherical harmonics against SciPy's, and normals as colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gaussian_scenes import compare, on_every_device, scene
from scipy.special import sph_harm_y

from backend.cameras import turntable
from backend.errors import InputError
from backend.gaussians.model import GaussianCloud
from backend.gaussians.pictures import render_normals
from backend.render.gaussian_normals import view_normals
from backend.render.gaussians import render_gaussians
from backend.render.harmonics import colors_of, harmonics, view_colors


def scipy_harmonics(directions: np.ndarray, degree: int) -> np.ndarray:
    """Real harmonics, m from -l to l: sqrt(2) times the parts of the complex ones, signs kept."""
    theta, phi = np.arccos(directions[..., 2]), np.arctan2(directions[..., 1], directions[..., 0])
    rows = []
    for band in range(degree + 1):
        for m in range(-band, band + 1):
            y = sph_harm_y(band, abs(m), theta, phi)
            rows.append(np.sqrt(2) * (y.imag if m < 0 else y.real) if m else y.real)
    return np.stack(rows, -1)


def test_harmonics_are_scipys():
    directions = np.random.default_rng(0).normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    ours = harmonics(torch.from_numpy(directions), 3).numpy()
    np.testing.assert_allclose(ours, scipy_harmonics(directions, 3), atol=1e-12)


def twin_colors(coefficients, means, viewmats, degree):
    """As in Kerbl et al. 2023, from homogeneous polynomials fitted to SciPy's harmonics."""
    centres = torch.linalg.inv(viewmats)[:, :3, 3]
    rays = means - centres[:, None]
    rays = rays / rays.norm(dim=-1, keepdim=True)
    exponents = [(i, j, k) for i in range(4) for j in range(4 - i) for k in range(4 - i - j)]
    points = np.random.default_rng(1).normal(size=(400, 3))
    points /= np.linalg.norm(points, axis=-1, keepdims=True)
    monomials = np.stack([np.prod(points**e, axis=-1) for e in exponents], -1)
    fit = torch.from_numpy(np.linalg.lstsq(monomials, scipy_harmonics(points, degree))[0])
    x, y, z = rays.unbind(-1)
    basis = torch.stack([x**i * y**j * z**k for i, j, k in exponents], -1) @ fit
    return ((basis[..., None] * coefficients[:, : fit.shape[1]]).sum(-2) + 0.5).clamp(min=0)


@on_every_device
@pytest.mark.parametrize("degree", range(4))
def test_harmonics_render_like_the_twin(device, degree):
    parameters = scene(50)
    shape = (50, (degree + 1) ** 2 + degree, 3)  # more than are used, save at degree 0
    parameters[4] = torch.randn(shape, generator=torch.Generator().manual_seed(degree))
    colors = twin_colors(*(t.double() for t in (parameters[4], parameters[0])),
                         turntable(3).viewmats.double(), degree)  # fmt: skip
    assert (colors == 0).any()  # the clamp is on trial too
    compare(device, parameters, turntable(3), 37, 21, sh=(degree, twin_colors))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("degree", range(4))
def test_kernels_and_plain_torch_give_the_same_colours(degree, dtype):
    """What runs on the CPU against what runs elsewhere, gradients too."""
    g = torch.Generator().manual_seed(degree)
    coefficients, means = torch.randn(300, 17, 3, generator=g), torch.randn(300, 3, generator=g)
    viewmats, weights = turntable(4).viewmats.to(dtype), torch.randn(4, 300, 3, generator=g)
    centres = torch.linalg.inv(viewmats)[:, :3, 3]
    results = []
    for function, cameras in ((view_colors, viewmats), (colors_of, centres)):
        leaves = [x.to(dtype).requires_grad_(True) for x in (coefficients.clone(), means.clone())]
        colors = function(*leaves, cameras, degree)
        (colors * weights).sum().backward()
        results.append([colors.detach(), *(leaf.grad for leaf in leaves)])
    for ours, plain in zip(*results, strict=True):
        plain = torch.zeros_like(ours) if plain is None else plain  # constant colours
        scale = float(plain.abs().max())
        torch.testing.assert_close(ours, plain, atol=1e-5 * scale, rtol=0)


def test_harmonics_of_a_wrong_shape_are_refused():
    means, viewmats = torch.zeros(2, 3), turntable(1).viewmats
    with pytest.raises(InputError, match="9 or more"):
        view_colors(torch.zeros(2, 4, 3), means, viewmats, 2)
    with pytest.raises(InputError, match="degree 4"):
        view_colors(torch.zeros(2, 25, 3), means, viewmats, 4)
    with pytest.raises(InputError, match="expected"):
        render_gaussians(*scene(2)[:4], torch.zeros(2, 7, 3), viewmats, torch.eye(3)[None], 4, 4)


@on_every_device
def test_normals_beside_colours_equal_normals_alone(device):
    """Six channels in one render, and the stage's pictures."""
    means, quats, scales, opacities, colors = (p.to(device) for p in scene(60))
    cameras = turntable(3).to(device)
    normals = view_normals(means, quats, scales, cameras.viewmats)
    torch.testing.assert_close(normals.norm(dim=-1), torch.ones_like(normals[..., 0]))
    both = torch.cat([colors.expand(3, -1, -1), normals], dim=-1)
    views = (cameras.viewmats, cameras.intrinsics(30, 30), 30, 30)
    out = render_gaussians(means, quats, scales, opacities, both, *views)
    alone = render_gaussians(means, quats, scales, opacities, colors, *views)
    torch.testing.assert_close(out.colors[..., :3], alone.colors, atol=1e-6, rtol=0)
    cloud = GaussianCloud(means, quats, scales, opacities, colors)
    grey = torch.full((3, 3), 0.5, device=device)
    encoded = render_normals(cloud, cameras, 30, grey)
    torch.testing.assert_close(encoded * 2 - 1, out.colors[..., 3:], atol=3e-6, rtol=0)


def test_normals_turn_with_the_gaussian_and_face_the_camera():
    """Each normal is an eigenvector of the covariance, to its least eigenvalue."""
    means, quats, scales = scene(40, seed=3)[:3]
    quats.requires_grad_()
    cameras = turntable(5)
    normals = view_normals(means, quats, scales, cameras.viewmats)
    flip = torch.tensor([1.0, -1, -1])
    points = means @ cameras.viewmats[:, :3, :3].transpose(1, 2) + cameras.viewmats[:, None, :3, 3]
    assert ((normals * flip * points).sum(-1) <= 0).all()
    world = (normals.detach() * flip) @ cameras.viewmats[:, :3, :3]
    q = torch.nn.functional.normalize(quats.detach(), dim=-1)
    w, v = q[:, :1], q[:, 1:]
    for view in world:  # back into the Gaussian's frame: the conjugate's rotation
        twice = 2 * torch.linalg.cross(-v, view)
        local = view + w * twice + torch.linalg.cross(-v, twice)
        shortest = scales.argmin(-1)
        picked = local.gather(1, shortest[:, None])[:, 0].abs()
        torch.testing.assert_close(picked, torch.ones(40), atol=1e-5, rtol=0)
    normals.square().mul(torch.rand(3)).sum().backward()
    assert quats.grad.abs().sum() > 0
