"""What the server answers: one frozen dataclass for each message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from .checks import Array, Flag, Many, Record, Text
from .limits import CHUNK, COUNT, DIGEST, NAME, NONCE, SECONDS, SENTENCE
from .parts import JobInfo, WorkerInfo


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
