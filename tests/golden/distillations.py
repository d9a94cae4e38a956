"""Distillations side by side: `python -m tests.golden.distillations OUT --attributes FILE`.

Runs the product once for each distillation and prompt, in a process of its own, with the embedded
prior and seed 0, two at a time; what OUT has already is not made again, what was stopped goes on.
All get the same time: `--share` of the preset's steps for the cheapest, and for one whose steps
cost more the fewer of them (distillation_costs.py; `--equal steps` gives all the same number). OUT/
distillations.md has what judges say (distillation_scores.py) and the seconds of each prop, with the
means of each distillation in front, the best first; distillations.jpg four shaded sides of each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from backend.config import PRESETS
from backend.guidance.distillations import DISTILLATIONS
from backend.guidance.priors import load_prior
from tests.golden.distillation_runs import Run, make_all
from tests.golden.distillation_scores import COLUMNS, Scorer, mean
from tests.golden.make import ROW, SHADED, TITLE

PROMPTS = ("a red wooden chair", "a golden goblet", "a blue ceramic mug")
NAMES = ("x0", "sds", "csd", "nfsd", "vsd", "ism")
SIDES = 4  # of the sheet's eight
LABEL = 64  # pixels
GRAIN = 0.05  # to which shares of steps are rounded, so that noise in the costs changes none

Results = dict[Run, dict[str, Any]]


def costs(names: list[str], out: Path) -> dict[str, float]:
    """Seconds of a step by name, measured once for a folder."""
    file = out / "costs.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    if not set(names) <= set(known):
        command = [sys.executable, "-m", "tests.golden.distillation_costs", *names]
        said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        known |= json.loads(said.splitlines()[-1])
        file.write_text(json.dumps(known))
    return {name: known[name] for name in names}


def shares(cost: dict[str, float], share: float) -> dict[str, float]:
    """Of the preset's steps: `share` for the cheapest, for the others what the same time buys."""
    least = min(cost.values())
    found = {name: share * least / seconds for name, seconds in cost.items()}
    return {name: max(GRAIN, round(s / GRAIN) * GRAIN) for name, s in found.items()}


def row(cells: list[str], scores: dict[str, float]) -> str:
    figures = [f"{scores[name]:.2f}" if name in scores else "" for name in COLUMNS]
    return "| " + " | ".join([*cells, *figures]) + " |"


def table(results: Results, scores: dict[Run, dict[str, float]], default: str) -> str:
    """Markdown: the means of each distillation, the best first, then a row a prop."""
    names = list(dict.fromkeys(run.name for run in results))
    means = {n: mean(s for run, s in scores.items() if run.name == n) for n in names}
    best_first = sorted(names, key=lambda n: -means[n].get("score", float("-inf")))
    head = ["distillation", "share of steps", "props", *COLUMNS]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name in best_first:
        own = [run for run in results if run.name == name]
        cells = [f"`{name}`", f"{own[0].share:.2f}", str(len(own))]
        lines.append(row(cells, means[name]))
    best = best_first[0] if means[best_first[0]].get("score") is not None else None
    verdict = f"Measured best: `{best}`. " if best else "Not measured: no judge was here. "
    lines += ["", f"{verdict}The preset's default: `{default}`.", ""]
    head = ["distillation", "prompt", "seconds", "processor", "faces", *COLUMNS]
    lines += ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for run, result in results.items():
        if "failed" in result:
            lines.append(f"| `{run.name}` | {run.prompt} | failed |" + " |" * (len(head) - 3))
            continue
        figures = [f"{result[key]:.0f}" for key in ("seconds", "processor_seconds")]
        cells = [f"`{run.name}`", run.prompt, *figures, f"{result['faces']:,}"]
        lines.append(row(cells, scores.get(run, {})))
    return "\n".join(lines) + "\n"


def sheet(results: Results, out: Path) -> Image.Image:
    """A line a distillation, its name in front."""
    names = list(dict.fromkeys(run.name for run in results))
    prompts = list(dict.fromkeys(run.prompt for run in results))
    canvas = Image.new("RGB", (LABEL + SIDES * ROW * len(prompts), ROW * len(names)), (24, 24, 24))
    draw = ImageDraw.Draw(canvas)
    for line, name in enumerate(names):
        draw.text((4, line * ROW + ROW // 2), name, fill=(255, 255, 255))
    for run in results:
        picture = run.place(out) / "prop.png"
        if not picture.exists():
            continue
        whole = Image.open(picture).convert("RGB")
        column, top = prompts.index(run.prompt), TITLE + SHADED * ROW
        for side in range(SIDES):
            left = side * 2 * ROW
            part = whole.crop((left, top, left + ROW, top + ROW))
            place = (LABEL + (column * SIDES + side) * ROW, names.index(run.name) * ROW)
            canvas.paste(part, place)
    return canvas


def arguments_of() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("out", type=Path)
    add("--preset", default="draft", choices=list(PRESETS))
    add("--share", type=float, default=1.0, help="of the preset's steps, for the cheapest")
    add("--equal", choices=("time", "steps"), default="time", help="what all get alike")
    add("--names", nargs="+", default=list(NAMES), choices=list(DISTILLATIONS))
    add("--prompts", nargs="+", default=list(PROMPTS))
    add("--jobs", type=int, default=2, help="props at a time")
    add("--minutes", type=float, default=1e6, help="after which none is begun")
    add("--attributes", type=Path, help="the attribute classifier's weights")
    return parser.parse_args()


def main() -> None:
    arguments = arguments_of()
    out, names = arguments.out, arguments.names
    out.mkdir(parents=True, exist_ok=True)
    same = {name: arguments.share for name in names}
    by_name = same if arguments.equal == "steps" else shares(costs(names, out), arguments.share)
    weights = load_prior("embedded", arguments.prompts[0]).weights_hash
    runs = [
        Run(name, prompt, arguments.preset, by_name[name], weights)
        for prompt in arguments.prompts
        for name in names
    ]

    def tell(run: Run, result: dict[str, Any]) -> None:
        sys.stdout.write(f"{run.name}, {run.prompt}: {result.get('seconds', 'failed')} s\n")
        sys.stdout.flush()

    results = make_all(runs, out, arguments.jobs, arguments.minutes, tell)
    scorer = Scorer(arguments.attributes)
    scores = {
        run: scorer.score(run.place(out).with_suffix(".glb"), run.prompt)
        for run, result in results.items()
        if "failed" not in result
    }
    said = (
        f"`--preset {arguments.preset} --share {arguments.share:g} --equal {arguments.equal}`: "
        f"the embedded prior {weights[:8]}, seed 0, {arguments.jobs} props at a time; seconds of "
        "one run each."
    )
    default = PRESETS[arguments.preset].guidance.distillation
    (out / "distillations.md").write_text(f"{said}\n\n{table(results, scores, default)}")
    picture = sheet(results, out)
    picture.thumbnail((1200, 10_000))
    picture.save(out / "distillations.jpg", quality=85)


if __name__ == "__main__":
    main()
