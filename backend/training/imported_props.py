"""Imported models -> random training props: as they are, or with another dominant surface.

`sample_imported(model, rng)` is for imported models what `props.sample_prop` is for procedural
kinds, and `captions` what `props.captions` is; an `ImportedProp` can be rendered by
`data.render_prop`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from backend.training.imported import ImportedModel
from backend.training.imported_kinds import (
    FIXTURES,
    HELD_OUT,
    KINDS,
    NATURE,
    all_names,
    wordings,
)
from backend.training.looks import COLOURLESS, COLOURS, MATERIALS, Look, make_look

MIN_SHARE = 0.4  # of what is seen must be dominant before a colour is said of the whole
LUMINANCE = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class ImportedProp:
    """Like props.Prop, with what it may be called."""

    kind: str
    colour: str | None
    material: str | None
    vertices: np.ndarray  # (V, 3) in the canonical sphere
    faces: np.ndarray  # (F, 3)
    part: np.ndarray  # (F,)
    looks: np.ndarray  # (parts, 13) rows of Look.row
    name: str  # the model's own wording; "" for none


def model_weights(models: list[ImportedModel], held_out: bool = False) -> np.ndarray:
    """How often each model is to be drawn (n,), summing to one; `held_out` kinds apart.

    A kind's weight is the square root of how many models it has, so that a kind with one model is
    seen more than its share and chairs less; fixtures count a third.
    """
    counts = Counter(m.kind for m in models)
    weights = [
        counts[m.kind] ** -0.5
        * ((m.kind in HELD_OUT) == held_out)
        * (0.33 if m.kind in FIXTURES else 1.0)
        for m in models
    ]
    return np.array(weights) / sum(weights)


def sample_imported(model: ImportedModel, rng: np.random.Generator) -> ImportedProp:
    """The model as it is, or (60 %; 25 % of what is alive or eaten) its dominant surface new."""
    share = 0.25 if model.kind in NATURE else 0.6
    if model.share < MIN_SHARE or rng.random() > share:
        return _as_it_is(model, rng)
    colour = str(rng.choice(list(COLOURS))) if rng.random() < 0.75 else None
    material = None
    if colour is None or rng.random() < 0.45:
        material = str(rng.choice(list(MATERIALS)))
        if material in COLOURLESS:
            colour = None
    own = model.material if model.material in MATERIALS else ""
    worn = material or (own if own and own not in COLOURLESS else "plastic")
    look = make_look(colour, worn, rng)
    return _prop(model, colour, material, recoloured(model, look, rng))


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


def recoloured(model: ImportedModel, look: Look, rng: np.random.Generator) -> np.ndarray:
    """Rows (parts, 13): the dominant surface wears `look`, lighter and darker where it was."""
    phase = float(rng.uniform(0, 10))
    area = np.bincount(model.part, minlength=len(model.looks)) + 1e-6
    luminance = model.looks[:, :3] @ LUMINANCE
    mean = np.average(luminance[model.dominant], weights=area[model.dominant])
    ratio = np.clip((luminance + 0.05) / (mean + 0.05), 0.5, 1.5) ** 0.8
    rows = np.stack([_row(plain) for plain in model.looks])
    for part in np.nonzero(model.dominant)[0]:
        rows[part] = look.row(phase)
        rows[part, :6] = np.clip(rows[part, :6] * ratio[part], 0.02, 0.97)
    return rows


def _prop(model: ImportedModel, colour, material, looks: np.ndarray) -> ImportedProp:
    return ImportedProp(
        model.kind, colour, material, model.vertices, model.faces, model.part, looks, model.name
    )


def captions(prop: ImportedProp, count: int, rng: np.random.Generator) -> list[str]:
    """`count` wordings of what the prop is."""
    return [_caption(prop, rng) for _ in range(count)]


def _caption(prop: ImportedProp, rng: np.random.Generator) -> str:
    names = wordings(prop.kind)
    name = names[0]
    if prop.name and prop.name != name and rng.random() < 0.5:
        name = prop.name
    elif len(names) > 1 and rng.random() < 0.3:
        name = str(rng.choice(names[1:]))
    before, after = [], ""
    if prop.colour:
        before.append("gray" if prop.colour == "grey" and rng.random() < 0.3 else prop.colour)
    if prop.material:
        others = MATERIALS[prop.material][0]
        word = str(rng.choice(others)) if others and rng.random() < 0.4 else prop.material
        if word.startswith("made"):
            after = " " + word
        else:
            before.append(word)
    if len(before) == 2 and rng.random() < 0.15:
        before.reverse()
    return " ".join([*before, name]) + after


def imported_vocabulary() -> list[str]:
    """Every word that captions of imported props can hold, sorted; held-out kinds' names too."""
    names = [name for kind in KINDS for name in all_names(kind)]
    words = [*names, *COLOURS, "gray", *MATERIALS, *(w for m in MATERIALS.values() for w in m[0])]
    return sorted({w for phrase in words for w in phrase.split()})
