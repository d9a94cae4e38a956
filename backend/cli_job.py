"""From parsed arguments to a run of the pipeline: the first module of the command line with torch.

In: checked arguments, where checkpoints go, a display. Out: the pipeline's Result.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from backend.cli_progress import Display
from backend.cli_refine import request_of
from backend.job import RunFiles, new_context
from backend.pipeline import generate
from backend.request import GSPLAT_ABSENT, choose_device, job_from
from backend.result import Result

__all__ = ["choose_device", "generate_from", "job_from"]


def generate_from(
    arguments: argparse.Namespace,
    checkpoint_dir: Path,
    display: Display,
    stop_requested: Callable[[], bool],
) -> Result:
    """Raises PropsmithError with the sentence for the user."""
    job, device = job_from(arguments), choose_device(arguments.device)
    if arguments.device == "auto" and device.type == "cpu" and torch.cuda.is_available():
        display.note(f"The GPU is not used: {GSPLAT_ABSENT}.")
    context = new_context(job, device, display.progress, stop_requested)
    files = RunFiles(arguments.output, checkpoint_dir, arguments.resume, arguments.report)
    if arguments.command == "refine":
        from backend.refine.run import refine

        return refine(job, request_of(arguments), files, context, display.note)
    return generate(job, files, context, display.note)
