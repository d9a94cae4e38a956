"""The sampler of the training tools, on a prior whose samples are known in closed form."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from backend.cameras import turntable
from backend.errors import InputError
from backend.guidance.base import Views, guess
from backend.guidance.priors import load_prior
from backend.training.samples import PURE, ddim
from tests.mixture_prior import MixturePrior

STD = 0.2  # of the latents, which span [-1, 1]; pictures span half as much
SIDE = 24


def gaussian(scale: float = 1.0) -> MixturePrior:
    """Pictures that are normal around a ramp of greys."""
    mode = torch.linspace(-0.3, 0.3, SIDE).expand(1, 3, SIDE, SIDE)
    prior = MixturePrior(mode, {"negative": [0], "prompt": [0]}, STD, scale)
    prior.fold = 1
    return prior


def views(count: int = 1) -> Views:
    return Views(turntable(count), "shaded", torch.full((count, 3), 0.6))


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_samples_follow_the_priors_distribution(eta: float) -> None:
    prior = gaussian()
    drawn = ddim(prior, views(), 1.0, 150, seed=0, eta=eta) * 2 - 1
    rest = drawn[0] - prior.modes[0]
    assert rest.mean().abs() < 0.03
    assert float(rest.std()) == pytest.approx(STD, rel=0.1)


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_two_steps_are_the_paper_s(eta: float) -> None:
    """Song et al. 2021, eqs. 12 and 16, written out for the one step between two levels."""
    prior, generator = gaussian(), torch.Generator().manual_seed(5)
    seen = []

    def predict_x0(noisy, timesteps, views, guidance_scale):
        seen.append((noisy, prior.alphas_cumprod[timesteps[0]]))
        return 0.5 * noisy.clamp(-1, 1)

    prior.predict_x0 = predict_x0
    ddim(prior, views(), 1.0, 2, seed=5, eta=eta)
    (first, a), (second, b) = seen
    assert torch.equal(first, torch.randn(first.shape, generator=generator))
    x0 = 0.5 * first.clamp(-1, 1)
    sigma = eta * ((1 - b) / (1 - a) * (1 - a / b)).sqrt()
    noise = (first - a.sqrt() * x0) / (1 - a).sqrt()
    expected = b.sqrt() * x0 + (1 - b - sigma**2).sqrt() * noise
    expected = expected + sigma * torch.randn(first.shape, generator=generator)
    torch.testing.assert_close(second, expected, rtol=1e-4, atol=1e-5)


def test_views_share_their_noise_and_seeds_differ() -> None:
    two = ddim(gaussian(), views(2), 1.0, 20, seed=0)
    assert torch.equal(two[0], two[1])
    assert torch.equal(two, ddim(gaussian(), views(2), 1.0, 20, seed=0))
    assert not torch.allclose(two, ddim(gaussian(), views(2), 1.0, 20, seed=1), atol=0.05)


def test_new_noise_makes_up_for_a_step_gone_wrong() -> None:
    """What a fault in the first half leaves in the end, with the noise kept and with it new."""

    class Faulty(MixturePrior):
        faults = True

        def predict_x0(self, noisy, timesteps, views, guidance_scale, rescale=0.0):
            x0 = super().predict_x0(noisy, timesteps, views, guidance_scale, rescale)
            wrong = self.faults and int(timesteps[0]) > 500
            return x0 + 0.5 * wrong * torch.linspace(-1, 1, SIDE)[:, None]

    left = {}
    for eta in (0.0, 1.0):
        prior = gaussian()
        prior.__class__ = Faulty
        faulty = ddim(prior, views(), 1.0, 50, seed=0, eta=eta)
        prior.faults = False
        left[eta] = float((faulty - ddim(prior, views(), 1.0, 50, seed=0, eta=eta)).abs().mean())
    assert left[1.0] < 0.5 * left[0.0]
    assert left[0.0] > 0.01


def test_cameras_and_steps_are_asked_for() -> None:
    with pytest.raises(ValueError, match="cameras"):
        ddim(gaussian(), Views(None, "shaded", torch.zeros(1, 3)), 1.0, 10, seed=0)
    with pytest.raises(ValueError, match="at least 1 step"):
        ddim(gaussian(), views(), 1.0, 0, seed=0)


def test_samples_may_begin_with_the_guess() -> None:
    """From a low level they are little but the guess; without one, or from the top, as ever."""
    prior = load_prior("embedded", "a red wooden chair")
    around = Views(turntable(2), "albedo", torch.full((2, 3), 0.6))
    guessed = guess(prior, around)
    assert guessed is not None

    def drawn(start: float, seed: int) -> torch.Tensor:
        return F.interpolate(ddim(prior, around, 1.0, 8, seed, start=start), (32, 32), mode="area")

    def spread(start: float) -> float:
        return float((drawn(start, 0) - drawn(start, 1)).square().mean())

    assert float((drawn(0.3, 0) - guessed).square().mean()) < 0.004
    assert spread(0.3) < 0.5 * spread(PURE)
    plain = ddim(prior, around, 1.0, 2, seed=0)
    assert torch.equal(plain, ddim(prior, around, 1.0, 2, seed=0, start=PURE))
    with pytest.raises(InputError, match="guess"):
        ddim(gaussian(), Views(turntable(2)), 1.0, 2, seed=0, start=0.5)
