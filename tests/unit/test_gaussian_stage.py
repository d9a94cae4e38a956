"""The Gaussian stage under an oracle instead of a prior, its parts, and the fields made of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from backend.cameras import CameraRange, Cameras, turntable
from backend.errors import GenerationError, InputError, Interrupted
from backend.gaussians import losses, stage
from backend.gaussians.densify import Densifier, DensifyConfig, _faded
from backend.gaussians.field import colors_at, density_grid
from backend.gaussians.model import GaussianCloud, GaussianModel, StartConfig
from backend.gaussians.rotations import rotation_matrices
from backend.guidance.base import Views
from backend.loop import RunContext
from backend.render.gaussian_normals import view_normals
from backend.render.gaussians import render_gaussians

RADIUS = 0.45
SIZE = 32


def sphere_images(cameras: Cameras, backgrounds: torch.Tensor, size: int) -> torch.Tensor:
    """A ball at the origin, ray by ray: red above, blue below. (B, 3, size, size)"""
    K = cameras.intrinsics(size, size)
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    pixels = torch.stack([columns, rows], -1) + 0.5 - size / 2
    focal = K[:, None, None, :1, 0].expand(-1, size, size, -1)
    rays = torch.cat([pixels.expand(len(cameras), -1, -1, -1) / focal, torch.ones_like(focal)], -1)
    rays = torch.nn.functional.normalize(rays, dim=-1)
    rays = torch.einsum("bij,bhwj->bhwi", cameras.T_world_camera[:, :3, :3], rays)
    origins = cameras.positions[:, None, None]
    b = (origins * rays).sum(-1)
    inside = b * b - (origins * origins).sum(-1) + RADIUS**2
    heights = (origins + (-b - inside.clamp(min=0).sqrt())[..., None] * rays)[..., 2]
    red, blue = torch.tensor([0.9, 0.1, 0.1]), torch.tensor([0.1, 0.2, 0.9])
    colors = torch.where((heights > 0)[..., None], red, blue)
    hit = (inside > 0)[..., None]
    return torch.where(hit, colors, backgrounds[:, None, None]).permute(0, 3, 1, 2)


class Oracle:
    """Pulls every picture toward the ball's."""

    def __init__(self, domains: tuple[str, ...] = ("shaded",)):
        self.prior = SimpleNamespace(
            domains=domains, image_size=SIZE, alphas_cumprod=torch.linspace(0.99, 0.01, 10)
        )
        self.seen: list[tuple[str, float]] = []

    def loss(self, images, views: Views, timestep: float, generator) -> torch.Tensor:
        self.seen.append((views.domain, timestep))
        if views.domain == "normal":
            return images.mean()
        target = sphere_images(views.cameras, views.backgrounds, images.shape[-1])
        return (images - target).square().mean()


class Memory:
    """Checkpoints in a dict."""

    def __init__(self):
        self.states: dict[str, dict] = {}

    def save(self, key, state):
        self.states[key] = state

    def load(self, key):
        return self.states.get(key)


def context(seed: int = 0, **more) -> RunContext:
    return RunContext(torch.device("cpu"), torch.Generator().manual_seed(seed), **more)


def tiny(**changes) -> stage.Config:
    defaults = dict(
        steps=12,
        views=2,
        image_sizes=(16, 40),
        start=StartConfig(count=60),
        densify=DensifyConfig(interval=4, share=0.2, max_count=90),
    )
    return stage.Config(**(defaults | changes))


def some_cloud(count: int = 40, seed: int = 3) -> GaussianCloud:
    g = torch.Generator().manual_seed(seed)
    return GaussianCloud(
        means=torch.rand(count, 3, generator=g) - 0.5,
        quats=torch.nn.functional.normalize(torch.randn(count, 4, generator=g), dim=-1),
        scales=torch.rand(count, 3, generator=g) * 0.1 + 0.03,
        opacities=torch.rand(count, generator=g) * 0.9 + 0.05,
        colors=torch.rand(count, 3, generator=g),
    )


