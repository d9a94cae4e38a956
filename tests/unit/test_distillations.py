"""Each distillation's gradient against its formula, on a prior whose score has a closed form.

The formulas are written in predicted noises, as the papers have them, and computed in float64;
the product writes them in estimates of x0.
"""

import pytest
import torch

from backend.errors import InputError
from backend.guidance import csd, ism, nfsd, rfds, sdi, sds, sds_bridge, sjc, x0
from backend.guidance.base import Views
from backend.guidance.distil import DISTILLATIONS, GuidanceConfig, distil
from tests.mixture_prior import MixturePrior

VIEWS = Views(cameras=None)
TEXTS = {
    "empty": [0, 1, 2],
    "negative": [1, 2],
    "prompt": [0],
    "degraded": [0, 2],
    "improved": [0, 1],
}
LEVELS = [0.02, 0.1, 0.3, 0.7, 0.98]


@pytest.fixture
def prior():
    g = torch.Generator().manual_seed(1)
    modes = torch.rand(3, 3, 4, 4, generator=g) * 1.6 - 0.8
    return MixturePrior(modes, TEXTS, std=0.3, scale=12.0)


class Formula:
    """z, the noise that the product draws first, and predicted noises in float64."""

    def __init__(self, prior, seed=3):
        g = torch.Generator().manual_seed(seed)
        self.prior = prior
        self.z = torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
        self.noise = torch.randn(self.z.shape, generator=g).double()
        self.drawn = g  # what is drawn after it

    def a(self, t):
        index = min(round(t * 1000), 999)
        return self.prior.alphas_cumprod[index].double()

    def noisy(self, t, noise=None):
        a, noise = self.a(t), self.noise if noise is None else noise
        return a.sqrt() * self.z.double() + (1 - a).sqrt() * noise

    def eps(self, branch, t, noisy=None):
        a, noisy = self.a(t), self.noisy(t) if noisy is None else noisy
        x0 = self.prior.x0(noisy, a.expand(5), branch)
        return (noisy - a.sqrt() * x0) / (1 - a).sqrt()

    def guided(self, t, scale, noisy=None):
        negative, prompt = (self.eps(branch, t, noisy) for branch in ("negative", "prompt"))
        return negative + scale * (prompt - negative)


def check(rule, formula, t, expected, precise=False, views=VIEWS):
    """precise: in float64, for chains of steps that start where the noise is 1e-2 and enlarge what
    float32 rounds a hundredfold each."""
    z = formula.z.double() if precise else formula.z
    got = rule.gradient(z, views, t, torch.Generator().manual_seed(3)).double()
    size = max(1.0, float(expected.abs().max()))
    assert float((got - expected).abs().max()) < 1e-5 * size
    assert float(expected.abs().max()) > 1e-3


@pytest.mark.parametrize("t", LEVELS)
@pytest.mark.parametrize("weighting", ["dreamfusion", "uniform", "fantasia", "x0"])
def test_sds_is_dreamfusions_equation_3(prior, t, weighting):
    f = Formula(prior)
    a = f.a(t)
    w = {
        "dreamfusion": 1 - a,
        "uniform": torch.ones(()),
        "fantasia": a.sqrt() * (1 - a),
        "x0": ((1 - a) / a).sqrt(),
    }[weighting]
    expected = w * (f.guided(t, 7.5) - f.noise)
    check(sds.SDS(prior, sds.Config(7.5, weighting)), f, t, expected)


@pytest.mark.parametrize("t", LEVELS)
@pytest.mark.parametrize("rescale", [0.0, 0.5, 1.0])
def test_x0_is_mvdreams_step_to_the_guided_estimate(prior, t, rescale):
    """Section 3.3, the estimate's contrast pulled back as in 2305.08891, eq. 15 and 16."""
    f = Formula(prior)
    a = f.a(t)

    def clean(eps):
        return (f.noisy(t) - (1 - a).sqrt() * eps) / a.sqrt()

    guided, prompted = clean(f.guided(t, 7.5)), clean(f.eps("prompt", t))
    contrast = prompted.std((1, 2, 3), keepdim=True) / guided.std((1, 2, 3), keepdim=True)
    estimate = rescale * guided * contrast + (1 - rescale) * guided
    check(x0.X0(prior, x0.Config(7.5, rescale)), f, t, f.z.double() - estimate)


