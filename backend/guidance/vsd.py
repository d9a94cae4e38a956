"""Variational score distillation: ProlificDreamer (Wang et al. 2305.16213), eq. 9.

grad = w(t) (eps_pretrained(z_t, prompt) - eps_student(z_t, camera, prompt)): the student
(students.py) learns the renders' own distribution as they change. There may be several particles
(props of one prompt, see gaussians/particles.py): the student is common to all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from backend.guidance.base import Prior, Views
from backend.guidance.noising import noised
from backend.guidance.sds import modest_scale
from backend.guidance.settings import check, scale_setting, setting
from backend.guidance.students import LoraStudent, Student, StudentConfig
from backend.guidance.weightings import weigh, weighting_setting


@dataclass(frozen=True)
class Config:
    guidance_scale: float | None = scale_setting("none: 7.5, or the prior's own if less")
    weighting: str = weighting_setting("dreamfusion")
    particles: int = setting(1, "props at once, each with all the steps; the best is kept", 1, 16)
    student: StudentConfig = field(default_factory=StudentConfig)
    seed: int = setting(0, "of the student's start", 0, 2**63 - 1)

    def __post_init__(self) -> None:
        check(self)


class VSD:
    """A `Rule` with a state: the student and its optimiser."""

    def __init__(self, prior: Prior, config: Config | None = None, student: Student | None = None):
        """student: None makes a `LoraStudent` of the prior."""
        self.prior, self.config = prior, config or Config()
        self.particles = self.config.particles
        self.guidance_scale = modest_scale(self.config.guidance_scale, prior)
        start = torch.Generator().manual_seed(self.config.seed)
        self.student = student or LoraStudent(prior, self.config.student, start)

    def gradient(
        self, latents: Tensor, views: Views, timestep: float, generator: torch.Generator
    ) -> Tensor:
        at = noised(self.prior, latents, timestep, generator)
        wanted = self.prior.predict_x0(at.noisy, at.timesteps, views, self.guidance_scale)
        current = self.student.predict_x0(at.noisy, at.timesteps, views)
        self.student.fit(latents, views, generator)
        return weigh(current - wanted, at.alpha_bar, self.config.weighting)

    def state_dict(self) -> dict[str, Any]:
        return self.student.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.student.load_state_dict(state)
