"""From a prior's wishes to a cloud of Gaussians: the first optimising stage.

In: nothing (a ball of faint grey Gaussians) or an earlier cloud. Out: a `GaussianCloud`.

DreamGaussian (Tang et al. 2023), section 3.1: noise levels fall over the run, resolution rises,
Gaussians are added where gradients are large. Every view has a background colour of its own at
random, which the prior is told, so that emptiness can't be painted. The learning rates are theirs
for our number of steps and our activations. As there, nothing asks a Gaussian to be all there or
not at all: an entropy of the opacities made crisper clouds, and ate legs and a lamp's arm, which
the prior shows less opaque than they are.

Where the prior has a guess, the first steps fit it, and fewer are needed (guesses.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from backend.cameras import CameraRange, Cameras
from backend.errors import InputError
from backend.gaussians import losses
from backend.gaussians.densify import Densifier, DensifyConfig
from backend.gaussians.guesses import COST, GuessConfig, distance, guesses
from backend.gaussians.model import NAMES, GaussianCloud, GaussianModel, StartConfig
from backend.gaussians.pictures import render_nearness, render_normals
from backend.guidance.asking import normals_before, shrink
from backend.guidance.base import Guidance, Views, draw_backgrounds, wants_nearness
from backend.guidance.schedules import TimestepConfig, timestep
from backend.loop import RunContext, optimise
from backend.reference.likeness import LikenessConfig, likeness
from backend.render.gaussians import GaussianImages, render_gaussians

STAGE = "gaussians"


@dataclass(frozen=True)
class Config:
    steps: int = 800  # where nothing is guessed; see `guess` for the others
    views: int = 4  # per step
    image_sizes: tuple[int, ...] = (64, 128)  # pixels, in equal shares of the run; see `_size`
    domains: tuple[str, ...] | None = None  # cycled; None: albedo where the prior knows it
    normal_share: float = 0.3  # of the steps guided by normals, where the prior knows them
    timesteps: TimestepConfig = field(
        default_factory=lambda: TimestepConfig(t_min=0.1, t_max=0.96, jitter=0.03)
    )
    start: StartConfig = field(default_factory=StartConfig)
    guess: GuessConfig = field(default_factory=GuessConfig)
    densify: DensifyConfig = field(default_factory=DensifyConfig)
    means_rate: tuple[float, float] = (0.01, 0.0004)  # from first to last step, exponentially
    rate_decay_until: float = 0.7  # share of the steps after which the rate stays
    scales_rate: float = 0.01
    quats_rate: float = 0.01
    opacities_rate: float = 0.05
    colors_rate: float = 0.03
    oversize: float = 0.01
    oversize_limit: float = 0.08  # canonical units
    anisotropy: float = 0.01
    anisotropy_limit: float = 6.0
    likeness: LikenessConfig = field(default_factory=LikenessConfig)  # to a reference picture


class GaussianOptimisation:
    """The steps of this stage, for `backend.loop.optimise`."""

    def __init__(
        self,
        start: GaussianCloud | None,
        config: Config,
        guidance: Guidance,
        cameras: CameraRange,
        context: RunContext,
    ):
        self.config, self.guidance, self.cameras = config, guidance, cameras
        self.generator, self.device = context.generator, context.device
        self.reference = context.reference
        self.domains = domains_of(config, guidance)
        able = start is None and guesses(guidance, self.domains[0], self.device)
        self.guessed, self.steps = config.guess.counts(config.steps, able)
        if start is None:
            self.model = GaussianModel.ball(config.start, self.generator, self.device)
        else:
            self.model = GaussianModel.from_cloud(start, self.device)
        self.optimiser = self._new_optimiser()
        self.densifier = Densifier(config.densify, len(self.model), self.device)

    def _new_optimiser(self) -> torch.optim.Adam:
        groups = [{"params": [self.model.parameters[n]], "lr": 0.0, "name": n} for n in NAMES]
        # SDS gradients are tiny; the usual eps of 1e-8 would swallow them.
        return torch.optim.Adam(groups, eps=1e-15, fused=True)

    def _set_rates(self, share: float) -> None:
        config = self.config
        first, last = config.means_rate
        rates = {
            "means": first * (last / first) ** min(1.0, share / config.rate_decay_until),
            "quats": config.quats_rate,
            "log_scales": config.scales_rate,
            "opacity_logits": config.opacities_rate,
            "color_logits": config.colors_rate,
        }
        for group in self.optimiser.param_groups:
            group["lr"] = rates[group["name"]]

    def step(self, index: int) -> dict[str, float]:
        share = index / max(1, self.steps - 1)
        if index == self.guessed > 0:  # how large the guess's gradients were says nothing of others
            self.optimiser = self._new_optimiser()
        self._set_rates(share)
        domain = self._domain(index)
        size = self._size(index)
        cameras = self.cameras.sample(self.config.views, self.generator).to(self.device)
        backgrounds = draw_backgrounds(self.guidance.prior, len(cameras), self.generator, domain)
        backgrounds = backgrounds.to(self.device)
        images, rendered = self._images(domain, cameras, backgrounds, size)
        views = Views(cameras, domain, backgrounds, progress=share)
        terms = {domain: self._asked(index, images, views)}
        terms |= self._regularisers() | self._likeness(size)
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()
        self.optimiser.step()
        if rendered is not None and rendered.means2d.grad is not None:
            self.densifier.observe(rendered.means2d.grad, rendered.radii, size)
        self._densify(index)
        return {name: float(term.detach()) for name, term in terms.items()}

    def _asked(self, index: int, images: Tensor, views: Views) -> Tensor:
        """The distance from the prior's guess in the first steps, then its guidance's loss."""
        if index < self.guessed:
            return distance(self.guidance.prior, images, views)
        alphas, config = self.guidance.prior.alphas_cumprod, self.config.timesteps
        left = (index - self.guessed) / max(1, self.steps - self.guessed - 1)
        if self.guessed:
            highest = max(config.t_min, min(config.t_max, self.config.guess.t_max))
            config = replace(config, t_max=highest)
        t = timestep(left, config, self.generator, alphas)
        return self.guidance.loss(images, views, t, self.generator)

    def _densify(self, index: int) -> None:
        done, config = index + 1, self.config.densify
        if done % config.interval == 0 and done < self.steps:
            grow = done <= config.stop * self.steps
            self.densifier.update(self.model, self.optimiser, grow, self.generator)

    def _domain(self, index: int) -> str:
        """Normals on an even share of the steps, the other domains in turn."""
        share, known = self.config.normal_share, self.guidance.prior.domains
        normals = normals_before(index + 1, share, known)
        if normals > normals_before(index, share, known):
            return "normal"
        return self.domains[(index - normals) % len(self.domains)]

    def _size(self, index: int) -> int:
        """Pixels rendered at this step: coarse to fine, but never fewer than the prior sees."""
        sizes = self.config.image_sizes
        planned = sizes[min(index * len(sizes) // max(1, self.steps), len(sizes) - 1)]
        return max(planned, self.guidance.prior.image_size)

    def _images(
        self, domain: str, cameras: Cameras, backgrounds: Tensor, size: int
    ) -> tuple[Float[Tensor, "B C H W"], GaussianImages | None]:
        """Pictures for the prior, at its size; for colours also what densification reads."""
        cloud = self.model.activated()
        rendered = None
        if domain == "normal":
            images = render_normals(cloud, cameras, size, backgrounds)
        else:
            K = cameras.intrinsics(size, size)
            rendered = render_gaussians(
                *cloud.tensors(), cameras.viewmats, K, size, size, backgrounds
            )
            rendered.means2d.retain_grad()
            images = rendered.colors
        if wants_nearness(self.guidance.prior, domain):
            images = torch.cat([images, render_nearness(cloud, cameras, size)], -1)
        return shrink(images.permute(0, 3, 1, 2), self.guidance.prior.image_size), rendered

    def _likeness(self, size: int) -> dict[str, Tensor]:
        """To the reference picture, where there is one."""
        if self.reference is None:
            return {}
        cameras = self.reference.cameras
        behind = torch.rand(1, 3, generator=self.generator).to(self.device)
        K = cameras.intrinsics(size, size)
        seen = render_gaussians(
            *self.model.activated().tensors(), cameras.viewmats, K, size, size, behind
        )
        pictures = (seen.colors.permute(0, 3, 1, 2), seen.alphas.permute(0, 3, 1, 2))
        return likeness(*pictures, behind, self.reference, self.config.likeness)

    def _regularisers(self) -> dict[str, Tensor]:
        config, scales = self.config, self.model.scales
        return {
            "oversize": config.oversize * losses.oversize(scales, config.oversize_limit),
            "anisotropy": config.anisotropy * losses.anisotropy(scales, config.anisotropy_limit),
        }

    def work(self, done: int) -> float:
        """See `backend.loop.work`."""
        return done - (1 - COST) * min(done, self.guessed)

    def snapshot(self) -> GaussianCloud:
        return self.model.cloud()

    def finished(self) -> GaussianCloud:
        """The cloud without what shows nothing."""
        self.densifier.update(self.model, self.optimiser, False, self.generator)
        return self.model.cloud()

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": {n: p.detach().clone() for n, p in self.model.parameters.items()},
            "optimiser": self.optimiser.state_dict(),
            "densifier": self.densifier.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model = GaussianModel({n: p.to(self.device) for n, p in state["model"].items()})
        self.optimiser = self._new_optimiser()  # the count may have changed, so a new one
        self.optimiser.load_state_dict(state["optimiser"])
        self.densifier.load_state_dict(state["densifier"])


def domains_of(config: Config, guidance: Guidance) -> tuple[str, ...]:
    """Raises InputError for one that the prior does not know."""
    known = guidance.prior.domains
    if config.domains is None:
        return ("albedo",) if "albedo" in known else ("shaded",)
    unknown = [d for d in config.domains if d not in known]
    if unknown or not config.domains:
        raise InputError(f"The Gaussians' domains are {config.domains}; the prior knows {known}.")
    return config.domains


def run(
    start: GaussianCloud | None,
    config: Config,
    guidance: Guidance,
    cameras: CameraRange,
    context: RunContext,
) -> GaussianCloud:
    """Optimises and prunes; detached tensors on the context's device."""
    optimisation = GaussianOptimisation(start, config, guidance, cameras, context)
    optimise(STAGE, optimisation, context)
    return optimisation.finished()
