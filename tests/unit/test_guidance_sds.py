"""What all distillations share: the loss, guidance, predictions, schedules; SDS and x0 at work."""

import pytest
import torch

from backend.errors import InputError
from backend.guidance import csd, sds, x0
from backend.guidance.base import Views
from backend.guidance.diffusion import (
    add_noise,
    epsilon_from_x0,
    guide,
    scale_gradient,
    x0_from_output,
)
from backend.guidance.distil import GuidanceConfig, choose, distil
from backend.guidance.distillations import TIMESTEPS
from backend.guidance.schedules import SCHEDULES, TimestepConfig, timestep
from tests.mixture_prior import MixturePrior

VIEWS = Views(cameras=None)
TEXTS = {"empty": [0, 1, 2], "negative": [0, 1, 2], "prompt": [0]}


@pytest.fixture
def prior():
    g = torch.Generator().manual_seed(1)
    return MixturePrior(torch.rand(3, 3, 4, 4, generator=g) * 1.6 - 0.8, TEXTS)


def gradient(prior, images, t, config, seed=3):
    images = images.clone().requires_grad_()
    loss = distil(prior, config).loss(images, VIEWS, t, torch.Generator().manual_seed(seed))
    loss.backward()
    return loss.detach(), images.grad


def test_the_loss_is_half_the_mean_square_of_the_rule_s_gradient(prior):
    images = torch.rand(2, 3, 4, 4)
    loss, grad = gradient(prior, images, 0.5, GuidanceConfig("x0", x0.Config(2.0)))
    z = images * 2 - 1
    rule = x0.X0(prior, x0.Config(2.0)).gradient(z, VIEWS, 0.5, torch.Generator().manual_seed(3))
    torch.testing.assert_close(loss, 0.5 * rule.square().mean())
    torch.testing.assert_close(grad / 2, rule / z.numel())


@pytest.mark.parametrize("name", ["sds", "x0"])
def test_sds_descends_to_the_conditional_mode(prior, name):
    images = torch.full((4, 3, 4, 4), 0.5, requires_grad=True)
    guidance = distil(prior, GuidanceConfig(name))
    optimiser = torch.optim.Adam([images], lr=0.02)
    g = torch.Generator().manual_seed(0)
    for step in range(200):
        t = timestep(step / 200, TimestepConfig(), g)
        optimiser.zero_grad()
        guidance.loss(images, VIEWS, t, g).backward()
        optimiser.step()
    mode = prior.modes[0] * 0.5 + 0.5
    assert (images - mode).abs().mean() < 0.03
    assert (0.5 - mode).abs().mean() > 0.15  # it had a way to go


def test_loss_scale_depends_on_neither_batch_nor_resolution():
    """Every pixel alike: tiling the batch and the image leaves the expected loss where it was."""
    losses = []
    for batch, size in ((4, 8), (64, 8), (4, 32)):
        prior = MixturePrior(torch.full((1, 3, size, size), 0.4), {name: [0] for name in TEXTS})
        images = torch.full((batch, 3, size, size), 0.2)
        losses.append(gradient(prior, images, 0.5, GuidanceConfig("sds"))[0])
    torch.testing.assert_close(torch.stack(losses), losses[0].expand(3), rtol=0.01, atol=0)


def test_gradient_clip_bounds_every_element(prior):
    images = torch.rand(2, 3, 4, 4)
    _, free = gradient(prior, images, 0.5, GuidanceConfig("x0"))
    _, clipped = gradient(prior, images, 0.5, GuidanceConfig("x0", gradient_clip=0.1))
    bound = 2 * 0.1 / images.numel()
    assert free.abs().max() > bound
    torch.testing.assert_close(clipped, free.clamp(-bound, bound))


def test_draws_average_the_gradients_of_several_noises(prior):
    images = torch.rand(2, 3, 4, 4)
    rule = x0.X0(prior, x0.Config(2.0))
    g = torch.Generator().manual_seed(3)
    mean = sum(rule.gradient(images * 2 - 1, VIEWS, 0.5, g) for _ in range(3)) / 3
    _, grad = gradient(prior, images, 0.5, GuidanceConfig("x0", x0.Config(2.0), draws=3))
    torch.testing.assert_close(grad / 2, mean / images.numel())
    one = gradient(prior, images, 0.5, GuidanceConfig("x0", x0.Config(2.0)))[1]
    assert not torch.allclose(grad, one)


def test_same_generator_same_loss_and_another_one_differs(prior):
    images, config = torch.rand(2, 3, 4, 4), GuidanceConfig("sds")
    first, again = (gradient(prior, images, 0.5, config, seed=7)[0] for _ in range(2))
    assert first == again
    assert first != gradient(prior, images, 0.5, config, seed=8)[0]


def test_a_distillation_is_chosen_by_name_and_keeps_a_scale(prior):
    chosen = choose(GuidanceConfig(settings=x0.Config(rescale=0.5)), "csd", 3.0)
    assert chosen == GuidanceConfig("csd", csd.Config(guidance_scale=3.0))
    assert distil(prior, chosen).rule.scale == 3.0
    kept = choose(GuidanceConfig(settings=x0.Config(rescale=0.5)), None, 3.0)
    assert kept.settings == x0.Config(3.0, 0.5)
    with pytest.raises(InputError, match=r"no distillation 'dream'.*csd, ism"):
        choose(GuidanceConfig(), "dream")
    with pytest.raises(InputError, match="csd"):
        distil(prior, GuidanceConfig("csd", sds.Config()))


