"""kill -9 of the worker, the server and both, again and again: nothing lost, all jobs end once."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from shared import messages as m
from shared.client import Client, Down, Up
from tests.service.conftest import (
    DEADLINE,
    Served,
    finish,
    state_is,
    submit,
    wait_for,
    wait_until,
)

Serve, Connect = Callable[..., Served], Callable[..., Client]


@pytest.mark.parametrize("victims", ["worker", "server", "both"])
def test_20_kills_lose_nothing(serve: Serve, connect: Connect, victims: str) -> None:
    served, client, random_ = serve(), connect(), random.Random(victims)
    jobs = [submit(client, f"steps=150 pause=0.01 bytes={1000 + n}") for n in range(3)]
    for _ in range(20):
        time.sleep(random_.uniform(0, 0.4))  # at any moment: also while starting, or between jobs
        workers = served.worker_pids()
        if victims != "server":
            for pid in workers:
                with suppress(ProcessLookupError):  # of the last kill, and cleared away meanwhile
                    os.kill(pid, signal.SIGKILL)
        if victims != "worker":
            served.kill()
            served.start()
            wait_until(lambda pids=workers: not any(map(alive, pids)), "the orphans' end")
    for number, job in enumerate(jobs):
        info = finish(client, job)
        assert info.state == "done", info
        assert len(b"".join(client.fetch(job, "prop.glb"))) == 1000 + number
        starts = runs_of(served, job)
        assert starts == sorted(starts)  # no run began before where an earlier one had saved
    assert client.call(m.GetStatus(), DEADLINE).done == 3
    assert len(served.worker_pids()) <= 1


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def runs_of(served: Served, job: str) -> list[int]:
    path = served.folder / "data" / "jobs" / job / "runs"
    return [int(line) for line in path.read_text().split()]


def test_a_client_takes_up_its_jobs_after_the_server_is_back(
    serve: Serve, connect: Connect
) -> None:
    served, client = serve(), connect()
    job = submit(client, "steps=300 pause=0.01")
    client.subscribe(job, interval=0)
    wait_for(client, lambda e: isinstance(e, m.News) and e.info.step > 3)
    served.kill()
    served.start()
    wait_for(client, lambda e: isinstance(e, Down))
    wait_for(client, lambda e: isinstance(e, Up))
    wait_for(client, state_is("done"))


def test_requests_that_were_under_way_are_answered_by_the_next_server(
    serve: Serve, connect: Connect
) -> None:
    served, client = serve(), connect()
    finish(client, submit(client, "steps=1"))
    answers: list[object] = []
    served.kill()
    job = "ab" * 16
    client.send(m.Submit(job, m.Settings("steps=1")), answers.append)
    client.pump()
    served.start()
    wait_until(lambda: client.pump(0.05) is not None and answers, "the answer")
    assert isinstance(answers[0], m.Job) and answers[0].info.job == job


def test_a_worker_that_crashes_once_is_forgiven(serve: Serve, connect: Connect) -> None:
    serve()
    client = connect()
    info = finish(client, submit(client, "steps=5 crash=3 once"))
    assert (info.state, info.attempts) == ("done", 2)
    assert client.call(m.GetStatus()).retries == 1


def test_a_job_that_always_crashes_fails_and_the_next_one_runs(
    serve: Serve, connect: Connect
) -> None:
    serve(crashes=2)
    client = connect()
    bad, good = submit(client, "crash=1"), submit(client)
    info = finish(client, bad)
    assert (info.state, info.error_code, info.attempts) == ("failed", "worker_died", 2)
    assert "2 times" in info.error and "--seed" in info.error
    assert finish(client, good).state == "done"


def test_a_hang_is_ended_and_tried_again(serve: Serve, connect: Connect) -> None:
    serve(hang_seconds=0.5)
    client = connect()
    info = finish(client, submit(client, "steps=5 hang=3 once"))
    assert (info.state, info.attempts) == ("done", 2)


def test_a_frozen_process_is_noticed(serve: Serve, connect: Connect) -> None:
    served, client = serve(silent_seconds=2.0), connect()
    job = submit(client, "steps=100 pause=0.02")
    client.subscribe(job, interval=0)
    wait_for(client, lambda e: isinstance(e, m.News) and e.info.step > 3)
    os.kill(served.worker_pids()[0], signal.SIGSTOP)
    info = finish(client, job)
    assert (info.state, info.attempts) == ("done", 2)


def test_a_hang_that_comes_back_fails(serve: Serve, connect: Connect) -> None:
    serve(hang_seconds=0.4, crashes=2)
    client = connect()
    info = finish(client, submit(client, "hang=1"))
    assert (info.state, info.error_code) == ("failed", "hung")
    assert "made no step" in info.error


def test_want_of_memory_names_the_setting_to_lower(serve: Serve, connect: Connect) -> None:
    serve()
    client = connect()
    info = finish(client, submit(client, "oom=1"))
    assert (info.state, info.error_code, info.attempts) == ("failed", "out_of_memory", 2)
    assert "--preset" in info.error
    again = client.call(m.Resume(info.job)).info
    assert again.state == "queued" and not again.error


def test_sigterm_saves_stops_and_the_job_goes_on_at_the_next_start(
    serve: Serve, connect: Connect
) -> None:
    served, client = serve(), connect()
    job = submit(client, "steps=300 pause=0.01")
    client.subscribe(job, interval=0)
    wait_for(client, lambda e: isinstance(e, m.News) and e.info.step > 5)
    workers = served.worker_pids()
    assert served.stop() == 0
    assert not any(map(alive, workers)) and not served.file.exists()
    served.start()
    assert finish(client, job).state == "done"
    assert runs_of(served, job)[1] > 5


def test_a_client_can_stop_the_server(serve: Serve, connect: Connect) -> None:
    served, client = serve(), connect()
    client.call(m.Shutdown())
    assert served.process is not None and served.process.wait(DEADLINE) == 0