def test_an_oracle_is_followed():
    config = stage.Config(
        steps=60,
        image_sizes=(32,),
        start=StartConfig(count=500),
        densify=DensifyConfig(interval=20),
    )
    run = context()
    cloud = stage.run(None, config, Oracle(), CameraRange(), run)
    curve = [entry["shaded"] for entry in run.curves["gaussians"]]
    assert sum(curve[-5:]) < 0.2 * sum(curve[:5])
    cameras = turntable(4)
    black = torch.zeros(4, 3)
    out = render_gaussians(
        *cloud.tensors(), cameras.viewmats, cameras.intrinsics(SIZE, SIZE), SIZE, SIZE
    )
    target = sphere_images(cameras, black, SIZE).amax(1) > 0
    found = out.alphas[..., 0] > 0.5
    assert (target & found).sum() / (target | found).sum() > 0.85
    assert len(cloud) > 500
    assert colors_at(cloud, torch.tensor([[0.0, 0, 0.42]]))[0, 0] > 0.6  # red above


def test_interrupted_and_resumed_equals_uninterrupted():
    config = tiny()
    straight = stage.run(None, config, Oracle(), CameraRange(), context(5))
    memory, count = Memory(), iter(range(100))
    with pytest.raises(Interrupted):
        stop = context(5, checkpoints=memory, stop_requested=lambda: next(count) == 6)
        stage.run(None, config, Oracle(), CameraRange(), stop)
    assert memory.states["gaussians"]["step"] == 6
    resumed = stage.run(None, config, Oracle(), CameraRange(), context(5, checkpoints=memory))
    for a, b in zip(straight.tensors(), resumed.tensors(), strict=True):
        assert torch.equal(a, b)
    other = stage.run(None, config, Oracle(), CameraRange(), context(6))
    assert not torch.equal(straight.means[:20], other.means[:20])


def test_domains_and_noise_follow_the_plan():
    oracle = Oracle(("shaded", "albedo", "normal"))
    config = tiny(domains=("albedo", "shaded"), normal_share=0.25, steps=8)
    stage.run(None, config, oracle, CameraRange(), context())
    names = [domain for domain, _ in oracle.seen]
    assert names == ["albedo", "shaded", "albedo", "normal", "shaded", "albedo", "shaded", "normal"]
    assert oracle.seen[0][1] > 0.9 and oracle.seen[-1][1] < 0.2
    assert stage.GaussianOptimisation(None, tiny(), oracle, CameraRange(), context()).domains == (
        "albedo",
    )
    with pytest.raises(InputError, match="orm"):
        stage.run(None, tiny(domains=("orm",)), oracle, CameraRange(), context())


def test_growing_keeps_the_optimiser_in_step():
    run = stage.GaussianOptimisation(None, tiny(), Oracle(), CameraRange(), context())
    for index in range(4):
        run.step(index)
    assert 60 < len(run.model) <= 90
    for group in run.optimiser.param_groups:
        parameter = run.model.parameters[group["name"]]
        assert group["params"] == [parameter] or group["params"][0] is parameter
        state = run.optimiser.state[parameter]
        assert state["exp_avg"].shape == parameter.shape
        assert state["exp_avg"][0].abs().sum() > 0
        assert (state["exp_avg"][-1] == 0).all()  # the newest has no history
    assert len(run.optimiser.state) == 5


def test_clones_leave_the_picture_nearly_as_it_was():
    model = GaussianModel.from_cloud(some_cloud(), torch.device("cpu"))
    optimiser = torch.optim.Adam(
        [{"params": [p], "name": n} for n, p in model.parameters.items()], lr=0.1
    )
    cameras = turntable(2)
    view = (cameras.viewmats, cameras.intrinsics(32, 32), 32, 32)
    before = render_gaussians(*model.cloud().tensors(), *view)
    config = DensifyConfig(share=1.0, split_above=9.0, min_opacity=0.0)
    densifier = Densifier(config, 40, torch.device("cpu"))
    densifier.observe(torch.ones(2, 40, 2), torch.ones(2, 40, dtype=torch.int32), 32)
    densifier.update(model, optimiser, True, torch.Generator())
    assert len(model) == 80
    after = render_gaussians(*model.cloud().tensors(), *view)
    # Exact where a Gaussian peaks; on its flanks two layers are a little denser than one.
    doubled = [torch.cat([t, t]) for t in some_cloud().tensors()]
    unfaded = render_gaussians(*doubled, *view)
    change = (after.alphas - before.alphas).abs().mean()
    assert change < 0.4 * (unfaded.alphas - before.alphas).abs().mean()
    pair = torch.tensor([0.2, 0.5, 0.8])
    faded = _faded(torch.logit(pair)).sigmoid()
    torch.testing.assert_close(1 - (1 - faded) ** 2, pair)


