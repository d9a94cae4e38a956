"""SDS against closed forms, with a Gaussian mixture in pixel space as the prior."""

import math

import pytest
import torch

from backend.guidance.base import Views
from backend.guidance.diffusion import add_noise, guide, scale_gradient, x0_from_output
from backend.guidance.schedules import TimestepConfig, timestep
from backend.guidance.sds import DISTILLATIONS, SDS, SDSConfig

VIEWS = Views(cameras=None)


class MixtureOfImages:
    """x ~ mean over modes of N(mode, std^2). Conditional: the first mode alone.

    z_t = sqrt(a) x + sqrt(1 - a) eps has variance a std^2 + 1 - a around sqrt(a) mode, so that
    E[x | z_t] follows from Bayes' rule.
    """

    domains = ("shaded",)
    image_size = 4
    weights_hash = ""
    ignored_words = ()
    default_guidance_scale = 1.0

    def __init__(self, modes: torch.Tensor, std: float = 0.05):
        self.modes, self.std = modes, std
        self.alphas_cumprod = torch.cos(torch.linspace(0.01, math.pi / 2, 1000)) ** 2
        self.alphas_cumprod[-1] = 0  # zero terminal SNR

    def encode(self, images, generator):
        return images * 2 - 1

    def predict_x0(self, noisy, timesteps, views, guidance_scale, rescale=0.0):
        a = self.alphas_cumprod[timesteps]
        conditional = self.posterior_mean(noisy, a, self.modes[:1])
        unconditional = self.posterior_mean(noisy, a, self.modes)
        return guide(conditional, unconditional, guidance_scale, rescale)

    def posterior_mean(self, noisy, a, modes):
        a = a[:, None, None, None, None]
        offset = noisy[:, None] - a.sqrt() * modes
        variance = a * self.std**2 + 1 - a
        shares = torch.softmax(-(offset**2 / (2 * variance)).sum((2, 3, 4)), 1)
        means = modes + a.sqrt() * self.std**2 / variance * offset
        return (shares[:, :, None, None, None] * means).sum(1)


@pytest.fixture
def prior():
    g = torch.Generator().manual_seed(1)
    return MixtureOfImages(torch.rand(3, 3, 4, 4, generator=g) * 1.6 - 0.8)


def gradient(prior, images, t, config, seed=3):
    images = images.clone().requires_grad_()
    loss = SDS(prior, config).loss(images, VIEWS, t, torch.Generator().manual_seed(seed))
    loss.backward()
    return loss.detach(), images.grad


@pytest.mark.parametrize("t", [0.02, 0.3, 0.7, 0.98])
@pytest.mark.parametrize("scale", [0.0, 1.0, 7.5])
def test_noise_form_is_dreamfusions_equation_3(prior, t, scale):
    images = torch.rand(5, 3, 4, 4)
    _, grad = gradient(prior, images, t, SDSConfig(guidance_scale=scale))
    z = images * 2 - 1
    noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(3))
    index = torch.full((5,), round(t * 1000))
    a = prior.alphas_cumprod[index]
    noisy = add_noise(z, noise, a)

    def epsilon(modes):
        x0 = prior.posterior_mean(noisy.double(), a.double(), modes.double())
        a4 = a.double()[:, None, None, None]
        return (noisy.double() - a4.sqrt() * x0) / (1 - a4).sqrt()

    conditional, unconditional = epsilon(prior.modes[:1]), epsilon(prior.modes)
    eps_hat = unconditional + scale * (conditional - unconditional)
    expected = (1 - a.double())[:, None, None, None] * (eps_hat - noise) / z.numel()
    torch.testing.assert_close(grad.double() / 2, expected, atol=1e-5 / z.numel(), rtol=1e-4)


