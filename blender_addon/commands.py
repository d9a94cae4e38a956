"""`blender --command propsmith JOBS.toml -o DIR`: props without a window, each in a .blend file.

In: a job file (job_file.py) and a running server. Out: DIR/NAME.blend for each job, with the prop,
its packed textures and its provenance, and with LODs and a collision shape if asked for. Exit code
0: all are there; 1: some are not; 2: the command itself was wrong, or there is no server.

Where there is no --command: `blender -b --python-expr "from bl_ext.user_default.propsmith import
commands; commands.main()" -- JOBS.toml -o DIR`.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import bpy

from . import hull, lods, provenance, refined_files
from .job_file import JobFileError, Order, read_orders
from .wire import ZMQ_PROBLEM, client, connection, errors, messages

NAME = "propsmith"
PROP = "prop.glb"
SERVER_SECONDS = 10.0  # for a first answer
Say = Callable[[str], None]
_handle: Any = None


class CommandError(Exception):
    """One sentence for the user; exit code 2."""


class PropError(Exception):
    """Why one prop is not there; the others go on."""


@dataclass
class Run:
    """One job on the server."""

    order: Order
    job: str
    info: messages.JobInfo | None = None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message[:1].upper()}{message[1:]}; --help has the options.")


def parser() -> argparse.ArgumentParser:
    made = _Parser(
        prog=f"blender --command {NAME}",
        description="Makes the props of a job file on a running server and saves .blend files.",
    )
    add = made.add_argument
    add("jobs", metavar="JOBS", type=Path, help="a job file, .toml or .json")
    add("-o", "--output", metavar="DIR", type=Path, required=True, help="for the .blend files")
    add("--connection-file", metavar="FILE", type=Path, help="of the server (default: the user's)")
    add("--lods", metavar="N", type=int, default=0, help="levels of detail, each half of the last")
    add("--collision", choices=[s[0].lower() for s in hull.SHAPES], help="adds a collision shape")
    add("--overwrite", action="store_true", help="replace .blend files that are there")
    return made


def execute(argv: Sequence[str]) -> int:
    """The exit code. Errors go to standard error, one sentence each."""
    try:
        options = parser().parse_args(list(argv))
        return _run(options, lambda text: _say(text, sys.stdout))
    except SystemExit as end:  # --help
        return int(end.code or 0)
    except (CommandError, JobFileError) as error:
        _say(f"propsmith: {error}", sys.stderr)
        return 2


def main() -> NoReturn:
    """For `blender -b --python-expr`: the arguments are those behind `--`."""
    given = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    sys.exit(execute(given))


def _say(text: str, stream: Any) -> None:
    stream.write(text + "\n")
    stream.flush()


def _run(options: argparse.Namespace, say: Say) -> int:
    orders = read_orders(options.jobs)
    if not 0 <= options.lods <= 8:
        raise CommandError(f"--lods {options.lods} is not a whole number from 0 to 8.")
    there = [o.name for o in orders if (options.output / f"{o.name}.blend").exists()]
    if there and not options.overwrite:
        raise CommandError(f"'{there[0]}.blend' is there already; add --overwrite to replace it.")
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"'{options.output}' can't be made: {error.strerror}.") from error
    if client is None:
        raise CommandError(ZMQ_PROBLEM)
    file = options.connection_file or connection.default_connection_file()
    with client.Client(file, f"blender-command-{secrets.token_hex(4)}", "blender") as server:
        return _follow(server, orders, options, say)


def _follow(server: Any, orders: list[Order], options: argparse.Namespace, say: Say) -> int:
    """Submits all, and saves each when it is done."""
    lost = 0
    runs: list[Run] = []
    digests: dict[Path, str] = {}
    for order in orders:
        job = secrets.token_hex(16)
        try:
            settings = order.named(_sent(server, order, digests))
            server.call(messages.Submit(job, settings), SERVER_SECONDS)
            runs.append(Run(order, job))
        except (PropError, OSError) as error:
            say(f"{order.name}: {error}")
            lost += 1
        except errors.RemoteError as error:
            say(f"{order.name}: {error.text}")
            lost += 1
        except errors.ConnectionLost as error:
            raise CommandError(str(error)) from error
    server.subscribe(*(run.job for run in runs), interval=0.0)
    waiting = {run.job: run for run in runs}
    while waiting:
        for event in server.pump(timeout=0.2):
            if isinstance(event, messages.News) and event.info.job in waiting:
                _tell(waiting[event.info.job], event.info, say)
        # Outside the loop above: saving takes a while, and answers must not pile up behind it.
        for run in [r for r in waiting.values() if r.info and _is_over(r.info)]:
            del waiting[run.job]
            try:
                say(f"{run.order.name}: wrote {_finish(server, run, options)}")
            except PropError as error:
                say(f"{run.order.name}: {error}")
                lost += 1
    return 1 if lost else 0


def _sent(server: Any, order: Order, digests: dict[Path, str]) -> dict[Path, str]:
    """The order's files are with the server. Raises PropError, OSError, or as `upload` does."""
    needs = {"image": order.image, "refine": order.mesh}
    if order.image and not order.settings.prompt.strip():
        needs["image-alone"] = order.image
    if any(needs.values()):
        server.call(messages.Ping(), SERVER_SECONDS)
    for feature, path in needs.items():
        if path and feature not in server.welcome.features:
            raise PropError(f"this server can't do '{feature}': it is of an older version")
        if path and path not in digests:
            digests[path] = server.upload(path)
    return digests


