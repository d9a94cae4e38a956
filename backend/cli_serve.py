"""`propsmith serve` and `propsmith keys`: the server, and who may come in from other machines.

In: parsed arguments. Out: an exit code; raises PropsmithError with the sentence for the user. No
torch: the workers have that.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from backend.errors import InputError


def add_serve(commands: argparse._SubParsersAction) -> None:
    """Their options."""
    _add_serve(commands)
    _add_keys(commands)


def _add_serve(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "serve",
        allow_abbrev=False,
        help="run the server that Blender and the commands below talk to",
        description="Runs jobs for clients, one at a time on each device, and keeps them on the "
        "disk: whatever is killed, they go on. Ctrl-C or SIGTERM saves and stops.",
    )
    add = parser.add_argument
    add("--connection-file", metavar="FILE", type=Path, help="where clients find the server")
    add("--data", metavar="DIR", type=Path, help="jobs, results, checkpoints, keys, logs")
    add("--bind", metavar="ADDRESS", default="127.0.0.1", help="another than loopback needs keys")
    add("--port", metavar="N", type=_port, default=0, help="and the next two (default: free ones)")
    add("--curve", action="store_true", help="encrypt and ask for keys on loopback too")
    add(
        "--device",
        metavar="NAMES",
        type=_devices,
        default=("auto",),
        help="one worker each: auto, cpu, or cuda:0,cuda:1 (default: auto)",
    )
    add(
        "--data-limit",
        metavar="GB",
        type=_gigabytes,
        default=20.0,
        help="of DIR: beyond it the oldest finished jobs lose their files (default: 20)",
    )
    add(
        "--prior",
        metavar="NAME=PATH",
        type=_prior,
        action="append",
        default=[],
        help="a folder that clients may ask for by NAME, beside embedded and what was pulled; may "
        "be given again",
    )
    add(
        "--idle",
        metavar="SECONDS",
        type=_seconds,
        default=300.0,
        help="after which a worker without a job ends and frees its memory (default: 300)",
    )


def _add_keys(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "keys",
        allow_abbrev=False,
        help="make and authorise keys for clients on other machines",
        description="Without options: lists the authorised clients. With --client: authorises one, "
        "and writes the connection file to copy to its machine.",
    )
    add = parser.add_argument
    add("--data", metavar="DIR", type=Path, help="as for serve")
    add("--client", metavar="NAME", help="authorise this client")
    add("--host", metavar="ADDRESS", help="of this machine, as the client sees it")
    add("--port", metavar="N", type=_port, help="as for serve, which must then be given it too")
    add(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="the client's connection file; - for stdout",
    )
    add("--public-key", metavar="KEY", help="authorise a pair that the client made itself")
    add("--revoke", metavar="NAME", help="lock a client out, at once")


def serve(arguments: argparse.Namespace) -> int:
    from backend.service.config import GIGABYTE, ServeConfig, default_data
    from backend.service.serve import serve as run
    from shared.connection import default_connection_file

    config = ServeConfig(
        data=arguments.data or default_data(),
        connection_file=arguments.connection_file or default_connection_file(),
        bind=arguments.bind,
        port=arguments.port,
        curve=arguments.curve,
        devices=arguments.device,
        data_limit=int(arguments.data_limit * GIGABYTE),
        priors={"embedded": "embedded", **dict(arguments.prior)},
        idle_seconds=arguments.idle,
    )

    def ready(path: Path) -> None:
        print(f"propsmith: serving; the connection file is {path}", file=sys.stderr, flush=True)

    run(config, ready)
    return 0


def keys(arguments: argparse.Namespace) -> int:
    from backend.service.config import default_data
    from backend.service.keys import KeyFolder

    data = arguments.data or default_data()
    folder = KeyFolder(data)
    try:
        if arguments.revoke:
            folder.revoke(arguments.revoke)
            print(f"Revoked '{arguments.revoke}'.")
        elif arguments.client and arguments.public_key:
            folder.authorise(arguments.client, arguments.public_key)
            print(f"Authorised '{arguments.client}'; the server's key is {folder.server()[0]}")
        elif arguments.client:
            _write_client(arguments, data)
        else:
            print(f"The server's public key: {folder.server()[0]}")
            for name, public in folder.clients().items():
                print(f"{name}: {public}")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"The keys in '{data}' can't be written: {reason}.") from error
    return 0


def _write_client(arguments: argparse.Namespace, data: Path) -> None:
    from backend.service.folder import DataFolder, write_private
    from backend.service.keys import KeyFolder
    from shared.connection import Connection, pairing_key
    from shared.messages import CHANNELS
    from shared.version import PROTOCOL

    if not (arguments.host and arguments.port and arguments.output):
        raise InputError(
            "--client needs --host, --port and -o FILE: how the client reaches this machine, and "
            "where to leave its connection file; or --public-key."
        )
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    addresses = {n: f"tcp://{host}:{arguments.port + i}" for i, n in enumerate(CHANNELS)}
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = Connection(addresses, DataFolder(data).token(), PROTOCOL)
    connection = KeyFolder(data).for_client(arguments.client, connection)
    piped = str(arguments.output) == "-"
    if piped:
        sys.stdout.write(connection.text())
    else:
        write_private(arguments.output, connection.text())
    tell = partial(print, file=sys.stderr if piped else sys.stdout)
    tell(f"Pairing key for Blender, private as the file is: {pairing_key(connection)}")
    tell(
        f"Wrote {'it' if piped else arguments.output}: copy it to '{arguments.client}', keep it "
        f"private, and start the server with --bind and --port {arguments.port}."
    )


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65533:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port from 1 to 65533")
    return int(text)


def _devices(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        kind, _, index = name.partition(":")
        plain = kind in ("auto", "cpu", "cuda") and not (index or name.endswith(":"))
        numbered = kind == "cuda" and index.isascii() and index.isdigit()
        if not plain and not numbered:
            raise argparse.ArgumentTypeError(f"'{name}' is not auto, cpu, cuda or cuda:NUMBER")
    return names


def _gigabytes(text: str) -> float:
    return _positive(text, "a number of gigabytes above 0")


def _seconds(text: str) -> float:
    return _positive(text, "a number of seconds above 0")


def _positive(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"'{text}' is not {what}")
    return value


def _prior(text: str) -> tuple[str, str]:
    name, _, path = text.partition("=")
    if not 1 <= len(name) <= 64 or not Path(path).is_dir():
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=PATH of a folder")
    return name, str(Path(path).absolute())
