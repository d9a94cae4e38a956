"""`propsmith bench`: how fast both rasterisers and whole steps are on this machine.

In: parsed arguments. Out: a table on stdout, and with --json one line of JSON as its last.
"""

from __future__ import annotations

import argparse
import json


def add_bench(commands: argparse._SubParsersAction) -> None:
    """Its options."""
    parser = commands.add_parser(
        "bench",
        allow_abbrev=False,
        help="measure the rasterisers and whole steps on this machine",
        description="Milliseconds of both rasterisers, forward and backward, beside those of "
        "peers that are installed (pip install 'propsmith[bench]'), and what a whole step of "
        "score distillation costs over the prior's forward passes alone. Takes about five "
        "minutes on two CPU cores.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="few scenes and repeats: under two minutes")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="as for generate")
    add(
        "--prior",
        metavar="NAME|PATH",
        default="embedded",
        help="whose passes whole steps are compared with, as for generate (default: embedded)",
    )
    add(
        "--draws",
        type=int,
        choices=range(1, 17),
        metavar="N",
        help="draws of noise for each picture of whole steps, and as many passes of the prior "
        "(default: the draft preset's)",
    )
    add("--json", action="store_true", help="end stdout with one line of JSON")


def bench(arguments: argparse.Namespace) -> int:
    """Returns the exit code; raises PropsmithError with the sentence for the user."""
    from backend.cli_job import choose_device
    from backend.evaluate.bench.run import run

    def show(line: str) -> None:
        print(line, flush=True)

    device = choose_device(arguments.device)
    report = run(device, arguments.quick, show, arguments.prior, arguments.draws)
    if arguments.json:
        print(json.dumps(report.as_json()), flush=True)
    return 0