@pytest.mark.parametrize("t", LEVELS)
def test_sjc_is_the_perturbed_score(prior, t):
    f = Formula(prior)
    a = f.a(t)
    sigma = ((1 - a) / a).sqrt()
    perturbed = f.z.double() + sigma * f.noise
    denoised = perturbed - sigma * f.guided(t, 12.0)  # D(y + s n; s) in their units
    check(sjc.SJC(prior), f, t, -(denoised - f.z) / sigma)
    plain = sjc.SJC(prior, sjc.Config(variance_reduction=False))
    check(plain, f, t, -(denoised - perturbed) / sigma)


@pytest.mark.parametrize("t", LEVELS)
def test_csd_is_guidance_alone(prior, t):
    f = Formula(prior)
    empty, negative, prompt = (f.eps(b, t) for b in ("empty", "negative", "prompt"))
    for done in (0.0, 0.25, 1.0):  # of the run, whatever the timestep
        expected = (1 - f.a(t)) * 2.0 * (prompt - empty + 0.5 * done * (empty - negative))
        rule = csd.CSD(prior, csd.Config(2.0, negative_weight=0.5))
        check(rule, f, t, expected, views=Views(None, progress=done))


@pytest.mark.parametrize("t", LEVELS)
def test_nfsd_leaves_the_noise_out(prior, t):
    f = Formula(prior)
    empty, negative, prompt = (f.eps(b, t) for b in ("empty", "negative", "prompt"))
    domain = empty if t < 0.2 else empty - negative
    check(nfsd.NFSD(prior), f, t, (1 - f.a(t)) * (domain + 7.5 * (prompt - empty)))


def test_nfsd_turns_away_from_bad_pictures_where_the_prior_can_read_of_them(prior):
    reading = MixturePrior(prior.modes, {**TEXTS, "negative": [0, 1, 2], "poor": [1]}, std=0.3)
    reading.default_guidance_scale = 12.0
    f = Formula(reading)
    empty, poor, prompt = (f.eps(b, 0.7) for b in ("empty", "poor", "prompt"))
    expected = (1 - f.a(0.7)) * (empty - poor + 7.5 * (prompt - empty))
    check(nfsd.NFSD(reading), f, 0.7, expected)


@pytest.mark.parametrize("t", [0.1, 0.5, 0.96])
def test_ism_compares_two_levels_of_one_trajectory(prior, t):
    f = Formula(prior)
    noisy, at, end = f.z.double(), 0.0, t - 0.05
    while at < end:
        onwards = min(at + 0.2, end)
        eps, a, b = f.eps("empty", at, noisy), f.a(at), f.a(onwards)
        noisy = b.sqrt() * (noisy - (1 - a).sqrt() * eps) / a.sqrt() + (1 - b).sqrt() * eps
        at = onwards
    eps, a, b = f.eps("empty", end, noisy), f.a(end), f.a(t)
    later = b.sqrt() * (noisy - (1 - a).sqrt() * eps) / a.sqrt() + (1 - b).sqrt() * eps
    expected = ((1 - b) / b).sqrt() * (f.guided(t, 7.5, later) - eps)
    check(ism.ISM(prior), f, t, expected, precise=True)


def test_ism_draws_no_noise(prior):
    g = torch.Generator().manual_seed(3)
    before = g.get_state()
    ism.ISM(prior).gradient(torch.zeros(1, 3, 4, 4), VIEWS, 0.5, g)
    assert torch.equal(before, g.get_state())


