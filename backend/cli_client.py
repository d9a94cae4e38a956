"""`propsmith submit`, `watch`, `cancel`, `pause`, `resume`, `jobs`: a client on the command line.

In: parsed arguments. Out: lines on stdout, with --json one object a line; an exit code. No torch.
"""

from __future__ import annotations

import argparse
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.errors import GenerationError, InputError, PropsmithError

if TYPE_CHECKING:
    from shared.client import Client
    from shared.messages import JobInfo

_SETTINGS = (
    *("prompt", "negative", "seed", "preset", "prior", "texture_size", "faces", "height"),
    *("azimuth", "elevation", "distance", "fov", "favour"),
)
_ABOUT_JOB = {
    "cancel": "stop a job for good",
    "pause": "save a job and stop it; its device goes to the next one",
    "resume": "let a paused or failed job go on from its checkpoint",
}


def add_client(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Their options; returns the parser of `submit`, which takes a job's settings too."""
    submit = _parser(commands, "submit", "queue a job at the server")
    submit.add_argument(
        "--priority", metavar="N", type=_priority, default=0, help="-100 to 100; the highest first"
    )
    watch = _parser(commands, "watch", "follow a job until it is over", job=True)
    watch.add_argument(
        "-o", "--output", metavar="FILE.glb", type=Path, help="fetch the prop when it is done"
    )
    for name, text in _ABOUT_JOB.items():
        _parser(commands, name, text, job=True)
    _parser(commands, "jobs", "list the server's jobs, the newest first")
    return submit


def _parser(
    commands: argparse._SubParsersAction, name: str, text: str, job: bool = False
) -> argparse.ArgumentParser:
    description = f"{text[:1].upper()}{text[1:]}."
    parser = commands.add_parser(name, allow_abbrev=False, help=text, description=description)
    if job:
        parser.add_argument("job", metavar="JOB", help="its id, the beginning of it, or its number")
    group = parser.add_argument_group("the server")
    group.add_argument("--connection-file", metavar="FILE", type=Path, help="as serve was given")
    group.add_argument("--json", action="store_true", help="print JSON, one object a line")
    return parser


def submit(arguments: argparse.Namespace) -> int:
    from shared.messages import Settings, Submit

    settings = Settings(**{name: getattr(arguments, name) for name in _SETTINGS})
    with _client(arguments) as client:
        job = secrets.token_hex(16)
        info = client.call(Submit(job, settings, arguments.priority)).info
    print(json.dumps({"job": info.job}) if arguments.json else f"Job {info.number}: {info.job}")
    return 0


def watch(arguments: argparse.Namespace) -> int:
    """Exit code 0 where the prop is done, 1 where the job failed or was cancelled."""
    from shared.messages import OVER, Gone, News

    with _client(arguments) as client:
        job = _find(client, arguments.job).job
        client.subscribe(job, interval=0)
        shown = None
        while True:
            for event in client.pump(timeout=1.0):
                if isinstance(event, Gone):
                    raise GenerationError(f"Job {job} has been deleted.")
                if not isinstance(event, News) or event.info.job != job:
                    continue
                if (line := _line(event.info, arguments.json)) != shown:
                    print(shown := line, flush=True)
                if event.info.state in OVER:
                    return _end(client, event.info, arguments)


def _end(client: Client, info: JobInfo, arguments: argparse.Namespace) -> int:
    if info.state != "done":
        return 1
    if arguments.output:
        from backend.files import replace_atomically

        def write(file: Any) -> None:
            for part in client.fetch(info.job, info.files[0].name):
                file.write(part)

        if not info.files:
            raise InputError(f"The files of job {info.job} are gone: the data folder was full.")
        try:
            replace_atomically(arguments.output, write)
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"Cannot write '{arguments.output}': {reason}.") from error
    return 0


def change(arguments: argparse.Namespace) -> int:
    """cancel, pause, resume."""
    from shared import messages as m

    kind = {"cancel": m.Cancel, "pause": m.Pause, "resume": m.Resume}[arguments.command]
    with _client(arguments) as client:
        info = client.call(kind(_find(client, arguments.job).job)).info
    print(_line(info, arguments.json))
    return 0


def jobs(arguments: argparse.Namespace) -> int:
    with _client(arguments) as client:
        for info in _all_jobs(client):
            print(_line(info, arguments.json))
    return 0


@contextmanager
def _client(arguments: argparse.Namespace) -> Iterator[Client]:
    """What goes wrong on the way comes out as a PropsmithError."""
    import backend
    from shared.client import Client
    from shared.connection import ConnectionFileError, default_connection_file, read_connection
    from shared.errors import ConnectionLost, RemoteError

    path = arguments.connection_file or default_connection_file()
    try:
        read_connection(path)  # absent: say so at once; while watching, it may come back
        with Client(path, "command-line", f"propsmith {backend.__version__}") as client:
            yield client
    except (ConnectionFileError, RemoteError) as error:
        raise InputError(str(error)) from error
    except ConnectionLost as error:
        raise PropsmithError(str(error)) from error


def _find(client: Client, text: str) -> JobInfo:
    """Raises InputError where none or more than one is meant."""
    from shared.messages import HEX, GetJob

    if len(text) == 32 and set(text) <= set(HEX):
        return client.call(GetJob(text)).info
    found = []
    for info in _all_jobs(client):
        if text == str(info.number):
            return info
        if len(text) >= 4 and info.job.startswith(text):
            found.append(info)
    if len(found) != 1:
        reason = "no job" if not found else f"{len(found)} jobs"
        raise InputError(f"'{text}' means {reason}; 'propsmith jobs' lists them.")
    return found[0]


def _all_jobs(client: Client) -> Iterator[JobInfo]:
    from shared.messages import ListJobs

    before = None
    while True:
        page = client.call(ListJobs(before=before))
        yield from page.jobs
        if not page.more:
            return
        before = page.jobs[-1].number


def _line(info: JobInfo, as_json: bool) -> str:
    from shared.checks import plain

    if as_json:
        return json.dumps(plain(info))
    place = f"  {info.stage} {info.step}/{info.steps}" if info.steps else ""
    left = f"  {round(info.seconds_left)} s left" if info.seconds_left >= 1 else ""
    wanted = f" (to be {info.wanted})" if info.wanted else ""
    text = f"  {info.error}" if info.error else ""
    about = f"{info.number}  {info.job[:8]}  {info.state}{wanted}{place}{left}"
    return f"{about}  {info.settings.prompt}{text}"


def _priority(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 1000
    if not -100 <= value <= 100:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from -100 to 100")
    return value
