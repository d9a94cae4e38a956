"""What a finished run reports: files, seconds and steps of each stage, and what made it.

In: the stages as they run, through `StageClock`. Out: a `Result`, as text or as JSON.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from backend.errors import Interrupted
from backend.loop import Progress, RunContext


@dataclass(frozen=True)
class StageReport:
    name: str
    seconds: float  # in this run; a resumed stage counts from where it was taken up
    steps: int  # of optimisation, in all runs together; 0 where a stage has none


@dataclass(frozen=True)
class Result:
    """A prop on the disk and how it came about."""

    prompt: str
    seed: int
    device: str
    weights_hash: str
    ignored_words: tuple[str, ...]
    faces: int
    files: tuple[Path, ...]  # the GLB first
    stages: tuple[StageReport, ...]
    remarks: dict[str, Any] = field(default_factory=dict)  # of stages, plain JSON

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages)

    def summary(self) -> str:
        """One line for people."""
        minutes, seconds = divmod(round(self.seconds), 60)
        size = self.files[0].stat().st_size / 1e6
        return (
            f"Wrote {self.files[0]}: {self.faces:,} faces, {size:.1f} MB, "
            f"in {minutes} min {seconds:02d} s on {self.device}."
        )

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        stages = [{**asdict(stage), "seconds": round(stage.seconds, 3)} for stage in self.stages]
        return {
            **{k: getattr(self, k) for k in ("prompt", "seed", "device", "weights_hash", "faces")},
            "ignored_words": list(self.ignored_words),
            "seconds": round(self.seconds, 3),
            "stages": stages,
            "files": [str(path) for path in self.files],
            **self.remarks,
        }


class StageClock:
    """Names and times the stages, and stops between them when the context says so."""

    def __init__(self, context: RunContext):
        self.context = context
        self.stages: list[StageReport] = []

    @contextmanager
    def stage(self, name: str, steps: int = 0) -> Iterator[None]:
        """steps: of optimisation, if any; those done are reported, and may be others (where a prior
        guesses). A stage without any shows as one step."""
        if self.context.stop_requested():
            raise Interrupted(f"Stopped before stage '{name}'.")
        began = time.monotonic()
        if not steps:
            self.context.progress(Progress(name, 0, 1, {}, 0.0))
        yield
        if not steps:
            self.context.progress(Progress(name, 1, 1, {}, 0.0))
        done = len(self.context.curves.get(name, ())) if steps else 0
        self.stages.append(StageReport(name, time.monotonic() - began, done))
