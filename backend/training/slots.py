"""What the slots of a prop wear, once its main look is known.

"main" wears what the caption asks for; slots of NATURAL wear what is natural; the derived ones
are shades of the main look ("inset", "inner", "light", "deep", "shade",
"contrast"); all others get a colour
of their own ("accent", "book0", "book1", ...).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from backend.training.adjectives import alter
from backend.training.looks import COLOURS, Look, any_colour, make_look, plain, usual

NATURAL: dict[str, tuple[tuple[float, float, float], float, float]] = {
    "dark": ((0.16, 0.13, 0.11), 0.5, 0.0),
    "black": ((0.06, 0.06, 0.07), 0.4, 0.0),
    "eye": ((0.05, 0.04, 0.04), 0.15, 0.0),
    "white": ((0.92, 0.92, 0.90), 0.7, 0.0),
    "metal": ((0.52, 0.53, 0.55), 0.35, 1.0),
    "iron": ((0.24, 0.24, 0.25), 0.55, 1.0),
    "gold": ((0.90, 0.68, 0.22), 0.3, 1.0),
    "silver": ((0.86, 0.86, 0.86), 0.2, 1.0),
    "gem": ((0.75, 0.08, 0.15), 0.1, 0.0),
    "blade": ((0.76, 0.77, 0.80), 0.22, 1.0),
    "grip": ((0.36, 0.21, 0.11), 0.7, 0.0),
    "wood": ((0.52, 0.33, 0.17), 0.7, 0.0),
    "cork": ((0.70, 0.52, 0.32), 0.9, 0.0),
    "label": ((0.92, 0.88, 0.75), 0.8, 0.0),
    "paper": ((0.94, 0.90, 0.80), 0.9, 0.0),
    "bark": ((0.36, 0.23, 0.12), 0.9, 0.0),
    "leaves": ((0.16, 0.48, 0.14), 0.8, 0.0),
    "leaf": ((0.40, 0.68, 0.18), 0.6, 0.0),
    "stem": ((0.92, 0.87, 0.75), 0.8, 0.0),
    "bun": ((0.85, 0.55, 0.22), 0.6, 0.0),
    "meat": ((0.33, 0.17, 0.09), 0.8, 0.0),
    "cheese": ((0.97, 0.75, 0.16), 0.5, 0.0),
    "tomato": ((0.80, 0.14, 0.10), 0.4, 0.0),
    "dough": ((0.84, 0.62, 0.36), 0.7, 0.0),
    "crust": ((0.72, 0.44, 0.17), 0.75, 0.0),
    "flame": ((0.98, 0.76, 0.25), 0.6, 0.0),
    "fire": ((0.95, 0.42, 0.08), 0.6, 0.0),
    "lit": ((0.98, 0.93, 0.70), 0.5, 0.0),
    "carrot": ((0.93, 0.45, 0.08), 0.7, 0.0),
    "glass": ((0.50, 0.72, 0.88), 0.1, 0.0),
    "water": ((0.25, 0.55, 0.75), 0.08, 0.0),
    "screen": ((0.10, 0.16, 0.28), 0.12, 0.0),
    "roof": ((0.58, 0.20, 0.14), 0.8, 0.0),
    "soil": ((0.20, 0.13, 0.08), 0.95, 0.0),
    "clay": ((0.76, 0.42, 0.27), 0.85, 0.0),
    "stone": ((0.50, 0.49, 0.47), 0.9, 0.0),
    "melon": ((0.90, 0.22, 0.24), 0.5, 0.0),
    "skin": ((0.90, 0.72, 0.58), 0.7, 0.0),
    "beak": ((0.95, 0.60, 0.10), 0.5, 0.0),
    "rubber": ((0.10, 0.10, 0.11), 0.85, 0.0),
    "red": ((0.80, 0.10, 0.09), 0.5, 0.0),
    "banana": ((0.96, 0.82, 0.20), 0.6, 0.0),
    "pumpkin": ((0.92, 0.44, 0.07), 0.6, 0.0),
}  # fmt: skip
KEPT = ("eye", "black", "dark", "glass", "screen", "flame", "fire", "lit", "water", "soil", "white")
# What the other slots mostly wear where there is less variety: their own, or one of the kind's.
OWN = {
    "berry": "red", "bird": "yellow", "blue9": "blue", "bow": "red", "brew": "lime",
    "candles": "yellow", "collar": "red", "cup": "white", "flower": "pink", "jewel": "red",
    "mane": "dark brown", "orb": "light blue", "pot": "orange", "sail": "white", "scarf": "red",
    "scoop": "cream", "stone2": "white", "wheels": "black",
}  # fmt: skip
ACCENTS = ("red", "yellow", "blue", "white", "green", "orange")
DIMMED = {"inset": 0.72, "inner": 0.35, "deep": 0.55, "shade": 0.86}


def slot_looks(
    main: Look,
    rng: np.random.Generator,
    whole: bool = False,
    finish: str | None = None,
    given: dict[str, str] | None = None,
    usually: tuple[str, str, float] = ("", "", 1.0),
) -> Callable[[str], Look]:
    """Slot -> look; the same slot always gets the same look within one prop.

    `whole`: everything but KEPT is made of what main is. `finish`: an adjective of FINISHES that
    the other slots share. `given`: slots whose colour the caption names.
    `usually`: the kind, its own colour, and the variety: below 1, slots mostly wear `own_colour`.
    """
    made: dict[str, Look] = {"main": main}

    def look(slot: str) -> Look:
        if slot not in made:
            if given and slot in given:
                made[slot] = make_look(given[slot], "plastic", rng)
            else:
                made[slot] = _fresh(slot, main, rng, whole, usually)
                if finish and slot not in DIMMED and slot not in ("eye", "flame", "fire"):
                    made[slot] = alter(made[slot], finish, rng)
        return made[slot]

    return look


def _fresh(
    slot: str, main: Look, rng: np.random.Generator, whole: bool, usually: tuple[str, str, float]
) -> Look:
    kind, kinds_own, variety = usually
    if slot in DIMMED:
        return dimmed(main, DIMMED[slot])
    if slot == "light":
        a, b = np.array(main.colour_a), np.array(main.colour_b)
        return replace(main, colour_a=tuple(a * 0.5 + 0.45), colour_b=tuple(b * 0.5 + 0.45))
    if slot == "contrast":  # what is drawn on the main colour
        bright = float(np.mean(main.colour_a)) > 0.45
        return plain(NATURAL["black" if bright else "white"][0], 0.5, rng=rng)
    if whole and slot not in KEPT:
        return dimmed(main, float(rng.uniform(0.75, 1.0)))
    if slot == "hoop":  # metal bands, rusty where the barrel is
        rusty = main.metallic[1] > 0.5 and main.roughness[0] > 0.7
        return main if rusty else plain(*NATURAL[usual(("iron", "metal"), rng, variety)], rng=rng)
    if slot == "wood":
        return make_look(None, "wooden", rng)
    if slot in NATURAL:
        return plain(*NATURAL[slot], rng=rng)
    own = variety < 1 and rng.random() >= variety
    colour = own_colour(slot, kind, kinds_own) if own else any_colour(rng)
    return plain(COLOURS[colour], 0.6, rng=rng)


def own_colour(slot: str, kind: str, main: str) -> str:
    """The usual colour of a slot without a natural look, but not the kind's own one (`main`)."""
    if slot in OWN:
        return OWN[slot]
    if slot.startswith("book"):
        return ACCENTS[int(slot[4:]) % len(ACCENTS)]
    left = [colour for colour in ACCENTS if colour != main]
    return left[zlib.crc32(f"{kind} {slot}".encode()) % len(left)]


def dimmed(look: Look, share: float) -> Look:
    """The same look, darker."""
    a, b = np.array(look.colour_a) * share, np.array(look.colour_b) * share
    return replace(look, colour_a=tuple(a), colour_b=tuple(b))
