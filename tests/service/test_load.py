"""200 jobs of 8 clients that come and go: each ends once, in order, and nothing is left over."""

from __future__ import annotations

import os
import random
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from shared import messages as m
from shared.client import Client
from tests.service.conftest import DEADLINE, Served, finish, state_is, submit, wait_for, wait_until

Serve, Connect = Callable[..., Served], Callable[..., Client]
CLIENTS, EACH = 8, 25
MOST_GROWTH = 24 << 20


def come_and_go(file: Path, number: int, jobs: dict[str, int]) -> None:
    """Submits its jobs over several short lives, some of which end in the middle of a watch."""
    random_ = random.Random(number)
    left = EACH
    while left:
        with Client(file, f"client {number}") as client:
            for _ in range(min(left, random_.randrange(1, 6))):
                job, priority = secrets.token_hex(16), random_.randrange(-5, 6)
                client.call(m.Submit(job, m.Settings("steps=1"), priority), DEADLINE)
                jobs[job] = priority
                left -= 1
            client.subscribe(*jobs, everything=random_.random() < 0.5, interval=1.0)
            client.pump(random_.uniform(0, 0.1))


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_200_jobs_of_8_clients_that_come_and_go(serve: Serve, connect: Connect) -> None:
    served, client = serve(), connect("first")
    assert served.process is not None
    pid = served.process.pid
    warm: dict[str, int] = {}
    come_and_go(served.file, 99, warm)
    for job in warm:
        finish(client, job)
    client.call(m.ReleaseMemory())
    wait_until(lambda: not served.worker_pids(), "the worker's end")
    blocker = submit(client, "steps=100000 pause=0.01", priority=100)
    client.subscribe(blocker, interval=0)
    wait_for(client, state_is("running"))
    open_before, memory_before = descriptors(pid), client.call(m.GetStatus()).memory

    jobs: list[dict[str, int]] = [{} for _ in range(CLIENTS)]
    threads = [
        threading.Thread(target=come_and_go, args=(served.file, n, jobs[n])) for n in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    client.call(m.Cancel(blocker))
    priorities = {job: priority for of_one in jobs for job, priority in of_one.items()}
    assert len(priorities) == CLIENTS * EACH

    def all_done() -> bool:
        return client.call(m.GetStatus(), DEADLINE).done == CLIENTS * EACH + len(warm)

    wait_until(all_done, "200 jobs")
    infos = [client.call(m.GetJob(job), DEADLINE).info for job in priorities]
    assert {(info.state, info.attempts) for info in infos} == {("done", 1)}
    by_start = sorted(infos, key=lambda info: info.started or 0)
    assert by_start == sorted(infos, key=lambda info: (-info.priority, info.number))
    folders = served.folder / "data" / "jobs"
    assert all((folders / job / "runs").read_text() == "0\n" for job in priorities)

    # Clients that are gone take their sockets with them; the one worker keeps its link.
    wait_until(lambda: descriptors(pid) <= open_before, "the descriptors")
    assert len(served.worker_pids()) == 1
    assert client.call(m.GetStatus()).memory - memory_before < MOST_GROWTH


def test_a_slow_client_slows_no_job_and_ends_on_the_newest(serve: Serve, connect: Connect) -> None:
    """It takes one event a second while the worker offers a picture each step."""
    serve()
    client, other = connect("slow"), connect("other")
    job = submit(other, "steps=120 pause=0.005 vertices=20000")
    client.subscribe(job, interval=0.01)
    wait_for(client, lambda e: isinstance(e, m.Mesh))
    assert finish(other, job).state == "done"  # while the slow one does not pump at all
    seen = []
    while not (seen and seen[-1].stage == "gaussians" and seen[-1].vertices == 10):
        seen += [e for e in client.pump(1.0) if isinstance(e, m.Mesh)]
    assert len(seen) <= 3  # what was on its way, and the newest
