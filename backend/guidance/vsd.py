"""Variational score distillation: ProlificDreamer (Wang et al. 2305.16213), eq. 9.

grad = w(t) (eps_pretrained(z_t, prompt) - eps_student(z_t, camera, prompt)): the student
(students.py) learns the renders' own distribution as they change. The images of a batch may belong
to several particles (props of one prompt): the student is common to all, and keeps them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from backend.guidance.base import Prior, Views
from backend.guidance.noising import noised
from backend.guidance.sds import modest_scale
from backend.guidance.students import LoraStudent, Student, StudentConfig
from backend.guidance.weightings import check_weighting, weigh


@dataclass(frozen=True)
class Config:
    guidance_scale: float | None = None  # None is 7.5 or the prior's own, if less
    weighting: str = "dreamfusion"  # a key of WEIGHTINGS
    student: StudentConfig = field(default_factory=StudentConfig)
    seed: int = 0  # of the student's start

    def __post_init__(self) -> None:
        check_weighting(self.weighting)


class VSD:
    """A `Rule` with a state: the student and its optimiser."""

    def __init__(self, prior: Prior, config: Config | None = None, student: Student | None = None):
        """student: None makes a `LoraStudent` of the prior."""
        self.prior, self.config = prior, config or Config()
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
