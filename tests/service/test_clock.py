"""A clock that jumps, hours forwards and backwards, under a server that runs: nobody minds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.files import FolderLock
from shared import messages as m
from shared.client import Client, Down
from tests.service.conftest import DEADLINE, Served, finish, submit, wait_for, wait_until
from tests.service.jumping_clock import LIBRARIES, environment_for, jump

HOUR = 3600.0
JUMPS = (6 * HOUR, -12 * HOUR, 400 * 24 * HOUR)
SWEEP = 5.5  # seconds: longer than between two of the server's looks at everything


@pytest.fixture(params=["libfaketime", "python"])
def set_clock(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[float], None]:
    """Of the servers, their workers, and the clients of this process."""
    if request.param == "libfaketime" and not LIBRARIES:
        pytest.skip("libfaketime is not installed")
    file, real = tmp_path / "clock", time.time
    jump(file, 0)
    for name, value in environment_for(request.param, file).items():
        monkeypatch.setenv(name, value)

    def set_to(seconds: float) -> None:
        jump(file, seconds)
        monkeypatch.setattr(time, "time", lambda: real() + seconds)

    return set_to


def test_jumps_change_nothing_but_what_people_read(
    serve: Callable[..., Served],
    connect: Callable[..., Client],
    set_clock: Callable[[float], None],
) -> None:
    serve()
    client = connect()
    digest = client.upload(b"a mesh")
    first = submit(client, "steps=400 pause=0.05")
    client.subscribe(everything=True, interval=0)
    wait_for(client, lambda e: isinstance(e, m.News) and e.info.step > 2)
    jobs, events = [first], list[Any]()
    for seconds in JUMPS:
        set_clock(seconds)
        jobs.append(submit(client, "steps=1"))
        created = client.call(m.GetJob(jobs[-1])).info.created
        assert created == pytest.approx(time.time(), abs=60)  # it did jump
        until = time.monotonic() + SWEEP
        while time.monotonic() < until:
            events += client.pump(0.1)
    assert client.call(m.GetJob(first)).info.state == "running"  # all that was within one job
    infos = [finish(client, job) for job in jobs]
    assert [(info.state, info.attempts) for info in infos] == [("done", 1)] * len(jobs)
    assert infos[0].started < infos[0].finished  # type: ignore[operator]
    assert not [event for event in events if isinstance(event, Down)]
    status = client.call(m.GetStatus())
    assert (status.retries, status.clients, status.workers[0].restarts) == (0, 1, 0)
    assert 3 * SWEEP < status.uptime < 10 * DEADLINE
    assert client.call(m.Upload(digest, 6, 0, np.zeros(0, "u1"))).have == 6  # kept an hour


def test_a_server_that_starts_in_the_past_goes_on_in_order(
    serve: Callable[..., Served],
    connect: Callable[..., Client],
    set_clock: Callable[[float], None],
) -> None:
    served, client = serve(), connect()
    jobs = [submit(client, "steps=200 pause=0.02")]
    for seconds in (-12 * HOUR, -24 * HOUR):
        served.kill()
        set_clock(seconds)
        served.start()
        jobs.append(submit(client, "steps=1"))
    ended: list[str] = []
    client.subscribe(everything=True, interval=0)

    def all_over() -> bool:
        for event in client.pump(0.2):
            if isinstance(event, m.News) and event.info.state in m.OVER:
                ended.extend([event.info.job] * (event.info.job not in ended))
        return len(ended) == len(jobs)

    wait_until(all_over, "all jobs' ends")
    assert ended == jobs
    assert all(client.call(m.GetJob(job)).info.state == "done" for job in jobs)


def test_a_lock_from_the_future_is_no_lock(tmp_path: Path) -> None:
    """Half written by a process that died; then the clock was set back."""
    path = tmp_path / "lock"
    path.touch()
    os.utime(path, (time.time() + 6 * HOUR,) * 2)
    lock = FolderLock(path)
    lock.acquire()
    assert path.read_text() == str(os.getpid())
    lock.release()
