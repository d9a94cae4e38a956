"""Which props there are, and a random prop of a kind with its captions.

The kinds are in themes/; colours, materials and adjectives are in
looks.py and adjectives.py, what the slots wear in slots.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.training.adjectives import FIGURES, FINISHES, NEUTRAL, alter, figure
from backend.training.kinds import Kind, Uniform
from backend.training.looks import (
    COLOUR_WORDS,
    COLOURLESS,
    COLOURS,
    MATERIALS,
    Look,
    any_colour,
    make_look,
    plain,
    usual,
)
from backend.training.shapes import assemble
from backend.training.slots import NATURAL, slot_looks
from backend.training.themes import KINDS

MAX_CAPTION_WORDS = 10
# What a caption may ask for beside a kind's natural materials; the first row twice as often.
COMMON = ("wooden", "metal", "plastic", "ceramic", "stone", "golden", "silver", "copper", "rusty")
ASKABLE = (
    *COMMON, *COMMON, "glass", "marble", "iron", "brass", "leather", "fabric", "rubber", "clay",
    "paper", "brick",
)  # fmt: skip


@dataclass(frozen=True)
class Prop:
    """A random prop: geometry, one look per face's part, and what it may be called."""

    kind: str
    colour: str | None  # asked for; None leaves it out of captions
    material: str | None
    vertices: np.ndarray  # (V, 3) in the canonical sphere
    faces: np.ndarray  # (F, 3)
    part: np.ndarray  # (F,)
    looks: np.ndarray  # (parts, 13) rows of Look.row
    finish: str | None = None  # of FINISHES
    figure: str | None = None  # of FIGURES
    second: str | None = None  # the figure's other colour
    trim: str | None = None  # the colour of the kind's trim


def sample_prop(kind: str, rng: np.random.Generator, variety: float = 1.0) -> Prop:
    """A random shape of `kind` in a random look; `variety` below 1: mostly its usual ones."""
    spec = KINDS[kind]
    vertices, faces, part, slots = assemble(spec.shape(Uniform(rng, variety)))
    colour, material = _asked(spec, rng)
    finish = None
    if rng.random() < (0.06 if spec.whole else 0.18):
        finish = str(rng.choice(tuple(FINISHES), p=(0.5, 0.25, 0.15, 0.1)))
    shape = _figure_asked(spec, material, rng)
    main = _main_look(spec, colour, material, rng, variety)
    second = None
    if shape:
        second = any_colour(rng) if colour and rng.random() < 0.5 else None
        second = None if second == colour else second
        pattern = {"spotted": "dots", "checkered": "checks"}.get(shape, spec.stripes)
        main = figure(main, pattern, second, rng, variety)
    elif rng.random() < spec.striped:
        main = figure(main, spec.stripes, None, rng, variety)
    if finish:
        main = alter(main, finish, rng)
    trim = any_colour(rng) if spec.trim and rng.random() < 0.2 else None
    given = {spec.trim[0]: trim} if spec.trim and trim else None
    whole = spec.whole and material is not None and rng.random() < 0.8
    looks = slot_looks(main, rng, whole, finish, given, (kind, spec.colours[0], variety))
    rows = np.stack([looks(slot).lying(rng, variety) for slot in slots])
    return Prop(
        kind, colour, material, vertices, faces, part, rows, finish, shape, second, trim
    )  # fmt: skip


def _asked(spec: Kind, rng: np.random.Generator) -> tuple[str | None, str | None]:
    """The colour and the material that the caption will name, if any."""
    colour = material = None
    if rng.random() < 0.62:
        named = [c for c in spec.colours if c in COLOURS]
        colour = str(rng.choice(named)) if named and rng.random() < 0.3 else any_colour(rng)
    if rng.random() < (0.55 if spec.materials else 0.2):
        natural = spec.materials and rng.random() < 0.6
        material = str(rng.choice(spec.materials if natural else ASKABLE))
        if material in COLOURLESS:
            colour = None
    return colour, material


