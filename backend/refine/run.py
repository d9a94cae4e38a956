"""A refine job from its request to its files: what pipeline.py is for a new prop.

In: a job (prompt, seed, settings), a `RefineRequest`, where files go. Out: a `Result`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from backend.checkpoint import CheckpointFolder
from backend.errors import InputError, StorageError
from backend.evaluate.sheets import save_loss_curves, save_sheet
from backend.guidance.asking import cameras_for
from backend.guidance.base import Prior
from backend.guidance.distil import distil
from backend.guidance.priors import load_prior, starts_from_picture
from backend.job import Job, RunFiles
from backend.loop import RunContext
from backend.refine import make, remesh
from backend.refine.request import REMESH, RefineRequest
from backend.report import losses_by_name, material_sheet
from backend.result import Result, StageClock


def refine(
    job: Job,
    request: RefineRequest,
    files: RunFiles,
    context: RunContext,
    note: Callable[[str], None] = lambda _: None,
    config: make.Config | None = None,
) -> Result:
    """Raises InputError for a mesh or a wish that can't be refined, Interrupted when the context
    said stop. The output and the checkpoint are whole or untouched."""
    config = config or make.Config()
    request.check_output(files.output)
    if starts_from_picture(job.prior):
        raise InputError(
            "A mesh is refined by words, and this prior starts from a picture and reads none: "
            "choose another --prior."
        )
    clock = StageClock(context)
    with ExitStack() as held:
        with clock.stage("prior"):
            loaded = make.load(request)
            prior = load_prior(job.prior, job.prompt, job.negative, context.device)
            guidance = distil(prior, job.config.guidance)
            if guidance.particles > 1:
                raise InputError(
                    "Several particles are for new props, and a mesh is refined as one: leave out "
                    "--set particles."
                )
            context.learning = guidance
            identity = _identity(job, request, prior, config)
            folder = CheckpointFolder(files.checkpoint_dir, identity, files.resume)
            context.checkpoints = checkpoints = held.enter_context(folder)
        if prior.ignored_words:
            words = ", ".join(f"'{word}'" for word in prior.ignored_words)
            note(f"Ignored, as the prior does not know them: {words}.")
        settings = make.Settings(config, job.config.materials, job.config.unwrap, job.config.bake)
        cameras = cameras_for(guidance.prior, job.cameras)
        about = (job.prompt, _provenance(job, prior))
        if request.mode == REMESH:
            given = (job.config, guidance, cameras, context, clock, about)
            made = remesh.remesh(loaded, *given)
        else:
            made = make.make(loaded, settings, guidance, cameras, context, clock, note, about)
        with clock.stage("export"):
            written = _write(made, files.output)
        if files.report:
            with clock.stage("report"):
                written += _report(files.report, job.prompt, made, context)
        if not files.keep_checkpoint:
            checkpoints.discard()
    return Result(
        prompt=job.prompt,
        seed=job.seed,
        device=str(context.device),
        weights_hash=prior.weights_hash,
        ignored_words=prior.ignored_words,
        faces=sum(len(part.faces) for part in made.loaded.subject.parts),
        files=tuple(written),
        stages=tuple(clock.stages),
    )


def _identity(
    job: Job, request: RefineRequest, prior: Prior, config: make.Config
) -> dict[str, Any]:
    """The job's own, and the mesh and the mask by content."""
    return {**job.identity(prior), "refine": {**request.identity(), "config": asdict(config)}}


def _provenance(job: Job, prior: Prior) -> dict[str, Any]:
    return {"prompt": job.prompt, "seed": job.seed, "weights": prior.weights_hash, "refined": True}


def _write(made: make.Made, output: Path) -> list[Path]:
    try:
        new = made.loaded.request.mode == REMESH
        return (remesh if new else make).write(made, output)
    except OSError as error:
        raise StorageError(
            f"Cannot write '{output}': {error.strerror or error}; "
            "mend that and add --resume, nothing is lost."
        ) from error


def _report(folder: Path, title: str, made: make.Made, context: RunContext) -> list[Path]:
    """The refined surface from eight sides, its textures, the loss curves."""
    from PIL import Image

    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [folder / "prop.png"]
        save_sheet(written[0], material_sheet(made.mesh, made.field), f"{title}: refined")
        for number, images in enumerate(made.refined.images):
            written.append(folder / f"albedo_{number + 1}.png")
            Image.fromarray(np.ascontiguousarray(images.albedo)).save(written[-1])
        for stage, curve in context.curves.items():
            written.append(folder / f"{stage}_losses.png")
            save_loss_curves(written[-1], losses_by_name(curve), f"{title}: {stage}")
    except OSError as error:
        raise InputError(f"Cannot write the report to '{folder}': {error}.") from error
    return written
