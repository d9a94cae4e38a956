"""VSD: its gradient, particles over both modes, the adapter, and its state in checkpoints."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch

from backend.cameras import turntable
from backend.errors import InputError
from backend.guidance import distillations, students, vsd
from backend.guidance.base import Views
from backend.guidance.distil import Distilled, GuidanceConfig, distil
from backend.guidance.lora import LoraAdapter
from backend.guidance.noising import noised
from backend.guidance.priors import load_prior
from backend.guidance.schedules import TimestepConfig, timestep
from backend.guidance.sds import SDS
from backend.guidance.students import LoraStudent, StudentConfig
from tests.mixture_prior import MixturePrior, posterior_mean
from tests.tiny_models import write_embedded, write_stable_diffusion

VIEWS = Views(cameras=None)


class ExactStudent:
    """The renders' own distribution in closed form: the particles, each a little blurred."""

    def __init__(self, alphas_cumprod, std=0.05):
        self.alphas_cumprod, self.std, self.particles = alphas_cumprod, std, None

    def fit(self, latents, views, generator):
        self.particles = latents.detach().clone()

    def predict_x0(self, noisy, timesteps, views):
        a = self.alphas_cumprod[timesteps].to(noisy)
        return posterior_mean(noisy, a, self.particles.to(noisy), self.std)

    def state_dict(self):
        return {"particles": self.particles}

    def load_state_dict(self, state):
        self.particles = state["particles"]


def two_modes():
    """A quarter of the pictures are dark, the others are light."""
    modes = torch.tensor([-0.5, 0.5])[:, None, None, None].expand(2, 3, 2, 2)
    both = {name: [0, 1, 1, 1] for name in ("empty", "negative", "prompt")}
    return MixturePrior(modes, both, std=0.1, scale=1.0)


@pytest.mark.parametrize("scale", [1.0, 4.0])
@pytest.mark.parametrize("t", [0.05, 0.4, 0.9])
def test_the_gradient_is_the_difference_of_two_predicted_noises(t, scale):
    """ProlificDreamer, eq. 9, the prior's noise guided as u + s (c - u)."""
    modes = torch.tensor([-0.5, 0.5])[:, None, None, None].expand(2, 3, 2, 2)
    said = {"empty": [0, 1], "negative": [0], "prompt": [0, 1, 1, 1]}
    prior = MixturePrior(modes, said, std=0.3)
    student = ExactStudent(prior.alphas_cumprod)
    z = torch.rand(4, 3, 2, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    student.particles = z.flip(0) * 0.5
    rule = vsd.VSD(prior, vsd.Config(guidance_scale=scale), student)
    got = rule.gradient(z, VIEWS, t, torch.Generator().manual_seed(3)).double()
    a = prior.alphas_cumprod[round(t * 1000)].double()
    noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(3)).double()
    noisy = a.sqrt() * z.double() + (1 - a).sqrt() * noise

    def eps(x0):
        return (noisy - a.sqrt() * x0) / (1 - a).sqrt()

    own = posterior_mean(noisy, a.expand(4), z.flip(0).double() * 0.5, 0.05)
    prompt, negative = (eps(prior.x0(noisy, a.expand(4), b)) for b in ("prompt", "negative"))
    if scale > 1 and t < 0.9:  # or a wrong scale would pass
        assert (prompt - negative).abs().max() > 1e-3
    expected = (1 - a) * (negative + scale * (prompt - negative) - eps(own))
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)
    assert torch.equal(student.particles, z)  # then it learnt these


def settle(rule, start, steps=400):
    """What becomes of particles, as positions on the line between the two modes."""
    particles = start.clone().requires_grad_()
    guidance = Distilled(rule)
    optimiser = torch.optim.Adam([particles], lr=0.02)
    g = torch.Generator().manual_seed(0)
    for step in range(steps):
        t = timestep(step / steps, TimestepConfig(t_min=0.05), g)
        optimiser.zero_grad()
        guidance.loss(particles, VIEWS, t, g).backward()
        optimiser.step()
    return (particles.detach() * 2 - 1).mean((1, 2, 3))


