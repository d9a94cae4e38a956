"""Several props of one prompt, of which the best is kept: ProlificDreamer (2305.16213), alg. 1.

In: as for a run of stage.py, and a guidance that asks for `particles`. Out: one `GaussianCloud`. At
each step one particle is drawn, rendered and moved, and the guidance, whose one student they share,
learns from it. Each has Gaussians, an optimiser, cameras and a schedule of its own: a whole run, so
that n of them take n times the steps. They are drawn without replacement, so that all get the same
number; the paper draws with it. It keeps all particles, we the one with the most `evidence`. One
whose Gaussians all fade away is left out from there on.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import torch

from backend.cameras import CameraRange, turntable
from backend.errors import GenerationError
from backend.gaussians import stage
from backend.gaussians.model import GaussianCloud
from backend.gaussians.pictures import render_nearness
from backend.guidance.asking import shrink
from backend.guidance.base import Guidance, Views, draw_backgrounds, wants_nearness
from backend.guidance.evidence import evidence
from backend.loop import RunContext, optimise
from backend.render.gaussians import render_gaussians

log = logging.getLogger(__name__)
GROUPS = ([0, 2, 4, 6], [1, 3, 5, 7])  # of eight cameras: four around the prop, as priors want them


def particles_of(guidance: Guidance) -> int:
    return int(getattr(guidance, "particles", 1))


class Particles:
    """Runs of the stage in turn, as one `Optimisation`. The turn of one that faded does nothing."""

    def __init__(self, members: Sequence[stage.GaussianOptimisation], generator: torch.Generator):
        self.members, self.generator = members, generator
        self.steps = sum(member.steps for member in members)
        self.order = list(range(len(members)))  # in which they come in this round
        self.faded: list[int] = []

    def step(self, index: int) -> dict[str, float]:
        done, place = divmod(index, len(self.members))
        if place == 0:
            self.order = torch.randperm(len(self.members), generator=self.generator).tolist()
        number = self.order[place]
        if number in self.faded:
            return {}
        try:
            return self.members[number].step(done)
        except GenerationError as error:
            self._leave_out(number, error)
            return {}

    def _leave_out(self, number: int, error: GenerationError) -> None:
        """Raises the error where no other is left."""
        self.faded.append(number)
        if len(self.faded) == len(self.members):
            raise error
        log.warning("particle %d of %d is left out: %s", number + 1, len(self.members), error)

    def snapshot(self) -> GaussianCloud:
        first = next(n for n in range(len(self.members)) if n not in self.faded)
        return self.members[first].snapshot()

    def finished(self) -> dict[int, GaussianCloud]:
        """The clouds by their particles' numbers, from 0; at least one."""
        clouds = {}
        for number, member in enumerate(self.members):
            if number in self.faded:
                continue
            try:
                clouds[number] = member.finished()
            except GenerationError as error:
                self._leave_out(number, error)
        return clouds

    def state_dict(self) -> dict[str, Any]:
        members = [m.state_dict() for m in self.members]
        return {"order": self.order, "faded": self.faded, "members": members}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.order, self.faded = list(state["order"]), list(state["faded"])
        for member, own in zip(self.members, state["members"], strict=True):
            member.load_state_dict(own)


def run(
    start: GaussianCloud | None,
    config: stage.Config,
    guidance: Guidance,
    cameras: CameraRange,
    context: RunContext,
) -> GaussianCloud:
    """stage.py's own run where there is one particle. Raises GenerationError where all faded."""
    count = particles_of(guidance)
    if count == 1:
        return stage.run(start, config, guidance, cameras, context)
    settings = (config, guidance, cameras, context)
    members = [stage.GaussianOptimisation(start, *settings) for _ in range(count)]
    particles = Particles(members, context.generator)
    optimise(stage.STAGE, particles, context)
    clouds = particles.finished()
    found: list[float | None] = [None] * count  # of those that faded, and where it is no number
    for number, cloud in clouds.items():
        value = _evidence(cloud, config, guidance, context.device)
        found[number] = value if math.isfinite(value) else None
    best = max(clouds, key=lambda number: _or_least(found[number]))
    faded = sorted(number + 1 for number in particles.faded)
    context.remarks["particles"] = {"kept": best + 1, "evidence": found, "faded": faded}
    log.info("particle %d of %d is kept; evidence %s", best + 1, count, found)
    return clouds[best]


def _or_least(evidence: float | None) -> float:
    return -math.inf if evidence is None else evidence


def about(remark: dict[str, Any]) -> str:
    """For the user: which particle was kept, and why; and which faded."""
    found, kept, faded = remark["evidence"], remark["kept"], remark["faded"]
    values = ", ".join("-" if value is None else f"{value:.2g}" for value in found)
    said = (
        f"Of {len(found)} particles number {kept} is kept: knowing the prompt helps the prior most "
        f"with it ({values})."
    )
    if len(faded) == 1:
        said += f" Number {faded[0]} faded away and was left out."
    elif faded:
        said += f" Numbers {', '.join(map(str, faded))} faded away and were left out."
    return said


@torch.no_grad()
def _evidence(
    cloud: GaussianCloud, config: stage.Config, guidance: Guidance, device: torch.device
) -> float:
    """From eight sides, in the domain and at the size that the stage ended with."""
    prior, ring = guidance.prior, turntable(8)
    domain = stage.domains_of(config, guidance)[0]
    size = max(config.image_sizes[-1], prior.image_size)
    total = 0.0
    for group in GROUPS:
        cameras = ring[group].to(device)
        drawn = torch.Generator().manual_seed(0)  # the same for every particle
        backgrounds = draw_backgrounds(prior, len(cameras), drawn, domain).to(device)
        K = cameras.intrinsics(size, size)
        images = render_gaussians(
            *cloud.tensors(), cameras.viewmats, K, size, size, backgrounds
        ).colors
        if wants_nearness(prior, domain):
            images = torch.cat([images, render_nearness(cloud, cameras, size)], -1)
        images = shrink(images.permute(0, 3, 1, 2), prior.image_size)
        total += evidence(prior, images, Views(cameras, domain, backgrounds))
    return total / len(GROUPS)
