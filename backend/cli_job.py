"""From parsed arguments to a run of the pipeline: the first module of the command line with torch.

In: checked arguments, where checkpoints go, a display. Out: the pipeline's Result.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from backend.cameras import CameraRange
from backend.cli_progress import Display
from backend.config import PRESETS, GenerateConfig
from backend.errors import DeviceError
from backend.job import Job, RunFiles, new_context
from backend.pipeline import generate
from backend.result import Result

GSPLAT_ABSENT = "Gaussians on CUDA need gsplat, so pip install 'propsmith[cuda]'"


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
    return generate(job, files, context, display.note)


def choose_device(name: str) -> torch.device:
    """ "auto" takes the GPU if there is one that can be used; raises DeviceError for one that
    was asked for and can't be."""
    gsplat = importlib.util.find_spec("gsplat") is not None
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() and gsplat else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            "There is no CUDA device here for --device cuda, or this build of torch has no CUDA; "
            "use --device cpu."
        )
    if name == "cuda" and not gsplat:
        raise DeviceError(f"--device cuda can't be used: {GSPLAT_ABSENT}, or use --device cpu.")
    return torch.device(name)


def job_from(arguments: argparse.Namespace) -> Job:
    return Job(
        prompt=arguments.prompt,
        negative=arguments.negative,
        seed=arguments.seed,
        prior=arguments.prior,
        cameras=_cameras(arguments),
        config=_config(arguments),
    )


def _cameras(arguments: argparse.Namespace) -> CameraRange:
    given = {
        "azimuth_deg": arguments.azimuth,
        "elevation_deg": arguments.elevation,
        "distance": arguments.distance,
        "fov_y_deg": arguments.fov,
        "favoured_deg": arguments.favour,
    }
    return CameraRange(**{name: value for name, value in given.items() if value is not None})


def _config(arguments: argparse.Namespace) -> GenerateConfig:
    config = PRESETS[arguments.preset]
    if arguments.texture_size is not None:
        pixels = arguments.texture_size
        config = replace(
            config,
            unwrap=replace(config.unwrap, resolution=pixels),
            bake=replace(config.bake, texture_size=pixels),
        )
    if arguments.faces is not None:
        config = replace(config, cleanup=replace(config.cleanup, target_faces=arguments.faces))
    if arguments.height is not None:
        size = replace(config.export, size_m=arguments.height, measure="height")
        config = replace(config, export=size)
    return config
