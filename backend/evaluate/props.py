"""Finished props, file by file: recognised, coloured and made as asked, and one from all sides?

In: GLB files named after their prompts (`a_red_wooden_chair.glb`). Out: one row each with ranks
(0 is right) by the judge and by the attribute classifier, azimuth errors, and what the textures
say of metal and roughness.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from backend.cameras import turntable
from backend.errors import InputError
from backend.evaluate.attributes import AttributeNet, Reading
from backend.evaluate.consistency import front_back_difference, mirrored_iou, read_sides
from backend.evaluate.glb import load_surface, surface_terms
from backend.evaluate.imagenet import kind_in
from backend.evaluate.judge import Judge
from backend.evaluate.pictures import environment_light, render_mesh

VIEWS = 8
NEUTRAL = 0.6  # of the background
LEVEL_SIZE = 64  # pixels of the outlines that are compared


def find_props(paths: Iterable[Path]) -> list[Path]:
    """Files as they are, and the GLB files of folders, sorted. Raises InputError for none."""
    found = [f for p in paths for f in (sorted(p.glob("*.glb")) if p.is_dir() else [p])]
    missing = [str(f) for f in found if not f.is_file()]
    if missing or not found:
        raise InputError(f"There is no GLB file to measure: {', '.join(missing) or 'none given'}.")
    return found


def prompt_of(path: Path) -> str:
    return path.stem.replace("_", " ").replace("-", " ").lower()


def measure_props(
    files: Sequence[Path], net: AttributeNet, judge: Judge, size: int = 128
) -> list[dict[str, Any]]:
    """One row a file, from pictures of so many pixels."""
    prompts = [prompt_of(file) for file in files]
    return [
        {"prompt": prompt} | measure(file, prompt, net, judge, size)
        for file, prompt in zip(files, prompts, strict=True)
    ]


@torch.no_grad()
def measure(path: Path, prompt: str, net: AttributeNet, judge: Judge, size: int) -> dict[str, Any]:
    surface = load_surface(path)
    cameras = turntable(VIEWS)
    images = render_mesh(surface, cameras, size, environment_light(), NEUTRAL)
    level = render_mesh(surface, turntable(VIEWS, 0.0), LEVEL_SIZE)["mask"][..., 0]
    shaded, albedo = (images[name].permute(0, 3, 1, 2) for name in ("shaded", "albedo"))
    reading = net.read(torch.cat([shaded, albedo]))
    sides = read_sides(reading.sides, cameras.azimuth_deg.repeat(2))
    terms = surface_terms(surface)
    return {
        "judge": judged(judge, shaded, prompt),
        **readings(net, reading, prompt),
        "sides sure": sides.sure,
        "side error": sides.error_deg,
        "fronts behind": f"{sides.second_fronts}/{sides.views_behind}",
        "two fronts": sides.two_fronts,
        "front-back": front_back_difference(albedo, images["mask"][..., 0]),
        "mirrored IoU": mirrored_iou(level),
        "metallic": terms.metallic,
        "metal share": terms.metal_share,
        "roughness": terms.roughness,
        "rough. spread": terms.roughness_spread,
    }


def judged(judge: Judge, shaded: Tensor, prompt: str) -> int | None:
    """The judge's rank of the kind that the prompt names; None where ImageNet has no such class."""
    kind = kind_in(prompt)
    return None if kind is None else judge.rank(shaded, kind)


def readings(net: AttributeNet, reading: Reading, prompt: str) -> dict[str, Any]:
    """Rank of what was asked and the likeliest answer, for every attribute."""
    out: dict[str, Any] = {}
    for attribute in reading.log_shares:
        labels = getattr(net.labels, attribute)
        asked = kind_in(prompt, labels)
        place = None if asked is None else labels.index(asked)
        out[attribute] = None if place is None else reading.rank(attribute, place)
        out[f"{attribute} seen"] = labels[int(reading.log_shares[attribute].argmax())]
    return out
