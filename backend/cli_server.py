"""What the commands that talk to a server share: their options, the client, which job is meant.

In: parsed arguments. Out: a connected client whose errors are sentences for the user; jobs, and
their lines. No torch.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backend.errors import InputError, PropsmithError

if TYPE_CHECKING:
    from shared.client import Client
    from shared.messages import JobInfo

KNOCK_SECONDS = 2.0


def client_parser(
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


@contextmanager
def connected(arguments: argparse.Namespace) -> Iterator[Client]:
    """What goes wrong on the way comes out as a PropsmithError."""
    import backend
    from shared.client import Client
    from shared.connection import ConnectionFileError, default_connection_file, read_connection
    from shared.errors import ConnectionLost, RemoteError

    path = arguments.connection_file or default_connection_file()
    try:
        # Absent or a dead server's: say so at once. Later, while watching, it may come back.
        _knock(read_connection(path).addresses["requests"], path)
        with Client(path, "command-line", f"propsmith {backend.__version__}") as client:
            yield client
    except (ConnectionFileError, RemoteError) as error:
        raise InputError(str(error)) from error
    except ConnectionLost as error:
        raise PropsmithError(str(error)) from error


def _knock(address: str, path: Path) -> None:
    """Raises InputError where nobody listens; whoever is slow gets the time that a call has."""
    import socket
    from urllib.parse import urlsplit

    try:
        place = urlsplit(address)
        socket.create_connection((place.hostname or "", place.port or 0), KNOCK_SECONDS).close()
    except ConnectionRefusedError as error:
        raise InputError(
            f"No server listens at {address}, which '{path}' names: it has ended; start it again "
            "with 'propsmith serve'."
        ) from error
    except (OSError, ValueError):
        return


def find_job(client: Client, text: str) -> JobInfo:
    """Raises InputError where none or more than one is meant."""
    from shared.messages import HEX, GetJob

    if len(text) == 32 and set(text) <= set(HEX):
        return client.call(GetJob(text)).info
    found = []
    for info in all_jobs(client):
        if text == str(info.number):
            return info
        if len(text) >= 4 and info.job.startswith(text):
            found.append(info)
    if len(found) != 1:
        reason = "no job" if not found else f"{len(found)} jobs"
        raise InputError(f"'{text}' means {reason}; 'propsmith jobs' lists them.")
    return found[0]


def all_jobs(client: Client) -> Iterator[JobInfo]:
    from shared.messages import ListJobs

    before = None
    while True:
        page = client.call(ListJobs(before=before))
        yield from page.jobs
        if not page.more:
            return
        before = page.jobs[-1].number


def job_line(info: JobInfo, as_json: bool) -> str:
    from shared.checks import plain

    if as_json:
        return json.dumps(plain(info))
    place = f"  {info.stage} {info.step}/{info.steps}" if info.steps else ""
    left = f"  {round(info.seconds_left)} s left" if info.seconds_left >= 1 else ""
    wanted = f" (to be {info.wanted})" if info.wanted else ""
    text = f"  {info.error}" if info.error else ""
    about = f"{info.number}  {info.job[:8]}  {info.state}{wanted}{place}{left}"
    return f"{about}  {info.settings.prompt.strip() or '(a picture)'}{text}"


def priority(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 1000
    if not -100 <= value <= 100:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from -100 to 100")
    return value
