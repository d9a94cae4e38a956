"""The finished prop of a job: its file, or what the stream brought; images; onto the object.

In: a job that is done. Out: `Result`, and with `place` the object that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import bpy
import numpy as np

from . import glb, importer, jobs, materials
from .wire import errors, messages

FILE = "prop.glb"
Slices = Generator[Any, None, Any]


@dataclass(frozen=True)
class Result:
    geometry: importer.Geometry
    pictures: dict[str, materials.Picture]
    provenance: dict[str, Any] = field(default_factory=dict)


def fetch(info: messages.JobInfo, streamed: Callable[[], Slices]) -> Slices:
    """A Result in slices; None where there is nothing to be had any more.

    streamed: -> positions in metres, faces, uvs, pixels by name: the way out where there is no
    file, or it can't be read.
    """
    if any(file.name == FILE for file in info.files):
        try:
            data = yield from jobs.download(info.job, FILE)
            return (yield from _from_file(data))
        except (errors.RemoteError, glb.GlbError) as error:
            jobs.log.warning("Job %s: %s", info.job, error)
    positions, faces, uvs, pixels = yield from streamed()
    if not len(faces):
        return None
    topology = f"{info.job[:8]} stream"
    geometry = yield from importer.geometry(positions, faces, topology, uvs)
    return Result(geometry, {n: materials.Picture(pixels=p) for n, p in pixels.items()})


def _from_file(data: bytes) -> Slices:
    prop = yield from glb.read(data)
    edges, corner_edges = yield from importer.edges_of(prop.faces)
    faces = prop.faces.astype(np.int32)
    yield
    geometry = importer.Geometry(
        prop.positions, faces, edges, corner_edges, prop.topology, prop.corner_uvs
    )
    pictures = {name: materials.Picture(png=png) for name, png in prop.images.items()}
    known = {name: p for name, p in pictures.items() if name in materials.SPACES}
    return Result(geometry, known, prop.provenance)


def load_images(job: str, result: Result, names: dict[str, str]) -> Slices:
    """One a slice; fills `names`: the kind -> the image's name. Those that an undo took away since
    are made again."""
    for kind, picture in result.pictures.items():
        if names.get(kind, "") not in bpy.data.images:
            names[kind] = materials.image_of(job, kind, picture).name
            yield


def place(thing: bpy.types.Object, job: str, result: Result, names: dict[str, str]) -> None:
    """All at once, so that no tick ends with half of it."""
    importer.write(thing.data, result.geometry)
    images = {kind: bpy.data.images[name] for kind, name in names.items()}
    if images:
        made = materials.finished_material(job, thing.name, images)
        materials.give(thing, made)
        if not made.users:
            bpy.data.materials.remove(made)
    thing.propsmith.role = "DONE"
