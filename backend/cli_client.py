"""`propsmith watch`, `cancel`, `pause`, `resume`, `delete`, `priority`, `jobs`, `status`: a client
on the command line, as `submit` is (cli_submit.py). What they share: cli_server.py.

In: parsed arguments. Out: lines on stdout, with --json one object a line; an exit code. No torch.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.cli_server import all_jobs, client_parser, connected, find_job, job_line, priority
from backend.errors import GenerationError, InputError

if TYPE_CHECKING:
    from shared.client import Client
    from shared.messages import JobInfo

_ABOUT_JOB = {
    "cancel": "stop a job for good",
    "pause": "save a job and stop it; its device goes to the next one",
    "resume": "let a paused or failed job go on from its checkpoint",
    "delete": "take a job off the list, with its files; not while it runs",
}


def add_client(commands: argparse._SubParsersAction) -> None:
    """Their options."""
    watch = client_parser(commands, "watch", "follow a job until it is over", job=True)
    add = watch.add_argument
    add("-o", "--output", metavar="FILE", type=Path, help="fetch the prop when it is done")
    add("--folder", metavar="DIR", type=Path, help="fetch all its files when it is done")
    for name, text in _ABOUT_JOB.items():
        client_parser(commands, name, text, job=True)
    first = client_parser(commands, "priority", "let a job wait less, or more", job=True)
    first.add_argument("priority", metavar="N", type=priority, help="-100 to 100; highest first")
    client_parser(commands, "jobs", "list the server's jobs, the newest first")
    client_parser(commands, "status", "what the server does: jobs, workers, memory, disk")


def watch(arguments: argparse.Namespace) -> int:
    """Exit code 0 where the prop is done, 1 where the job failed or was cancelled."""
    from shared.messages import OVER, Gone, News

    with connected(arguments) as client:
        job = find_job(client, arguments.job).job
        client.subscribe(job, interval=0)
        shown = None
        while True:
            for event in client.pump(timeout=1.0):
                if isinstance(event, Gone):
                    raise GenerationError(f"Job {job} has been deleted.")
                if not isinstance(event, News) or event.info.job != job:
                    continue
                if (line := job_line(event.info, arguments.json)) != shown:
                    print(shown := line, flush=True)
                if event.info.state in OVER:
                    return _end(client, event.info, arguments)


def _end(client: Client, info: JobInfo, arguments: argparse.Namespace) -> int:
    if info.state != "done":
        return 1
    names = [file.name for file in info.files]
    if (arguments.output or arguments.folder) and not names:
        raise InputError(f"The files of job {info.job} are gone: the data folder was full.")
    if output := arguments.output:
        _fetch(client, info.job, _file_for(output, names), output)
    for name in names if arguments.folder else ():
        if Path(name).name == name:  # the server names files, never folders
            _fetch(client, info.job, name, arguments.folder / name)
    return 0


def _file_for(output: Path, names: list[str]) -> str:
    """The first file of that format. Raises InputError where there is none."""
    for name in names:
        if Path(name).suffix.lower() == output.suffix.lower():
            return name
    raise InputError(f"The job made no file like '{output.name}', but {', '.join(names)}.")


def _fetch(client: Client, job: str, name: str, output: Path) -> None:
    """Whole or not at all."""
    from backend.files import replace_atomically

    def write(file: Any) -> None:
        for part in client.fetch(job, name):
            file.write(part)

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        replace_atomically(output, write)
    except OSError as error:
        raise InputError(f"Cannot write '{output}': {error.strerror or error}.") from error


def change(arguments: argparse.Namespace) -> int:
    """cancel, pause, resume, priority."""
    from shared import messages as m

    kinds = {"cancel": m.Cancel, "pause": m.Pause, "resume": m.Resume}
    with connected(arguments) as client:
        job = find_job(client, arguments.job).job
        if arguments.command == "priority":
            info = client.call(m.SetPriority(job, arguments.priority)).info
        else:
            info = client.call(kinds[arguments.command](job)).info
    print(job_line(info, arguments.json))
    return 0


def delete(arguments: argparse.Namespace) -> int:
    from shared.messages import Delete

    with connected(arguments) as client:
        job = find_job(client, arguments.job).job
        client.call(Delete(job))
    print(json.dumps({"job": job, "deleted": True}) if arguments.json else f"Deleted {job}.")
    return 0


def jobs(arguments: argparse.Namespace) -> int:
    with connected(arguments) as client:
        for info in all_jobs(client):
            print(job_line(info, arguments.json))
    return 0


def status(arguments: argparse.Namespace) -> int:
    from shared.checks import plain
    from shared.messages import STATES, GetStatus

    with connected(arguments) as client:
        found = client.call(GetStatus())
    if arguments.json:
        print(json.dumps(plain(found)))
        return 0
    print("jobs     " + ", ".join(f"{getattr(found, state)} {state}" for state in STATES))
    for worker in found.workers:
        memory = f", {worker.memory / 1e6:.0f} MB" if worker.memory else ""
        job = f", job {worker.job[:8]}" if worker.job else ""
        print(f"worker   {worker.name} on {worker.device}: {worker.state}{job}{memory}")
    print(f"server   up {found.uptime:.0f} s, {found.memory / 1e6:.0f} MB, {found.clients} clients")
    print(f"disk     {found.data / 1e9:.2f} of {found.data_limit / 1e9:g} GB")
    if found.storage_error:
        print(f"trouble  {found.storage_error}")
    return 0
