"""The geometry stage under an oracle that pulls renders to those of a known shape."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from backend.cameras import CameraRange, turntable
from backend.errors import GenerationError, InputError, Interrupted
from backend.loop import RunContext, optimise
from backend.mesh import pictures, stage
from backend.mesh.colors import ColorCache
from backend.mesh.dmtet import marching_tetrahedra
from backend.mesh.geometry import volume
from backend.mesh.stage import Config, GeometryOptimisation, GeometryStart
from backend.mesh.tet_grid import TetGrid

SMALL = Config(resolution=12, steps=24, views=2, image_size=32, learning_rate=0.08, levels=(4, 8))


def box(points, half):
    outside = points.abs() - torch.tensor(half)
    return outside.clamp(min=0).norm(dim=-1) + outside.amax(dim=-1).clamp(max=0)


def target_sdf(points):
    return box(points, (0.6, 0.3, 0.45))


def mesh_of(function, resolution=20):
    grid = TetGrid(resolution)
    sdf = function(grid.points)
    return marching_tetrahedra(grid.points, sdf, grid.crossing_tets(sdf)).mesh


def samples(size=32):
    axis = torch.linspace(-1, 1, size)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1)


class OraclePrior:
    image_size = 32
    alphas_cumprod = torch.linspace(0.99, 0.01, 10)
    weights_hash = ""
    ignored_words = ()
    default_guidance_scale = 1.0

    def __init__(self, domains):
        self.domains = domains

    def encode(self, images, generator, views=None):
        return images

    def predict_x0(self, noisy, timesteps, views, guidance_scale, rescale=0.0):
        return noisy


class Oracle:
    """Normals of the target from the same cameras on the same backgrounds, with some noise."""

    def __init__(self, domains=("shaded", "normal"), noise=0.1):
        self.prior = OraclePrior(domains)
        self.mesh, self.noise = mesh_of(target_sdf), noise
        self.seen: list[tuple[str, float]] = []

    def loss(self, images, views, timestep, generator):
        self.seen.append((views.domain, timestep))
        with torch.no_grad():
            raster = pictures.rasterize(self.mesh, views.cameras, images.shape[-1])
            target = pictures.normal_images(self.mesh, raster, views.cameras, views.backgrounds)
            target = target + self.noise * torch.randn(target.shape, generator=generator)
        if views.domain == "shaded":  # the light isn't known here: the outline is what counts
            target = torch.where(raster.covered.permute(0, 3, 1, 2) > 0, 0.6, target)
        return 0.5 * (images - target).square().mean()


def grey(points):
    return torch.full_like(points, 0.6)


def start():
    return GeometryStart(samples().norm(dim=-1) - 0.5, grey)


def context(**kwargs):
    return RunContext(torch.device("cpu"), torch.Generator().manual_seed(3), **kwargs)


def intersection_over_union(optimisation):
    with torch.no_grad():
        points, sdf = optimisation.field()
    ours, theirs = sdf < 0, target_sdf(points) < 0
    return float((ours & theirs).sum() / (ours | theirs).sum())


@pytest.mark.parametrize("domains", [("shaded", "normal"), ("shaded",)])
def test_the_surface_goes_to_the_oracle_s_shape(domains):
    oracle, ctx = Oracle(domains), context()
    optimisation = GeometryOptimisation(start(), SMALL, oracle, CameraRange(), ctx)
    before = intersection_over_union(optimisation)
    optimise("mesh", optimisation, ctx)
    after = intersection_over_union(optimisation)
    assert before < 0.65 and after > before + 0.1
    assert {domain for domain, _ in oracle.seen} == set(domains)
    times = [t for _, t in oracle.seen]
    assert (times[0], times[-1]) == pytest.approx(SMALL.timesteps)
    assert times == sorted(times)[::-1]


class Memory:
    """Checkpoints that break like real ones: nothing is shared with what was saved."""

    def __init__(self):
        self.states = {}

    def save(self, key, state):
        self.states[key] = copy.deepcopy(state)

    def load(self, key):
        return copy.deepcopy(self.states.get(key))


def test_resuming_is_bit_equal():
    config = Config(resolution=12, steps=6, views=2, image_size=32)
    straight = stage.run(start(), config, Oracle(), CameraRange(), context())
    checkpoints, done = Memory(), []
    stopping = context(
        checkpoints=checkpoints, progress=done.append, stop_requested=lambda: len(done) >= 3
    )
    with pytest.raises(Interrupted):
        stage.run(start(), config, Oracle(), CameraRange(), stopping)
    resumed = stage.run(start(), config, Oracle(), CameraRange(), context(checkpoints=checkpoints))
    assert torch.equal(straight.faces, resumed.faces)
    assert torch.equal(straight.vertices, resumed.vertices)
    assert volume(straight) > 0


def test_an_empty_field_is_told():
    empty = GeometryStart(torch.ones(8, 8, 8), grey)
    with pytest.raises(GenerationError, match="empty"):
        stage.run(empty, SMALL, Oracle(), CameraRange(), context())


def test_colours_are_asked_once_and_only_near_the_surface():
    asked = []

    def color_at(points):
        asked.append(points)
        return points * 0.5 + 0.5

    grid = TetGrid(12)
    sdf = grid.points.norm(dim=-1) - 0.6
    surface = marching_tetrahedra(grid.points, sdf, grid.crossing_tets(sdf))
    cache = ColorCache(grid.points, color_at)
    colors = cache.on(surface)
    cache.on(surface)
    assert len(asked) == 1
    assert (asked[0].norm(dim=-1) - 0.6).abs().max() < 1.01 * grid.cell
    torch.testing.assert_close(colors, surface.mesh.vertices * 0.5 + 0.5, atol=1e-5, rtol=0)


def test_normal_images_follow_the_convention():
    mesh = mesh_of(lambda p: p.norm(dim=-1) - 0.8)
    cameras = turntable(3, elevation_deg=30.0)
    backgrounds = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [1.0, 1.0, 1.0]])
    raster = pictures.rasterize(mesh, cameras, 65)
    images = pictures.normal_images(mesh, raster, cameras, backgrounds)
    centre, right, top = images[:, :, 32, 32], images[:, :, 32, 50], images[:, :, 14, 32]
    expected = torch.tensor([0.5, 0.5, 1.0]).expand(3, 3)
    torch.testing.assert_close(centre, expected, atol=0.03, rtol=0)
    assert (right[:, 0] > 0.75).all() and (right[:, 1] - 0.5).abs().max() < 0.05
    assert (top[:, 1] > 0.75).all() and (top[:, 0] - 0.5).abs().max() < 0.05
    assert torch.equal(images[:, :, 0, 0], backgrounds)


def test_shading_is_bright_towards_the_lamp_and_keeps_the_hue():
    mesh = mesh_of(lambda p: p.norm(dim=-1) - 0.8)
    cameras = turntable(1, elevation_deg=0.0)
    light = pictures.Light(
        torch.full((1, 1), 0.3),
        torch.full((1, 1), 0.3),
        torch.full((1, 1), 0.6),
        torch.tensor([[1.0, 0.0, 0.0]]),
    )
    albedo = torch.tensor([0.8, 0.4, 0.2]).expand(len(mesh.vertices), 3)
    raster = pictures.rasterize(mesh, cameras, 64)
    image = pictures.shaded_images(mesh, albedo, raster, light, torch.zeros(1, 3))[0]
    assert image[0, 32, 45] > image[0, 32, 18] + 0.1  # the lamp is at +X: on the right
    # 0.3 of linear 0.6038 (sRGB 0.8) is 0.1811, whose sRGB is 0.4629.
    assert image[0, 32, 18].item() == pytest.approx(0.4629, abs=2e-3)
    assert image[0, 32, 32] > image[1, 32, 32] > image[2, 32, 32]


def test_smoothness_comes_every_other_step_and_twice_as_strong():
    always, seldom = (
        GeometryOptimisation(
            start(), replace(SMALL, regularise_every=n), Oracle(), CameraRange(), context()
        )
        for n in (1, 2)
    )
    first, other = always.step(0), seldom.step(0)
    for name in ("normal_consistency", "laplacian", "sign_agreement", "eikonal"):
        assert other[name] == pytest.approx(2 * first[name])
    assert other["anchor"] == first["anchor"]
    first, other = always.step(1), seldom.step(1)
    assert "laplacian" in first and "laplacian" not in other and "anchor" in other


@pytest.mark.parametrize("levels", [(), (0, 4), (4, 6), (8, 4), (4, 4)])
def test_levels_that_do_not_divide_each_other_are_refused(levels):
    with pytest.raises(InputError, match="multiple of the one before"):
        Config(levels=levels)
