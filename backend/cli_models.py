"""`propsmith models list`, `show`, `pull`, `convert`, `check`: priors, what they know, weights.

In: parsed arguments. Out: text on stdout, or with --json one line of JSON. A prior with a closed
set of things lists them in its model_index.json ("knows"); for a prompt, its text encoder says
which words it was taught, which it guesses at, and which it does not understand.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from backend.errors import InputError, PriorError
from backend.guidance.distillations import DISTILLATIONS

TITLES = {"kinds": "Kinds", "colours": "Colours", "materials": "Materials", "looks": "Looks"}


def add_models(commands: argparse._SubParsersAction) -> None:
    """Its options."""
    parser = commands.add_parser(
        "models",
        allow_abbrev=False,
        help="list the priors, show what one knows, fetch and check weights",
        description="Lists priors and distillations, shows what a prior knows, fetches and checks "
        "its weights.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser(
        "list", allow_abbrev=False, help="priors and distillations by name"
    )
    listing.add_argument("--json", action="store_true", help="one line of JSON")
    showing = actions.add_parser(
        "show",
        allow_abbrev=False,
        help="what a prior knows, and how it reads a prompt; or a distillation's settings",
    )
    showing.add_argument(
        "prior", metavar="PRIOR", help="a name, a folder of weights, or a distillation's name"
    )
    showing.add_argument("prompt", metavar="PROMPT", nargs="?", help="a prompt to read")
    showing.add_argument("--json", action="store_true", help="one line of JSON")

    fetching = actions.add_parser("pull", allow_abbrev=False, help="download a prior's weights")
    fetching.add_argument("prior", metavar="NAME", help="a name from 'models list'")
    converting = actions.add_parser(
        "convert",
        allow_abbrev=False,
        help="take a prior's published checkpoint that is here already",
    )
    converting.add_argument("prior", metavar="NAME", help="a name from 'models list'")
    converting.add_argument("files", metavar="FILE", nargs="+", type=Path, help="its checkpoints")
    checking = actions.add_parser("check", allow_abbrev=False, help="compare weights' hashes")
    checking.add_argument("prior", metavar="NAME", help="a name from 'models list'")
    for parser in (fetching, converting, checking):
        parser.add_argument("--json", action="store_true", help="one line of JSON")


def models(arguments: argparse.Namespace) -> int:
    """Returns the exit code; raises PropsmithError with the sentence for the user."""
    try:
        return _models(arguments)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"A file of the models can't be used ({error}): mend that.") from error


def _models(arguments: argparse.Namespace) -> int:
    if arguments.action == "list":
        found = _listed()
        lines = [_row(row) for row in found["priors"]]
        names = ", ".join(found["distillations"])
        lines.append(f"Distillations: {names}; 'propsmith models show NAME' has their settings.")
    elif arguments.action == "pull":
        found = _pulled(arguments.prior)
        lines = [f"{found['prior']} is in {found['folder']}."]
    elif arguments.action == "convert":
        from backend.guidance.pulling import convert

        folder = convert(arguments.prior, arguments.files)
        found = {"prior": arguments.prior, "folder": str(folder)}
        lines = [f"{arguments.prior} is in {folder}."]
    elif arguments.action == "check":
        found = _checked(arguments.prior)
        lines = [_verdict(found)]
    elif arguments.prior in DISTILLATIONS and arguments.prompt is None:
        found = _distillation(arguments.prior)
        lines = [f"{arguments.prior}: what --set NAME=VALUE can change."]
        lines += [_setting_row(row) for row in found["settings"]]
    else:
        found = _shown(arguments.prior, arguments.prompt)
        lines = _text(found)
    print(json.dumps(found) if arguments.json else "\n".join(lines), flush=True)
    return 0


def _listed() -> dict[str, Any]:
    from backend.guidance.catalogue import SOURCES, models_folder
    from backend.guidance.priors import PRIORS

    rows = []
    for name, entry in PRIORS.items():
        here = "in the package" if entry.folder else str(models_folder() / name)
        pulled = entry.folder is not None or (models_folder() / name / "pulled.json").is_file()
        weights = here if pulled else f"not here yet: propsmith models pull {name}"
        row: dict[str, Any] = {"name": name, "weights": weights, "here": pulled}
        if source := SOURCES.get(name):
            row |= {"licence": source.licence, "download_gb": source.download_gb}
            row |= {"memory_gb": source.memory_gb, "gated": source.gated}
        rows.append(row)
    return {"priors": rows, "distillations": list(DISTILLATIONS)}


def _distillation(name: str) -> dict[str, Any]:
    from backend.guidance.distil import settings_of

    keys = ("name", "default", "values", "about")
    rows = [{key: getattr(one, key) for key in keys} for one in settings_of(name)]
    return {"distillation": name, "settings": rows}


def _setting_row(row: dict[str, Any]) -> str:
    default = row["default"]
    default = ":".join(map(str, default)) if isinstance(default, tuple) else default
    default = "none" if default is None else str(default).lower()
    told = f"{row['name']:22} {row['about']}: {row['values']} (default: {default})"
    return textwrap.fill(told, 96, subsequent_indent=" " * 23)


def _row(row: dict[str, Any]) -> str:
    """A prior in one line: what it weighs and asks for, its licence, where it is."""
    if "download_gb" not in row:
        return f"{row['name']:14} {row['weights']}"
    gated = ", to be accepted on the hub" if row["gated"] else ""
    sizes = f"{row['download_gb']:4g} GB, {row['memory_gb']:2g} GB of a GPU"
    return f"{row['name']:14} {sizes}, {row['licence']}{gated}; {row['weights']}"


def _pulled(name: str) -> dict[str, Any]:
    """Says what comes before it comes."""
    from backend.guidance.pulling import absent_bases, pull, source_of

    source = source_of(name)
    about = (
        f"{name}: about {source.download_gb:g} GB from {source.places[0].repository}, licence: "
        f"{source.licence}; wants about {source.memory_gb:g} GB of a GPU's memory."
    )
    for base in absent_bases(name):
        about += (
            f" It shares parts with {base}, which comes first: about "
            f"{source_of(base).download_gb:g} GB, licence: {source_of(base).licence}."
        )
    print(about, file=sys.stderr, flush=True)
    folder = pull(name, lambda said: print(said, file=sys.stderr, flush=True))
    return {"prior": name, "folder": str(folder), "licence": source.licence}


def _checked(name: str) -> dict[str, Any]:
    """Raises PriorError where a file is not what it was."""
    from backend.guidance.catalogue import models_folder
    from backend.guidance.priors import PRIORS
    from backend.guidance.pull_folders import begun_beside
    from backend.guidance.pulling import faults, source_of

    if name in PRIORS and PRIORS[name].folder is not None:
        from backend.guidance.shipped import check_shipped

        return check_shipped(name)
    source_of(name)
    folder = models_folder() / name
    if not folder.exists() and not begun_beside(folder).exists():
        raise PriorError(f"'{name}' is not here: propsmith models pull {name} brings it.")
    if found := faults(folder):
        raise PriorError(f"The weights of '{name}' are not whole: {'; '.join(found)}.")
    return {"prior": name, "whole": True}


def _verdict(found: dict[str, Any]) -> str:
    if "sha256" not in found:
        return f"{found['prior']}: as it was pulled."
    count = found["compared"]
    how = f"{count} files as they were installed" if count else "its files load"
    return f"{found['prior']}: whole, {how}; sha256 of its weights {found['sha256']}."


def _shown(name: str, prompt: str | None) -> dict[str, Any]:
    from backend.guidance.priors import find_folder
    from backend.guidance.weights import read_index

    folder = find_folder(name)
    index = read_index(folder)
    found: dict[str, Any] = {"prior": name, "pipeline": index.get("_class_name")}
    found |= {key: index.get("knows", {}).get(key, []) for key in TITLES}
    if prompt is not None:
        found["prompt"] = _read(folder, index, prompt)
    return found


def _read(folder: Path, index: dict[str, Any], prompt: str) -> dict[str, Any]:
    """How the prior's text encoder reads a prompt."""
    from backend.guidance.priors import PRIORS

    if index.get("_class_name") != PRIORS["embedded"].pipeline:
        raise InputError("Only the embedded prior reads word by word; others take any prompt.")
    from backend.guidance.weights import unreadable_is_prior_error
    from backend.guidance.word_encoder import WordTextEncoder
    from backend.guidance.words import understand
    from backend.prompt.parse import parse_prompt

    parsed = parse_prompt(prompt)
    with unreadable_is_prior_error(folder / "text_encoder"):
        encoder = WordTextEncoder.from_pretrained(folder / "text_encoder")
    found = understand(parsed, encoder)
    known = [word for word, _ in found.words if encoder.index[word] <= encoder.taught]
    return {"known": known, "guessed": found.guessed, "ignored": found.ignored}


def _text(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['prior']}: {found['pipeline']}"]
    for key, title in TITLES.items():
        if found[key]:
            names = f"{title} ({len(found[key])}): {', '.join(found[key])}."
            lines.append(textwrap.fill(names, 96, subsequent_indent="  "))
    if not any(found[key] for key in TITLES):
        lines.append("It keeps no list of what it knows; its prompts are free text.")
    if "prompt" in found:
        read = found["prompt"]
        lines.append(f"Known: {', '.join(read['known']) or 'nothing'}.")
        guesses = (f"'{word}' as something like '{like}'" for word, like in read["guessed"].items())
        lines += [f"Guessed: {', '.join(guesses)}."] if read["guessed"] else []
        lines += [f"Not understood: {', '.join(read['ignored'])}."] if read["ignored"] else []
    return lines