def test_bad_configs_are_refused():
    for bad in ({"weighting": "v"}, {"rescale": 2.0}):
        with pytest.raises(ValueError):
            sds.Config(**bad)
    with pytest.raises(ValueError):
        GuidanceConfig(gradient_clip=0.0)
    with pytest.raises(ValueError, match="draws"):
        GuidanceConfig(draws=0)
    for bad in ({"kind": "x"}, {"t_min": 0.0}, {"t_max": 0.01}, {"jitter": -1.0}, {"spread": 0.0}):
        with pytest.raises(ValueError):
            TimestepConfig(**bad)


def test_predictions_of_all_kinds_give_back_x0():
    """eps, v = sqrt(a) eps - sqrt(1 - a) x0, and x0 itself, from a known x0 and eps."""
    x0, eps = torch.randn(4, 3, 2, 2).double(), torch.randn(4, 3, 2, 2).double()
    a = torch.tensor([0.999, 0.5, 0.1, 0.001]).double()
    a4 = a[:, None, None, None]
    noisy = add_noise(x0, eps, a)
    v = a4.sqrt() * eps - (1 - a4).sqrt() * x0
    for output, kind in ((eps, "epsilon"), (v, "v_prediction"), (x0, "sample")):
        torch.testing.assert_close(x0_from_output(output, noisy, a, kind), x0)
    torch.testing.assert_close(epsilon_from_x0(x0, noisy, a), eps)


def test_guide_at_0_1_and_its_rescale():
    c, u = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(guide(c, u, 0.0), u)
    torch.testing.assert_close(guide(c, u, 1.0), c)
    guided = guide(c, u, 10.0, rescale=1.0)
    torch.testing.assert_close(guided.std((1, 2, 3)), c.std((1, 2, 3)))
    half = guide(c, u, 10.0, rescale=0.5)
    torch.testing.assert_close(half, 0.5 * guided + 0.5 * guide(c, u, 10.0))


def test_scale_gradient_keeps_small_fp16_gradients():
    """1e-9 rounds to zero in fp16; enlarged on the way through it survives."""
    x = torch.ones(3, requires_grad=True)
    y = scale_gradient((scale_gradient(x, 2.0**-14).half() * 3).float(), 2.0**14)
    (y * 1e-9).sum().backward()
    torch.testing.assert_close(x.grad, torch.full((3,), 3e-9), rtol=0.02, atol=0)


def test_schedules_run_where_they_should():
    g = torch.Generator().manual_seed(0)
    still = TimestepConfig("annealed", 0.1, 0.9, jitter=0.0)
    assert [timestep(s, still, g) for s in (0.0, 0.5, 1.0)] == pytest.approx([0.9, 0.5, 0.1])
    root = TimestepConfig("hifa", 0.1, 0.9, jitter=0.0)
    assert timestep(0.25, root, g) == pytest.approx(0.5)
    drawn = [timestep(0.5, TimestepConfig("uniform", 0.2, 0.6), g) for _ in range(500)]
    assert 0.2 <= min(drawn) < 0.22 and 0.58 < max(drawn) <= 0.6
    jittered = [timestep(1.0, TimestepConfig(jitter=0.1), g) for _ in range(100)]
    assert min(jittered) == 0.02 and 0.1 < max(jittered) <= 0.12


def test_schedules_draw_the_same_amount_of_randomness():
    states = []
    for kind in SCHEDULES:
        g = torch.Generator().manual_seed(0)
        timestep(0.3, TimestepConfig(kind), g)
        states.append(g.get_state())
    assert all(torch.equal(states[0], state) for state in states)


def test_the_command_line_s_schedules_are_those_there_are():
    assert tuple(sorted(SCHEDULES)) == TIMESTEPS


def test_dreamtime_spends_the_run_as_its_weights_say():
    """At each share of the run, that share of W lies above the timestep (their eq. 5)."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000).double() ** 2
    a = torch.cumprod(1 - betas, 0)
    t = torch.arange(1000) / 1000
    weights = ((1 - a) / a).sqrt() * torch.exp(-((t - 0.5) ** 2) / (2 * 0.125**2))
    weights = weights * ((t >= 0.02) & (t <= 0.98))
    config = TimestepConfig("dreamtime", jitter=0.0)
    g = torch.Generator().manual_seed(0)
    for share in (0.1, 0.35, 0.8):
        at = timestep(share, config, g)
        above = weights[t > at].sum() / weights.sum()
        assert above == pytest.approx(share, abs=0.01)
    times = [timestep(share / 20, config, g) for share in range(21)]
    assert times == sorted(times, reverse=True) and times[0] > 0.95


def test_dreamtime_is_finite_with_zero_terminal_snr(prior):
    config, g = TimestepConfig("dreamtime", jitter=0.0), torch.Generator().manual_seed(0)
    times = [timestep(share, config, g, prior.alphas_cumprod) for share in (0.0, 0.5, 1.0)]
    assert 0.9 < times[0] <= 0.98 and 0.3 < times[1] < 0.9 and 0.02 <= times[2] < 0.5
