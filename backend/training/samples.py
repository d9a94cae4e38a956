"""A sheet of DDIM samples: what a prior draws by itself, one row a prompt and domain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from backend.cameras import turntable
from backend.errors import InputError
from backend.guidance.base import Views, guess
from backend.guidance.diffusion import add_noise
from backend.guidance.priors import load_prior
from backend.guidance.prop_conditioning import fold, unfold

PROMPTS = ("a red wooden chair", "a golden goblet", "a blue ceramic mug", "a wooden barrel")
DOMAINS = ("shaded", "albedo", "normal", "orm")


PURE = 0.985  # the noise level at which nothing of a picture is left


def ddim(
    prior,
    views: Views,
    guidance_scale: float,
    steps: int,
    seed: int,
    eta: float = 1.0,
    start: float = PURE,
) -> torch.Tensor:
    """DDIM (Song et al. 2021, eqs. 12 and 16) in x0 form -> images (B, 3, H, W) in [0, 1].

    eta: the share of new noise in each step, the same for all views. With 1 the errors of a step
    are forgotten; with 0 they pile up: kinds were found in half as many samples of the embedded
    prior (backend/weights/README.md), which had coloured specks and lost their parts.
    start: the noise level to begin with, in (0, 1). Below PURE the noise is on what the prior
    guesses (Meng et al. 2022, "SDEdit"), as a prop begins with its guess.
    Raises ValueError without cameras or steps, InputError below PURE for a prior that can't guess.
    """
    if views.cameras is None or steps < 1:
        raise ValueError("samples need cameras and at least 1 step")
    guessed = guess(prior, views)
    if guessed is None and start < PURE:
        raise InputError("This prior has no guess to begin with; leave --start out.")
    generator = torch.Generator().manual_seed(seed)
    count = len(views.cameras)
    size = prior.image_size // prior.fold
    shape = (1, 3 * prior.fold**2, size, size)
    latents = torch.randn(shape, generator=generator).repeat(count, 1, 1, 1)
    times = torch.linspace(start, 0.01, steps) * (len(prior.alphas_cumprod) - 1)
    if guessed is not None and start < PURE:
        picture = fold(F.interpolate(guessed, size=(prior.image_size,) * 2), prior.fold)
        latents = add_noise(picture, latents, prior.alphas_cumprod[times.long()[:1]].repeat(count))
    for now, then in zip(times.long(), [*times.long()[1:], None], strict=True):
        alpha_bar = prior.alphas_cumprod[now]
        x0 = prior.predict_x0(latents, now.repeat(count), views, guidance_scale).clamp(-1, 1)
        if then is None:
            break
        noise = (latents - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()
        after = prior.alphas_cumprod[then]
        new = eta * ((1 - alpha_bar / after) / (1 - alpha_bar)).sqrt()  # of all its noise
        drawn = torch.randn(shape, generator=generator)
        noise = (1 - new**2).clamp(min=0).sqrt() * noise + new * drawn
        latents = add_noise(x0, noise, after.repeat(count))
    return unfold(x0, prior.fold).clamp(0, 1)


def sample_sheet(
    folder: Path, prompts: list[str], views: int = 6, guidance_scale: float = 1.5, steps: int = 25
) -> Image.Image:
    """Rows: every prompt in every domain; columns: `views` azimuths from the front around."""
    cameras = turntable(views, 20.0)
    backgrounds = torch.full((views, 3), 0.6)
    rows = []
    for prompt in prompts or PROMPTS:
        prior = load_prior(folder, prompt)
        strips = [
            ddim(prior, Views(cameras, domain, backgrounds), guidance_scale, steps, 0)
            for domain in DOMAINS
        ]
        rows.append(
            np.concatenate(
                [np.concatenate(list(s.permute(0, 2, 3, 1).numpy()), 1) for s in strips], 1
            )
        )
    return Image.fromarray((np.concatenate(rows, 0) * 255).astype(np.uint8))
