"""DDIM inversion by a network that predicts the clean picture finds noise, not its own error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from backend.cameras import turntable
from backend.guidance.base import Views
from backend.guidance.diffusion import per_sample
from backend.guidance.ism import ISM
from backend.guidance.noising import FIRST_LEVEL, first_level, levels
from backend.guidance.priors import load_prior
from backend.guidance.sdi import SDI
from backend.training import data, props

BACKGROUND = 0.6


@pytest.fixture(scope="module")
def asked():
    """The shipped prior, pictures of a chair from four sides, and what is known of them."""
    prior = load_prior("embedded", "a red wooden chair")
    cameras = turntable(4, 15.0)
    prop = props.sample_prop("chair", np.random.default_rng(0))
    seen = torch.from_numpy(data.render_prop(prop, cameras)).float() / 255
    images = seen[..., :3] * seen[..., 8:] + BACKGROUND * (1 - seen[..., 8:])
    views = Views(cameras, "albedo", torch.full((4, 3), BACKGROUND))
    return prior, prior.encode(images.permute(0, 3, 1, 2), torch.Generator()), views


def _rms_of_noise(prior, latents, noisy, level: float) -> float:
    alpha_bar = per_sample(levels(prior, level, latents)[1], latents)
    noise = (noisy - alpha_bar.sqrt() * latents) / (1 - alpha_bar).sqrt()
    return float(noise.square().mean().sqrt())


@pytest.mark.parametrize("t", [0.2, 0.6, 0.9])
def test_the_noise_that_inversion_finds_is_about_standard(asked, t: float) -> None:
    prior, latents, views = asked
    assert prior.prediction_type == "sample" and first_level(prior) == FIRST_LEVEL
    generator = torch.Generator().manual_seed(0)
    noisy, at = ISM(prior)._invert(latents, views, (FIRST_LEVEL, t), generator)
    assert at == t
    assert 0.8 < _rms_of_noise(prior, latents, noisy, t) < 1.2
    noisy = SDI(prior)._invert(latents, views, t, generator)
    assert 0.8 < _rms_of_noise(prior, latents, noisy, t) < 1.3


@pytest.mark.parametrize("t", [0.002, 0.03, 0.05, 0.08])
@pytest.mark.parametrize("rule", [ISM, SDI])
def test_levels_about_the_first_are_no_worse_than_others(asked, rule, t: float) -> None:
    prior, latents, views = asked
    generator = torch.Generator().manual_seed(0)
    gradient = rule(prior).gradient(latents, views, t, generator)
    middle = rule(prior).gradient(latents, views, 0.5, generator)
    assert gradient.isfinite().all()
    assert gradient.norm() < middle.norm()
