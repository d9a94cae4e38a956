"""Colours and materials of the training props, and the words that captions have for them.

A look is what one slot of a prop wears: two sRGB colours mixed by a pattern, roughness, metallic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

# sRGB in [0, 1]; the centre of what each word means, jittered when sampled.
COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.78, 0.09, 0.08),
    "orange": (0.92, 0.48, 0.08),
    "yellow": (0.93, 0.80, 0.12),
    "green": (0.15, 0.55, 0.17),
    "teal": (0.08, 0.55, 0.55),
    "blue": (0.11, 0.27, 0.76),
    "purple": (0.48, 0.16, 0.62),
    "pink": (0.94, 0.52, 0.68),
    "brown": (0.42, 0.25, 0.12),
    "black": (0.09, 0.09, 0.10),
    "white": (0.93, 0.93, 0.91),
    "grey": (0.52, 0.52, 0.53),
    "turquoise": (0.22, 0.78, 0.78),
    "light blue": (0.50, 0.73, 0.93),
    "navy": (0.07, 0.11, 0.36),
    "lime": (0.58, 0.85, 0.16),
    "dark green": (0.05, 0.26, 0.11),
    "maroon": (0.38, 0.05, 0.09),
    "lavender": (0.71, 0.61, 0.88),
    "magenta": (0.80, 0.12, 0.56),
    "beige": (0.84, 0.73, 0.55),
    "cream": (0.95, 0.91, 0.77),
    "dark brown": (0.23, 0.13, 0.07),
    "dark grey": (0.26, 0.26, 0.27),
}
BASIC_COLOURS = tuple(COLOURS)[:12]  # asked for more often than the others
# Each has its own name, and these.
COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    "grey": ("gray",),
    "purple": ("violet",),
    "turquoise": ("cyan", "aqua"),
    "light blue": ("sky blue", "pale blue"),
    "navy": ("dark blue", "navy blue"),
    "lime": ("light green", "lime green"),
    "dark green": ("forest green",),
    "maroon": ("dark red", "burgundy"),
    "lavender": ("light purple", "lilac"),
    "magenta": ("fuchsia", "hot pink"),
    "beige": ("tan", "light brown"),
    "cream": ("ivory",),
    "dark grey": ("dark gray", "charcoal"),
}
PATTERNS = {
    "none": 0, "grain": 1, "blotches": 2, "stripes": 3, "wedges": 4, "upright": 5, "checks": 6,
    "dots": 7, "bricks": 8, "veins": 9,
}  # fmt: skip
# How a pattern lies where there is less variety: its scale, and of all one phase, whose bands and
# cells stand in the middle of the front. The mean of stripes that lie anywhere has none.
USUAL_SCALES = {
    "none": 1.0, "grain": 13.0, "blotches": 4.5, "stripes": 12.5, "wedges": 4.0, "upright": 12.5,
    "checks": 11.5, "dots": 3.3, "bricks": 3.75, "veins": 4.0,
}  # fmt: skip
USUAL_PHASE = float(np.pi / 2)


@dataclass(frozen=True)
class Look:
    """colour_a and colour_b: sRGB; roughness and metallic for each of the two."""

    colour_a: tuple[float, float, float]
    colour_b: tuple[float, float, float]
    roughness: tuple[float, float]
    metallic: tuple[float, float]
    pattern: str = "none"
    scale: float = 1.0

    def row(self, phase: float) -> np.ndarray:
        """The 13 numbers that the renderer takes."""
        numbers = [*self.colour_a, *self.colour_b, *self.roughness, *self.metallic]
        return np.array([*numbers, PATTERNS[self.pattern], self.scale, phase], np.float32)

    def lying(self, rng: np.random.Generator, variety: float = 1.0) -> np.ndarray:
        """`row` with a random phase; below variety 1 with the usual one and nearly that scale."""
        phase = float(rng.uniform(0, 10))
        if variety >= 1:
            return self.row(phase)
        usual_scale = USUAL_SCALES[self.pattern]
        scale = usual_scale + (self.scale - usual_scale) * variety**2
        return replace(self, scale=scale).row(USUAL_PHASE)


# word in captions -> (other wordings, roughness range, metallic, pattern, own colour or None)
MATERIALS: dict[str, tuple[tuple[str, ...], tuple[float, float], float, str, tuple | None]] = {
    "wooden": (("made of wood", "wood"), (0.55, 0.85), 0.0, "grain", (0.55, 0.35, 0.18)),
    "metal": (("metallic", "made of metal", "steel"), (0.25, 0.5), 1.0, "none", (0.58, 0.59, 0.61)),
    "plastic": (("made of plastic",), (0.3, 0.5), 0.0, "none", None),
    "ceramic": (("porcelain", "glazed"), (0.08, 0.22), 0.0, "none", None),
    "stone": (("made of stone",), (0.8, 0.98), 0.0, "blotches", (0.50, 0.49, 0.47)),
    "leather": (("made of leather",), (0.45, 0.65), 0.0, "blotches", (0.38, 0.20, 0.10)),
    "fabric": (("cloth", "velvet"), (0.9, 1.0), 0.0, "none", None),
    "golden": (("gold", "made of gold"), (0.15, 0.35), 1.0, "none", (0.95, 0.73, 0.24)),
    "silver": (("made of silver", "chrome"), (0.12, 0.3), 1.0, "none", (0.86, 0.86, 0.86)),
    "copper": (("bronze",), (0.2, 0.4), 1.0, "none", (0.80, 0.46, 0.30)),
    "brass": (("made of brass",), (0.2, 0.4), 1.0, "none", (0.78, 0.62, 0.28)),
    "iron": (("cast iron", "wrought iron"), (0.45, 0.65), 1.0, "none", (0.30, 0.30, 0.31)),
    "rusty": (("rusted", "rusty metal"), (0.75, 0.95), 0.4, "blotches", (0.46, 0.22, 0.09)),
    "glass": (("made of glass", "crystal"), (0.03, 0.1), 0.0, "none", None),
    "marble": (("made of marble",), (0.1, 0.3), 0.0, "veins", (0.90, 0.89, 0.87)),
    "rubber": (("made of rubber",), (0.7, 0.9), 0.0, "none", None),
    "clay": (("terracotta",), (0.75, 0.92), 0.0, "none", (0.74, 0.40, 0.26)),
    "brick": (("made of bricks",), (0.8, 0.95), 0.0, "bricks", (0.58, 0.24, 0.17)),
    "paper": (("cardboard",), (0.85, 0.97), 0.0, "none", (0.76, 0.60, 0.42)),
}
COLOURLESS = ("golden", "silver", "copper", "brass", "rusty")  # they name their colour themselves


def jitter(colour, rng: np.random.Generator, amount: float = 0.05) -> np.ndarray:
    """A colour that the same word would still be used for."""
    shade = 1 + rng.normal() * amount * 2
    return np.clip(np.asarray(colour) * shade + rng.normal(size=3) * amount * 0.6, 0.03, 0.97)


def usual(options: Sequence[str], rng: np.random.Generator, variety: float = 1.0) -> str:
    """One of the options; below a variety of 1, the first one that much more often."""
    if variety < 1 and rng.random() >= variety:
        return options[0]
    return str(rng.choice(options))


def any_colour(rng: np.random.Generator) -> str:
    """A colour's word; the basic dozen more often than the rest."""
    return str(rng.choice(BASIC_COLOURS if rng.random() < 0.72 else tuple(COLOURS)[12:]))


