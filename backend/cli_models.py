"""`propsmith models list` and `propsmith models show PRIOR [PROMPT]`: what the priors know.

In: parsed arguments. Out: text on stdout, or with --json one line of JSON. A prior with a closed
set of things lists them in its model_index.json ("knows"); for a prompt, its text encoder says
which words it was taught, which it guesses at, and which it does not understand.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path
from typing import Any

from backend.errors import InputError

TITLES = {"kinds": "Kinds", "colours": "Colours", "materials": "Materials", "looks": "Looks"}


def add_models(commands: argparse._SubParsersAction) -> None:
    """Its options."""
    parser = commands.add_parser(
        "models",
        allow_abbrev=False,
        help="list the priors, show what one knows",
        description="Lists the priors that there are, and shows what one of them knows.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", allow_abbrev=False, help="the priors by name")
    listing.add_argument("--json", action="store_true", help="one line of JSON")
    showing = actions.add_parser(
        "show", allow_abbrev=False, help="what a prior knows, and how it reads a prompt"
    )
    showing.add_argument("prior", metavar="PRIOR", help="a name, or a folder of weights")
    showing.add_argument("prompt", metavar="PROMPT", nargs="?", help="a prompt to read")
    showing.add_argument("--json", action="store_true", help="one line of JSON")


def models(arguments: argparse.Namespace) -> int:
    """Returns the exit code; raises PropsmithError with the sentence for the user."""
    if arguments.action == "list":
        found = _listed()
        lines = [f"{row['name']:18} {row['weights']}" for row in found["priors"]]
    else:
        found = _shown(arguments.prior, arguments.prompt)
        lines = _text(found)
    print(json.dumps(found) if arguments.json else "\n".join(lines), flush=True)
    return 0


def _listed() -> dict[str, Any]:
    from backend.guidance.priors import PRIORS

    rows = [
        {"name": name, "weights": "in the package" if entry.folder else "give the folder's path"}
        for name, entry in PRIORS.items()
    ]
    return {"priors": rows}


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
