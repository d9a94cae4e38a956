"""One message of each kind, small and fixed; `python -m tests.wire.samples` writes golden.json.

golden.json holds the frames as they cross the wire, in hex, under a key of all "t": what a program
written from PROTOCOL.md must send and read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from shared import messages as m
from shared.codec import Envelope, encode, key_for

GOLDEN = Path(__file__).with_name("golden.json")
TOKEN = "t" * 64
KEY = key_for(TOKEN, "client", "requests")
ENVELOPE = Envelope(7, "5e" * 16, 6)
JOB = "0123456789abcdef" * 2

SETTINGS = m.Settings(
    *("a red wooden chair", "blurry", 2**63 - 1, "draft", "embedded", 1024, 8000, 0.9),
    *((-180.0, 180.0), (-10.0, 60.0), (2.8, 3.2), (40.0, 40.0), (0.0, 15.0)),
    *("csd", 7.5, "hifa", True, "1a" * 32, m.Refine("2b" * 32, "keep-topology", 0.2, True), 12.5),
    ("negative_weight=0.5",),
)
INFO = m.JobInfo(
    job=JOB,
    state="running",
    settings=SETTINGS,
    number=3,
    priority=-2,
    client="blender",
    created=1764000000.5,
    started=1764000001.0,
    device="cuda:0",
    attempts=2,
    stage="gaussians",
    step=12,
    steps=800,
    seconds_left=61.5,
    loss=0.25,
    memory=1 << 30,
    weights="ab" * 32,
    notes=("Ignored: 'enchanté'.",),
    files=(m.FileInfo("prop.glb", 123456),),
    stages=(m.StageTime("prior", 1.5, 0),),
)
TRIANGLE = {
    "positions": np.array([[0, 0, 0], [65535, 0, 0], [0, 32768, 1]], "<u2"),
    "colors": np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], "u1"),
    "faces": np.array([[0, 1, 2]], "<u2"),
    "uvs": np.array([[0, 0], [1, 0], [0, 0.5]], "<f4"),
}
WORKER = m.WorkerInfo("0", "cuda:0", "running", JOB, 1 << 30, 1)
SAMPLES: tuple[Any, ...] = (
    m.Hello("blender", "aa" * 16, "propsmith-blender 0.1.0"),
    m.Submit(JOB, SETTINGS, 5),
    m.ListJobs(("queued", "done"), 10, 4),
    m.GetJob(JOB),
    m.SetPriority(JOB, -3),
    m.Delete(JOB),
    m.GetFile(JOB, "prop.glb", 1 << 20),
    m.Upload("2b" * 32, 5, 2, np.frombuffer(b"abc", "u1")),
    m.Cancel(JOB),
    m.Pause(JOB),
    m.Resume(JOB),
    m.Ping(),
    m.GetStatus(),
    m.ReleaseMemory(),
    m.Shutdown(),
    m.Subscribe((JOB,), True, 0.5),
    m.Credit(9),
    m.Welcome(
        *("aa" * 16, "5e" * 16, "propsmith 0.1.0", ("draft",), ("embedded",), ("cpu",)),
        *(("x0", "csd"), ("annealed",), ("upload", "refine"), "0.1.0"),
    ),
    m.Error("unknown_job", "There is no job 7."),
    m.Done(),
    m.Pong(),
    m.Job(INFO),
    m.Jobs((INFO,), True),
    m.FileChunk(5, 2, np.frombuffer(b"abc", "u1")),
    m.Uploaded("2b" * 32, 5),
    m.Status(12.5, (WORKER,), 1, 1, 0, 3, data=10**9, data_limit=2 * 10**10),
    m.News(4, INFO),
    m.Gone(5, JOB),
    m.Mesh(6, JOB, "bake", 1, "0f" * 8, 3, -1.0, 2 / 65535, 1764000002.0, **TRIANGLE),
    m.Texture(7, JOB, "albedo", np.arange(12, dtype="u1").reshape(2, 2, 3)),
)


def frames_of(message: Any) -> list[str]:
    return [bytes(frame).hex() for frame in encode(message, ENVELOPE, KEY)]


if __name__ == "__main__":
    golden = {type(message).__name__: frames_of(message) for message in SAMPLES}
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")
