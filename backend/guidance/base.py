"""The two interfaces of this room: `Prior` (what predicts) and `Guidance` (what the stages call).

A domain says what kind of picture the images are: "shaded" (lit colour, sRGB), "albedo" (sRGB),
"normal" (view space, see shared/conventions.py) or "orm" (occlusion, roughness, metallic). Every
prior knows "shaded"; stages use the others where `domains` offers them.

A branch says which text a prior is asked with: "empty", "negative" (the user's, or the empty one),
"prompt" (worded for the side seen where the prior can't be told the camera), and, for priors that
read free text, the four sides by name, "degraded", the prompt with words for what distilled
pictures suffer from, "improved", with words for what they should be, and "poor", the user's
negative text or else words for bad pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from backend.cameras import Cameras

DOMAINS = ("shaded", "albedo", "normal", "orm")
PLAIN_BRANCHES = ("empty", "negative", "prompt")
SIDE_BRANCHES = ("front", "side", "back", "overhead")


@dataclass(frozen=True)
class Views:
    """What a prior may know of a batch of images beside their pixels; None is "unknown"."""

    cameras: Cameras | None
    domain: str = "shaded"
    backgrounds: Float[Tensor, "B 3"] | None = None
    # See Cameras.nearness; composited over 0, at the images' size. Where a prior `wants_nearness`.
    nearness: Float[Tensor, "B 1 H W"] | None = None
    # Share of the shape's making that is done: the Gaussians'; 1 where a surface is refined.
    progress: float = 1.0


@runtime_checkable
class Prior(Protocol):
    """A text-conditioned diffusion model, prompt already encoded.

    A flow model is one too: z_s = (1 - s) x0 + s eps is a diffusion's mixture but for its length,
    so it states s as alphas_cumprod and shortens what it is given (see sd3.py).
    """

    domains: tuple[str, ...]
    branches: tuple[str, ...]
    views_together: int  # images of one batch are asked in groups of so many around the prop
    image_size: int  # pixels at which images are best handed over
    alphas_cumprod: Float[Tensor, "T"]
    weights_hash: str  # sha256 over all files that it reads
    ignored_words: tuple[str, ...]  # words of the prompt that this prior does not know
    default_guidance_scale: float
    default_rescale: float  # of the x0 form's guidance, see `diffusion.guide`

    @property
    def network(self) -> nn.Module:
        """What predicts, frozen; an adapter (lora.py) may be hooked on to it."""
        ...

    def encode(
        self,
        images: Float[Tensor, "B 3 H W"],
        generator: torch.Generator,
        views: Views | None = None,
    ) -> Tensor:
        """Images in [0, 1], any square size -> the space the model denoises; differentiable.

        views: where the space depends on the domain.
        """
        ...

    def denoise(
        self, noisy: Tensor, timesteps: Tensor, views: Views, branches: Sequence[str]
    ) -> tuple[Tensor, ...]:
        """One estimate of the clean latents a branch; with gradients where they are enabled."""
        ...

    def predict_x0(
        self,
        noisy: Tensor,
        timesteps: Tensor,
        views: Views,
        guidance_scale: float,
        rescale: float = 0.0,
    ) -> Tensor:
        """Classifier-free-guided estimate of the clean latents, u + s (c - u), where c is
        "prompt" and u "negative"; no gradients.

        timesteps: (B,) integers. rescale: 0..1, how far the estimate's standard deviation is
        pulled back to the unguided one's (see `diffusion.guide`).
        """
        ...


def draw_backgrounds(
    prior: object, count: int, generator: torch.Generator, domain: str = "shaded"
) -> Float[Tensor, "count 3"]:
    """Plain colours at random, so that emptiness can't be painted; or the one that the prior was
    trained on, where it has a `background`, one for all domains or a dict of them. Draws the same
    numbers either way."""
    drawn = torch.rand(count, 3, generator=generator)
    own = getattr(prior, "background", None)
    if isinstance(own, Mapping):
        own = own.get(domain)
    return drawn if own is None else torch.tensor(own).expand(count, 3)


def with_nearness(
    images: Float[Tensor, "B C H W"], views: Views
) -> tuple[Float[Tensor, "B 3 H W"], Views]:
    """Colours, and views that hold the nearness which came behind them, if any did."""
    if images.shape[1] == 4:
        views = replace(views, nearness=images[:, 3:])
    return images[:, :3], views


def wants_nearness(prior: object, domain: str) -> bool:
    """Whether pictures of this domain need a fourth channel: see `Guidance.loss`."""
    return domain in getattr(prior, "nearness_domains", ())


def guess(prior: object, views: Views) -> Float[Tensor, "B 3 S S"] | None:
    """What a prior that can do so says of views at once, before it has seen a picture: the mean of
    all that the prompt may mean, in [0, 1] and any size; or None. No gradients. Guidance has no
    say in it."""
    asked = getattr(prior, "guess", None)
    return None if asked is None else asked(views)


@runtime_checkable
class Guidance(Protocol):
    """What a stage holds: differentiable images in, a scalar loss out."""

    prior: Prior

    def loss(
        self,
        images: Float[Tensor, "B C H W"],
        views: Views,
        timestep: float,
        generator: torch.Generator,
    ) -> Tensor:
        """Scalar whose gradient on `images` is the distillation's; `timestep` in (0, 1).

        images: colours, and behind them nearness where the prior `wants_nearness`.
        """
        ...


@runtime_checkable
class Rule(Protocol):
    """A distillation: what `distil.Distilled` makes a loss of. One file and one class each."""

    prior: Prior

    def gradient(
        self, latents: Tensor, views: Views, timestep: float, generator: torch.Generator
    ) -> Tensor:
        """On the latents, element by element, before the mean; called without gradients."""
        ...


@runtime_checkable
class Stateful(Protocol):
    """A rule that learns as it goes; its state belongs into checkpoints."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...
