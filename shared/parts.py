"""What several messages carry: a job with its settings, its files and how it stands; a worker.

Beside each field stands what it may hold. A field that a message does not have yet takes its
default; unknown ones are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .checks import Ends, Flag, Many, Maybe, Number, OneOf, Record, Text, Whole
from .limits import (
    COUNT,
    DIGEST,
    DIRECTION,
    JOB_ID,
    NAME,
    PRIORITY,
    REFINE_MODES,
    SECONDS,
    SENTENCE,
    STATES,
    TIME,
)


@dataclass(frozen=True)
class Refine:
    """A mesh that is there already, to be worked on."""

    mesh: Annotated[str, DIGEST]  # an uploaded file of mesh_file.py, a GLB, OBJ or PLY
    mode: Annotated[str, OneOf(REFINE_MODES)]
    strength: Annotated[float, Number(0, 1)] = 0.3  # how far a vertex may move, of the radius
    masked: Annotated[bool, Flag()] = False  # only where the file's mask is above 0


@dataclass(frozen=True)
class Settings:
    """What a prop is made from, with the meaning and limits of `propsmith generate`'s options."""

    prompt: Annotated[str, Text(2000, 1)]  # a space stands for none, beside an image
    negative: Annotated[str, Text(2000)] = ""
    seed: Annotated[int, Whole(0, 2**63 - 1)] = 0
    preset: Annotated[str, NAME] = "draft"  # one of Welcome.presets
    prior: Annotated[str, NAME] = "embedded"  # one of Welcome.priors; never a path
    texture_size: Annotated[int | None, Maybe(Whole(64, 8192))] = None  # pixels
    faces: Annotated[int | None, Maybe(Whole(500, 200_000))] = None
    height: Annotated[float | None, Maybe(Number(0.001, 1000))] = None  # metres
    azimuth: Annotated[tuple[float, float] | None, Maybe(Ends(-360, 360))] = None  # degrees
    elevation: Annotated[tuple[float, float] | None, Maybe(Ends(-90, 90))] = None  # degrees
    distance: Annotated[tuple[float, float] | None, Maybe(Ends(1.2, 19, open_ends=True))] = None
    fov: Annotated[tuple[float, float] | None, Maybe(Ends(0, 120, open_ends=True))] = (
        None  # degrees
    )
    favour: Annotated[tuple[float, float] | None, Maybe(DIRECTION)] = None
    distillation: Annotated[str | None, Maybe(NAME)] = None  # one of Welcome.distillations
    guidance_scale: Annotated[float | None, Maybe(Number(0, 1000))] = None
    timesteps: Annotated[str | None, Maybe(NAME)] = None  # one of Welcome.timesteps
    perp_neg: Annotated[bool, Flag()] = False
    image: Annotated[str | None, Maybe(DIGEST)] = None  # an uploaded PNG, JPEG or WebP
    refine: Annotated[Refine | None, Maybe(Record(Refine))] = None
    image_elevation: Annotated[float | None, Maybe(Number(-90, 90))] = None  # degrees
    # Of that distillation, each "NAME=VALUE".
    distillation_settings: Annotated[tuple[str, ...], Many(Text(200, 3), 32)] = ()


@dataclass(frozen=True)
class FileInfo:
    name: Annotated[str, NAME]
    size: Annotated[int, COUNT]


@dataclass(frozen=True)
class StageTime:
    name: Annotated[str, NAME]
    seconds: Annotated[float, SECONDS]
    steps: Annotated[int, COUNT]


@dataclass(frozen=True)
class JobInfo:
    """All about a job but its pictures."""

    job: Annotated[str, JOB_ID]
    state: Annotated[str, OneOf(STATES)]
    settings: Annotated[Settings, Record(Settings)]
    number: Annotated[int, COUNT] = 0  # order of arrival
    priority: Annotated[int, PRIORITY] = 0  # the highest runs first, then the earliest
    client: Annotated[str, Text(64)] = ""  # who submitted it
    wanted: Annotated[str, Text(16)] = ""  # "paused" or "cancelled" while the worker still stops
    created: Annotated[float | None, TIME] = None
    started: Annotated[float | None, TIME] = None
    finished: Annotated[float | None, TIME] = None
    device: Annotated[str, Text(64)] = ""
    attempts: Annotated[int, COUNT] = 0  # how often a worker took it up
    stage: Annotated[str, Text(64)] = ""
    step: Annotated[int, COUNT] = 0  # done in this stage
    steps: Annotated[int, COUNT] = 0
    seconds_left: Annotated[float, SECONDS] = 0.0  # in this stage
    loss: Annotated[float | None, Maybe(Number())] = None  # the prior's
    memory: Annotated[int, COUNT] = 0  # of the worker, on the device
    weights: Annotated[str, Text(64)] = ""  # hash of the prior's weights
    faces: Annotated[int, COUNT] = 0  # of the finished prop
    error_code: Annotated[str, Text(64)] = ""
    error: Annotated[str, SENTENCE] = ""
    notes: Annotated[tuple[str, ...], Many(SENTENCE, 16)] = ()
    files: Annotated[tuple[FileInfo, ...], Many(Record(FileInfo), 64)] = ()
    stages: Annotated[tuple[StageTime, ...], Many(Record(StageTime), 64)] = ()


@dataclass(frozen=True)
class WorkerInfo:
    name: Annotated[str, NAME]
    device: Annotated[str, NAME]
    state: Annotated[str, OneOf(("off", "starting", "idle", "running", "stopping"))]
    job: Annotated[str, Text(32)] = ""
    memory: Annotated[int, COUNT] = 0
    restarts: Annotated[int, COUNT] = 0
