"""Makes the pictures of this folder: `python -m tests.golden.make OUT [PROMPT ...]`.

For each prompt, runs the product as a user would, in a process of its own, with the draft preset
and seed 0; keeps OUT/PROMPT.glb, its report, the last line of --json and the peak of its memory.
`gallery.jpg` has one line of 8 views a prompt, and `PROMPT.jpg` is the finished prop's sheet:
albedo, shaded, normals, ORM, relit. Prompts whose GLB is there already are not made again. With
`--jobs 2` two at a time share the cores: sooner done, each with fewer threads and so other bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

PROMPTS = (
    "a red wooden chair",
    "a golden goblet",
    "an old wooden barrel",
    "a red mushroom",
    "a cactus in a pot",
    "a green wine bottle",
    "a blue ceramic mug",
    "a hamburger",
    "a brown leather armchair",
    "a red fire hydrant",
    "a desk lamp",
    "a wooden stool",
)
TITLE, ROW = 18, 128  # pixels in a report's sheet
SHADED = 1  # the row of the sheet that the gallery shows
WIDTH = 640


def make(prompt: str, out: Path, threads: int | None = None) -> dict[str, Any]:
    """One prop and its report; what --json said, with the peak memory in MB.

    threads: of the process; None for its own choice.
    """
    name = prompt.replace(" ", "_")
    summary = out / f"{name}.json"
    if summary.exists():
        return json.loads(summary.read_text())
    command = [sys.executable, "-m", "backend.cli", "generate", prompt, "--json"]
    command += ["-o", str(out / f"{name}.glb"), "--report", str(out / name)]
    fewer = {"OMP_NUM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)}
    environment = os.environ | (fewer if threads else {})
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    result = json.loads(done.stdout.splitlines()[-1])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    result["peak_mb_so_far"] = round(peak)
    summary.write_text(json.dumps(result))
    return result


def make_all(prompts: Iterable[str], out: Path, jobs: int) -> Iterable[dict[str, Any]]:
    """`make` of each, `jobs` at a time; the results in the order of the prompts."""
    out.mkdir(parents=True, exist_ok=True)
    threads = None if jobs == 1 else max(1, (os.cpu_count() or 1) // jobs)
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda prompt: make(prompt, out, threads), prompts)


def gallery(prompts: list[str], out: Path) -> Image.Image:
    """The shaded row of every prompt's sheet, with the prompt in its corner."""
    strips = []
    for prompt in prompts:
        sheet = Image.open(out / prompt.replace(" ", "_") / "prop.png").convert("RGB")
        top = TITLE + SHADED * ROW
        strip = sheet.crop((0, top, sheet.width, top + ROW))
        ImageDraw.Draw(strip).rectangle((0, 0, 8 + 6 * len(prompt), 13), fill=(24, 24, 24))
        ImageDraw.Draw(strip).text((4, 1), prompt, fill=(255, 255, 255))
        strips.append(strip)
    canvas = Image.new("RGB", (strips[0].width, ROW * len(strips)))
    for index, strip in enumerate(strips):
        canvas.paste(strip, (0, index * ROW))
    return canvas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("prompts", nargs="*", default=list(PROMPTS))
    parser.add_argument("--jobs", type=int, default=1, help="props at a time")
    arguments = parser.parse_args()
    results = make_all(arguments.prompts, arguments.out, arguments.jobs)
    for prompt, result in zip(arguments.prompts, results, strict=True):
        sys.stdout.write(f"{prompt}: {result['seconds']:.0f} s, {result['faces']} faces\n")
        sys.stdout.flush()
        sheet = Image.open(arguments.out / prompt.replace(" ", "_") / "prop.png").convert("RGB")
        sheet.thumbnail((WIDTH, 10_000))
        sheet.save(arguments.out / f"{prompt.replace(' ', '_')}.jpg", quality=85)
    picture = gallery(arguments.prompts, arguments.out)
    picture.thumbnail((900, 10_000))
    picture.save(arguments.out / "gallery.jpg", quality=85)


if __name__ == "__main__":
    main()
