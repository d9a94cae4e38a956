"""Distillations side by side: `python -m tests.golden.distillations OUT [--share 0.25]`.

Runs the product once for each distillation and prompt, in a process of its own, with the embedded
prior and seed 0; what OUT has already is not made again. `--share` is of the preset's steps, the
same for all. `distillations.md` has the seconds of each stage and in all, the processor's seconds
(which a busy machine disturbs less) and the faces; `distillations.jpg` a line a distillation, four
shaded sides of each prompt.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from tests.golden.make import ROW, SHADED, TITLE

PROMPTS = ("a red wooden chair", "a golden goblet", "a blue ceramic mug")
NAMES = ("x0", "sds", "sjc", "csd", "nfsd", "ism", "sdi", "vsd", "rfds")
STAGES = ("gaussians", "mesh", "materials")
SIDES = 4  # of the sheet's eight
LABEL = 64  # pixels


def shortened(share: float) -> int:
    """The command line (of sys.argv) with so large a share of the presets' steps."""
    from backend import cli, config

    def less(stage: Any) -> Any:
        return replace(stage, steps=max(1, round(share * stage.steps)))

    config.PRESETS = {
        name: replace(
            preset,
            gaussians=less(preset.gaussians),
            mesh=less(preset.mesh),
            materials=less(preset.materials),
        )
        for name, preset in config.PRESETS.items()
    }
    return cli.main()


def run(name: str, prompt: str, preset: str, share: float, out: Path) -> dict[str, Any]:
    """What --json said of this run, made or found, and the processor's seconds."""
    place = out / f"{name}_{prompt.replace(' ', '_')}"
    summary = place.with_suffix(".json")
    if summary.exists():
        return json.loads(summary.read_text())
    code = (
        f"import sys; from tests.golden.distillations import shortened as s; sys.exit(s({share}))"
    )
    command = [sys.executable, "-c", code, "generate", prompt, "--json"]
    command += ["--preset", preset, "--distillation", name]
    command += ["-o", str(place.with_suffix(".glb")), "--report", str(place)]
    command += ["--checkpoint-dir", str(place.with_suffix(".run"))]
    before = _processor_seconds()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    lines = done.stdout.splitlines()
    result = json.loads(lines[-1]) if done.returncode == 0 else {"failed": done.returncode}
    result["processor_seconds"] = _processor_seconds() - before
    if "failed" not in result:
        summary.write_text(json.dumps(result))
    return result


def _processor_seconds() -> float:
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(results: dict[tuple[str, str], dict[str, Any]], preset: str, share: float) -> str:
    """Markdown: a row a run."""
    lines = [
        f"`--preset {preset}` with {share:g} of its steps, the embedded prior, seed 0; seconds of "
        "one run on one machine.",
        "",
        "| distillation | prompt | " + " | ".join(STAGES) + " | all | processor | faces |",
        "|---" * (len(STAGES) + 5) + "|",
    ]
    for (name, prompt), result in results.items():
        if "failed" in result:
            figures = ["failed"] * (len(STAGES) + 3)
        else:
            seconds = {stage["name"]: stage["seconds"] for stage in result["stages"]}
            figures = [f"{seconds[stage]:.0f}" for stage in STAGES]
            figures += [f"{result['seconds']:.0f}", f"{result['processor_seconds']:.0f}"]
            figures += [f"{result['faces']:,}"]
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
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--names", nargs="+", default=list(NAMES))
    parser.add_argument("--prompts", nargs="+", default=list(PROMPTS))
    arguments = parser.parse_args()
    out, prompts = arguments.out, arguments.prompts
    out.mkdir(parents=True, exist_ok=True)
    results = {}
    for prompt in prompts:
        for name in arguments.names:
            results[name, prompt] = run(name, prompt, arguments.preset, arguments.share, out)
            sys.stdout.write(f"{name}, {prompt}: {results[name, prompt].get('seconds')} s\n")
            sys.stdout.flush()
    (out / "distillations.md").write_text(table(results, arguments.preset, arguments.share))
    picture = sheet(results, prompts, out)
    picture.thumbnail((1200, 10_000))
    picture.save(out / "distillations.jpg", quality=85)


if __name__ == "__main__":
    main()