def make_look(
    colour: str | None, material: str, rng: np.random.Generator, natural: tuple | None = None
) -> Look:
    """The look of a material in a colour; without one, the material's own, `natural`, or any."""
    _, roughness, metallic, pattern, own = MATERIALS[material]
    if colour is not None and material not in COLOURLESS:
        base = jitter(COLOURS[colour], rng)
    elif own is not None:
        base = jitter(own, rng, 0.06)
    else:
        base = jitter(natural or COLOURS[any_colour(rng)], rng)
    rough = float(rng.uniform(*roughness))
    other, rough_b, scale = base, rough, 1.0
    metallic_b = metallic
    if pattern == "grain":
        other, scale = base * rng.uniform(0.6, 0.85), float(rng.uniform(8, 18))
        rough_b = min(1.0, rough + 0.08)
    elif pattern == "blotches":
        scale = float(rng.uniform(3, 6))
        other = base * rng.uniform(0.7, 0.9)
    elif pattern == "veins":
        scale = float(rng.uniform(3, 5))
        other = base * 0.6 if base.mean() > 0.3 else base * 0.5 + 0.45
    elif pattern == "bricks":
        scale, other = float(rng.uniform(3, 4.5)), np.array((0.72, 0.69, 0.64))
    if material == "rusty":
        other, rough_b, metallic_b = jitter((0.33, 0.30, 0.28), rng), rough - 0.2, 0.8
        metallic = 0.15
    if pattern == "none" and metallic == 0 and rng.random() < 0.15:
        pattern, scale, other = "blotches", 4.0, base * 0.92
    return Look(
        tuple(base), tuple(np.clip(other, 0.02, 0.97)), (rough, rough_b), (metallic, metallic_b),
        pattern, scale,
    )  # fmt: skip


def plain(colour, roughness: float = 0.6, metallic: float = 0.0, rng=None) -> Look:
    """One colour all over."""
    c = tuple(colour) if rng is None else tuple(jitter(colour, rng, 0.04))
    return Look(c, c, (roughness, roughness), (metallic, metallic))
