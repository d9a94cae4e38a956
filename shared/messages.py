"""One frozen dataclass for each message; PROTOCOL.md explains how they follow each other.

Beside each field stands what it may hold. Times are seconds since 1970 (UTC), durations seconds,
sizes bytes. A field that a message does not have yet takes its default; unknown ones are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from .checks import Array, Ends, Flag, Many, Maybe, Number, OneOf, Pair, Record, Text, Whole

HEX = "0123456789abcdef"
STATES = ("queued", "running", "paused", "done", "failed", "cancelled")
OVER = ("done", "failed", "cancelled")  # a job in one of these does not change by itself
MOST_VERTICES = 2_000_000
MOST_PIXELS = 4096  # of a texture's side on the stream
CHUNK = 1 << 20  # bytes of a file in one message
UPLOAD_CHUNK = 512 << 10  # bytes of an upload in one message
MOST_UPLOAD = 256 << 20  # bytes
REFINE_MODES = ("keep-topology", "texture-only", "remesh", "auto")

JOB_ID = Text(32, 32, HEX)
NONCE = Text(32, 32, HEX)
DIGEST = Text(64, 64, HEX)  # SHA-256 of a whole file
NAME = Text(64, 1)
SENTENCE = Text(2000)
COUNT = Whole()
SECONDS = Number(0, 1e9)
TIME = Maybe(Number(0, 1e11))
PRIORITY = Whole(-100, 100)
DIRECTION = Pair(Number(-360, 360), Number(-90, 90))  # azimuth and elevation, degrees


# ---- parts ----


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


# ---- requests ----


@dataclass(frozen=True)
class Hello:
    client: Annotated[str, NAME]  # stable over restarts: whose jobs these are
    nonce: Annotated[str, NONCE]  # never used twice
    software: Annotated[str, Text(64)] = ""


@dataclass(frozen=True)
class Submit:
    job: Annotated[str, JOB_ID]  # chosen by the client: sending it again changes nothing
    settings: Annotated[Settings, Record(Settings)]
    priority: Annotated[int, PRIORITY] = 0


@dataclass(frozen=True)
class ListJobs:
    states: Annotated[tuple[str, ...], Many(OneOf(STATES), 6)] = STATES
    limit: Annotated[int, Whole(1, 100)] = 100
    before: Annotated[int | None, Maybe(COUNT)] = None  # only jobs with a smaller number


@dataclass(frozen=True)
class GetJob:
    job: Annotated[str, JOB_ID]


@dataclass(frozen=True)
class SetPriority:
    job: Annotated[str, JOB_ID]
    priority: Annotated[int, PRIORITY]


@dataclass(frozen=True)
class Delete:
    """Of a job that is over, or paused or queued."""

    job: Annotated[str, JOB_ID]


@dataclass(frozen=True)
class GetFile:
    job: Annotated[str, JOB_ID]
    name: Annotated[str, NAME]  # one of JobInfo.files
    offset: Annotated[int, COUNT] = 0


@dataclass(frozen=True)
class Upload:
    """A piece of a file that a job will need; without data it asks how much is there."""

    digest: Annotated[str, DIGEST]  # of the whole file
    size: Annotated[int, Whole(1, MOST_UPLOAD)]  # of the whole file
    offset: Annotated[int, COUNT]
    data: Annotated[np.ndarray, Array(("u1",), ("N",), UPLOAD_CHUNK)]


# ---- control: never queued behind requests ----


@dataclass(frozen=True)
class Cancel:
    job: Annotated[str, JOB_ID]


@dataclass(frozen=True)
class Pause:
    job: Annotated[str, JOB_ID]


@dataclass(frozen=True)
class Resume:
    """Of a paused or failed job: it goes on from its checkpoint."""

    job: Annotated[str, JOB_ID]


@dataclass(frozen=True)
class Ping:
    pass


@dataclass(frozen=True)
class GetStatus:
    pass


@dataclass(frozen=True)
class ReleaseMemory:
    """Ends the workers that have no job; they start again when there is one."""


@dataclass(frozen=True)
class Shutdown:
    """Checkpoint, then exit; jobs go on at the next start."""


# ---- stream, to the server ----


@dataclass(frozen=True)
class Subscribe:
    """Sent again every few seconds: it is also this socket's heartbeat."""

    jobs: Annotated[tuple[str, ...], Many(JOB_ID, 256)] = ()  # these, with previews
    everything: Annotated[bool, Flag()] = False  # news of all other jobs too
    interval: Annotated[float, Number(0, 3600)] = 1.0  # between two previews; 0: none


