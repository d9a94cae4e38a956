"""Adjectives that change how a prop looks: worn, shiny, matte, mossy, striped, spotted, checkered.

`alter` takes a look and gives the look that the adjective asks for, so that captions stay true.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backend.training.looks import COLOURS, Look, any_colour, jitter

# adjective -> wordings
FINISHES: dict[str, tuple[str, ...]] = {
    "old": ("old", "worn", "weathered", "ancient", "battered", "antique", "dirty"),
    "shiny": ("shiny", "polished", "glossy", "new"),
    "matte": ("matte", "dull"),
    "mossy": ("mossy", "moss covered"),
}
FIGURES: dict[str, tuple[str, ...]] = {
    "striped": ("striped", "stripy"),
    "spotted": ("spotted", "polka dot", "dotted"),
    "checkered": ("checkered", "chequered", "plaid"),
}
# They change nothing that a picture of one prop can show, and are there to be ignored.
NEUTRAL = (
    "small", "large", "big", "little", "simple", "cute", "medieval", "fantasy", "modern",
    "beautiful", "classic",
)  # fmt: skip
FIGURE_SCALES = {
    "stripes": (9, 16), "upright": (9, 16), "wedges": (4, 6.4), "checks": (9, 14), "dots": (2.6, 4),
}  # fmt: skip


def alter(look: Look, finish: str, rng: np.random.Generator) -> Look:
    """The look after a finish of FINISHES; metals stay metals but for the dirt on them."""
    a, b = np.array(look.colour_a), np.array(look.colour_b)
    if finish == "shiny":
        smooth = float(rng.uniform(0.04, 0.14))
        return replace(look, roughness=(smooth, min(look.roughness[1], smooth + 0.06)))
    if finish == "matte":
        rough = float(rng.uniform(0.85, 0.98))
        return replace(look, roughness=(rough, rough))
    if finish == "mossy":
        moss = tuple(jitter((0.25, 0.38, 0.10), rng))
        scale = float(rng.uniform(2.5, 4.5))
        return replace(
            look, colour_b=moss, roughness=(max(look.roughness[0], 0.7), 0.95),
            metallic=(look.metallic[0], 0.0), pattern="blotches", scale=scale,
        )  # fmt: skip
    grey = a.mean()
    faded = tuple(np.clip((a * 0.8 + grey * 0.2) * rng.uniform(0.75, 0.95), 0.03, 0.95))
    stain = tuple(np.clip(a * rng.uniform(0.45, 0.7) + 0.01, 0.02, 0.9))
    pattern, scale = look.pattern, look.scale
    if pattern in ("none", "blotches"):
        pattern, scale = "blotches", float(rng.uniform(4, 8))
    elif pattern != "grain":  # a figure keeps its second colour
        stain = tuple(np.clip(b * 0.8, 0.02, 0.95))
    rough = float(min(0.97, max(look.roughness[0] + 0.2, 0.6)))
    return replace(
        look, colour_a=faded, colour_b=stain, roughness=(rough, min(rough + 0.1, 0.98)),
        metallic=(look.metallic[0], look.metallic[0] * 0.6), pattern=pattern, scale=scale,
    )  # fmt: skip


def figure(
    look: Look, pattern: str, second: str | None, rng: np.random.Generator, variety: float = 1.0
) -> Look:
    """The look with a figure in a second colour; without one, white, black, or any other (less
    often with less `variety`)."""
    base = np.array(look.colour_a)
    if second is not None:
        other = jitter(COLOURS[second], rng)
    else:
        choices = [(0.93, 0.92, 0.9), (0.1, 0.1, 0.1), COLOURS[any_colour(rng)]]
        weights = np.array([0.55, 0.15 * max(variety, 0.05), 0.3 * variety])
        weights = weights * [np.abs(base - np.array(c)).sum() > 0.5 for c in choices] + 1e-3
        other = jitter(choices[int(rng.choice(3, p=weights / weights.sum()))], rng)
    scale = float(rng.uniform(*FIGURE_SCALES[pattern]))
    rough = (look.roughness[0], look.roughness[0])
    return replace(
        look, colour_b=tuple(other), roughness=rough, metallic=(look.metallic[0],) * 2,
        pattern=pattern, scale=scale,
    )  # fmt: skip
