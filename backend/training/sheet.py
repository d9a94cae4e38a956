"""A sheet to look at kinds of props: eight views around one, and front views of some others.

`python -m backend.training.sheet PICTURE KIND...`: under each row stand the kind, its faces, and
captions. A theme's name (of themes/) stands for its kinds.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from PIL import Image, ImageDraw

from backend.cameras import orbit
from backend.training import themes
from backend.training.data import render_prop
from backend.training.props import Prop, captions, sample_prop

CELL = 96
AROUND = 8
OTHERS = 6


def kinds_sheet(
    kinds: list[str], seed: int = 0, domain: str = "shaded", variety: float = 1.0
) -> Image.Image:
    """A row of AROUND views and OTHERS variants per kind; domain shaded, albedo or orm."""
    sheet = Image.new("RGB", ((AROUND + OTHERS) * CELL, len(kinds) * (CELL + 12)), "white")
    draw = ImageDraw.Draw(sheet)
    for row, kind in enumerate(kinds):
        rng = np.random.default_rng(seed)
        props = [sample_prop(kind, rng, variety) for _ in range(OTHERS + 1)]
        views = [*_views(props[0], np.arange(AROUND) * 360 / AROUND)]
        views += [_views(p, np.array([30.0]))[0] for p in props[1:]]
        y = row * (CELL + 12)
        for column, view in enumerate(views):
            cell = Image.fromarray(_picture(view, domain)).resize(
                (CELL, CELL), Image.Resampling.NEAREST
            )
            sheet.paste(cell, (column * CELL, y))
        names = [captions(p, 1, rng)[0] for p in props]
        draw.text((2, y + CELL), f"[{kind}: {len(props[0].faces)}] {names[0]}", "black")
        for i, name in enumerate(names[1:]):
            text = name if len(name) < 17 else name[:16]
            draw.text(((AROUND + i) * CELL + 2, y + CELL), text, "black")
    return sheet


def _views(prop: Prop, azimuths: np.ndarray) -> np.ndarray:
    a = torch.tensor(azimuths, dtype=torch.float32)
    one = torch.ones_like(a)
    return render_prop(prop, orbit(a, one * 18, one * 2.85, one * 40))


def _picture(view: np.ndarray, domain: str) -> np.ndarray:
    g = view.astype(np.float32) / 255
    alpha = g[..., 8:]
    if domain == "shaded":
        n = g[..., 3:6] * 2 - 1
        light = np.clip(n @ np.array([-0.35, 0.6, 0.72]), 0, 1)[..., None]
        colour = g[..., :3] * (0.45 + 0.6 * light)
    elif domain == "albedo":
        colour = g[..., :3]
    else:
        colour = np.concatenate([np.ones_like(g[..., :1]), g[..., 6:8]], -1)
    return ((np.clip(colour, 0, 1) * alpha + 0.78 * (1 - alpha)) * 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture")
    parser.add_argument("kinds", nargs="+", metavar="KIND", help="a kind or a theme")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--domain", choices=("shaded", "albedo", "orm"), default="shaded")
    parser.add_argument("--variety", type=float, default=1.0)
    arguments = parser.parse_args()
    tables = {theme.__name__.rsplit(".", 1)[1]: theme.KINDS for theme in themes.THEMES}
    kinds = [kind for name in arguments.kinds for kind in tables.get(name, (name,))]
    kinds_sheet(kinds, arguments.seed, arguments.domain, arguments.variety).save(arguments.picture)


if __name__ == "__main__":
    main()
