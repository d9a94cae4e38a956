"""The command line: `propsmith generate "a red wooden chair" -o chair.glb`.

In: arguments. Out: a GLB; progress and warnings on stderr, a summary on stdout, an exit code:
0 done, 1 the run failed, 2 the request was wrong (nothing written), 130 stopped, resumable.
Only the standard library loads here, so that --help and bad input are answered at once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from backend import cli_client, cli_extension, cli_serve, cli_submit
from backend.cli_checks import check_paths
from backend.cli_parser import build_parser, join_negative_values
from backend.cli_signals import stop_on_signals
from backend.errors import GenerationError, InputError, Interrupted, PropsmithError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the process's exit code."""
    try:
        arguments = build_parser().parse_args(
            join_negative_values(sys.argv[1:] if argv is None else argv)
        )
        return COMMANDS[arguments.command](arguments)
    except PropsmithError as error:
        print(f"propsmith: {' '.join(str(error).split())}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "propsmith: Ended at once; --resume goes on from the last checkpoint, if any.",
            file=sys.stderr,
        )
        return Interrupted.exit_code


def _generate(arguments: argparse.Namespace) -> int:
    checkpoint_dir = check_paths(arguments)
    with stop_on_signals() as stop_requested:
        _prepare_process()
        from backend.cli_job import generate_from
        from backend.cli_progress import show_progress

        try:
            with show_progress() as display:
                result = generate_from(arguments, checkpoint_dir, display, stop_requested)
        except Interrupted as stopped:
            raise Interrupted(f"{stopped} Go on with the same command and --resume.") from stopped
        except OSError as error:
            raise InputError(f"Reading or writing a file failed: {error}.") from error
        except (MemoryError, RuntimeError) as error:
            if _is_out_of_memory(error):
                raise GenerationError(
                    f"The device's memory ran out with --preset {arguments.preset}; "
                    "try a smaller one, or --device cpu."
                ) from error
            raise
    print(result.summary())
    if arguments.json:
        print(json.dumps(result.as_json()), flush=True)
    return 0


def _bench(arguments: argparse.Namespace) -> int:
    _prepare_process()
    from backend.cli_bench import bench

    return bench(arguments)


def _models(arguments: argparse.Namespace) -> int:
    from backend.cli_models import models

    return models(arguments)


def _doctor(arguments: argparse.Namespace) -> int:
    from backend.cli_doctor import doctor

    return doctor(arguments)


COMMANDS = {
    "generate": _generate,
    "refine": _generate,
    "bench": _bench,
    "models": _models,
    "doctor": _doctor,
    "build-extension": cli_extension.build_extension,
    "serve": cli_serve.serve,
    "keys": cli_serve.keys,
    "submit": cli_submit.submit,
    "watch": cli_client.watch,
    "cancel": cli_client.change,
    "pause": cli_client.change,
    "resume": cli_client.change,
    "priority": cli_client.change,
    "delete": cli_client.delete,
    "jobs": cli_client.jobs,
    "status": cli_client.status,
}


def _prepare_process() -> None:
    """What must be set before torch and its friends load."""
    for name in ("TRANSFORMERS_VERBOSITY", "DIFFUSERS_VERBOSITY"):
        os.environ.setdefault(name, "error")
    from backend.runtime import prepare_process

    prepare_process()


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


if __name__ == "__main__":
    sys.exit(main())
