"""The whole story: a prompt goes in, a prop comes out. Read this file first.

    prior      a 2D diffusion model, told the prompt              guidance/priors.py
    distil     its wishes for pictures -> gradients               guidance/distil.py
    picture    if there is one: the prompt, told what it shows    guidance/inversion.py
    gaussians  3D Gaussians, moved until the prior likes them     gaussians/stage.py, particles.py
    solid      Gaussians -> density -> signed distances           mesh/solid.py
    mesh       a deformable tetrahedral grid refines the surface  mesh/stage.py
    unwrap     cleaned, simplified, laid out flat                 mesh/cleanup.py, mesh/unwrap.py
    materials  albedo, roughness, metallic under turning lights   materials/stage.py
    bake       materials and fine normals -> textures             materials/bake.py
    export     mesh and textures -> GLB                           export/glb.py

A stage is a function of what came before and its config; those that ask the prior also get the
guidance, the cameras and the run's context, and are checkpointed. The others take seconds and give
the same for the same, so a resumed run does them again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from backend.checkpoint import CheckpointFolder
from backend.errors import StorageError
from backend.export import EXPORTERS
from backend.export.asset import Asset
from backend.gaussians import particles
from backend.gaussians.field import FEW, colors_at
from backend.guidance.asking import cameras_for
from backend.guidance.base import Prior
from backend.guidance.distil import Distilled, distil
from backend.guidance.inversion import Inversion, Reworded
from backend.guidance.priors import load_prior
from backend.job import Job, RunFiles
from backend.loop import RunContext, optimise
from backend.materials import bake
from backend.materials import stage as materials
from backend.mesh import cleanup, unwrap
from backend.mesh import stage as mesh
from backend.mesh.solid import solid_of
from backend.mesh.types import PaintedMesh
from backend.reference.picture import load_reference
from backend.report import Prop, write_report
from backend.result import Result, StageClock


def generate(
    job: Job, files: RunFiles, context: RunContext, note: Callable[[str], None] = lambda _: None
) -> Result:
    """Makes the prop and writes it; `note` is told what the user should know.

    Raises InputError for what can't be done, GenerationError where no prop came out, Interrupted
    when the context said stop. The output and the checkpoint are whole or untouched.
    """
    clock = StageClock(context)
    with ExitStack() as held:
        with clock.stage("prior"):
            if job.image:
                reference = load_reference(job.image, job.image_elevation_deg)
                context.reference = reference.to(context.device)
            prior = load_prior(
                job.prior, job.prompt, job.negative, context.device, reference=context.reference
            )
            guidance = distil(prior, job.config.guidance)
            context.learning = guidance
            folder = CheckpointFolder(files.checkpoint_dir, job.identity(prior), files.resume)
            context.checkpoints = checkpoints = held.enter_context(folder)
        if prior.ignored_words:
            note(_about_ignored(prior))
        if context.reference is not None and not getattr(prior, "sees_image", False):
            note(_look_at_reference(prior, job, context, clock))
        prop = _make(job, guidance, context, clock)
        if remark := context.remarks.get("particles"):
            note(particles.about(remark))
        with clock.stage("export"):
            _export(prop, job, prior, files.output)
        written = [files.output]
        if files.report:
            with clock.stage("report"):
                written += write_report(files.report, job.prompt, prop, context.curves)
        if not files.keep_checkpoint:
            checkpoints.discard()
    return Result(
        prompt=job.prompt,
        seed=job.seed,
        device=str(context.device),
        weights_hash=prior.weights_hash,
        ignored_words=prior.ignored_words,
        faces=len(prop.mesh.faces),
        files=tuple(written),
        stages=tuple(clock.stages),
        remarks=context.remarks,
    )


def _make(job: Job, guidance: Distilled, context: RunContext, clock: StageClock) -> Prop:
    """All stages in their order."""
    config = job.config
    cameras = cameras_for(guidance.prior, job.cameras)
    with clock.stage("gaussians", config.gaussians.steps * guidance.particles):
        cloud = particles.run(None, config.gaussians, guidance, cameras, context)
    color_at = partial(colors_at, cloud)
    with clock.stage("solid"):
        watch = context.watch("solid")
        sdf = solid_of(cloud, config.density_resolution, config.solid, watch)
    with clock.stage("mesh", config.mesh.steps):
        start = mesh.GeometryStart(sdf, color_at)
        raw = mesh.run(start, config.mesh, guidance, cameras, context)
    with clock.stage("unwrap"):
        watch = context.watch("unwrap")
        fine = cleanup.clean(raw, replace(config.cleanup, target_faces=1_000_000))
        watch(lambda: PaintedMesh(fine, color_at(fine.vertices, neighbours=FEW)))
        light = cleanup.clean(fine, replace(config.cleanup, smoothing=0))
        watch(lambda: PaintedMesh(light, color_at(light.vertices, neighbours=FEW)))
        atlas = unwrap.unwrap(light, config.unwrap)
    with clock.stage("materials", config.materials.steps):
        begin = materials.MaterialStart(fine, color_at)
        material = materials.run(begin, config.materials, guidance, cameras, context)
    with clock.stage("bake"):
        watch = context.watch("bake")
        finished, textures = bake.bake(atlas, material, config.bake, fine, cameras, watch)
    return Prop(cloud, fine, material, finished, textures)


def _export(prop: Prop, job: Job, prior: Prior, output: Path) -> None:
    provenance = {"prompt": job.prompt, "seed": job.seed, "weights": prior.weights_hash}
    asset = Asset(prop.mesh, prop.textures, job.prompt, provenance, job.config.export)
    try:
        EXPORTERS[output.suffix.lower().removeprefix(".")](asset, output)
    except OSError as error:
        raise StorageError(
            f"Cannot write '{output}': {error.strerror or error}; "
            "mend that and add --resume, nothing is lost."
        ) from error


def _look_at_reference(prior: Prior, job: Job, context: RunContext, clock: StageClock) -> str:
    """Tells a prior without eyes what the picture shows, where it can be told; says what for."""
    seen = context.reference
    if seen is None or not isinstance(prior, Reworded) or len(prior.looks) < 2:
        return (
            "The picture decides the front alone, light and shadows included: this prior cannot "
            "see it, so the other sides follow the words. '--prior zero123' sees pictures."
        )
    with clock.stage("picture", len(prior.looks)):
        inversion = Inversion(prior, seen, job.config.inversion, context.generator)
        optimise("picture", inversion, context)
    look = inversion.taken_for()
    taken = f"the prior takes the prop for '{look}'" if look else "the words alone count"
    return (
        "The picture decides the front, light and shadows included. For the other sides "
        f"{taken}; '--prior zero123' sees pictures."
    )


def _about_ignored(prior: Prior) -> str:
    words = ", ".join(f"'{word}'" for word in prior.ignored_words)
    if getattr(prior, "sees_image", False):
        return f"Ignored, as this prior sees the picture and reads no words: {words}."
    return (
        f"Ignored, as the embedded prior does not know them: {words}. For an open vocabulary, give "
        "--prior the folder of Stable Diffusion 1.5 or 2.1 in diffusers' layout."
    )