def test_x0_form_is_half_the_squared_distance_to_the_estimate(prior):
    images = torch.rand(2, 3, 4, 4)
    loss, grad = gradient(prior, images, 0.5, SDSConfig(guidance_scale=2.0, form="x0"))
    z = images * 2 - 1
    noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(3))
    index = torch.full((2,), 500)
    noisy = add_noise(z, noise, prior.alphas_cumprod[index])
    x0 = prior.predict_x0(noisy, index, VIEWS, 2.0)
    torch.testing.assert_close(loss, 0.5 * ((z - x0) ** 2).mean())
    torch.testing.assert_close(grad / 2, (z - x0) / z.numel())


@pytest.mark.parametrize("form", ["noise", "x0"])
def test_sds_descends_to_the_conditional_mode(prior, form):
    images = torch.full((4, 3, 4, 4), 0.5, requires_grad=True)
    guidance = DISTILLATIONS["sds" if form == "noise" else "sds-x0"](prior, SDSConfig())
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


@pytest.mark.parametrize("form", ["noise", "x0"])
def test_finite_at_both_ends_with_zero_terminal_snr(prior, form):
    for t in (0.0001, 0.9999):
        loss, grad = gradient(prior, torch.rand(2, 3, 4, 4), t, SDSConfig(form=form))
        assert loss.isfinite() and grad.isfinite().all()


def test_loss_scale_depends_on_neither_batch_nor_resolution():
    """Every pixel alike: tiling the batch and the image leaves the expected loss where it was."""
    losses = []
    for batch, size in ((4, 8), (64, 8), (4, 32)):
        modes = torch.full((1, 3, size, size), 0.4)
        images = torch.full((batch, 3, size, size), 0.2)
        losses.append(gradient(MixtureOfImages(modes), images, 0.5, SDSConfig())[0])
    torch.testing.assert_close(torch.stack(losses), losses[0].expand(3), rtol=0.01, atol=0)


def test_gradient_clip_bounds_every_element(prior):
    images = torch.rand(2, 3, 4, 4)
    _, free = gradient(prior, images, 0.5, SDSConfig(form="x0"))
    _, clipped = gradient(prior, images, 0.5, SDSConfig(form="x0", gradient_clip=0.1))
    bound = 2 * 0.1 / images.numel()
    assert free.abs().max() > bound
    torch.testing.assert_close(clipped, free.clamp(-bound, bound))


def test_same_generator_same_loss_and_another_one_differs(prior):
    images = torch.rand(2, 3, 4, 4)
    first, again = (gradient(prior, images, 0.5, SDSConfig(), seed=7)[0] for _ in range(2))
    assert first == again
    assert first != gradient(prior, images, 0.5, SDSConfig(), seed=8)[0]


def test_bad_configs_are_refused():
    for bad in ({"form": "v"}, {"guidance_rescale": 2.0}, {"gradient_clip": 0.0}):
        with pytest.raises(ValueError):
            SDSConfig(**bad)
    for bad in ({"kind": "x"}, {"t_min": 0.0}, {"t_max": 0.01}, {"jitter": -1.0}):
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
    root = TimestepConfig("sqrt", 0.1, 0.9, jitter=0.0)
    assert timestep(0.25, root, g) == pytest.approx(0.5)
    drawn = [timestep(0.5, TimestepConfig("uniform", 0.2, 0.6), g) for _ in range(500)]
    assert 0.2 <= min(drawn) < 0.22 and 0.58 < max(drawn) <= 0.6
    jittered = [timestep(1.0, TimestepConfig(jitter=0.1), g) for _ in range(100)]
    assert min(jittered) == 0.02 and 0.1 < max(jittered) <= 0.12


def test_schedules_draw_the_same_amount_of_randomness():
    states = []
    for kind in ("annealed", "sqrt", "uniform"):
        g = torch.Generator().manual_seed(0)
        timestep(0.3, TimestepConfig(kind), g)
        states.append(g.get_state())
    assert torch.equal(states[0], states[1]) and torch.equal(states[0], states[2])
