"""The real worker and pipeline behind the server, on tiny presets: same bytes, whatever dies."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from backend.service.portrait import PREVIEW, portrait
from shared import messages as m
from shared.client import Client
from shared.errors import ConnectionLost
from shared.preview import MeshView
from tests.service.conftest import ROOT, Served, finish, state_is, submit, wait_for, wait_until
from tests.tiny_models import write_embedded

PROMPT, SEED = "a red chair", 5
STAGES = ("prior", "gaussians", "solid", "mesh", "unwrap", "materials", "bake", "export")


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_embedded(tmp_path_factory.mktemp("prior"))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, prior: Path) -> bytes:
    """What the command line makes, where nobody watches and nothing dies."""
    folder = tmp_path_factory.mktemp("expected")
    command = [sys.executable, "tests/tiny_job.py", "generate", PROMPT, "--seed", str(SEED)]
    command += ["-o", str(folder / "prop.glb"), "--prior", str(prior), "--device", "cpu"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return (folder / "prop.glb").read_bytes()


@pytest.fixture
def served(tmp_path: Path, prior: Path) -> Iterator[Served]:
    server = Served(tmp_path, worker="tiny_worker.py", priors={"embedded": str(prior)})
    yield server.start()
    if server.process is not None:
        server.kill()


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(served.file, "tests") as client:
        yield client


def has_come_to(stage: str, step: int) -> Callable[[Any], bool]:
    """To that step or farther: the newest news overtakes older ones."""

    def far_enough(event: Any) -> bool:
        if not isinstance(event, m.News) or event.info.stage not in STAGES:
            return False
        place = STAGES.index(event.info.stage), event.info.step
        return place >= (STAGES.index(stage), step)

    return far_enough


def result(client: Client, job: str, name: str = "prop.glb") -> bytes:
    return b"".join(client.fetch(job, name))


def test_a_watched_job_ends_in_the_same_bytes_and_is_seen(
    served: Served, client: Client, expected: bytes
) -> None:
    job = submit(client, PROMPT, seed=SEED)
    client.subscribe(job, interval=0.1)
    view, textures, stages = MeshView(), dict[str, Any](), set[str]()
    done = None
    while done is None or len(textures) < 3:
        for event in client.pump(1.0):
            if isinstance(event, m.Mesh):
                view.apply(event)
            elif isinstance(event, m.Texture):
                textures[event.name] = event.pixels
            elif isinstance(event, m.News):
                stages.add(event.info.stage)
                done = event.info if event.info.state in m.OVER else done
    assert done is not None and done.state == "done", done
    assert result(client, job) == expected
    assert "gaussians" in stages  # of shorter ones the news may be overtaken
    assert len(view.faces) == done.faces and view.uvs is not None
    assert np.abs(view.positions).max() <= 1
    assert {n: p.shape for n, p in textures.items()} == dict.fromkeys(
        ("albedo", "orm", "normal"), (64, 64, 3)
    )
    assert [s.name for s in done.stages if s.steps] == ["gaussians", "mesh", "materials"]
    assert len(done.weights) == 64
    assert [file.name for file in done.files] == ["prop.glb", PREVIEW]
    with Image.open(io.BytesIO(result(client, job, PREVIEW))) as picture:
        assert picture.size == (256, 256) and picture.getchannel("A").getextrema() == (0, 255)
    loaded = Path(f"/proc/{served.process.pid}/maps").read_text()  # type: ignore[union-attr]
    assert "libtorch" not in loaded and "libzmq" in loaded


def test_killed_in_every_stage_it_ends_in_the_same_bytes(
    served: Served, client: Client, expected: bytes
) -> None:
    job = submit(client, PROMPT, seed=SEED)
    client.subscribe(job, interval=0)
    for stage, victims in (("gaussians", "worker"), ("mesh", "server"), ("materials", "both")):
        wait_for(client, has_come_to(stage, 1))
        kill(served, victims)
    info = finish(client, job)
    assert info.state == "done" and info.attempts == 4
    assert result(client, job) == expected
    prop = served.folder / "data" / "jobs" / job / "prop.glb"
    assert result(client, job, PREVIEW) == portrait([prop])
    assert not (prop.parent / "checkpoint").exists()


def test_killed_at_its_last_writes_it_loses_seconds(
    tmp_path: Path, prior: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint stays until the job is done, and not longer."""
    kills = tmp_path / "kills"
    kills.mkdir()
    monkeypatch.setenv("PROPSMITH_TEST_KILLS", str(kills))
    server = Served(tmp_path, worker="tiny_worker.py", priors={"embedded": str(prior)}).start()
    try:
        with Client(server.file, "tests") as client:
            job = submit(client, PROMPT, seed=SEED)
            info = finish(client, job)
            assert (info.state, info.attempts) == ("done", 4)  # killed in the end, it was done
            assert result(client, job) == expected
            files = {path.name for path in (tmp_path / "data" / "jobs" / job).iterdir()}
            assert files == {"prop.glb", PREVIEW, "outcome.json"}
        there = {path.name: int(path.read_text()) for path in kills.iterdir()}
        assert set(there) == {"prop.glb", PREVIEW, "outcome.json", "checkpoint"}
        assert min(there.values()) >= 3  # of the three stages that are optimised
    finally:
        server.kill()


def test_paused_it_goes_on_in_another_process(
    served: Served, client: Client, expected: bytes
) -> None:
    job = submit(client, PROMPT, seed=SEED)
    client.subscribe(job, interval=0)
    wait_for(client, has_come_to("gaussians", 3))
    client.call(m.Pause(job))
    wait_for(client, state_is("paused"))
    client.call(m.ReleaseMemory())
    wait_until(lambda: not served.worker_pids(), "the worker's end")
    client.call(m.Resume(job))
    assert finish(client, job).state == "done"
    assert result(client, job) == expected


@pytest.mark.slow
def test_kills_at_20_random_moments_change_no_byte(
    served: Served, client: Client, expected: bytes
) -> None:
    random_ = random.Random(0)
    jobs = [submit(client, PROMPT, seed=SEED)]
    for number in range(20):
        begun = wait_for_a_start(client, jobs)
        time.sleep(random_.uniform(0, 4))
        kill(served, ("worker", "server", "both")[number % 3])
        if state_of(client, begun) == "done":
            jobs.append(submit(client, PROMPT, seed=SEED))
    for job in jobs:
        assert finish(client, job).state == "done"
        assert result(client, job) == expected


def wait_for_a_start(client: Client, jobs: list[str]) -> str:
    """The job that runs; a new one where all are done."""

    def running() -> str | None:
        for job in jobs:
            if state_of(client, job) == "running":
                return job
        if all(state_of(client, job) == "done" for job in jobs):
            jobs.append(submit(client, PROMPT, seed=SEED))
        return None

    return wait_until(running, "a running job")


def state_of(client: Client, job: str) -> str:
    return client.call(m.GetJob(job), 60).info.state


def kill(served: Served, victims: str) -> None:
    """SIGKILL; the server is started again where it died."""
    workers = served.worker_pids()
    if victims != "server":
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
    if victims != "worker":
        served.kill()
        served.start()


def test_a_client_says_so_where_nobody_answers(tmp_path: Path, served: Served) -> None:
    client = Client(served.file)
    served.kill()
    with client, pytest.raises(ConnectionLost, match="is it running"):
        client.call(m.GetStatus(), timeout=0.5)
