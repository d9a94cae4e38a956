"""How well pictures answer the prompt: the measure's formula, its sign, and with Perp-Neg."""

from __future__ import annotations

import pytest
import torch

from backend.cameras import turntable
from backend.guidance.base import Views
from backend.guidance.evidence import evidence
from backend.guidance.perp_neg import PerpNeg
from tests.mixture_prior import MixturePrior


def two_kinds() -> MixturePrior:
    """Pictures are dark or light; the prompt asks for light ones."""
    modes = torch.tensor([-0.5, 0.5])[:, None, None, None].expand(2, 3, 4, 4)
    texts = {"empty": [0, 1], "negative": [0, 1], "prompt": [1]}
    return MixturePrior(modes, texts, std=0.3)


def test_evidence_is_the_errors_difference_in_predicted_noise() -> None:
    prior, views = two_kinds(), Views(turntable(2))
    images = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    drawn, z, gains = torch.Generator().manual_seed(0), images.double() * 2 - 1, []
    for t in (300, 500, 700):
        a, eps = prior.alphas_cumprod[t].double(), torch.randn(z.shape, generator=drawn).double()
        noisy = a.sqrt() * z + (1 - a).sqrt() * eps

        def error(branch, a=a, noisy=noisy, eps=eps):
            x0 = prior.x0(noisy, a.expand(2), branch)
            return ((noisy - a.sqrt() * x0) / (1 - a).sqrt() - eps).square().mean()

        gains.append(error("empty") - error("prompt"))
    assert evidence(prior, images, views) == pytest.approx(
        float(torch.stack(gains).mean()), rel=1e-4
    )


def test_evidence_is_for_what_the_prompt_says_and_against_the_rest() -> None:
    prior, views = two_kinds(), Views(turntable(2))
    light, dark = torch.full((2, 3, 4, 4), 0.75), torch.full((2, 3, 4, 4), 0.25)
    assert evidence(prior, light, views) > 0 > evidence(prior, dark, views)
    assert evidence(prior, light, views) == evidence(prior, light, views)


def test_evidence_is_of_the_plain_prompt_with_perp_neg_too() -> None:
    g = torch.Generator().manual_seed(1)
    texts = {"empty": [0, 1, 2], "negative": [0, 1, 2], "prompt": [0], "front": [1], "side": [2]}
    prior = MixturePrior(torch.rand(3, 3, 4, 4, generator=g) * 1.6 - 0.8, texts, std=0.3)
    images, views = torch.rand(4, 3, 4, 4, generator=g), Views(turntable(4))
    assert evidence(PerpNeg(prior), images, views) == evidence(prior, images, views)
