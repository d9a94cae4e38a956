"""Perp-Neg: its weights around the prop, its projection, and what it makes of a guided estimate."""

import pytest
import torch

from backend.cameras import turntable
from backend.errors import InputError
from backend.guidance.base import Views
from backend.guidance.distil import GuidanceConfig, distil
from backend.guidance.perp_neg import Config, PerpNeg, avoidance, avoided, perpendicular
from tests.mixture_prior import MixturePrior

TEXTS = {"empty": [0, 1, 2, 3], "negative": [0, 1, 2, 3], "prompt": [0], "front": [1], "side": [2]}


@pytest.fixture
def prior():
    g = torch.Generator().manual_seed(1)
    return MixturePrior(torch.rand(4, 3, 4, 4, generator=g) * 1.6 - 0.8, TEXTS, std=0.3)


def test_the_weights_are_the_paper_s_around_the_prop():
    azimuth = torch.tensor([0.0, 90.0, -90.0, 180.0, 45.0, 135.0, 405.0])
    front, side = avoidance(azimuth, Config()).T
    # exp(-0.5) = 0.6065, exp(-0.25) = 0.7788
    torch.testing.assert_close(
        front, torch.tensor([0.0, 1.5735, 1.5735, 1.967, 0.6892, 1.7458, 0.6892]), atol=1e-3, rtol=0
    )
    torch.testing.assert_close(
        side, torch.tensor([1.574, 0.0, 0.0, 0.394, 0.6892, 0.1728, 0.6892]), atol=1e-3, rtol=0
    )


def test_what_is_left_is_perpendicular():
    g = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 3, 3, 4, 4, generator=g)
    left = perpendicular(a, b)
    assert ((left * b).sum((1, 2, 3)).abs() < 1e-4).all()
    parallel = a - left
    torch.testing.assert_close(parallel / parallel[:, :1, :1, :1], b / b[:, :1, :1, :1])
    assert perpendicular(a, torch.zeros_like(b)).isfinite().all()


def test_wrong_sides_are_avoided_by_their_weights(prior):
    noisy = torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    t, views = torch.full((4,), 600), Views(turntable(4))
    got = PerpNeg(prior).predict_x0(noisy, t, views, 5.0)
    empty, prompt, front, side = prior.denoise(
        noisy, t, views, ("empty", "prompt", "front", "side")
    )
    towards, weights = prompt - empty, avoidance(views.cameras.azimuth_deg, Config())
    step = towards - sum(
        w[:, None, None, None] * perpendicular(wrong - empty, towards)
        for w, wrong in zip(weights.T, (front, side), strict=True)
    )
    torch.testing.assert_close(got, empty + 5 * step)
    assert not torch.allclose(got, prior.predict_x0(noisy, t, views, 5.0))
    half = PerpNeg(prior).predict_x0(noisy, t, views, 5.0, rescale=1.0)
    torch.testing.assert_close(half.std((1, 2, 3)), prompt.std((1, 2, 3)))


def test_from_above_no_side_is_avoided(prior):
    """The prompt is "overhead view" there, and neither front nor side is wrong of it."""
    around, above = turntable(4, elevation_deg=20.0), turntable(4, elevation_deg=75.0)
    assert (avoided(above, Config()) == 0).all()
    assert torch.equal(avoided(around, Config()), avoidance(around.azimuth_deg, Config()))
    noisy, t = torch.randn(4, 3, 4, 4), torch.full((4,), 600)
    plain = prior.predict_x0(noisy, t, Views(above), 5.0)
    torch.testing.assert_close(PerpNeg(prior).predict_x0(noisy, t, Views(above), 5.0), plain)


def test_without_a_camera_it_is_plain_guidance(prior):
    noisy, t = torch.randn(2, 3, 4, 4), torch.full((2,), 600)
    plain = prior.predict_x0(noisy, t, Views(None), 5.0)
    assert torch.equal(PerpNeg(prior).predict_x0(noisy, t, Views(None), 5.0), plain)


def test_it_is_chosen_beside_any_distillation_and_refused_where_it_says_nothing(prior):
    guidance = distil(prior, GuidanceConfig("sds", perp_neg=Config()))
    images = torch.rand(2, 3, 4, 4, requires_grad=True)
    g = torch.Generator().manual_seed(0)
    guidance.loss(images, Views(turntable(2)), 0.5, g).backward()
    assert images.grad.abs().max() > 0
    told = MixturePrior(prior.modes, {name: [0] for name in ("empty", "negative", "prompt")})
    with pytest.raises(InputError, match="told the camera"):
        distil(told, GuidanceConfig(perp_neg=Config()))
