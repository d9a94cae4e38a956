"""Perp-Neg: its weights around the prop, its projection, and what it makes of a guided estimate."""

import pytest
import torch

from backend.cameras import turntable
from backend.errors import InputError
from backend.guidance import csd, nfsd, sds, sds_bridge, vsd
from backend.guidance.base import Views
from backend.guidance.diffusion import add_noise, epsilon_from_x0
from backend.guidance.distil import GuidanceConfig, distil
from backend.guidance.distillations import DISTILLATIONS
from backend.guidance.perp_neg import Config, PerpNeg, avoidance, avoided, perpendicular
from backend.guidance.priors import load_prior
from tests.mixture_prior import MixturePrior
from tests.tiny_models import write_stable_diffusion

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


@pytest.fixture(scope="module")
def worded(tmp_path_factory):
    """A tiny Stable Diffusion: VSD needs a network to adapt."""
    return write_stable_diffusion(tmp_path_factory.mktemp("prior"))


@pytest.mark.parametrize("t", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("name", DISTILLATIONS)
def test_it_is_felt_by_every_distillation_at_every_noise(worded, name, t):
    gradients = []
    for config in (None, Config()):
        guidance = distil(load_prior(worded, "a red chair"), GuidanceConfig(name, perp_neg=config))
        drawn = torch.Generator().manual_seed(1)
        latents = torch.randn(2, 4, 8, 8, generator=drawn)
        views = Views(turntable(2))
        with torch.no_grad():
            gradients.append(guidance.rule.gradient(latents, views, t, drawn))
    plain, avoiding = gradients
    assert avoiding.isfinite().all()
    assert (avoiding - plain).abs().max() > 1e-4 * plain.abs().max()


class Asked:
    """The closed form of what is asked, and the direction that Perp-Neg takes, in noises."""

    def __init__(self, prior, t, views):
        self.prior, self.views = prior, views
        self.z = torch.rand(4, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
        self.a = prior.alphas_cumprod[round(t * 1000)].expand(4)
        noise = torch.randn(self.z.shape, generator=torch.Generator().manual_seed(3))
        self.noisy = add_noise(self.z, noise, self.a)

    def eps(self, branch):
        return epsilon_from_x0(self.prior.x0(self.noisy, self.a, branch), self.noisy, self.a)

    def direction(self, wished="prompt"):
        towards = self.eps(wished) - self.eps("empty")
        shares = avoidance(self.views.cameras.azimuth_deg, Config())
        return towards - sum(
            share[:, None, None, None] * perpendicular(self.eps(side) - self.eps("empty"), towards)
            for share, side in zip(shares.T, ("front", "side"), strict=True)
        )


@pytest.mark.parametrize("name", ["csd", "nfsd", "nfsd, little noise", "sds-bridge"])
def test_differences_of_branches_take_the_direction_that_avoids(prior, name):
    """(prompt - empty) is p - sum w n wherever a distillation's formula has it."""
    reading = MixturePrior(prior.modes, {**TEXTS, "degraded": [0, 3], "improved": [3]}, 0.3, 9.0)
    t = 0.1 if "little" in name else 0.3
    f = Asked(reading, t, Views(turntable(4)))
    kind = {"csd": csd.CSD, "sds-bridge": sds_bridge.SDSBridge}.get(name, nfsd.NFSD)
    expected = {
        "csd": f.direction(),  # the negative text is the empty one
        "nfsd": 7.5 * f.direction(),
        "nfsd, little noise": f.eps("empty") + 7.5 * f.direction(),
        "sds-bridge": 7.5 * (f.eps("empty") + f.direction("improved") - f.eps("degraded")),
    }[name]
    rule = kind(PerpNeg(reading))
    got = rule.gradient(f.z, f.views, t, torch.Generator().manual_seed(3))
    expected = (1 - f.a[0]) * expected
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_a_guidance_scale_of_one_avoids_sides_too(prior):
    views, config = Views(turntable(4)), sds.Config(guidance_scale=1.0)
    z = torch.zeros(4, 3, 4, 4)
    one, other = (
        sds.SDS(asked, config).gradient(z, views, 0.5, torch.Generator().manual_seed(0))
        for asked in (prior, PerpNeg(prior))
    )
    assert not torch.allclose(one, other)


@pytest.mark.parametrize("wrap", [lambda prior: prior, PerpNeg])
def test_vsd_s_student_is_told_the_plain_prompt(worded, wrap):
    """Not the one that names the side: the camera is told by the adapter."""
    prior = load_prior(worded, "a red chair")
    rule = vsd.VSD(wrap(prior))
    noisy, t, views = torch.randn(2, 4, 8, 8), torch.tensor([500, 500]), Views(turntable(2))
    with torch.no_grad():
        (plain,) = prior.denoise(noisy, t, Views(None), ("prompt",))
        (sided,) = prior.denoise(noisy, t, views, ("prompt",))
        learnt = rule.student.predict_x0(noisy, t, views)
    torch.testing.assert_close(learnt, plain)
    assert not torch.allclose(learnt, sided)
