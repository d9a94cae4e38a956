"""`propsmith submit`: a job for the server, with the options of `generate`, and files sent ahead.

In: parsed arguments. Out: the job's id on stdout. No torch.
"""

from __future__ import annotations

import argparse
import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from backend.cli_server import client_parser, connected, priority
from backend.errors import InputError

if TYPE_CHECKING:
    from shared.client import Client
    from shared.messages import Refine, Settings

_SETTINGS = (
    *("prompt", "negative", "seed", "preset", "prior", "texture_size", "faces", "height"),
    *("azimuth", "elevation", "distance", "fov", "favour"),
    *("distillation", "guidance_scale", "timesteps", "perp_neg", "image_elevation"),
    "distillation_settings",
)
_MODES = {
    "keep-topology": "move the mesh's vertices, and make textures",
    "texture-only": "make textures, move nothing",
    "remesh": "make a new surface that begins with the mesh",
}


def add_submit(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Its own options; returns the parser, which takes a job's settings too."""
    parser = client_parser(commands, "submit", "queue a job at the server")
    parser.add_argument(
        "--priority", metavar="N", type=priority, default=0, help="-100 to 100; the highest first"
    )
    add = parser.add_argument_group("a mesh to start from, sent to the server").add_argument
    add("--mesh", metavar="FILE", type=Path, help="refine this mesh: GLB, OBJ, PLY or .npz")
    modes = parser.add_argument_group("with --mesh").add_mutually_exclusive_group()
    for name, text in _MODES.items():
        modes.add_argument(f"--{name}", dest="mode", action="store_const", const=name, help=text)
    add = parser.add_argument_group("with --mesh, too").add_argument
    add("--strength", metavar="S", type=_share, help="0 to 1: how far vertices move (0.3)")
    add("--masked", action="store_true", help="only where the mesh's mask allows it")
    return parser


def submit(arguments: argparse.Namespace) -> int:
    from shared.messages import Submit

    _check(arguments)
    with connected(arguments) as client:
        settings = _settings(client, arguments)
        job = secrets.token_hex(16)
        info = client.call(Submit(job, settings, arguments.priority)).info
    print(json.dumps({"job": info.job}) if arguments.json else f"Job {info.number}: {info.job}")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Raises InputError before anybody is asked."""
    alone = [f"--{n}" for n in ("strength", "masked") if getattr(arguments, n) not in (None, False)]
    alone += [f"--{arguments.mode}"] if arguments.mode else []
    if alone and not arguments.mesh:
        raise InputError(f"{alone[0]} is about a mesh: name its file with --mesh.")
    if arguments.prompt is None and (arguments.mesh or not arguments.image):
        raise InputError(
            'Say what to make: give a PROMPT, "a red wooden chair", or without a mesh a picture '
            "with --image FILE."
        )
    if arguments.image_elevation is not None and not arguments.image:
        raise InputError("--image-elevation is about a picture: name its file with --image.")
    for path in (arguments.image, arguments.mesh):
        if path and not path.is_file():
            raise InputError(f"There is no file '{path}'.")


def _settings(client: Client, arguments: argparse.Namespace) -> Settings:
    """Files are with the server when this returns. Raises InputError for what it lacks."""
    from shared.messages import Ping, Settings

    client.call(Ping())
    assert client.welcome is not None
    for name in ("image", "mesh"):
        feature = {"mesh": "refine"}.get(name, name)
        if getattr(arguments, name) and feature not in client.welcome.features:
            raise InputError(f"This server can't take --{name}: it is of an older version.")
    if arguments.distillation and not client.welcome.distillations:
        raise InputError("This server can't take --distillation: it is of an older version.")
    if arguments.distillation_settings and "distillation-settings" not in client.welcome.features:
        raise InputError("This server can't take --set: it is of an older version.")
    newer = arguments.prompt is None or arguments.image_elevation is not None
    if newer and "image-alone" not in client.welcome.features:
        raise InputError(
            "This server needs a PROMPT beside a picture, and takes no --image-elevation: it is of "
            "an older version."
        )
    values = {name: getattr(arguments, name) for name in _SETTINGS}
    values["prompt"] = arguments.prompt or " "
    values["distillation_settings"] = tuple(arguments.distillation_settings or ())
    image = _sent(client, arguments.image) if arguments.image else None
    refine = _refine(client, arguments) if arguments.mesh else None
    return Settings(**values, image=image, refine=refine)


def _refine(client: Client, arguments: argparse.Namespace) -> Refine:
    from shared.messages import Refine

    mesh, mode = _sent(client, arguments.mesh), arguments.mode or "auto"
    strength = Refine.strength if arguments.strength is None else arguments.strength
    return Refine(mesh, mode, strength, arguments.masked)


def _sent(client: Client, path: Path) -> str:
    try:
        return client.upload(path)
    except OSError as error:
        raise InputError(f"Cannot read '{path}': {error.strerror or error}.") from error


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0 to 1")
    return value
