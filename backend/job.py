"""What is asked for, where its files go, and the context that its seed makes.

In: a prompt and settings. Out: a `Job`: two that are equal give the same file on the same device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

import backend
from backend.cameras import CameraRange
from backend.config import GenerateConfig
from backend.guidance.asking import cameras_for
from backend.guidance.base import Prior
from backend.guidance.distillations import REVISIONS
from backend.loop import Progress, RunContext
from backend.reference.reading import file_digest


@dataclass(frozen=True)
class Job:
    """The prompt and all settings; everything that decides what comes out, but the device."""

    prompt: str
    negative: str = ""
    seed: int = 0
    prior: str = "embedded"
    cameras: CameraRange = field(default_factory=CameraRange)
    config: GenerateConfig = field(default_factory=GenerateConfig)
    image: Path | None = None  # of the prop's front; the prompt may then be empty
    image_elevation_deg: float = 0.0  # how far above the prop that picture's camera stood

    def identity(self, prior: Prior) -> dict[str, Any]:
        """Plain values that tell this job from any other; weights and pictures by content, not
        by path. Raises InputError where the picture can't be read."""
        values = asdict(self)
        del values["prior"]
        values["cameras"]["elevation_deg"] = cameras_for(prior, self.cameras).elevation_deg
        values["image"] = file_digest(self.image) if self.image else None
        if revision := REVISIONS.get(self.config.guidance.distillation):
            values["revision"] = revision
        return {**values, "weights": prior.weights_hash, "version": backend.__version__}


@dataclass(frozen=True)
class RunFiles:
    """Where a run writes, and whether it goes on from what an earlier one left."""

    output: Path
    checkpoint_dir: Path
    resume: bool = False
    report: Path | None = None
    keep_checkpoint: bool = False  # also of a job that is done: its caller is not done yet


def new_context(
    job: Job,
    device: torch.device,
    progress: Callable[[Progress], None] = lambda _: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> RunContext:
    """A context whose one source of randomness is the job's seed."""
    torch.manual_seed(job.seed)  # for libraries that draw on their own
    generator = torch.Generator().manual_seed(job.seed)
    return RunContext(device, generator, progress=progress, stop_requested=stop_requested)
