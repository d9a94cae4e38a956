"""--remesh: a new surface that begins with the old one's shape, through generation's own stages.

In: what was loaded, the settings of a generation. Out: a subject of one part with its change, in
the size and the place of the old one. Everything about the old surface but its shape and colours is
gone: parts, UVs, names.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from backend.cameras import CameraRange
from backend.config import GenerateConfig
from backend.guidance.base import Guidance
from backend.loop import RunContext
from backend.materials import bake
from backend.materials import stage as materials
from backend.mesh import cleanup, unwrap
from backend.mesh import stage as mesh
from backend.mesh.types import TriMesh, UVMesh
from backend.refine.body import Frame, body_of
from backend.refine.colors import color_at, present_colors, spread_over
from backend.refine.gltf_new import write_new
from backend.refine.make import Loaded, Made
from backend.refine.mesh_files import upside_down, write_result
from backend.refine.solid import sdf_of
from backend.refine.subject import Change, Part, Refined, Sheet, SheetImages, Subject
from backend.result import StageClock
from shared.mesh_file import MeshFile


def remesh(
    loaded: Loaded,
    config: GenerateConfig,
    guidance: Guidance,
    cameras: CameraRange,
    context: RunContext,
    clock: StageClock,
    about: tuple[str, dict[str, Any]],
) -> Made:
    """Raises GenerationError where the surface vanishes."""
    with clock.stage("solid"):
        body = body_of(loaded.subject, loaded.mask.weights)
        old = TriMesh(torch.from_numpy(body.render), torch.from_numpy(body.render_faces))
        spread = spread_over(body, config.materials.field.samples)
        places = spread.on(torch.from_numpy(body.shown), body.shown_faces)
        start = color_at(places, present_colors(loaded.subject, spread))
        sdf = sdf_of(old, config.density_resolution)
    with clock.stage("mesh", config.mesh.steps):
        geometry = mesh.GeometryStart(sdf, start)
        raw = mesh.run(geometry, config.mesh, guidance, cameras, context)
    with clock.stage("unwrap"):
        fine = cleanup.clean(raw, replace(config.cleanup, target_faces=1_000_000, keep_share=0.01))
        light = cleanup.clean(fine, replace(config.cleanup, smoothing=0, keep_share=0.01))
        atlas = unwrap.unwrap(light, config.unwrap)
    with clock.stage("materials", config.materials.steps):
        begin = materials.MaterialStart(fine, start)
        field = materials.run(begin, config.materials, guidance, cameras, context)
    with clock.stage("bake"):
        watch = context.watch("bake")
        finished, textures = bake.bake(atlas, field, config.bake, fine, watch=watch)
    subject, refined = _as_subject(finished, textures, body.frame, about)
    return Made(replace(loaded, subject=subject), refined, fine, field)


def _as_subject(
    mesh: UVMesh, textures: bake.Textures, frame: Frame, about: tuple[str, dict[str, Any]]
) -> tuple[Subject, Refined]:
    """Back in the world, at the old size and place."""
    faces = mesh.faces.cpu().numpy()
    # Seams double vertices in an atlas; corners name their UVs, so one of each is enough.
    points, index = np.unique(mesh.vertices.cpu().numpy(), axis=0, return_inverse=True)
    joined = index.reshape(-1)[faces]
    world = points.astype(np.float64) / frame.scale + frame.center
    part = Part(
        name=about[0],
        positions=world.astype(np.float32),
        faces=joined,
        sheets=np.zeros(len(faces), np.int64),
        corner_uvs=mesh.uvs.cpu().numpy()[faces],
        corner_normals=mesh.normals.cpu().numpy()[faces],
    )
    everything = np.ones(len(points), bool)
    change = Change(
        positions=part.positions,
        moved=everything,
        free=everything,
        corner_normals=part.corner_normals,
        turned=None,
        corner_uvs=part.corner_uvs,
        sheets=part.sheets,
        colors=np.zeros((len(points), 3), np.uint8),
    )
    images = SheetImages(about[0], textures.albedo, textures.orm, normal=textures.normal)
    return Subject([part], [Sheet(about[0])], _no_file), Refined([change], [images], *about)


def _no_file(refined: Refined, path: Path) -> list[Path]:
    """This subject has no file of its own kind: `write` below makes new ones."""
    raise ValueError(f"'{path}' can't be patched")


def write(made: Made, output: Path) -> list[Path]:
    """A GLB, or the add-on's mesh file with three textures. Raises OSError."""
    subject, refined = made.loaded.subject, made.refined
    if output.suffix.lower() != ".npz":
        return write_new(subject, refined, output)
    part, images = subject.parts[0], refined.images[0]
    assert part.corner_uvs is not None and images.normal is not None
    file = MeshFile(part.positions, part.faces, upside_down(part.corner_uvs))
    textures = {"albedo": images.albedo, "orm": images.orm, "normal": images.normal}
    return write_result(output, file, textures)
