"""What server and worker say to each other: the wire's frames, with messages of their own.

The server chooses a key for each worker process it starts, so that a stray process, or a worker
that was given up, is not heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from shared.checks import Many, Maybe, Number, OneOf, Record, Text, Whole
from shared.messages import COUNT, DIGEST, JOB_ID, SECONDS, SENTENCE, Mesh, Settings, Texture

PATH = Text(4096, 1)
# How a run can end, as the worker sees it.
ENDS = ("done", "stopped", "failed", "out_of_memory", "storage", "crashed")


# ---- to the worker ----


@dataclass(frozen=True)
class UploadedFile:
    digest: Annotated[str, DIGEST]
    path: Annotated[str, PATH]


@dataclass(frozen=True)
class Run:
    job: Annotated[str, JOB_ID]
    settings: Annotated[Settings, Record(Settings)]
    prior: Annotated[str, PATH]  # what stands behind the name in the settings
    folder: Annotated[str, PATH]  # the job's own
    checkpoint_seconds: Annotated[float, SECONDS] = 30.0
    uploads: Annotated[tuple[UploadedFile, ...], Many(Record(UploadedFile), 8)] = ()


@dataclass(frozen=True)
class Stop:
    """Save and stop, at the next step."""

    job: Annotated[str, JOB_ID]


@dataclass(frozen=True)
class Watch:
    """Seconds between two previews; 0: nobody looks."""

    interval: Annotated[float, Number(0, 3600)] = 0.0


@dataclass(frozen=True)
class Taken:
    """The last picture has arrived: the next may come."""


@dataclass(frozen=True)
class Quit:
    pass


# ---- from the worker ----


@dataclass(frozen=True)
class Ready:
    pid: Annotated[int, COUNT]
    device: Annotated[str, Text(64)]  # what "auto" came to


@dataclass(frozen=True)
class Beat:
    """Sent every second at least; `count` rises with every step of the job."""

    job: Annotated[str, Text(32)] = ""
    stage: Annotated[str, Text(64)] = ""
    step: Annotated[int, COUNT] = 0
    steps: Annotated[int, COUNT] = 0
    seconds_left: Annotated[float, SECONDS] = 0.0
    loss: Annotated[float | None, Maybe(Number())] = None
    memory: Annotated[int, COUNT] = 0
    count: Annotated[int, Whole()] = 0


@dataclass(frozen=True)
class Ended:
    """The worker is idle again; behind "done" stands outcome.json in the job's folder."""

    job: Annotated[str, JOB_ID]
    end: Annotated[str, OneOf(ENDS)]
    code: Annotated[str, Text(64)] = ""
    text: Annotated[str, SENTENCE] = ""


TO_WORKER: dict[str, Any] = {kind.__name__: kind for kind in (Run, Stop, Watch, Taken, Quit)}
FROM_WORKER: dict[str, Any] = {kind.__name__: kind for kind in (Ready, Beat, Ended, Mesh, Texture)}
