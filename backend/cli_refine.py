"""`propsmith refine MESH PROMPT -o FILE`: its own options, and checks of its paths. No torch.

In: the parser's commands; parsed arguments. Out: a parser; or InputError with one sentence.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from backend.errors import InputError
from backend.refine.request import KEEP, REMESH, STRENGTH, TEXTURE, RefineRequest


def add_refine(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """The options of `generate` are the caller's to add."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "refine",
        allow_abbrev=False,
        help="give a mesh that is there a new shape and look from a prompt",
        description="Refines a mesh: its vertices move within the strength, vertex count, order, "
        "faces, UVs and names stay, and its textures are new. Parts without UVs get some.",
    )
    parser.add_argument("mesh", metavar="MESH", type=Path, help="a .glb, .obj or .ply")
    group = parser.add_argument_group("refinement")
    modes = group.add_mutually_exclusive_group()
    modes.add_argument(
        "--keep-topology",
        dest="mode",
        action="store_const",
        const=KEEP,
        help="fail rather than lay out UVs where there are none",
    )
    modes.add_argument(
        "--texture-only",
        dest="mode",
        action="store_const",
        const=TEXTURE,
        help="move nothing, make textures",
    )
    modes.add_argument(
        "--remesh",
        dest="mode",
        action="store_const",
        const=REMESH,
        help="a new surface that begins with the mesh's shape; writes a .glb",
    )
    add = group.add_argument
    add(
        "--strength",
        metavar="S",
        type=_share,
        default=STRENGTH,
        help=f"0 to 1: how far a vertex may move, of the object's radius (default: {STRENGTH})",
    )
    add(
        "--mask",
        metavar="FILE|NAME",
        default="",
        help="what may change: an image over the UVs (white may), a vertex attribute (COLOR_0), a "
        "part or a material; nothing else changes by a bit",
    )
    return parser


def request_of(arguments: argparse.Namespace) -> RefineRequest:
    """Raises InputError for a mask that goes with no mode."""
    mode = arguments.mode or "auto"
    return RefineRequest(arguments.mesh, mode, arguments.strength, arguments.mask)


def check_mesh(arguments: argparse.Namespace) -> None:
    """Raises InputError for a mesh, a mask or an output that can't be; reads no mesh."""
    mesh, output = arguments.mesh, arguments.output
    if mesh.is_dir():
        raise InputError(f"'{mesh}' is a folder; name a .glb, .obj or .ply.")
    if not mesh.exists():
        raise InputError(f"There is no file '{mesh}'; name a .glb, .obj or .ply.")
    request = request_of(arguments)
    request.check_output(output)
    if arguments.height is not None:
        raise InputError("A refined mesh keeps its size: leave out --height.")
    if arguments.faces is not None and request.mode != REMESH:
        raise InputError("Faces stay as they are: leave out --faces, or add --remesh.")
    if output.exists() and output.samefile(mesh):
        raise InputError(f"The output is the mesh itself, '{mesh}'; name another file.")
    if request.mask_image and not request.mask_image.is_file():
        raise InputError(f"There is no mask image '{request.mask_image}'; name one that is there.")


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0 to 1")
    return value
