"""Distillations side by side: `python -m tests.golden.distillations OUT [--preset NAME]`.

Runs the product once for each distillation and prompt, in a process of its own, with the embedded
prior and seed 0; what OUT has already is not made again. `distillations.md` has seconds a stage and
in all, faces, and room for what a look at `distillations.jpg` says: a line a distillation, four
shaded sides of each prompt. On two CPU cores a draft takes minutes: leave the machine alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from tests.golden.make import ROW, SHADED, TITLE

PROMPTS = ("a red wooden chair", "a golden goblet", "a blue ceramic mug")
NAMES = ("x0", "sds", "sjc", "csd", "nfsd", "ism", "sdi", "vsd", "rfds")
STAGES = ("gaussians", "mesh", "materials")
SIDES = 4  # of the sheet's eight
LABEL = 64  # pixels


def run(name: str, prompt: str, preset: str, out: Path) -> dict[str, Any]:
    """What --json said of this run, made or found."""
    place = out / f"{name}_{prompt.replace(' ', '_')}"
    summary = place.with_suffix(".json")
    if summary.exists():
        return json.loads(summary.read_text())
    command = [sys.executable, "-m", "backend.cli", "generate", prompt, "--json"]
    command += ["--preset", preset, "--distillation", name]
    command += ["-o", str(place.with_suffix(".glb")), "--report", str(place)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    lines = done.stdout.splitlines()
    result = json.loads(lines[-1]) if done.returncode == 0 else {"failed": done.returncode}
    summary.write_text(json.dumps(result))
    return result


def table(results: dict[tuple[str, str], dict[str, Any]], prompts: list[str], preset: str) -> str:
    """Markdown: a row a run."""
    lines = [
        f"`--preset {preset}`, the embedded prior, seed 0; seconds of one run on one machine.",
        "",
        "| distillation | prompt | " + " | ".join(STAGES) + " | all | faces |",
        "|---" * (len(STAGES) + 4) + "|",
    ]
    for (name, prompt), result in results.items():
        if "failed" in result:
            figures = ["failed"] * (len(STAGES) + 2)
        else:
            seconds = {stage["name"]: stage["seconds"] for stage in result["stages"]}
            figures = [f"{seconds[stage]:.0f}" for stage in STAGES]
            figures += [f"{result['seconds']:.0f}", f"{result['faces']:,}"]
        lines.append(f"| {name} | {prompt} | " + " | ".join(figures) + " |")
    return "\n".join(lines) + "\n"


def sheet(results: dict[tuple[str, str], dict[str, Any]], prompts: list[str], out: Path):
    """A line a distillation, its name in front."""
    names = list(dict.fromkeys(name for name, _ in results))
    width = LABEL + SIDES * ROW * len(prompts)
    canvas = Image.new("RGB", (width, ROW * len(names)), (24, 24, 24))
    draw = ImageDraw.Draw(canvas)
    for row, name in enumerate(names):
        draw.text((4, row * ROW + ROW // 2), name, fill=(255, 255, 255))
        for column, prompt in enumerate(prompts):
            picture = out / f"{name}_{prompt.replace(' ', '_')}" / "prop.png"
            if not picture.exists():
                continue
            top = TITLE + SHADED * ROW
            whole = Image.open(picture).convert("RGB")
            for side in range(SIDES):
                left = side * 2 * ROW
                part = whole.crop((left, top, left + ROW, top + ROW))
                canvas.paste(part, (LABEL + (column * SIDES + side) * ROW, row * ROW))
    return canvas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--names", nargs="+", default=list(NAMES))
    parser.add_argument("--prompts", nargs="+", default=list(PROMPTS))
    arguments = parser.parse_args()
    out, prompts = arguments.out, arguments.prompts
    out.mkdir(parents=True, exist_ok=True)
    results = {}
    for prompt in prompts:
        for name in arguments.names:
            results[name, prompt] = run(name, prompt, arguments.preset, out)
            sys.stdout.write(f"{name}, {prompt}: {results[name, prompt].get('seconds')} s\n")
            sys.stdout.flush()
    (out / "distillations.md").write_text(table(results, prompts, arguments.preset))
    picture = sheet(results, prompts, out)
    picture.thumbnail((1200, 10_000))
    picture.save(out / "distillations.jpg", quality=85)


if __name__ == "__main__":
    main()
