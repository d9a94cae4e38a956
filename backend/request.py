"""From what was asked for, on the command line or over the wire, to a job and a device.

In: an object with the names of `propsmith generate`'s options. Out: a `Job`, a torch device.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from backend.cameras import CameraRange
from backend.config import PRESETS, GenerateConfig
from backend.errors import DeviceError
from backend.guidance import perp_neg
from backend.guidance.distil import choose
from backend.job import Job

GSPLAT_ABSENT = "Gaussians on CUDA need gsplat, so pip install 'propsmith[cuda]'"
GUIDANCE_OPTIONS = (
    *("distillation", "guidance_scale", "distillation_settings"),
    *("perp_neg", "timesteps"),
)
Options = Any  # argparse.Namespace, or shared.messages.Settings: values already checked


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


def job_from(options: Options) -> Job:
    image = getattr(options, "image", None)
    return Job(
        prompt=options.prompt or "",
        negative=options.negative,
        seed=options.seed,
        prior=options.prior,
        cameras=_cameras(options),
        config=_config(options),
        image=Path(image) if image else None,
        image_elevation_deg=getattr(options, "image_elevation", None) or 0.0,
    )


def _cameras(options: Options) -> CameraRange:
    given = {
        "azimuth_deg": options.azimuth,
        "elevation_deg": options.elevation,
        "distance": options.distance,
        "fov_y_deg": options.fov,
        "favoured_deg": options.favour,
    }
    return CameraRange(**{name: value for name, value in given.items() if value is not None})


def _guidance(options: Options, config: GenerateConfig) -> dict[str, Any]:
    """What the options say of distillation; those that an older client does not send are None."""
    asked = {name: getattr(options, name, None) for name in GUIDANCE_OPTIONS}
    chosen = (asked["distillation"], asked["guidance_scale"], asked["distillation_settings"] or ())
    guidance = choose(config.guidance, *chosen)
    if asked["perp_neg"]:
        guidance = replace(guidance, perp_neg=perp_neg.Config())
    found: dict[str, Any] = {"guidance": guidance}
    if (order := asked["timesteps"]) is not None:
        stage = config.gaussians
        found["gaussians"] = replace(stage, timesteps=replace(stage.timesteps, kind=order))
        found["mesh"] = replace(config.mesh, schedule=order)
        found["materials"] = replace(config.materials, schedule=order)
    return found


def _config(options: Options) -> GenerateConfig:
    config = PRESETS[options.preset]
    config = replace(config, **_guidance(options, config))
    if options.texture_size is not None:
        pixels = options.texture_size
        config = replace(
            config,
            unwrap=replace(config.unwrap, resolution=pixels),
            bake=replace(config.bake, texture_size=pixels),
        )
    if options.faces is not None:
        config = replace(config, cleanup=replace(config.cleanup, target_faces=options.faces))
    if options.height is not None:
        size = replace(config.export, size_m=options.height, measure="height")
        config = replace(config, export=size)
    return config
