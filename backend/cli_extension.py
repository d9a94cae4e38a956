"""`propsmith build-extension -o DIR`: the Blender extension, ready to install or to put on a web
server.

In: parsed arguments. Out: zips, index.json and index.html in DIR; the zips' paths on stdout, or
with --json one line of JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from backend.cli_checks import user_cache
from backend.errors import InputError
from backend.extension.wheels import PLATFORMS


def add_extension(commands: argparse._SubParsersAction) -> None:
    """Its options."""
    parser = commands.add_parser(
        "build-extension",
        allow_abbrev=False,
        help="make the Blender extension's zips and a repository to install them from",
        description="Makes the Blender extension: a zip for each platform with pyzmq's wheels, "
        "and a static repository (index.json, index.html) that any web server can offer.",
    )
    add = parser.add_argument
    add("-o", "--output", metavar="DIR", type=Path, required=True, help="where they go")
    add(
        "--platform",
        action="append",
        choices=PLATFORMS,
        help="only this one; may be given more than once (default: all)",
    )
    add(
        "--wheels",
        metavar="DIR",
        type=Path,
        help="where pyzmq's wheels lie, or are kept once pip has downloaded them (default: a "
        "folder in the user's cache)",
    )
    add(
        "--without-wheels",
        action="store_true",
        help="one zip that brings no pyzmq, for a Blender of a Linux distribution that runs on "
        "the system's Python: install pyzmq there (Debian: python3-zmq)",
    )
    add("--json", action="store_true", help="one line of JSON")


def build_extension(arguments: argparse.Namespace) -> int:
    """Returns the exit code; raises InputError with the sentence for the user."""
    from backend.extension.build import build_extension as build

    wheels = arguments.wheels or user_cache() / "propsmith" / "wheels"
    wheels = None if arguments.without_wheels else wheels
    platforms = [name for name in PLATFORMS if name in (arguments.platform or PLATFORMS)]
    try:
        archives = build(arguments.output, platforms, wheels)
    except OSError as error:
        raise InputError(f"Reading or writing a file failed: {error}.") from error
    paths = [str(path) for path in archives]
    print(json.dumps({"extensions": paths}) if arguments.json else "\n".join(paths), flush=True)
    return 0