def _is_over(info: messages.JobInfo) -> bool:
    return info.state in (*messages.OVER, "paused")


def _tell(run: Run, info: messages.JobInfo, say: Say) -> None:
    before, run.info = run.info, info
    if before is None or (before.state, before.stage) != (info.state, info.stage):
        say(f"{run.order.name}: {info.state} {info.stage}".rstrip())


def _finish(server: Any, run: Run, options: argparse.Namespace) -> Path:
    info = run.info
    assert info is not None
    if info.state != "done":
        raise PropError(info.error or f"the job was {info.state}")
    thing, *others = _brought(server, info, run.order.name)
    for made in (thing, *others):
        provenance.write(made, provenance.origin_of(info, server.welcome.server))
    if options.lods:
        lods.make_lods(bpy.context, thing, [0.5**n for n in range(1, options.lods + 1)])
    if options.collision:
        hull.make_collision(thing, options.collision.upper(), "UNREAL")
    return save(options.output / f"{run.order.name}.blend")


def _brought(server: Any, info: messages.JobInfo, name: str) -> list[bpy.types.Object]:
    """The job's objects in a new file, the one that counts first. Raises PropError."""
    refines = info.settings.refine is not None
    names = refined_files.needed([f.name for f in info.files]) if refines else [PROP]
    try:
        files = {name: b"".join(server.fetch(info.job, name)) for name in names}
    except (errors.RemoteError, errors.ConnectionLost) as error:
        raise PropError(f"its file did not come: {error}") from error
    if not refines:
        return [import_prop(files[PROP], name)]
    bpy.ops.wm.read_homefile(use_empty=True, app_template="")
    try:
        made = refined_files.bring_in(files, name)
    except refined_files.RefinedError as error:
        raise PropError(str(error)) from error
    bpy.context.view_layer.objects.active = made[0]
    return made


def import_prop(data: bytes, name: str) -> bpy.types.Object:
    """Into a new, empty file. Raises PropError for what is no GLB with a mesh."""
    bpy.ops.wm.read_homefile(use_empty=True, app_template="")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.glb"
        file.write_bytes(data)
        try:
            bpy.ops.import_scene.gltf(filepath=str(file))
        except RuntimeError as error:
            text = str(error).strip().splitlines()[-1]
            raise PropError(f"Blender can't open the prop: {text}") from error
    found = [thing for thing in bpy.context.scene.objects if thing.type == "MESH"]
    if not found:
        raise PropError("the server's file has no mesh in it")
    found[0].name = found[0].data.name = name
    bpy.context.view_layer.objects.active = found[0]
    return found[0]


def save(path: Path) -> Path:
    """Everything packed. Raises PropError."""
    started = time.time()
    try:
        bpy.ops.file.pack_all()
        bpy.ops.wm.save_as_mainfile(filepath=str(path.absolute()), compress=True, copy=True)
    except RuntimeError as error:
        raise PropError(f"'{path}' can't be written: {str(error).strip()}") from error
    if not path.is_file() or path.stat().st_mtime < started - 5:
        raise PropError(f"'{path}' can't be written: is the disk full?")
    return path


def register() -> None:
    global _handle
    _handle = bpy.utils.register_cli_command(NAME, execute)


def unregister() -> None:
    bpy.utils.unregister_cli_command(_handle)