@pytest.mark.parametrize("eta", [0.0, 0.3])
@pytest.mark.parametrize("t", [0.1, 0.5, 0.95])
def test_sdi_finds_the_noise_by_inversion(prior, t, eta):
    f = Formula(prior)
    z, noisy = f.z.double(), f.z.double()
    for step in range(4):
        now, then = f.a(t * step / 4), f.a(t * (step + 1) / 4)
        eps = f.guided(t * step / 4, -2.0, noisy)
        x0 = (noisy - (1 - now).sqrt() * eps) / now.sqrt()
        drawn = f.noise if step == 0 else torch.randn(z.shape, generator=f.drawn).double()
        deviation = ((1 - now) / (1 - then) * (1 - then / now)).sqrt()  # DDIM's at eta = 1
        noisy = then.sqrt() * x0 + (1 - then).sqrt() * eps + eta * deviation * drawn
    a = f.a(t)
    x0 = (noisy - (1 - a).sqrt() * f.guided(t, 2.0, noisy)) / a.sqrt()
    check(sdi.SDI(prior, sdi.Config(2.0, eta=eta)), f, t, z - x0, precise=True)


@pytest.mark.parametrize("t", LEVELS)
def test_sds_bridge_goes_from_the_renders_to_the_prompt(prior, t):
    f, rule = Formula(prior), sds_bridge.SDSBridge(prior)
    first = (1 - f.a(t)) * (f.guided(t, 12.0) - f.noise)
    bridge = (1 - f.a(t)) * 7.5 * (f.eps("improved", t) - f.eps("degraded", t))
    for done, expected in ((0.0, first), (0.49, first), (0.5, bridge), (1.0, bridge)):
        check(rule, f, t, expected, views=Views(None, progress=done))


@pytest.mark.parametrize("reversals", [0, 1])
@pytest.mark.parametrize("t", [0.1, 0.5, 0.95])
def test_rfds_is_the_difference_of_velocities(prior, t, reversals):
    """On the flow z_s = (1 - s) z + s eps whose share of noise is the diffusion's."""
    f = Formula(prior)
    a, z, noise = f.a(t), f.z.double(), f.noise
    s = (1 - a).sqrt() / (a.sqrt() + (1 - a).sqrt())

    def velocity(noise, scale):
        flow = (1 - s) * z + s * noise
        noisy = flow / (((1 - s) ** 2 + s**2).sqrt())  # the diffusion's length
        eps = f.guided(t, scale, noisy)
        return eps - (noisy - (1 - a).sqrt() * eps) / a.sqrt()

    for _ in range(reversals):
        noise = noise + (1 - s) * (velocity(noise, 1.0) + z - noise)
    expected = velocity(noise, 12.0) - (noise - z)
    check(rfds.RFDS(prior, rfds.Config(reversals=reversals)), f, t, expected)


STATELESS = [name for name in DISTILLATIONS if name != "vsd"]


@pytest.mark.parametrize("name", STATELESS)
def test_finite_at_both_ends_with_zero_terminal_snr(prior, name):
    for t in (0.0001, 0.9999):
        images = torch.rand(2, 3, 4, 4, requires_grad=True)
        guidance = distil(prior, GuidanceConfig(name))
        loss = guidance.loss(images, VIEWS, t, torch.Generator().manual_seed(0))
        loss.backward()
        assert loss.isfinite() and images.grad.isfinite().all()
        assert guidance.state_dict() == {}


def test_a_prior_that_reads_no_faults_is_no_end_of_a_bridge():
    modes = torch.zeros(1, 3, 4, 4)
    deaf = MixturePrior(modes, {"empty": [0], "negative": [0], "prompt": [0]})
    with pytest.raises(InputError, match="sds-bridge"):
        distil(deaf, GuidanceConfig("sds-bridge"))


def test_bad_settings_are_refused():
    bad = (
        lambda: csd.Config(weighting="x"),
        lambda: nfsd.Config(weighting="x"),
        lambda: ism.Config(interval=0.0),
        lambda: sdi.Config(steps=0),
        lambda: sds_bridge.Config(weighting="x"),
        lambda: rfds.Config(reversals=-1),
    )
    for make in bad:
        with pytest.raises(ValueError):
            make()
