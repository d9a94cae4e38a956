"""Which props there are: kind -> shape, natural looks, words; and a random prop with its caption.

A prop's slots: "main" wears what the caption asks for; the others wear what is natural (the
bark of a tree, the blade of a sword) or something near the main look (hoops, insets).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from backend.training import furniture as f
from backend.training import objects as o
from backend.training.looks import COLOURLESS, COLOURS, MATERIALS, Look, make_look, plain
from backend.training.shapes import assemble

ANY = ("wooden", "metal", "plastic", "ceramic", "stone", "golden", "silver", "copper", "rusty")
SOFT = ("leather", "fabric")
# kind -> (shape, other names, natural materials, colours it has when none is asked; () is any)
KINDS: dict[str, tuple[Callable, tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "chair": (f.chair, (), ("wooden", "plastic", "metal"), ("brown",)),
    "stool": (f.stool, (), ("wooden", "metal", "plastic"), ("brown",)),
    "table": (f.table, (), ("wooden", "plastic", "metal"), ("brown",)),
    "bench": (f.bench, (), ("wooden", "metal"), ("brown",)),
    "armchair": (f.armchair, (), SOFT, ()),
    "sofa": (f.sofa, ("couch",), SOFT, ()),
    "bed": (f.bed, (), ("wooden",), ("brown", "white")),
    "bookshelf": (f.bookshelf, ("bookcase",), ("wooden",), ("brown", "white")),
    "crate": (f.crate, ("box",), ("wooden", "metal"), ("brown",)),
    "chest": (f.chest, (), ("wooden",), ("brown",)),
    "barrel": (f.barrel, (), ("wooden", "metal"), ("brown",)),
    "bucket": (f.bucket, ("pail",), ("metal", "wooden", "plastic"), ("grey",)),
    "vase": (f.vase, (), ("ceramic",), ()),
    "bathtub": (f.bathtub, ("tub",), ("ceramic",), ("white",)),
    "lamp": (f.lamp, (), ("fabric", "plastic", "metal"), ()),
    "mug": (o.mug, ("cup",), ("ceramic", "metal"), ()),
    "goblet": (o.goblet, ("chalice",), ("metal", "golden", "silver"), ("grey",)),
    "bottle": (o.bottle, (), ("ceramic", "plastic"), ("green", "brown")),
    "potion": (o.potion, ("flask",), ("ceramic",), ()),
    "teapot": (o.teapot, (), ("ceramic", "metal"), ()),
    "donut": (o.donut, ("doughnut",), ("ceramic",), ("pink", "brown", "white")),
    "hamburger": (o.hamburger, ("burger",), ("plastic",), ()),
    "cake": (o.cake, (), ("plastic",), ("pink", "white", "brown")),
    "ball": (o.ball, (), ("plastic", "leather"), ()),
    "mushroom": (o.mushroom, ("toadstool",), ("plastic",), ("red", "brown")),
    "tree": (o.tree, (), ("plastic",), ("green",)),
    "cactus": (o.cactus, (), ("ceramic",), ("orange", "brown")),
    "sword": (o.sword, (), ("golden", "metal"), ("brown",)),
    "axe": (o.axe, (), ("metal",), ("grey",)),
    "hammer": (o.hammer, (), ("metal", "wooden"), ("grey",)),
    "shield": (o.shield, (), ("wooden", "metal"), ("brown", "blue", "red")),
    "lantern": (o.lantern, (), ("metal",), ("black", "grey")),
    "candle": (o.candle, (), ("plastic",), ("white", "red")),
    "house": (o.house, (), ("stone", "wooden"), ("white", "yellow", "brown")),
    "rocket": (o.rocket, ("spaceship",), ("metal", "plastic"), ("red", "blue")),
    "snowman": (o.snowman, (), ("fabric",), ("red", "green", "blue")),
    "hydrant": (o.hydrant, (), ("metal",), ("red", "yellow")),
}  # fmt: skip
# What the first prior was trained on; the others wait for more compute.
FIRST_KINDS = (
    "chair", "stool", "table", "armchair", "sofa", "crate", "chest", "barrel", "bucket", "vase",
    "lamp", "mug", "goblet", "bottle", "teapot", "donut", "hamburger", "ball", "mushroom", "cactus",
    "sword", "rocket", "snowman", "hydrant",
)  # fmt: skip
COMPOUND = {
    "hydrant": "fire hydrant",
    "lamp": "table lamp",
    "cake": "birthday cake",
    "chest": "treasure chest",
}
NATURAL: dict[str, tuple[tuple[float, float, float], float, float]] = {
    "dark": ((0.16, 0.13, 0.11), 0.5, 0.0),
    "white": ((0.92, 0.92, 0.90), 0.7, 0.0),
    "metal": ((0.52, 0.53, 0.55), 0.35, 1.0),
    "gold": ((0.90, 0.68, 0.22), 0.3, 1.0),
    "gem": ((0.75, 0.08, 0.15), 0.1, 0.0),
    "blade": ((0.76, 0.77, 0.80), 0.22, 1.0),
    "grip": ((0.36, 0.21, 0.11), 0.7, 0.0),
    "cork": ((0.70, 0.52, 0.32), 0.9, 0.0),
    "label": ((0.92, 0.88, 0.75), 0.8, 0.0),
    "bark": ((0.36, 0.23, 0.12), 0.9, 0.0),
    "leaves": ((0.16, 0.48, 0.14), 0.8, 0.0),
    "leaf": ((0.40, 0.68, 0.18), 0.6, 0.0),
    "stem": ((0.92, 0.87, 0.75), 0.8, 0.0),
    "bun": ((0.85, 0.55, 0.22), 0.6, 0.0),
    "meat": ((0.33, 0.17, 0.09), 0.8, 0.0),
    "cheese": ((0.97, 0.75, 0.16), 0.5, 0.0),
    "tomato": ((0.80, 0.14, 0.10), 0.4, 0.0),
    "dough": ((0.84, 0.62, 0.36), 0.7, 0.0),
    "flame": ((0.98, 0.76, 0.25), 0.6, 0.0),
    "carrot": ((0.93, 0.45, 0.08), 0.7, 0.0),
    "glass": ((0.50, 0.72, 0.88), 0.1, 0.0),
    "roof": ((0.58, 0.20, 0.14), 0.8, 0.0),
}  # fmt: skip


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


def sample_prop(kind: str, rng: np.random.Generator) -> Prop:
    """A random shape of `kind` in a random look."""
    shape, _, natural, colours = KINDS[kind]
    vertices, faces, part, slots = assemble(shape(lambda a, b: float(rng.uniform(a, b))))
    colour = str(rng.choice(list(COLOURS))) if rng.random() < 0.65 else None
    material = None
    if rng.random() < 0.6:
        choices = natural if rng.random() < 0.5 else (*ANY, *natural)
        material = str(rng.choice(choices))
        if material in COLOURLESS:
            colour = None
    worn_material = material or str(
        rng.choice([m for m in natural if m not in COLOURLESS] or natural)
    )
    worn_colour = colour
    if colour is None and material is None:
        worn_colour = str(rng.choice(colours or tuple(COLOURS)))
        if worn_colour == "brown" and worn_material == "wooden":
            worn_colour = None  # wood as it grows
    main = make_look(worn_colour, worn_material, rng)
    looks = slot_looks(main, rng)
    rows = [looks(slot).row(rng.uniform(0, 10)) for slot in slots]
    return Prop(kind, colour, material, vertices, faces, part, np.stack(rows))


def slot_looks(main: Look, rng: np.random.Generator) -> Callable[[str], Look]:
    """Slot -> look; the same slot always gets the same look within one prop."""
    made: dict[str, Look] = {"main": main}
    base = np.array(main.colour_a)

    def look(slot: str) -> Look:
        if slot not in made:
            made[slot] = fresh(slot)
        return made[slot]

    def fresh(slot: str) -> Look:
        if slot in NATURAL:
            return plain(*NATURAL[slot], rng=rng)
        if slot in ("inset", "inner"):
            dim = 0.72 if slot == "inset" else 0.35
            return Look(
                tuple(base * dim), tuple(np.array(main.colour_b) * dim), main.roughness,
                main.metallic, main.pattern, main.scale,
            )  # fmt: skip
        if slot == "hoop":  # metal bands, rusty where the barrel is
            return (
                main
                if main.metallic[1] > 0.5 and main.roughness[0] > 0.7
                else plain(*NATURAL["metal"], rng=rng)
            )
        return plain(COLOURS[str(rng.choice(list(COLOURS)))], 0.7, rng=rng)

    return look


def captions(prop: Prop, count: int, rng: np.random.Generator) -> list[str]:
    """`count` wordings of what the prop is."""
    return [_caption(prop, rng) for _ in range(count)]


def _caption(prop: Prop, rng: np.random.Generator) -> str:
    name = prop.kind
    if KINDS[prop.kind][1] and rng.random() < 0.25:
        name = str(rng.choice(KINDS[prop.kind][1]))
    elif prop.kind in COMPOUND and rng.random() < 0.5:
        name = COMPOUND[prop.kind]
    before, after = [], ""
    if prop.colour:
        before.append("gray" if prop.colour == "grey" and rng.random() < 0.3 else prop.colour)
    if prop.material:
        others = MATERIALS[prop.material][0]
        word = prop.material if rng.random() < 0.6 else str(rng.choice(others))
        if word.startswith("made"):
            after = " " + word
        else:
            before.append(word)
    if len(before) == 2 and rng.random() < 0.15:
        before.reverse()
    return " ".join([*before, name]) + after


def vocabulary(kinds: tuple[str, ...] = tuple(KINDS)) -> list[str]:
    """Every word that captions of these kinds can hold, sorted."""
    names = [n for kind in kinds for n in (kind, COMPOUND.get(kind, kind), *KINDS[kind][1])]
    words = [*names, *COLOURS, "gray", *MATERIALS, *(w for m in MATERIALS.values() for w in m[0])]
    return sorted({w for phrase in words for w in phrase.split()})
