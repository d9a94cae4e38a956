"""What training never sees, so that evaluation can ask for it: pairs of a kind and a colour.

Whole kinds that are held out are in imported_kinds.py.
"""

from __future__ import annotations

import hashlib

import numpy as np

from backend.training.looks import COLOURS
from backend.training.props import KINDS
from backend.training.slots import NATURAL

SHARE = 0.03  # of all pairs
BODY = 0.3  # of the surface must show a colour before the prop counts as of that colour
NEAR = 0.2  # sRGB distance within which a colour counts as the word's


def held_out_pair(kind: str, colour: str) -> bool:
    """Whether training sees no `kind` in `colour`: the same everywhere, about SHARE of the pairs.

    The colours that a kind has by nature are never held out: most of its props would be.
    """
    if kind in KINDS and any(_alike(colour, own) for own in KINDS[kind].colours):
        return False
    digest = hashlib.sha256(f"{kind}/{colour}".encode()).digest()
    return int.from_bytes(digest[:4], "big") < SHARE * 2**32


def _alike(colour: str, own: str) -> bool:
    """Whether a kind's own colour (of COLOURS or NATURAL) would be called `colour`."""
    rgb = COLOURS[own] if own in COLOURS else NATURAL[own][0]
    return float(np.linalg.norm(np.subtract(COLOURS[colour], rgb))) < NEAR


def held_out_colours(kind: str) -> list[str]:
    """The colours that `kind` is never seen in."""
    return [colour for colour in COLOURS if held_out_pair(kind, colour)]


def is_held_out(prop) -> bool:
    """Whether a prop's colour is asked for, or shown without being asked for, against the rule.

    prop: props.Prop or an imported one. Materials without a colour word show what they show.
    """
    held = held_out_colours(prop.kind)
    if not held:
        return False
    asked = {prop.colour, getattr(prop, "second", None)} - {None}
    if asked:
        return not asked.isdisjoint(held)
    by_chance = prop.kind in KINDS and not KINDS[prop.kind].colours and prop.material is None
    return by_chance and any(_shows(prop, np.array(COLOURS[colour])) for colour in held)


def _shows(prop, rgb: np.ndarray) -> bool:
    """Whether BODY of the prop's surface is near a colour."""
    a, b, c = (prop.vertices[prop.faces[:, i]] for i in range(3))
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    near = np.linalg.norm(prop.looks[:, :3] - rgb, axis=1) < NEAR
    return bool(areas[near[prop.part]].sum() > BODY * areas.sum())
