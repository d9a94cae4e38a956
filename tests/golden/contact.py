"""One picture of the 24 prompts to develop with: `python -m tests.golden.contact OUT [--jobs 2]`.

Makes those that OUT lacks with tests/golden/make.py (the command line, draft preset, seed 0), none
picked, and draws from each GLB its front from the right, large, and its back from the left, small.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from backend.cameras import orbit
from backend.evaluate.glb import load_surface, surface_terms
from backend.evaluate.pictures import environment_light, render_mesh
from tests.golden.make import make_all

PROMPTS = (
    "a red wooden chair",
    "an old wooden barrel",
    "a brown leather armchair",
    "a blue ceramic mug",
    "a golden goblet",
    "a rusty metal bucket",
    "a teddy bear",
    "a red fire hydrant",
    "a green backpack",
    "a white grand piano",
    "a wooden crate",
    "a hamburger",
    "a cactus in a pot",
    "a desk lamp",
    "a pink birthday cake",
    "a soccer ball",
    "a wooden dog house",
    "a silver laptop",
    "a striped umbrella",
    "red sneakers",
    "a green wine bottle",
    "a cuckoo clock",
    "a white bathtub",
    "a blue sofa",
)
COLUMNS = 6
LARGE, SMALL, LINE = 150, 90, 16  # pixels: front, back, the prompt below
DARK = (24, 24, 24)
HERE = Path(__file__).parent


def tile(prompt: str, path: Path) -> Image.Image:
    """Front and back side by side, the prompt below."""
    surface = load_surface(path)
    views = ((35.0, LARGE), (215.0, SMALL))
    result = Image.new("RGB", (LARGE + SMALL, LARGE + LINE), DARK)
    left = 0
    for azimuth, size in views:
        ones = torch.ones(1)
        camera = orbit(azimuth * ones, 25 * ones, 3.0 * ones, 38 * ones)
        shaded = render_mesh(surface, camera, size, environment_light("studio"))["shaded"][0]
        pixels = (shaded.clamp(0, 1).numpy() * 255).round().astype(np.uint8)
        result.paste((128, 128, 128), (left, 0, left + size, LARGE))
        result.paste(Image.fromarray(pixels), (left, LARGE - size))
        left += size
    ImageDraw.Draw(result).text((4, LARGE + 2), prompt, fill=(255, 255, 255))
    return result


def contact_sheet(tiles: list[Image.Image]) -> Image.Image:
    """Tiles of one size, COLUMNS in a row."""
    width, height = tiles[0].size
    canvas = Image.new("RGB", (COLUMNS * width, -(-len(tiles) // COLUMNS) * height), DARK)
    for index, picture in enumerate(tiles):
        row, column = divmod(index, COLUMNS)
        canvas.paste(picture, (column * width, row * height))
    return canvas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("jpeg", type=Path, nargs="?", default=HERE / "dev24.jpg")
    parser.add_argument("--jobs", type=int, default=1, help="props at a time")
    arguments = parser.parse_args()
    tiles = []
    results = make_all(PROMPTS, arguments.out, arguments.jobs)
    for prompt, made in zip(PROMPTS, results, strict=True):
        path = arguments.out / f"{prompt.replace(' ', '_')}.glb"
        tiles.append(tile(prompt, path))
        terms = surface_terms(load_surface(path))
        sys.stdout.write(
            f"{prompt}: {made['seconds']:.0f} s, metallic {terms.metallic:.2f} "
            f"(above 0.7 on {terms.metal_share:.0%}), roughness {terms.roughness:.2f}\n"
        )
    contact_sheet(tiles).save(arguments.jpeg, quality=82)


if __name__ == "__main__":
    main()