def test_vsd_s_particles_cover_both_modes_where_sds_s_do_not():
    """ProlificDreamer, section 3.2: SDS seeks a mode, VSD samples. A quarter of 8 are 2."""
    prior = two_modes()
    g = torch.Generator().manual_seed(5)
    start = 0.5 + 0.2 * (torch.rand(8, 1, 1, 1, generator=g) - 0.5).expand(8, 3, 2, 2)
    sought = settle(SDS(prior), start)
    assert (sought > 0.4).all()
    student = _told(ExactStudent(prior.alphas_cumprod, std=0.1), start)
    sampled = settle(vsd.VSD(prior, None, student), start)
    assert 1 <= int((sampled < 0).sum()) <= 3
    assert (sampled.abs() - 0.5).abs().max() < 0.1


def _told(student, start):
    student.particles = start * 2 - 1
    return student


@pytest.fixture(scope="module", params=[write_embedded, write_stable_diffusion])
def folder(request, tmp_path_factory):
    return request.param(tmp_path_factory.mktemp("prior"))


def ask(prior, views):
    channels = prior.unet.config["in_channels"]
    noisy = torch.randn(2, channels, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return prior.denoise(noisy, torch.tensor([400, 400]), views, ("empty", "prompt"))[1]


def test_an_adapter_changes_nothing_until_it_has_learnt_and_only_while_active(folder):
    prior = load_prior(folder, "a red chair")
    views = Views(turntable(2))
    before = ask(prior, views)
    adapter = LoraAdapter(prior.network, 2, torch.Generator().manual_seed(0))
    with adapter.active(views.cameras):
        torch.testing.assert_close(ask(prior, views), before)
    with torch.no_grad():
        for parameter in adapter.up.values():
            parameter.add_(0.5)
    with adapter.active(views.cameras):
        assert not torch.allclose(ask(prior, views), before)
    assert torch.equal(ask(prior, views), before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_an_adapter_adds_b_a_x_and_learns_in_fp32(dtype):
    """By peft's layers, from our generator's numbers, and with nobody else's drawn."""
    network = torch.nn.Module()
    network.to_q = torch.nn.Linear(6, 5).requires_grad_(False)
    weight, bias = network.to_q.weight.clone(), network.to_q.bias.clone()
    network.to(dtype)
    drawn = torch.get_rng_state()
    adapter = LoraAdapter(network, 2, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, torch.get_rng_state())
    assert type(network.to_q).__module__.startswith("peft.")
    first = torch.randn(2, 6, generator=torch.Generator().manual_seed(0)) / 6**0.5
    assert torch.equal(adapter.down["to_q"], first) and not adapter.up["to_q"].any()
    with torch.no_grad():
        adapter.up["to_q"].normal_(generator=torch.Generator().manual_seed(1))
    x = torch.randn(3, 6, generator=torch.Generator().manual_seed(2))
    with adapter.active(None):
        said = network.to_q(x.to(dtype))
    said.float().sum().backward()  # after it is switched off again, as the student does
    b, a = adapter.up["to_q"], adapter.down["to_q"]
    close = {"rtol": 0, "atol": 1e-6 if dtype == torch.float32 else 2e-2}
    torch.testing.assert_close(said.float(), x @ weight.T + bias + x @ a.T @ b.T, **close)
    torch.testing.assert_close(b.grad, (x @ a.T).sum(0).expand(5, 2), **close)
    assert a.dtype == b.dtype == torch.float32 and network.to_q.weight.grad is None
    assert torch.equal(
        network.to_q(x.to(dtype)),
        torch.nn.functional.linear(x.to(dtype), weight.to(dtype), bias.to(dtype)),
    )
    with pytest.raises(ValueError, match="free to adapt"):
        LoraAdapter(network, 2, torch.Generator())


def test_peft_is_loaded_by_vsd_alone(tmp_path):
    """In a process of its own: a forward pass of a network without it, then a student's."""
    folder = write_stable_diffusion(tmp_path / "prior")
    code = f"""
import sys, torch
from backend.guidance.base import Views
from backend.guidance.distil import GuidanceConfig, distil
from backend.guidance.priors import load_prior
prior = load_prior({str(folder)!r}, "a red chair")
for name in ("sds", "vsd"):
    guidance = distil(prior, GuidanceConfig(name))
    guidance.loss(torch.rand(1, 3, 16, 16), Views(None), 0.5, torch.Generator())
    print(name, "peft" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["sds", "False", "vsd", "True"]


@pytest.mark.parametrize("there", ["absent", "too old"])
def test_without_its_peft_it_says_what_to_do(folder, monkeypatch, there):
    if there == "absent":
        monkeypatch.setitem(sys.modules, "peft", None)
    else:
        monkeypatch.setattr(distillations, "version", lambda name: "0.17.1")
    with pytest.raises(InputError, match=r"needs peft 0\.18 or newer: install Propsmith again"):
        distil(load_prior(folder, "a red chair"), GuidanceConfig("vsd"))


def test_the_peft_that_is_asked_for_is_the_one_that_is_installed_with_us():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert f"peft>={'.'.join(map(str, distillations.PEFT))}" in project["project"]["dependencies"]


def test_an_adapter_is_told_the_camera(folder):
    prior = load_prior(folder, "a red chair")
    adapter = LoraAdapter(prior.network, 2, torch.Generator().manual_seed(0))
    with torch.no_grad():
        adapter.cameras[0][2].weight.normal_(generator=torch.Generator().manual_seed(1))
    results = []
    for first in (0, 3):
        with adapter.active(turntable(8)[[first, first + 1]]):
            results.append(ask(prior, Views(None)))
    assert not torch.allclose(results[0], results[1])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_camera_is_left_out_of_a_share_of_the_lessons(folder, share):
    """Poses of zeros teach the camera's first map nothing but a bias."""
    prior = load_prior(folder, "a red chair")
    config = StudentConfig(learning_rate=0.01, drop_camera=share)
    student = LoraStudent(prior, config, torch.Generator().manual_seed(0))
    camera = student.adapter.cameras[0]
    with torch.no_grad():  # starts at zero, and would hide the map before it
        camera[2].weight.normal_(generator=torch.Generator().manual_seed(1))
    g = torch.Generator().manual_seed(1)
    latents, t = prior.encode(torch.rand(2, 3, 16, 16, generator=g), g), torch.tensor([500, 500])
    noisy = torch.randn(latents.shape, generator=g)
    with torch.no_grad():
        told, untold = (
            student.predict_x0(noisy, t, Views(turntable(2)), known) for known in (True, False)
        )
    assert not torch.allclose(told, untold)
    student.fit(latents, Views(turntable(2)), g)
    assert bool(camera[0].weight.grad.any()) == (share == 0)
    assert camera[0].bias.grad.any()


def test_blocks_that_are_computed_again_teach_the_same(folder, monkeypatch):
    """And keep less: counted are the numbers that autograd is given to keep."""
    taught, kept = [], []
    for large in (students.LARGE, 0):
        prior = load_prior(folder, "a red chair")
        student = LoraStudent(prior, StudentConfig(), torch.Generator().manual_seed(0))
        students.compute_blocks_again(prior.network, large)
        g = torch.Generator().manual_seed(1)
        latents, count = prior.encode(torch.rand(2, 3, 16, 16, generator=g), g).detach(), []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, count=count: count.append(t.numel()) or t, lambda t: t
        ):
            at = noised(prior, latents, 0.5, g)
            views = Views(turntable(2))
            with torch.enable_grad():
                student.predict_x0(at.noisy, at.timesteps, views)
        kept.append(sum(count))
        student.fit(latents, views, g)
        taught.append([p.grad for p in student.adapter.parameters()])
    for ours, again in zip(*taught, strict=True):
        torch.testing.assert_close(again, ours, rtol=1e-5, atol=1e-8)
    assert any(bool(gradient.any()) for gradient in taught[1])
    assert kept[1] < 0.7 * kept[0]


def test_a_student_learns_the_renders(folder):
    """Its error on the pictures that it is shown falls below the prior's."""
    prior = load_prior(folder, "a red chair")
    config = StudentConfig(rank=4, learning_rate=0.02, t_range=(0.5, 0.5), drop_camera=0.0)
    student = LoraStudent(prior, config, torch.Generator().manual_seed(0))
    g = torch.Generator().manual_seed(1)
    images = torch.rand(2, 3, 16, 16, generator=g)
    latents, views = prior.encode(images, g).detach(), Views(turntable(2))

    def error():
        drawn = torch.Generator().manual_seed(9)
        noise = torch.randn(latents.shape, generator=drawn)
        a = prior.alphas_cumprod[500]
        noisy, t = a.sqrt() * latents + (1 - a).sqrt() * noise, torch.tensor([500, 500])
        with torch.no_grad():
            return float((student.predict_x0(noisy, t, views) - latents).square().mean())

    first = error()
    for _ in range(40):
        student.fit(latents, views, g)
    assert error() < 0.9 * first
    learnt = {id(p) for p in student.adapter.parameters()}
    assert all(p.grad is None for p in prior.unet.parameters() if id(p) not in learnt)


def test_a_state_taken_up_again_ends_where_the_undisturbed_run_does(folder):
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    views = Views(turntable(2))

    def run(guidance, g, steps):
        return [float(guidance.loss(images, views, 0.5, g)) for _ in range(steps)]

    def fresh():
        config = vsd.Config(student=StudentConfig(learning_rate=0.01))
        return distil(load_prior(folder, "a red chair"), GuidanceConfig("vsd", config))

    whole, g = fresh(), torch.Generator().manual_seed(2)
    losses = run(whole, g, 4)
    first, g = fresh(), torch.Generator().manual_seed(2)
    assert run(first, g, 2) == losses[:2]
    state = first.state_dict()
    second = fresh()
    second.load_state_dict(state)
    assert run(second, g, 2) == losses[2:]
    assert losses[0] != losses[1]


class Halved(MixturePrior):
    """A prior that is one linear map with attention's name, and what makes little of it; in half
    precision or not."""

    def __init__(self, dtype):
        super().__init__(torch.zeros(1, 4, 2, 2), {n: [0] for n in ("empty", "prompt")})
        self.network = torch.nn.Module()
        self.network.to_q = torch.nn.Linear(4, 4).requires_grad_(False)
        with torch.no_grad():
            self.network.to_q.weight.copy_(torch.eye(4) * 0.5)
            self.network.to_q.bias.zero_()
        self.network.to(dtype)
        self.dtype = dtype

    def denoise(self, noisy, timesteps, views, branches):
        rows = noisy.movedim(1, -1).to(self.dtype)
        x0 = (self.network.to_q(rows) * 2.0**-10).movedim(-1, 1).to(noisy.dtype)
        return tuple(x0 for _ in branches)


def student_of(dtype):
    config = StudentConfig(learning_rate=0.01, t_range=(0.2, 0.2), drop_camera=0.0)
    return LoraStudent(Halved(dtype), config, torch.Generator().manual_seed(0))


def learnt(student):
    """The adapter's gradient on a large picture: one pixel's share of it is below 1e-7."""
    g = torch.Generator().manual_seed(1)
    student.fit(torch.randn(1, 4, 128, 128, generator=g) * 0.01, VIEWS, g)
    return student.adapter.up["to_q"].grad


def test_gradients_of_a_network_in_half_precision_do_not_round_to_zero():
    precise = learnt(student_of(torch.float32))
    half = student_of(torch.float16)
    nearly = 0.01 * float(precise.abs().max())
    torch.testing.assert_close(learnt(half), precise, rtol=0, atol=nearly)
    plain = student_of(torch.float16)
    plain.scale = 1.0
    lost = (learnt(plain) - precise).abs().max() / precise.abs().max()
    assert lost > 0.02  # which is what the scale is for


def test_a_step_that_overflows_is_left_out_at_the_least_scale_too():
    student = student_of(torch.float16)
    student.scale = 1.0
    before = student.state_dict()["adapter"]
    g = torch.Generator().manual_seed(1)
    student.fit(torch.full((1, 4, 8, 8), 1e9), VIEWS, g)
    assert not all(p.grad.isfinite().all() for p in student.adapter.up.values())
    after = student.state_dict()
    assert after["scale"] == 1.0
    assert all(torch.equal(before[name], value) for name, value in after["adapter"].items())


def test_a_step_that_overflows_is_left_out_and_the_scale_halved():
    student = student_of(torch.float16)
    student.scale = 2.0**40
    before = {name: value.clone() for name, value in student.state_dict()["adapter"].items()}
    learnt(student)
    after = student.state_dict()
    assert after["scale"] == 2.0**39
    assert all(torch.equal(before[name], value) for name, value in after["adapter"].items())
    again = student_of(torch.float16)
    again.load_state_dict(after)
    assert again.scale == 2.0**39
