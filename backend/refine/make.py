"""Refinement from end to end, after the prior is there: see pipeline.py for what goes before.

    read      file -> parts and sheets                      read.py
    body      one welded surface in the canonical frame     body.py
    mesh      vertices move, topology kept                  shape.py
    materials albedo, roughness, metallic on it             ../materials/stage.py
    bake      new textures on the UVs that are there        paint.py
    export    into a file of the same kind                  gltf_write.py, mesh_files.py

In: a request, settings. Out: the files, and what a report shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backend.cameras import CameraRange
from backend.errors import InputError
from backend.guidance.base import Guidance
from backend.loop import RunContext, optimise
from backend.materials import bake
from backend.materials import stage as materials
from backend.materials.field import MaterialField
from backend.mesh import unwrap
from backend.mesh.types import PaintedMesh, TriMesh
from backend.refine import shape
from backend.refine.body import Body, body_of
from backend.refine.change import changes_of
from backend.refine.colors import color_at, present_colors, spread_over
from backend.refine.gltf_new import write_new
from backend.refine.held import hold
from backend.refine.layout import with_uvs
from backend.refine.mask import Mask, mask_of
from backend.refine.paint import Canvas
from backend.refine.read import read_subject
from backend.refine.request import KEEP, TEXTURE, RefineRequest
from backend.refine.subject import Refined, Subject
from backend.result import StageClock


@dataclass(frozen=True)
class Config:
    shape: shape.Config = field(default_factory=shape.Config)
    timesteps: tuple[float, float] = (0.8, 0.1)  # of the materials: their old look may go


@dataclass(frozen=True)
class Settings:
    """Of the stages that refinement shares with generation."""

    refine: Config
    materials: materials.Config
    unwrap: unwrap.Config
    bake: bake.Config


@dataclass(frozen=True)
class Loaded:
    request: RefineRequest
    subject: Subject
    mask: Mask


@dataclass(frozen=True)
class Made:
    """What came out, for the writer and the report."""

    loaded: Loaded
    refined: Refined
    mesh: TriMesh
    field: MaterialField


def load(request: RefineRequest) -> Loaded:
    """Everything that can be wrong with the input is said here: InputError."""
    subject = read_subject(request.mesh)
    if request.mode == KEEP and not subject.has_uvs:
        bare = next(part.name for part in subject.parts if part.corner_uvs is None)
        raise InputError(
            f"'{bare}' in '{request.mesh}' has no UVs to keep: unwrap it first, or leave "
            "--keep-topology out and UVs are made."
        )
    return Loaded(request, subject, mask_of(subject, request))


def make(
    loaded: Loaded,
    settings: Settings,
    guidance: Guidance,
    cameras: CameraRange,
    context: RunContext,
    clock: StageClock,
    note: Callable[[str], None],
    about: tuple[str, dict[str, Any]],
) -> Made:
    """about: the title, and where the result comes from."""
    with clock.stage("read"):
        subject, request = loaded.subject, loaded.request
        body = body_of(subject, loaded.mask.weights)
        laid_out = with_uvs(subject, body, settings.unwrap)
        spread = spread_over(body, settings.materials.field.samples)
        before = spread.on(torch.from_numpy(body.shown), body.shown_faces)
        colors = present_colors(subject, spread)
    displacement = torch.zeros(len(body.weights), 3, device=context.device)
    strength = 0.0 if request.mode == TEXTURE else request.strength
    if strength > 0:
        config = settings.refine.shape
        with clock.stage(shape.STAGE, config.steps):
            start = color_at(before, colors)
            displacement, field = shape.run(
                body, start, strength, config, guidance, cameras, context
            )
            colors = field(before.to(context.device)).albedo.cpu()
    mesh = body.render_mesh(displacement)
    with clock.stage(materials.STAGE, settings.materials.steps):
        points = spread.on(body.moved(displacement), body.shown_faces)
        start = color_at(points, colors)
        field = _materials(mesh, body, displacement, start, settings, guidance, cameras, context)
    with clock.stage("bake"):
        canvas = _canvas(laid_out, body, displacement, mesh, field, loaded.mask, settings.bake)
        images, notes = canvas.paint()
        changes = changes_of(subject, laid_out, body, displacement, field)
        refined = Refined(changes, images, *about)
        for text in notes[:4]:
            note(text)
    return Made(loaded, refined, mesh, field)


def write(made: Made, output: Path) -> list[Path]:
    """Raises OSError; what was there is then as it was."""
    same = output.suffix.lower() == made.loaded.request.mesh.suffix.lower()
    if same:
        return made.loaded.subject.write(made.refined, output)
    return write_new(made.loaded.subject, made.refined, output)


class _Materials(materials.MaterialOptimisation):
    """The material stage; its snapshots have the parts' own vertices and faces."""

    shown: Callable[[], PaintedMesh]

    def snapshot(self) -> PaintedMesh:
        return self.shown()


def _materials(
    mesh: TriMesh,
    body: Body,
    displacement: Tensor,
    start: Any,
    settings: Settings,
    guidance: Guidance,
    cameras: CameraRange,
    context: RunContext,
) -> MaterialField:
    config = replace(settings.materials, timesteps=settings.refine.timesteps)
    begin = materials.MaterialStart(mesh, start)
    optimisation = _Materials(begin, config, guidance, cameras, context)
    hold(optimisation.field, body, mesh.vertices)
    points = body.moved(displacement)
    faces = torch.from_numpy(body.shown_faces).to(points.device)

    @torch.no_grad()
    def shown() -> PaintedMesh:
        return PaintedMesh(TriMesh(points, faces), optimisation.field(points).albedo)

    optimisation.shown = shown
    optimise(materials.STAGE, optimisation, context)
    return optimisation.field.requires_grad_(False)


def _canvas(
    subject: Subject,
    body: Body,
    displacement: Tensor,
    mesh: TriMesh,
    field: MaterialField,
    mask: Mask,
    config: bake.Config,
) -> Canvas:
    faces = body.shown_faces[body.owned]
    points = body.moved(displacement).detach().cpu().numpy()[faces]
    weights = np.concatenate(mask.weights)[body.source[faces]]
    least = body.weights[body.welded[body.source[faces]]]
    held = np.where(least == 0, 0, weights).astype(np.float32)
    normals = body.corner_normals[body.owned]
    return Canvas(subject, mesh, points, normals, held, field, mask, config)