def test_pruning_everything_is_an_error():
    model = GaussianModel.from_cloud(some_cloud(), torch.device("cpu"))
    optimiser = torch.optim.Adam([{"params": [p], "name": n} for n, p in model.parameters.items()])
    densifier = Densifier(DensifyConfig(min_opacity=0.999), 40, torch.device("cpu"))
    with pytest.raises(GenerationError, match="faded"):
        densifier.update(model, optimiser, False, torch.Generator())


def test_density_of_gaussians_equals_the_closed_form():
    cloud = some_cloud(12)
    grid = density_grid(cloud, 24, extent=0.9, min_scale=0.0).double()
    axis = torch.linspace(-0.9, 0.9, 24, dtype=torch.float64)
    points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    R = rotation_matrices(cloud.quats.double())
    local = torch.einsum("nij,pni->pnj", R, points[:, None] - cloud.means.double())
    squared = (local / cloud.scales.double()).square().sum(-1)
    expected = (cloud.opacities.double() * torch.exp(-0.5 * squared)).sum(1).reshape(24, 24, 24)
    # each of 12 Gaussians is cut off where it adds 1e-5
    torch.testing.assert_close(grid, expected, atol=1.2e-4, rtol=1e-5)
    assert expected.max() > 0.5


def test_one_round_gaussian_off_centre():
    one = GaussianCloud(
        torch.tensor([[0.5, 0.0, -0.25]]),
        torch.tensor([[1.0, 0, 0, 0]]),
        torch.full((1, 3), 0.2),
        torch.tensor([0.8]),
        torch.tensor([[1.0, 0, 0]]),
    )
    grid = density_grid(one, 17)  # samples 0.125 apart
    assert grid[12, 8, 6].item() == pytest.approx(0.8)
    assert grid[12, 8, 8].item() == pytest.approx(0.8 * 2.718281828 ** (-0.5 * 1.25**2), rel=1e-4)
    assert grid[0, 8, 6] == 0
    thin = GaussianCloud(one.means + 0.06, one.quats, one.scales * 1e-3, one.opacities, one.colors)
    assert density_grid(thin, 17).max() > 0.1  # does not slip between the samples


def test_colours_come_from_the_gaussians_around():
    cloud = some_cloud(2)
    cloud.means[:] = torch.tensor([[-0.6, 0, 0], [0.6, 0, 0]])
    points = torch.cat([cloud.means, cloud.means * 1.6, torch.zeros(1, 3)])
    colors = colors_at(cloud, points)
    torch.testing.assert_close(colors[:2], cloud.colors, atol=1e-4, rtol=0)
    torch.testing.assert_close(colors[2:4], cloud.colors, atol=1e-4, rtol=0)
    assert ((colors[4] >= cloud.colors.amin(0) - 1e-6) & (colors[4] <= cloud.colors.amax(0))).all()
    assert colors_at(cloud, torch.zeros(0, 3)).shape == (0, 3)


def test_normals_face_the_camera_in_its_own_axes():
    """A flat disc facing front: +Z to the viewer at azimuth 0 and, turned, at azimuth 180."""
    means, quats = torch.zeros(1, 3), torch.tensor([[1.0, 0, 0, 0]])
    scales = torch.tensor([[0.3, 0.01, 0.3]])
    seen = view_normals(means, quats, scales, turntable(4, elevation_deg=0.0).viewmats)
    for view in (0, 2):
        torch.testing.assert_close(seen[view], torch.tensor([[0.0, 0, 1]]), atol=1e-5, rtol=0)
    lying = view_normals(
        means, quats, torch.tensor([[0.3, 0.3, 0.01]]), turntable(1, 30.0).viewmats
    )
    assert lying[0, 0, 1] > 0.8  # up, seen from above: view-space +Y


def test_regularisers_at_known_values():
    scales = torch.tensor([[0.1, 0.1, 0.3]])
    assert losses.oversize(scales, 0.1).item() == pytest.approx(4 / 3, rel=1e-5)
    assert losses.anisotropy(scales, 3.1).item() == 0
    assert losses.anisotropy(scales, 1.0).item() == pytest.approx(1.0986, abs=1e-3)
