"""What a client says to the server: one frozen dataclass for each message, socket by socket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from .checks import Array, Flag, Many, Maybe, Number, OneOf, Record, Text, Whole
from .limits import COUNT, DIGEST, JOB_ID, MOST_UPLOAD, NAME, NONCE, PRIORITY, STATES, UPLOAD_CHUNK
from .parts import Settings


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
    """Of a paused or failed job, or one that is still to be paused: it goes on from its
    checkpoint."""

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
