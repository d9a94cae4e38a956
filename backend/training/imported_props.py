"""Imported models -> random training props: as they are, or with another dominant surface.

`sample_imported(model, rng)` is for imported models what `props.sample_prop` is for procedural
kinds, and `captions` what `props.captions` is; `model_weights` says how often each model is drawn.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from backend.training.adjectives import FINISHES, NEUTRAL, alter
from backend.training.imported import ImportedModel
from backend.training.imported_kinds import FIXTURES, HELD_OUT, KINDS, NATURE, all_names, wordings
from backend.training.looks import (
    COLOUR_WORDS,
    COLOURLESS,
    COLOURS,
    MATERIALS,
    Look,
    any_colour,
    make_look,
)
from backend.training.props import KINDS as PROCEDURAL
from backend.training.props import MAX_CAPTION_WORDS, Prop

MIN_SHARE = 0.45  # of what is seen must be dominant before a colour is said of the whole
LUMINANCE = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class ImportedProp(Prop):
    """A prop and the wording that only its model has; "" for none."""

    name: str = ""


def model_weights(
    models: list[ImportedModel], held_out: bool = False, variety: float = 1.0
) -> np.ndarray:
    """How often each model is to be drawn (n,), summing to one; `held_out` kinds apart.

    A kind's weight is the square root of how many models it has, so that a kind with one model is
    seen more than its share and chairs less; fixtures count a third. `variety` below 1: models of
    procedural kinds that have no name of their own count its square. Else half of the draws would
    be of such kinds, and the mean of "a wheelbarrow" a blend of two.
    """
    counts = Counter(m.kind for m in models)
    weights = [
        counts[m.kind] ** -0.5
        * ((m.kind in HELD_OUT) == held_out)
        * (0.33 if m.kind in FIXTURES else 1.0)
        * (variety**2 if m.kind in PROCEDURAL and not _own_name(m) else 1.0)
        for m in models
    ]
    return np.array(weights) / sum(weights)


def sample_imported(
    model: ImportedModel, rng: np.random.Generator, variety: float = 1.0
) -> ImportedProp:
    """The model as it is, or (60 %; 25 % of NATURE) with its dominant surface in another look,
    whose pattern lies in its usual way where `variety` is below 1."""
    share = 0.25 if model.kind in NATURE else 0.6
    if model.share < MIN_SHARE or rng.random() > share:
        return _as_it_is(model, rng)
    colour = any_colour(rng) if rng.random() < 0.75 else None
    material = None
    if colour is None or rng.random() < 0.45:
        material = str(rng.choice(list(MATERIALS)))
        if material in COLOURLESS:
            colour = None
    own = model.material if model.material in MATERIALS else ""
    worn = material or (own if own and own not in COLOURLESS else "plastic")
    look = make_look(colour, worn, rng, natural=tuple(_dominant_colour(model)))
    finish = str(rng.choice(tuple(FINISHES))) if rng.random() < 0.12 else None
    if finish:
        look = alter(look, finish, rng)
    return _prop(model, colour, material, recoloured(model, look.lying(rng, variety)), finish)


def _as_it_is(model: ImportedModel, rng: np.random.Generator) -> ImportedProp:
    """With its own looks, a little lighter or darker; the caption may say colour and material."""
    colour, material = None, None
    if model.kind not in NATURE:
        colour = model.colour if model.colour and rng.random() < 0.6 else None
        said = model.material in MATERIALS and model.share >= MIN_SHARE
        material = model.material if said and rng.random() < 0.5 else None
        if material in COLOURLESS:
            colour = None
    looks = model.looks.copy()
    looks[:, :3] = np.clip(looks[:, :3] * rng.uniform(0.94, 1.06), 0.02, 0.97)
    return _prop(model, colour, material, np.stack([_row(look) for look in looks]))


def _row(look: np.ndarray) -> np.ndarray:
    """One plain look (5,) as the renderer takes it."""
    red, green, blue, roughness, metallic = (float(value) for value in look)
    colour = (red, green, blue)
    return Look(colour, colour, (roughness, roughness), (metallic, metallic)).row(0.0)


def _dominant_colour(model: ImportedModel) -> np.ndarray:
    """The mean sRGB colour (3,) of the dominant surface."""
    faces = np.bincount(model.part, minlength=len(model.looks)) + 1e-6
    return np.average(model.looks[model.dominant, :3], axis=0, weights=faces[model.dominant])


def recoloured(model: ImportedModel, worn: np.ndarray) -> np.ndarray:
    """Rows (parts, 13): the dominant surface wears the row `worn`, lighter and darker as it was."""
    mean = _dominant_colour(model) @ LUMINANCE
    ratio = np.clip((model.looks[:, :3] @ LUMINANCE + 0.05) / (mean + 0.05), 0.5, 1.5) ** 0.8
    rows = np.stack([_row(plain) for plain in model.looks])
    for part in np.nonzero(model.dominant)[0]:
        rows[part] = worn
        rows[part, :6] = np.clip(rows[part, :6] * ratio[part], 0.02, 0.97)
    return rows


def _prop(model: ImportedModel, colour, material, looks: np.ndarray, finish=None) -> ImportedProp:
    return ImportedProp(
        model.kind, colour, material, model.vertices, model.faces, model.part, looks,
        finish=finish, name=model.name,
    )  # fmt: skip


def captions(
    prop: ImportedProp, count: int, rng: np.random.Generator, variety: float = 1.0
) -> list[str]:
    """`count` wordings of what the prop is; `variety` as for `model_weights`."""
    return [_caption(prop, rng, variety) for _ in range(count)]


def _caption(prop: ImportedProp, rng: np.random.Generator, variety: float) -> str:
    name = _some_name(prop, rng, variety)
    before, after = _look_words(prop, rng)
    if prop.finish:
        before.insert(0, str(rng.choice(FINISHES[prop.finish])))
    if rng.random() < 0.06:
        before.insert(0, str(rng.choice(NEUTRAL)))
    while len(" ".join([*before, name, *after]).split()) > MAX_CAPTION_WORDS:
        before.pop(0)
    return " ".join([*before, name, *after])


def _own_name(prop: ImportedModel | ImportedProp) -> bool:
    return bool(prop.name) and prop.name != prop.kind


def _some_name(prop: ImportedProp, rng: np.random.Generator, variety: float) -> str:
    """The model's own wording half of the time where it has one, or one of its kind's. `variety`
    below 1 leaves the names of procedural kinds to those, mostly."""
    names = wordings(prop.kind)
    own = 1 - 0.5 * (variety if prop.kind in PROCEDURAL else 1.0)
    if _own_name(prop) and rng.random() < own:
        return prop.name
    if len(names) > 1 and rng.random() < 0.3:
        return str(rng.choice(names[1:]))
    return names[0]


def _look_words(prop: ImportedProp, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Words for colour and material that go before the name, and those after it."""
    before: list[str] = []
    after: list[str] = []
    if prop.colour:
        others = COLOUR_WORDS.get(prop.colour, ())
        before.append(str(rng.choice(others)) if others and rng.random() < 0.4 else prop.colour)
    if prop.material:
        others = MATERIALS[prop.material][0]
        word = str(rng.choice(others)) if others and rng.random() < 0.4 else prop.material
        (after if word.startswith("made") else before).append(word)
    if len(before) == 2 and rng.random() < 0.12:
        before.reverse()
    return before, after


def imported_vocabulary() -> list[str]:
    """Every word that captions of imported props can hold, sorted; held-out kinds' names too."""
    names = [name for kind in KINDS for name in all_names(kind)]
    tables = [COLOUR_WORDS, FINISHES, {k: v[0] for k, v in MATERIALS.items()}]
    others = [word for table in tables for words in table.values() for word in words]
    phrases = [*names, *COLOURS, *MATERIALS, *others, *NEUTRAL]
    return sorted({word for phrase in phrases for word in phrase.split()})
