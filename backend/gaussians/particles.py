"""Several props of one prompt, of which the best is kept: ProlificDreamer (2305.16213), alg. 1.

In: as for a run of stage.py, and a guidance that asks for `particles`. Out: one `GaussianCloud`. At
each step one particle is drawn, rendered and moved, and the guidance, whose one student they share,
learns from it. Each has Gaussians, an optimiser, cameras and a schedule of its own: a whole run, so
that n of them take n times the steps. They are drawn without replacement, so that all get the same
number; the paper draws with it. It keeps all particles, we the one with the most `evidence`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch

from backend.cameras import CameraRange, turntable
from backend.gaussians import stage
from backend.gaussians.model import GaussianCloud
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
    """Runs of the stage in turn, as one `Optimisation`."""

    def __init__(self, members: Sequence[stage.GaussianOptimisation], generator: torch.Generator):
        self.members, self.generator = members, generator
        self.steps = sum(member.steps for member in members)
        self.order = list(range(len(members)))  # in which they come in this round

    def step(self, index: int) -> dict[str, float]:
        done, place = divmod(index, len(self.members))
        if place == 0:
            self.order = torch.randperm(len(self.members), generator=self.generator).tolist()
        return self.members[self.order[place]].step(done)

    def snapshot(self) -> GaussianCloud:
        return self.members[0].snapshot()

    def state_dict(self) -> dict[str, Any]:
        return {"order": self.order, "members": [m.state_dict() for m in self.members]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.order = list(state["order"])
        for member, own in zip(self.members, state["members"], strict=True):
            member.load_state_dict(own)


def run(
    start: GaussianCloud | None,
    config: stage.Config,
    guidance: Guidance,
    cameras: CameraRange,
    context: RunContext,
) -> GaussianCloud:
    """stage.py's own run where there is one particle. Raises GenerationError where one faded."""
    count = particles_of(guidance)
    if count == 1:
        return stage.run(start, config, guidance, cameras, context)
    settings = (config, guidance, cameras, context)
    members = [stage.GaussianOptimisation(start, *settings) for _ in range(count)]
    optimise(stage.STAGE, Particles(members, context.generator), context)
    clouds = [member.finished() for member in members]
    found = [_evidence(cloud, config, guidance, context.device) for cloud in clouds]
    best = max(range(count), key=found.__getitem__)
    context.remarks["particles"] = {"kept": best + 1, "evidence": found}
    log.info("particle %d of %d is kept; evidence %s", best + 1, count, found)
    return clouds[best]


def about(remark: dict[str, Any]) -> str:
    """For the user: which particle was kept, and why."""
    found, kept = remark["evidence"], remark["kept"]
    return (
        f"Of {len(found)} particles number {kept} is kept: knowing the prompt helps the prior most "
        f"with it ({', '.join(f'{value:.2g}' for value in found)})."
    )


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
            images = torch.cat([images, stage.render_nearness(cloud, cameras, size)], -1)
        images = shrink(images.permute(0, 3, 1, 2), prior.image_size)
        total += evidence(prior, images, Views(cameras, domain, backgrounds))
    return total / len(GROUPS)
