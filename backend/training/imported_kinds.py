"""Which models of the furniture catalogues are props, of what kind, and what they may be called.

One row a kind: the catalogue's names for it, then other wordings that captions have for the kind.
A name is itself used as a wording of the models that have it, unless "-" stands before it (brands,
odd English, words that say nothing). Kinds that the procedural props have too bear the same name.

Names in no row are left out: doors, windows, stairs and pools (parts of a house), people, road
markings, flat things (switches, sockets, banknotes, folded clothes), and what has no name worth
learning ("Tool") or does not look like its name.
"""

from __future__ import annotations

import re
from functools import cache

from backend.training import names_indoors, names_things
from backend.training.sweethome import Entry

KINDS: dict[str, tuple[str, str]] = {**names_indoors.NAMES, **names_things.NAMES}
# Models that their name would put elsewhere: catalogue/model -> kind; "" leaves it out.
BY_KEY: dict[str, str] = {
    "KatorLegaz/chair-ottoman": "armchair",
    "Scopia/ext_chair": "",  # half a sofa
    "BlendSwap-CC-0/foldingChair": "stool",
    "BlendSwap-CC-0/bookcase": "cabinet",
    "Scopia/dining_room": "cabinet",
    "Scopia/office_furniture": "cabinet",
    "Scopia/box_room": "",
    "Scopia/office_box": "cabinet",
    "BlendSwap-CC-0/ammoBox": "crate",
    "BlendSwap-CC-0/lamp2": "chandelier",
    "Scopia/complements2": "",  # a cage for a candle
    "BlendSwap-CC-BY/coffee_cup": "paper cup",
    "BlendSwap-CC-0/knifeStandSwap": "",
    "BlendSwap-CC-0/stove": "",  # a bare cooktop
    "Scopia/shovel": "dustpan",
    "Scopia/scooter": "kick scooter",
    "BlendSwap-CC-0/umbrella": "parasol",
    "Scopia/ficus": "",  # its trunk is too thin to be seen
}
# What grows, is eaten, or is known by its own colours: captions name none of it as it is.
NATURE = (
    "bread", "butter", "hamburger", "hot dog", "cupcake", "birthday cake", "french fries",
    "roasted chicken", "steak", "fruit bowl", "salad", "flowers", "orchid", "tulips", "lily",
    "tree", "pine tree", "palm tree", "christmas tree", "bonsai", "bush", "hedge", "bamboo",
    "cactus", "potted plant", "horse", "dog", "cat", "rabbit", "chicken", "aquarium", "doll",
    "rubik cube", "soccer ball", "chessboard", "xylophone", "picture frame", "newspaper",
    "stone lantern", "paper cup", "cardboard box",
)  # fmt: skip
FIXTURES = (  # of a house, a street, an office: drawn less often than what is a prop of its own
    "cabinet", "radiator", "sink", "toilet", "toilet brush", "toilet paper", "bidet", "urinal",
    "towel", "fence", "pillar", "chimney", "hedge", "bush", "bamboo", "air conditioner",
    "amplifier", "disc player", "projector", "security camera", "whiteboard", "ruler",
    "clothes hanger", "adhesive tape", "newspaper", "air mattress", "soccer goal", "canopy",
    "dustpan", "ashtray", "hanging lamp", "street lamp", "tray", "cutting board", "comb", "keys",
    "fork", "spoon", "picture frame", "remote control", "table tennis", "basketball hoop",
    "chest freezer",
)  # fmt: skip
# Whole kinds that training never sees: what evaluation on unknown names asks for.
HELD_OUT = (
    "rowboat", "biplane", "forklift", "pinball machine", "stroller", "treadmill", "pool table",
    "kitchen scale", "wheelchair", "deer", "lawn mower", "bunk bed", "cocktail glass", "tricycle",
    "van",
)  # fmt: skip


@cache
def _rows() -> dict[str, tuple[str, str]]:
    """Catalogue name -> (kind, its own wording or "")."""
    out = {}
    for kind, (names, _) in KINDS.items():
        for name in names.split("|"):
            known, _, better = name.partition(">")
            silent = known.strip().startswith("-")
            plain = known.strip().removeprefix("-")
            out[plain] = (kind, "" if silent else (better.strip() or plain))
    return out


def clean(name: str) -> str:
    """A catalogue's name in lower case, without numbers at its end."""
    return re.sub(r"\s+", " ", name.lower()).strip()


def kind_of(entry: Entry) -> tuple[str, str] | None:
    """(kind, the model's own wording or "") of a model; None for what is no prop."""
    if entry.key in BY_KEY:
        kind = BY_KEY[entry.key]
        return (kind, "") if kind else None
    if entry.category == "Doors and windows" or "Human" in entry.tags:
        return None
    return _rows().get(clean(entry.name))


def wordings(kind: str) -> tuple[str, ...]:
    """What a kind may be called, its own name first."""
    others = [w.strip() for w in KINDS[kind][1].split("|") if w.strip()]
    return (kind, *others)


def all_names(kind: str) -> tuple[str, ...]:
    """Every wording that captions may have for a kind, its models' own names included."""
    own = {name for row_kind, name in _rows().values() if row_kind == kind and name}
    return (*wordings(kind), *sorted(own - set(wordings(kind))))