@dataclass(frozen=True)
class Credit:
    """The message of this serial has been applied: the next may come."""

    serial: Annotated[int, COUNT]


# ---- answers ----


@dataclass(frozen=True)
class Welcome:
    nonce: Annotated[str, NONCE]  # the hello's
    session: Annotated[str, NONCE]  # in the header of every later message, both ways
    server: Annotated[str, NAME]  # the software and its version
    presets: Annotated[tuple[str, ...], Many(NAME, 64)] = ()
    priors: Annotated[tuple[str, ...], Many(NAME, 64)] = ()
    devices: Annotated[tuple[str, ...], Many(NAME, 64)] = ()
    distillations: Annotated[tuple[str, ...], Many(NAME, 64)] = ()
    timesteps: Annotated[tuple[str, ...], Many(NAME, 64)] = ()
    features: Annotated[tuple[str, ...], Many(NAME, 64)] = ()  # "upload", "image"…
    version: Annotated[str, Text(64)] = ""  # of the software


@dataclass(frozen=True)
class Error:
    code: Annotated[str, Text(64, 1)]  # of shared/errors.py
    text: Annotated[str, SENTENCE]  # for the user


@dataclass(frozen=True)
class Done:
    pass


@dataclass(frozen=True)
class Pong:
    pass


@dataclass(frozen=True)
class Job:
    info: Annotated[JobInfo, Record(JobInfo)]


@dataclass(frozen=True)
class Jobs:
    """Newest first."""

    jobs: Annotated[tuple[JobInfo, ...], Many(Record(JobInfo), 100)]
    more: Annotated[bool, Flag()] = False  # older ones are left


@dataclass(frozen=True)
class FileChunk:
    size: Annotated[int, COUNT]  # of the whole file
    offset: Annotated[int, COUNT]
    data: Annotated[np.ndarray, Array(("u1",), ("N",), CHUNK)]


@dataclass(frozen=True)
class Uploaded:
    digest: Annotated[str, DIGEST]
    have: Annotated[int, COUNT]  # bytes from the start; all of them: complete, and verified


@dataclass(frozen=True)
class Status:
    uptime: Annotated[float, SECONDS]
    workers: Annotated[tuple[WorkerInfo, ...], Many(Record(WorkerInfo), 64)]
    queued: Annotated[int, COUNT] = 0
    running: Annotated[int, COUNT] = 0
    paused: Annotated[int, COUNT] = 0
    done: Annotated[int, COUNT] = 0
    failed: Annotated[int, COUNT] = 0
    cancelled: Annotated[int, COUNT] = 0
    clients: Annotated[int, COUNT] = 0
    memory: Annotated[int, COUNT] = 0  # of the server process
    data: Annotated[int, COUNT] = 0  # bytes in the data folder, as last counted
    data_limit: Annotated[int, COUNT] = 0
    messages: Annotated[int, COUNT] = 0  # received and accepted since the start
    refused: Annotated[int, COUNT] = 0  # received and not
    previews: Annotated[int, COUNT] = 0  # sent
    retries: Annotated[int, COUNT] = 0  # of jobs whose worker died, hung or ran out of memory
    storage_error: Annotated[str, SENTENCE] = ""  # while the disk refuses to keep something


# ---- stream, to the client ----


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


REQUESTS = (Hello, Submit, ListJobs, GetJob, SetPriority, Delete, GetFile, Upload)
CONTROL = (Cancel, Pause, Resume, Ping, GetStatus, ReleaseMemory, Shutdown)
TO_STREAM = (Subscribe, Credit)
ANSWERS = (Welcome, Error, Done, Pong, Job, Jobs, FileChunk, Uploaded, Status)
STREAM = (News, Gone, Mesh, Texture)
# What may arrive on each socket of the server; `Error` aside, what comes back is ANSWERS or STREAM.
CHANNELS = {"requests": REQUESTS, "control": CONTROL, "stream": TO_STREAM}
MESSAGES: dict[str, Any] = {
    kind.__name__: kind for kind in (*REQUESTS, *CONTROL, *TO_STREAM, *ANSWERS, *STREAM)
}
