"""Jobs from submission to end, with a worker that does next to nothing; real processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared import messages as m
from shared.client import Client
from shared.errors import RemoteError
from tests.service.conftest import DEADLINE, Served, finish, state_is, submit, wait_for

Serve, Connect = Callable[..., Served], Callable[..., Client]


def test_a_job_runs_and_its_file_comes_back(serve: Serve, connect: Connect) -> None:
    serve()
    client = connect()
    job = submit(client, "steps=3 bytes=2500000")
    info = finish(client, job)
    assert (info.state, info.attempts, info.error) == ("done", 1, "")
    assert [f.name for f in info.files] == ["prop.glb"]
    content = b"".join(client.fetch(job, "prop.glb"))
    assert len(content) == info.files[0].size == 2_500_000
    assert content.startswith(b"steps=3")


def test_submitting_again_changes_nothing(serve: Serve, connect: Connect) -> None:
    serve()
    client = connect()
    job = submit(client)
    done = finish(client, job)
    again = client.call(m.Submit(job, m.Settings("another prompt")), DEADLINE).info
    assert again == done


def test_the_highest_priority_runs_first_then_the_earliest(serve: Serve, connect: Connect) -> None:
    serve()
    client = connect()
    client.subscribe(everything=True, interval=0)
    first = submit(client, "steps=1000 pause=0.01")
    wait_for(client, state_is("running"))
    low, middle, high = (submit(client, "steps=1", priority=p) for p in (-5, 0, 5))
    late = submit(client, "steps=1", priority=0)
    client.call(m.SetPriority(low, 7))
    client.call(m.Cancel(first))
    for job in (low, high, middle, late):
        finish(client, job)
    infos = [client.call(m.GetJob(job)).info for job in (low, high, middle, late)]
    started = [info.started for info in infos]
    assert started == sorted(started)  # type: ignore[type-var]


def test_pause_and_resume_go_on_from_the_checkpoint(serve: Serve, connect: Connect) -> None:
    served = serve()
    client = connect()
    job = submit(client, "steps=400 pause=0.005")
    client.subscribe(job, interval=0)
    wait_for(client, lambda e: isinstance(e, m.News) and e.info.step > 5)
    assert client.call(m.Pause(job)).info.wanted in ("paused", "")
    paused = wait_for(client, state_is("paused")).info
    assert paused.step >= 5 and not paused.wanted
    client.call(m.Resume(job))
    assert finish(client, job).state == "done"
    runs = (served.folder / "data" / "jobs" / job / "runs").read_text().split()
    assert len(runs) == 2 and int(runs[1]) >= 5


def test_cancelling_works_queued_running_and_hanging(serve: Serve, connect: Connect) -> None:
    serve(cancel_seconds=0.3)
    client = connect()
    hanging = submit(client, "hang=0")
    queued = submit(client)
    assert client.call(m.Cancel(queued)).info.state == "cancelled"
    client.subscribe(hanging, interval=0)
    wait_for(client, state_is("running"))
    client.call(m.Cancel(hanging))
    wait_for(client, state_is("cancelled"))
    assert finish(client, submit(client)).state == "done"


def test_what_a_state_does_not_allow_is_said(serve: Serve, connect: Connect) -> None:
    serve()
    client = connect()
    job = submit(client)
    finish(client, job)
    for request in (m.Pause(job), m.Cancel(job), m.Resume(job)):
        with pytest.raises(RemoteError, match="is done") as refused:
            client.call(request)
        assert refused.value.code == "wrong_state"
    client.call(m.Delete(job))
    with pytest.raises(RemoteError) as gone:
        client.call(m.GetJob(job))
    assert gone.value.code == "unknown_job"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (m.GetFile("0" * 32, "prop.glb"), "unknown_job"),
        (m.Submit("0" * 32, m.Settings("a", preset="huge")), "bad_settings"),
        (m.Submit("0" * 32, m.Settings("a", prior="/etc")), "bad_settings"),
        (m.Submit("0" * 32, m.Settings("  ")), "bad_settings"),
        (m.Cancel("0" * 32), "unknown_job"),
    ],
)
def test_requests_that_cannot_be_met(
    serve: Serve, connect: Connect, request_: Any, code: str
) -> None:
    serve()
    with pytest.raises(RemoteError) as refused:
        connect().call(request_)
    assert refused.value.code == code


def test_a_prior_that_is_pulled_is_offered_from_then_on(
    serve: Serve, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROPSMITH_MODELS", str(tmp_path / "models"))
    serve()
    first = connect()
    with pytest.raises(RemoteError, match="no prior 'sdxl'; it has embedded"):
        submit(first, prior="sdxl")
    assert first.welcome is not None and first.welcome.priors == ("embedded",)
    folder = tmp_path / "models" / "sdxl"
    folder.mkdir(parents=True)
    with pytest.raises(RemoteError, match="no prior 'sdxl'"):
        submit(first, prior="sdxl")  # not whole yet
    (folder / "pulled.json").write_text("{}")
    assert finish(first, submit(first, prior="sdxl")).state == "done"
    second = connect()
    finish(second, submit(second))
    assert second.welcome is not None and second.welcome.priors == ("embedded", "sdxl")


def test_only_files_of_the_outcome_are_given(serve: Serve, connect: Connect) -> None:
    served = serve()
    client = connect()
    job = submit(client)
    finish(client, job)
    assert (served.folder / "data" / "jobs" / job / "state.json").exists()
    for name in ("state.json", "../../token", "/etc/passwd"):
        with pytest.raises(RemoteError) as refused:
            client.call(m.GetFile(job, name))
        assert refused.value.code == "unknown_file"


def test_limits_on_jobs(serve: Serve, connect: Connect) -> None:
    serve(max_jobs=3, max_jobs_a_client=2)
    one, other = connect("one"), connect("other")
    jobs = [submit(one, "hang=0") for _ in range(2)]
    with pytest.raises(RemoteError, match="'one' has 2") as refused:
        submit(one)
    assert refused.value.code == "too_many"
    submit(other)
    with pytest.raises(RemoteError, match="server has 3"):
        submit(other)
    one.call(m.Cancel(jobs[1]))
    submit(other)


def test_pages_of_jobs(serve: Serve, connect: Connect) -> None:
    serve()
    client = connect()
    jobs = [submit(client, "hang=0") for _ in range(5)]
    page = client.call(m.ListJobs(limit=3))
    assert page.more and [i.job for i in page.jobs] == jobs[:1:-1]
    rest = client.call(m.ListJobs(before=page.jobs[-1].number))
    assert not rest.more and [i.job for i in rest.jobs] == [jobs[1], jobs[0]]
    assert client.call(m.ListJobs(states=("done",))).jobs == ()


def test_status_and_memory_given_back(serve: Serve, connect: Connect) -> None:
    served = serve()
    client = connect()
    finish(client, submit(client))
    status = client.call(m.GetStatus())
    assert status.done == 1 and status.memory > 0 and status.clients == 1
    assert [w.state for w in status.workers] == ["idle"]
    assert len(served.worker_pids()) == 1
    client.call(m.ReleaseMemory())
    wait_for_no_worker(client, served)
    assert finish(client, submit(client)).state == "done"


def test_idle_workers_end(serve: Serve, connect: Connect) -> None:
    served = serve(idle_seconds=0.2)
    client = connect()
    finish(client, submit(client))
    wait_for_no_worker(client, served)


def wait_for_no_worker(client: Client, served: Served) -> None:
    from tests.service.conftest import wait_until

    wait_until(lambda: client.call(m.GetStatus()).workers[0].state == "off", "the worker's end")
    assert served.worker_pids() == []


def test_two_devices_run_two_jobs_at_once(serve: Serve, connect: Connect) -> None:
    serve(devices=["cpu", "cpu"])
    client = connect()
    client.subscribe(everything=True, interval=0)
    jobs = {submit(client, "hang=0") for _ in range(2)}
    running: set[str] = set()

    def both(event: Any) -> bool:
        if state_is("running")(event):
            running.add(event.info.job)
        return running == jobs

    wait_for(client, both)
