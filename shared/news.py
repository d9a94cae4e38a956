"""What the server tells on the stream, unasked: one frozen dataclass for each message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from .checks import Array, Maybe, Number, OneOf, Record, Text, Whole
from .limits import COUNT, HEX, JOB_ID, MOST_PIXELS, MOST_VERTICES, NAME
from .parts import JobInfo


@dataclass(frozen=True)
class News:
    """A job's newest state and progress. A newer one replaces an older one."""

    serial: Annotated[int, COUNT]
    info: Annotated[JobInfo, Record(JobInfo)]


@dataclass(frozen=True)
class Gone:
    """The job has been deleted."""

    serial: Annotated[int, COUNT]
    job: Annotated[str, JOB_ID]


@dataclass(frozen=True)
class Mesh:
    """A preview, or the finished mesh when stage is "bake". An absent array has not changed since
    the client's last Mesh of this job. World axes, canonical units (shared/conventions.py)."""

    serial: Annotated[int, COUNT]
    job: Annotated[str, JOB_ID]
    stage: Annotated[str, NAME]
    step: Annotated[int, COUNT]
    topology: Annotated[str, Text(16, 16, HEX)]  # equal: same faces and uvs
    vertices: Annotated[int, Whole(0, MOST_VERTICES)]
    offset: Annotated[float, Number(-1e3, 1e3)] = -1.0  # position = offset + scale * whole number
    scale: Annotated[float, Number(1e-12, 1)] = 2 / 65535
    taken: Annotated[float, Number(0, 1e11)] = 0.0  # when the worker had it
    positions: Annotated[np.ndarray | None, Maybe(Array(("u2",), ("V", 3), MOST_VERTICES))] = None
    colors: Annotated[np.ndarray | None, Maybe(Array(("u1",), ("V", 3), MOST_VERTICES))] = None
    faces: Annotated[np.ndarray | None, Maybe(Array(("u2", "u4"), ("F", 3), 2 * MOST_VERTICES))] = (
        None  # counter-clockwise from outside
    )
    uvs: Annotated[np.ndarray | None, Maybe(Array(("f4",), ("V", 2), MOST_VERTICES))] = None


@dataclass(frozen=True)
class Texture:
    """Row 0 at the top. orm: occlusion, roughness, metallic, linear; normal: tangent space, +Y."""

    serial: Annotated[int, COUNT]
    job: Annotated[str, JOB_ID]
    name: Annotated[str, OneOf(("albedo", "orm", "normal"))]
    pixels: Annotated[np.ndarray, Array(("u1",), ("H", "W", 3), MOST_PIXELS)]
