"""All messages, from one place; PROTOCOL.md explains how they follow each other.

Beside each field stands what it may hold: requests.py, answers.py and news.py have the messages,
parts.py what several of them carry, limits.py the limits. A field that a message does not have yet
takes its default; unknown ones are ignored.
"""

from __future__ import annotations

from typing import Any

from .answers import Done, Error, FileChunk, Job, Jobs, Pong, Status, Uploaded, Welcome
from .limits import (
    CHUNK,
    COUNT,
    DIGEST,
    DIRECTION,
    HEX,
    JOB_ID,
    MOST_PIXELS,
    MOST_UPLOAD,
    MOST_VERTICES,
    NAME,
    NONCE,
    OVER,
    PRIORITY,
    REFINE_MODES,
    SECONDS,
    SENTENCE,
    STATES,
    TIME,
    UPLOAD_CHUNK,
)
from .news import Gone, Mesh, News, Texture
from .parts import FileInfo, JobInfo, Refine, Settings, StageTime, WorkerInfo
from .requests import (
    Cancel,
    Credit,
    Delete,
    GetFile,
    GetJob,
    GetStatus,
    Hello,
    ListJobs,
    Pause,
    Ping,
    ReleaseMemory,
    Resume,
    SetPriority,
    Shutdown,
    Submit,
    Subscribe,
    Upload,
)

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

__all__ = [
    "ANSWERS",
    "CHANNELS",
    "CHUNK",
    "CONTROL",
    "COUNT",
    "DIGEST",
    "DIRECTION",
    "HEX",
    "JOB_ID",
    "MESSAGES",
    "MOST_PIXELS",
    "MOST_UPLOAD",
    "MOST_VERTICES",
    "NAME",
    "NONCE",
    "OVER",
    "PRIORITY",
    "REFINE_MODES",
    "REQUESTS",
    "SECONDS",
    "SENTENCE",
    "STATES",
    "STREAM",
    "TIME",
    "TO_STREAM",
    "UPLOAD_CHUNK",
    "Cancel",
    "Credit",
    "Delete",
    "Done",
    "Error",
    "FileChunk",
    "FileInfo",
    "GetFile",
    "GetJob",
    "GetStatus",
    "Gone",
    "Hello",
    "Job",
    "JobInfo",
    "Jobs",
    "ListJobs",
    "Mesh",
    "News",
    "Pause",
    "Ping",
    "Pong",
    "Refine",
    "ReleaseMemory",
    "Resume",
    "SetPriority",
    "Settings",
    "Shutdown",
    "StageTime",
    "Status",
    "Submit",
    "Subscribe",
    "Texture",
    "Upload",
    "Uploaded",
    "Welcome",
    "WorkerInfo",
]
