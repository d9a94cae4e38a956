"""Names of distillations, and what stages call: a rule's gradient as a loss.

In: a prior and a `GuidanceConfig`. Out: a `Guidance`. Adding a distillation: a file beside this one
with a frozen Config and a class with `gradient`, and a line in DISTILLATIONS.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from backend.errors import InputError
from backend.guidance import perp_neg
from backend.guidance.base import Prior, Rule, Stateful, Views, with_nearness
from backend.guidance.distillations import DISTILLATIONS
from backend.guidance.settings import Described, changed, described


@dataclass(frozen=True)
class GuidanceConfig:
    distillation: str = "x0"  # a key of DISTILLATIONS
    settings: Any = None  # that distillation's own Config; None: its defaults
    gradient_clip: float | None = None  # largest magnitude of an element, before the mean
    perp_neg: perp_neg.Config | None = None  # None: plain guidance
    draws: int = 1  # of noise on the same pictures, their gradients averaged; see Distilled

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise ValueError(f"draws must be 1 or more, not {self.draws}")
        if self.gradient_clip is not None and self.gradient_clip <= 0:
            raise ValueError("gradient_clip must be positive, or None")


class Distilled:
    """A `Guidance`: 0.5 mean |z - sg(z - gradient)|^2, so that neither batch nor resolution scales
    it. Its state is the rule's, empty for most.

    Several draws ask the rule again about the same pictures, with other noise: worth it where a
    picture costs much beside the prior's pass, as averaging takes variance out of the noise alone.
    """

    def __init__(self, rule: Rule, gradient_clip: float | None = None, draws: int = 1):
        self.prior, self.rule = rule.prior, rule
        self.gradient_clip, self.draws = gradient_clip, draws

    @property
    def particles(self) -> int:
        """How many props are to be made at once, for the rule to learn from."""
        return getattr(self.rule, "particles", 1)

    def loss(
        self,
        images: Float[Tensor, "B C H W"],
        views: Views,
        timestep: float,
        generator: torch.Generator,
    ) -> Tensor:
        """`timestep` in (0, 1); images in [0, 1], see `Guidance`."""
        images, views = with_nearness(images, views)
        latents = self.prior.encode(images, generator, views).float()
        with torch.no_grad():
            gradient = self._gradient(latents.detach(), views, timestep, generator)
            if self.gradient_clip is not None:
                gradient = gradient.clamp(-self.gradient_clip, self.gradient_clip)
            target = latents - gradient
        return 0.5 * (latents - target).square().mean()

    def _gradient(
        self, latents: Tensor, views: Views, timestep: float, generator: torch.Generator
    ) -> Tensor:
        total = self.rule.gradient(latents, views, timestep, generator)
        for _ in range(self.draws - 1):
            total = total + self.rule.gradient(latents, views, timestep, generator)
        return total / self.draws

    def state_dict(self) -> dict[str, Any]:
        return self.rule.state_dict() if isinstance(self.rule, Stateful) else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if isinstance(self.rule, Stateful):
            self.rule.load_state_dict(state)


def distil(prior: Prior, config: GuidanceConfig | None = None) -> Distilled:
    """Raises InputError for an unknown name, and for a pair that makes no sense."""
    config = config or GuidanceConfig()
    rule, settings = _classes(config.distillation)
    chosen = config.settings if config.settings is not None else settings()
    if not isinstance(chosen, settings):
        raise InputError(
            f"The distillation '{config.distillation}' has no settings of {type(chosen).__module__}"
        )
    asked = prior if config.perp_neg is None else perp_neg.around(prior, config.perp_neg)
    return Distilled(rule(asked, chosen), config.gradient_clip, config.draws)


def choose(
    config: GuidanceConfig,
    name: str | None = None,
    guidance_scale: float | None = None,
    settings_asked: Sequence[str] = (),
) -> GuidanceConfig:
    """`config` with another distillation, another scale, other settings ("NAME=VALUE", see
    settings.py); None keeps what is there. Raises InputError for what can't be."""
    if name is not None and name != config.distillation:
        _, settings = _classes(name)
        config = replace(config, distillation=name, settings=settings())
    if guidance_scale is not None:
        _, settings = _classes(config.distillation)
        chosen = settings() if config.settings is None else config.settings
        config = replace(config, settings=replace(chosen, guidance_scale=guidance_scale))
    if settings_asked:
        _, settings = _classes(config.distillation)
        chosen = settings() if config.settings is None else config.settings
        owner = f"--distillation {config.distillation}"
        config = replace(config, settings=changed(chosen, settings_asked, owner))
    return config


def settings_of(name: str) -> list[Described]:
    """What there is to set; raises InputError for an unknown name."""
    return list(described(_classes(name)[1]))


def _classes(name: str) -> tuple[Any, Any]:
    """The rule's class and its Config."""
    if name not in DISTILLATIONS:
        raise InputError(
            f"There is no distillation '{name}'; there are {', '.join(sorted(DISTILLATIONS))}."
        )
    module, kind = DISTILLATIONS[name].split(":")
    imported = importlib.import_module(f"backend.guidance.{module}")
    return getattr(imported, kind), imported.Config
