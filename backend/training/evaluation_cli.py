"""The commands of `python -m backend.training` that measure: attributes, evaluate, evaluate-props.

What they measure is in evaluation.py and in backend/evaluate; here it is printed and written down.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from backend.errors import InputError
from backend.runtime import prepare_process

if TYPE_CHECKING:
    from backend.training.examples import Examples

COMMANDS = ("attributes", "evaluate", "evaluate-props")


def add_commands(commands) -> None:
    """commands: what `add_subparsers` gave."""
    attributes = commands.add_parser("attributes", help="train the attribute classifier")
    attributes.add_argument("file", type=Path, help="its weights, to be written (.safetensors)")
    attributes.add_argument("--minutes", type=float, default=4.0, help="of processor time")
    attributes.add_argument("--props", type=int, default=18, help="to render, of each kind")
    attributes.add_argument("--threads", type=int, default=1)
    attributes.add_argument("--prior", help="a name or folder: only the kinds that it knows")
    evaluate = commands.add_parser("evaluate", help="DDIM samples of a prior against real renders")
    evaluate.add_argument("prior", help="its name or folder")
    evaluate.add_argument("attributes", type=Path, help="the attribute classifier's weights")
    evaluate.add_argument("out", type=Path, help="the JSON file to be written")
    evaluate.add_argument("--pairs", type=int, default=40, help="held-out ones, and as many seen")
    evaluate.add_argument("--materials", type=int, default=20)
    evaluate.add_argument("--steps", type=int, default=25)
    evaluate.add_argument("--guidance", type=float, default=3.0)
    evaluate.add_argument(
        "--start", type=float, help="the first noise level; those below .985 begin with the guess"
    )
    props = commands.add_parser("evaluate-props", help="finished props: GLB files or folders")
    props.add_argument("attributes", type=Path, help="the attribute classifier's weights")
    props.add_argument("paths", type=Path, nargs="+", help="named as `a_red_wooden_chair.glb`")
    props.add_argument("--json", type=Path, help="where to write the table")
    props.add_argument("--size", type=int, default=128, help="pixels of the pictures judged")
    props.add_argument("--ceiling", action="store_true", help="judge real props, too")
    for parser in (attributes, evaluate, props):
        parser.add_argument("--sweethome", type=Path, help="as for data")
        parser.add_argument("--cache", type=Path, help="as for data")


def run(arguments: argparse.Namespace) -> None:
    """One of COMMANDS."""
    prepare_process(getattr(arguments, "threads", None))
    if arguments.command == "attributes":
        _attributes(arguments)
    elif arguments.command == "evaluate":
        _evaluate(arguments)
    else:
        _props(arguments)


def _attributes(arguments: argparse.Namespace) -> None:
    from backend.training.attributes import AttributesConfig, train_attributes

    config = AttributesConfig(minutes=arguments.minutes, props_per_kind=arguments.props)
    train_attributes(arguments.file, _examples(arguments, arguments.prior), config)


def _examples(arguments: argparse.Namespace, prior: str | None = None) -> Examples:
    """Of the kinds that `prior` knows, by default of all."""
    from backend.guidance.priors import find_folder
    from backend.training.data import DataConfig
    from backend.training.examples import Examples, kinds_known_by

    known = None if prior is None else kinds_known_by(find_folder(prior))
    return Examples(DataConfig(arguments.sweethome, arguments.cache), known)


def _evaluate(arguments: argparse.Namespace) -> None:
    from backend.evaluate.attributes import load_attributes
    from backend.evaluate.judge import load_judge
    from backend.guidance.priors import find_folder
    from backend.training import evaluation, questions

    net = load_attributes(arguments.attributes)
    examples = _examples(arguments, arguments.prior)
    asked = questions.questions(examples, arguments.pairs, arguments.materials)
    config = evaluation.EvaluationConfig(
        arguments.pairs, arguments.materials, steps=arguments.steps,
        guidance_scale=arguments.guidance,
    )  # fmt: skip
    if arguments.start is not None:
        if not 0 < arguments.start < 1:
            raise InputError(f"--start must be between 0 and 1, not {arguments.start:g}.")
        config = dataclasses.replace(config, start=arguments.start)
    judge = load_judge([question.kind for question in asked])
    folder = find_folder(arguments.prior)
    answers = evaluation.evaluate(folder, asked, examples, net, judge, config)
    rows = evaluation.summary(answers, questions.GROUPS)
    details = [dataclasses.asdict(answer) for answer in answers]
    _report(rows, arguments.out, {"config": dataclasses.asdict(config), "answers": details})


def _props(arguments: argparse.Namespace) -> None:
    from backend.evaluate.attributes import load_attributes
    from backend.evaluate.imagenet import kind_in
    from backend.evaluate.judge import load_judge
    from backend.evaluate.props import find_props, measure_props, prompt_of

    net = load_attributes(arguments.attributes)
    files = find_props(arguments.paths)
    prompts = [prompt_of(file) for file in files]
    judge = load_judge([kind for prompt in prompts if (kind := kind_in(prompt))])
    rows = measure_props(files, net, judge, arguments.size)
    real: list[dict] = []
    if arguments.ceiling:
        from backend.training.ceiling import real_rows

        examples = _examples(arguments)
        real = real_rows(prompts, examples, net, judge)
    _report(rows, arguments.json, {"judged_kinds": judge.kinds, "real": real})
    _report(real, None, {})


def _report(rows: list[dict], file: Path | None, more: dict) -> None:
    from backend.evaluate.tables import table

    sys.stdout.write(table(rows) + "\n")
    if file is not None:
        file.write_text(json.dumps({"rows": rows} | more, indent=1) + "\n")
