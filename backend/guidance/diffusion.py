"""The arithmetic that all priors and distillations share. Pure functions.

z_t = sqrt(a) x0 + sqrt(1 - a) eps, where a is `alphas_cumprod[t]` ("alpha bar"). Everything is
spoken of in x0: it stays finite where a reaches 0 (zero terminal SNR, Lin et al. 2305.08891),
and guidance on x0 equals guidance on eps or v, all being affine in each other.
"""

from __future__ import annotations

import torch
from torch import Tensor

PREDICTION_TYPES = ("epsilon", "v_prediction", "sample")


def per_sample(values: Tensor, like: Tensor) -> Tensor:
    """(B,) -> (B, 1, 1, 1), on `like`'s device."""
    return values.to(like.device).view(-1, *[1] * (like.dim() - 1))


def add_noise(clean: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """z_t from x0 and eps. alpha_bar: (B,)."""
    a = per_sample(alpha_bar, clean)
    return a.sqrt() * clean + (1 - a).sqrt() * noise


def x0_from_output(
    output: Tensor, noisy: Tensor, alpha_bar: Tensor, prediction_type: str
) -> Tensor:
    """A network's raw output -> its estimate of x0. alpha_bar: (B,).

    epsilon: (z_t - sqrt(1 - a) eps) / sqrt(a), DDPM (2006.11239) eq. 15; an a of 0 is held at 1e-8,
    where this form says nothing. v_prediction: sqrt(a) z_t - sqrt(1 - a) v, from Progressive
    Distillation (2202.00512), appendix D. sample: the output itself.
    """
    a = per_sample(alpha_bar, noisy)
    if prediction_type == "epsilon":
        return (noisy - (1 - a).sqrt() * output) / a.clamp(min=1e-8).sqrt()
    if prediction_type == "v_prediction":
        return a.sqrt() * noisy - (1 - a).sqrt() * output
    if prediction_type == "sample":
        return output
    raise ValueError(f"unknown prediction type '{prediction_type}', not in {PREDICTION_TYPES}")


def epsilon_from_x0(x0: Tensor, noisy: Tensor, alpha_bar: Tensor) -> Tensor:
    """The noise that an estimate of x0 implies: (z_t - sqrt(a) x0) / sqrt(1 - a). alpha_bar: (B,).

    An a of 1, where nothing is noise, is held at 1 - 1e-8.
    """
    a = per_sample(alpha_bar, noisy)
    return (noisy - a.sqrt() * x0) / (1 - a).clamp(min=1e-8).sqrt()


def guide(
    conditional: Tensor,
    unconditional: Tensor,
    scale: float,
    rescale: float = 0.0,
    together: int = 1,
) -> Tensor:
    """Classifier-free guidance in the form u + s (c - u): 0 is u, 1 is c.

    That is Imagen's and diffusers' convention, and DreamGaussian's, MVDream's and
    ProlificDreamer's. The other one, c + s (c - u) (Ho & Salimans 2207.12598; threestudio, GSGEN),
    is nowhere used here: its s is ours less 1, so their 100 is 101 here.

    rescale, together: see `rescaled`.
    """
    guided = unconditional + scale * (conditional - unconditional)
    return rescaled(guided, conditional, rescale, together)


def rescaled(guided: Tensor, conditional: Tensor, share: float, together: int = 1) -> Tensor:
    """`guided`, of which a share is scaled to `conditional`'s standard deviation (2305.08891,
    section 3.4; MVDream (2308.16512) applies it to x0 with 0.5).

    together: samples in a row that one deviation is taken of, as MVDream takes it of a prop's four
    views: one that shows little keeps its contrast to the others.
    """
    if share == 0:
        return guided
    ratio = _deviation(conditional, together) / _deviation(guided, together).clamp(min=1e-6)
    return guided * (1 + share * (ratio - 1))


def _deviation(values: Tensor, together: int) -> Tensor:
    """(B, 1, ...), the same for `together` samples in a row."""
    single = values.reshape(len(values) // together, -1).std(1)
    return per_sample(single.repeat_interleave(together), values)


class _ScaledGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return grad * ctx.factor, None


def scale_gradient(x: Tensor, factor: float) -> Tensor:
    """`x` itself, whose gradient is multiplied by `factor`: keeps fp16 gradients off zero."""
    return _ScaledGradient.apply(x, factor)
