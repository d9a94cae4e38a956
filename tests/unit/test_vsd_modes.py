"""VSD with the student of the product, which has to learn: its particles cover both modes.

test_vsd.py has the same with the student's closed form; here it is the prior with an adapter, by
AdamW, as in ProlificDreamer (2305.16213), section 3.3.
"""

import torch
from torch import nn

from backend.guidance import vsd
from backend.guidance.students import LoraStudent, StudentConfig
from tests.mixture_prior import MixturePrior
from tests.unit.test_vsd import VIEWS, settle, two_modes

PIXELS, LEVEL, WIDTH = 12, 4, 64
STUDENT = StudentConfig(rank=16, learning_rate=0.003, steps=5, drop_camera=0.0)


class Adaptable(MixturePrior):
    """The two modes' closed form and a small network added to it that says zero, with attention's
    names: what an adapter can change."""

    def __init__(self):
        known = two_modes()
        super().__init__(known.modes, known.kinds, std=known.std, scale=1.0)
        g = torch.Generator().manual_seed(0)
        self.network = nn.Module()
        self.network.to_q = drawn(PIXELS + LEVEL, WIDTH, g)
        self.network.to_k = drawn(WIDTH, WIDTH, g)
        self.network.to_v = nn.Linear(WIDTH, PIXELS)
        nn.init.zeros_(self.network.to_v.weight)
        nn.init.zeros_(self.network.to_v.bias)
        self.network.requires_grad_(False)

    def denoise(self, noisy, timesteps, views, branches):
        a = self.alphas_cumprod[timesteps].to(noisy).expand(len(noisy))
        noise_ratio = (a / (1 - a + 1e-3)).sqrt()
        level = torch.stack([a, a.sqrt(), (1 - a).sqrt(), (noise_ratio + 1e-3).log() / 3], 1)
        net = self.network
        hidden = torch.tanh(net.to_q(torch.cat([noisy.flatten(1), level], 1)))
        added = net.to_v(torch.tanh(net.to_k(hidden))).view_as(noisy)
        return tuple(self.x0(noisy, a, branch) + added for branch in branches)


def drawn(inputs, outputs, generator):
    layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        weight = torch.randn(outputs, inputs, generator=generator)
        layer.weight.copy_(weight * (1.5 / inputs**0.5))
        layer.bias.copy_(torch.randn(outputs, generator=generator) * 0.5)
    return layer


def sampled(learns=True):
    """Where eight particles end, on the line between the modes."""
    g = torch.Generator().manual_seed(5)
    start = 0.5 + 0.2 * (torch.rand(8, 1, 1, 1, generator=g) - 0.5).expand(8, 3, 2, 2)
    student = LoraStudent(Adaptable(), STUDENT, torch.Generator().manual_seed(0))
    steps = 400 if learns else 60
    if learns:
        warm = torch.Generator().manual_seed(9)
        for _ in range(100):
            student.fit(start * 2 - 1, VIEWS, warm)
    else:
        student.fit = lambda *_: None
    return settle(vsd.VSD(student.prior, None, student), start, steps)


def test_particles_cover_both_modes_while_the_adapter_learns_where_they_are():
    """A quarter of the prior is dark: 2 of 8. SDS leaves none (test_vsd.py)."""
    ends = sampled()
    assert 1 <= int((ends < 0).sum()) <= 3
    assert (ends.abs() - 0.5).abs().max() < 0.15


def test_a_student_that_does_not_learn_moves_nothing():
    """At guidance 1 the prior's answer is then the student's own: the test above needs learning."""
    ends = sampled(learns=False)
    assert (ends.abs() < 0.21).all()