def _figure_asked(spec: Kind, material: str | None, rng: np.random.Generator) -> str | None:
    if material not in (None, "fabric", "plastic", "ceramic", "paper", "leather", "glass"):
        return None
    soft = {"fabric", "ceramic", "paper"} & set(spec.materials)
    if rng.random() >= (0.08 if soft else 0.03) + spec.striped * 0.6:
        return None
    return str(rng.choice(tuple(FIGURES), p=(0.6, 0.25, 0.15)))


def _main_look(
    spec: Kind, colour: str | None, material: str | None, rng: np.random.Generator, variety: float
) -> Look:
    """What "main" wears before adjectives."""
    natural = usual(spec.colours, rng, variety)
    natural_materials = [m for m in spec.materials if m not in COLOURLESS] or ["plastic"]
    worn = material or usual(natural_materials, rng, variety)
    if colour is None and material is None:
        if natural in NATURAL and natural not in COLOURS:
            return plain(*NATURAL[natural], rng=rng)
        own = MATERIALS[worn][4]
        grown = (natural == "brown" and worn == "wooden") or (natural == "grey" and own is not None)
        return make_look(None if grown else natural, worn, rng)
    base = COLOURS[natural] if natural in COLOURS else NATURAL[natural][0]
    if colour is None and worn == "leather" and natural in COLOURS:  # not always tan
        colour = natural
    look = make_look(colour, worn, rng, natural=base)
    if material is None and not spec.materials:  # no wording for what it is made of
        rough = float(rng.uniform(0.45, 0.8))
        return plain(look.colour_a, rough)
    return look


def captions(prop: Prop, count: int, rng: np.random.Generator) -> list[str]:
    """`count` wordings of what the prop is."""
    return [_caption(prop, rng) for _ in range(count)]


def _caption(prop: Prop, rng: np.random.Generator) -> str:
    spec = KINDS[prop.kind]
    name = prop.kind
    if spec.names and rng.random() < 0.45:
        name = str(rng.choice(spec.names))
    before, after = _look_words(prop, rng)
    if prop.finish:
        before.insert(0, str(rng.choice(FINISHES[prop.finish])))
    trim = ""
    if prop.trim and spec.trim:
        trim = " " + spec.trim[1].format(_colour_word(prop.trim, rng))
    if rng.random() < 0.06:
        before.insert(0, str(rng.choice(NEUTRAL)))
    while len(" ".join([*before, name, after, trim]).split()) > MAX_CAPTION_WORDS:
        if not trim:
            before.pop(0)
        trim = ""
    return " ".join([*before, name]) + after + trim


def _look_words(prop: Prop, rng: np.random.Generator) -> tuple[list[str], str]:
    """Words for colour, figure and material that go before the name, and those after it."""
    before, after = [], ""
    if prop.colour:
        before.append(_colour_word(prop.colour, rng))
        if prop.second:
            before[0] += " and " + _colour_word(prop.second, rng)
    if prop.figure:
        before.append(str(rng.choice(FIGURES[prop.figure])))
    if prop.material:
        others = MATERIALS[prop.material][0]
        word = prop.material if rng.random() < 0.6 else str(rng.choice(others))
        if word.startswith("made"):
            after = " " + word
        else:
            before.append(word)
    if len(before) == 2 and rng.random() < 0.12:
        before.reverse()
    return before, after


def _colour_word(colour: str, rng: np.random.Generator) -> str:
    others = COLOUR_WORDS.get(colour, ())
    return str(rng.choice(others)) if others and rng.random() < 0.4 else colour


def vocabulary(kinds: tuple[str, ...] | None = None) -> list[str]:
    """Every word that captions of these kinds (default all) can hold, sorted."""
    chosen = [(name, KINDS[name]) for name in (kinds or KINDS)]
    names = [n for name, spec in chosen for n in (name, *spec.names)]
    trims = [spec.trim[1].replace("{}", "") for _, spec in chosen if spec.trim]
    tables = [*MATERIALS.values()]
    wordings = [w for t in (COLOUR_WORDS, FINISHES, FIGURES) for words in t.values() for w in words]
    words = [*names, *trims, *COLOURS, *MATERIALS, *(w for m in tables for w in m[0]), *wordings]
    return sorted({w for phrase in (*words, *NEUTRAL, "and") for w in phrase.split()})
