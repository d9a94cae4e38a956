"""A job in this process that is asked to stop at a step, for tests of resuming."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from backend.job import Job, RunFiles, new_context
from backend.loop import Progress
from backend.pipeline import generate
from backend.result import Result


def run_until(
    job: Job,
    folder: Path,
    resume: bool = False,
    stop_at: tuple[str, int] | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Result:
    """Its file and checkpoint lie in `folder`. Raises Interrupted at `stop_at`, a stage's step."""
    folder.mkdir(exist_ok=True)
    reached: set[tuple[str, int]] = set()

    def progress(news: Progress) -> None:
        reached.add((news.stage, news.step))

    files = RunFiles(folder / "prop.glb", folder / "checkpoint", resume)
    context = new_context(job, torch.device("cpu"), progress, lambda: stop_at in reached)
    return generate(job, files, context, note)
