"""Gaussians that begin with what the prior guesses, before it has seen a picture."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from backend.cameras import CameraRange, turntable
from backend.errors import Interrupted
from backend.gaussians import stage
from backend.gaussians.guesses import COST, GuessConfig
from backend.gaussians.model import StartConfig
from backend.guidance.base import Views, guess
from backend.guidance.priors import load_prior
from backend.loop import work
from backend.render.gaussians import render_gaussians
from tests.unit.test_gaussian_stage import (
    SIZE,
    Memory,
    Oracle,
    context,
    some_cloud,
    sphere_images,
    tiny,
)


class Guesser(Oracle):
    """An oracle whose prior guesses the ball at half of its size."""

    def __init__(self, domains: tuple[str, ...] = ("shaded",)):
        super().__init__(domains)
        self.guessed = 0

        def asked(views: Views) -> torch.Tensor:
            self.guessed += 1
            return sphere_images(views.cameras, views.backgrounds, SIZE // 2)

        self.prior.guess = asked


@pytest.fixture(scope="module")
def chair():
    return load_prior("embedded", "a red wooden chair")


def _ring(count: int = 4) -> Views:
    return Views(turntable(count), "albedo", torch.full((count, 3), 0.2))


def test_the_embedded_prior_guesses_without_its_denoiser(chair, monkeypatch) -> None:
    def refuse(*_, **__):
        raise AssertionError("the denoiser was asked")

    monkeypatch.setattr(chair.unet, "forward", refuse)
    found = guess(chair, _ring())
    assert found is not None and found.shape == (4, 3, 32, 32) and not found.requires_grad
    assert float(found.min()) >= 0 and float(found.max()) <= 1
    torch.testing.assert_close(found[..., :2, :2], torch.full((4, 3, 2, 2), 0.2), atol=0.05, rtol=0)
    middle = found[:, :, 12:22, 12:20].mean((0, 2, 3))
    assert middle[0] > 2 * middle[1]  # red
    sides = found.mean(1)
    assert (sides[0] - sides[1]).abs().max() > 0.1  # the back stands on one side alone
    normals = guess(chair, Views(turntable(4), "normal", torch.full((4, 3), 0.2)))
    assert normals is not None and float((normals - found).abs().max()) > 0.3


def test_what_is_not_known_cannot_be_guessed(chair, monkeypatch) -> None:
    assert guess(chair, Views(None, "albedo", torch.zeros(2, 3))) is None
    assert guess(chair, Views(turntable(2), "albedo")) is None
    assert guess(Oracle().prior, _ring()) is None
    unwanted = load_prior("embedded", "a red wooden chair", "metal")
    assert guess(unwanted, _ring()) is None
    monkeypatch.setattr(chair, "mean", None)
    assert guess(chair, _ring()) is None


def test_the_first_steps_fit_the_guess_and_the_others_ask() -> None:
    oracle = Guesser()
    config = tiny(steps=16, guess=GuessConfig(0.25, 0.75, 0.7))
    optimisation = stage.GaussianOptimisation(None, config, oracle, CameraRange(), context())
    oracle.guessed = 0
    for index in range(16):
        optimisation.step(index)
    assert oracle.guessed == 4 and len(oracle.seen) == 12
    levels = [level for _, level in oracle.seen]
    assert 0.65 < levels[0] <= 0.7 and levels[-1] < 0.2
    assert max(levels) == pytest.approx(levels[0], abs=0.06)


@pytest.mark.parametrize("case", ["start", "no guess", "no share", "particles"])
def test_without_a_guess_all_steps_ask_from_the_top(case: str) -> None:
    oracle = Oracle() if case == "no guess" else Guesser()
    oracle.particles = 3 if case == "particles" else 1
    config = tiny(guess=GuessConfig(share=0.0 if case == "no share" else 0.25))
    start = some_cloud() if case == "start" else None
    stage.run(start, config, oracle, CameraRange(), context())
    assert len(oracle.seen) == config.steps
    assert oracle.seen[0][1] > 0.9


def test_with_a_guess_half_of_the_steps_are_enough() -> None:
    usual = GuessConfig()
    assert usual.counts(800, True) == (80, 400)
    assert usual.counts(800, False) == (0, 800)
    assert usual.counts(5, True) == (0, 5)  # too few for a guess: all
    assert usual.counts(6, True) == (1, 3)
    assert GuessConfig(share=0.0).counts(800, True) == (0, 800)


def test_a_guess_alone_is_followed() -> None:
    config = stage.Config(
        steps=60,
        image_sizes=(32,),
        start=StartConfig(count=500),
        guess=GuessConfig(1.0, 0.0),
    )
    oracle = Guesser()
    cloud = stage.run(None, config, oracle, CameraRange(), context())
    assert not oracle.seen
    cameras, black = turntable(4), torch.zeros(4, 3)
    K = cameras.intrinsics(SIZE, SIZE)
    out = render_gaussians(*cloud.tensors(), cameras.viewmats, K, SIZE, SIZE)
    target = sphere_images(cameras, black, SIZE).amax(1) > 0
    found = out.alphas[..., 0] > 0.5
    assert (target & found).sum() / (target | found).sum() > 0.8
    colors = F.avg_pool2d(out.colors.permute(0, 3, 1, 2), 8)
    assert colors[:, 0, 1, 1].min() > 2 * colors[:, 2, 1, 1].max()  # red above


@pytest.mark.parametrize("at", [3, 6, 8])  # among the guesses, right after them, and later
def test_interrupted_and_resumed_equals_uninterrupted(at: int) -> None:
    config = tiny(guess=GuessConfig(0.5, 0.5))
    straight = stage.run(None, config, Guesser(), CameraRange(), context(5))
    memory, count = Memory(), iter(range(100))
    with pytest.raises(Interrupted):
        stop = context(5, checkpoints=memory, stop_requested=lambda: next(count) == at)
        stage.run(None, config, Guesser(), CameraRange(), stop)
    resumed = stage.run(None, config, Guesser(), CameraRange(), context(5, checkpoints=memory))
    for a, b in zip(straight.tensors(), resumed.tensors(), strict=True):
        assert torch.equal(a, b)


def test_guesses_count_as_the_little_work_that_they_are() -> None:
    """The time left is told by the work, or it would be too short while the prior guesses."""
    config = tiny(steps=16, guess=GuessConfig(0.25, 0.75))
    optimisation = stage.GaussianOptimisation(None, config, Guesser(), CameraRange(), context())
    done = [work(optimisation, n) for n in range(17)]
    assert done[4] == pytest.approx(4 * COST) and done[16] - done[4] == pytest.approx(12)
    plain = stage.GaussianOptimisation(None, config, Oracle(), CameraRange(), context())
    assert work(plain, 16) == 16


def test_what_the_guess_taught_adam_is_forgotten() -> None:
    config = tiny(steps=16, guess=GuessConfig(0.25, 0.75))
    optimisation = stage.GaussianOptimisation(None, config, Guesser(), CameraRange(), context())
    ages = []
    for index in range(8):
        optimisation.step(index)
        ages.append(int(next(iter(optimisation.optimiser.state.values()))["step"]))
    assert ages[3:] == [4, 1, 2, 3, 4]
