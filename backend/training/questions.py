"""What evaluation asks a prior for: prompts with a known answer, in groups.

seen     pairs of kind and colour that training had (the kinds of `held_out`, other colours)
held_out pairs of kind and colour that training never had (held_out.py)
material kinds in a material that they naturally have
unseen   whole names that training never had, known to the prior by their words' meanings at most

What grows or is eaten is asked for in no colours, unless it is procedural: nobody asks for those.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.training.examples import Examples, seeded
from backend.training.held_out import held_out_pair
from backend.training.imported_kinds import NATURE
from backend.training.looks import COLOURS
from backend.training.props import KINDS

GROUPS = ("seen", "held_out", "material", "unseen")


@dataclass(frozen=True)
class Question:
    group: str
    kind: str
    colour: str | None = None
    material: str | None = None

    @property
    def prompt(self) -> str:
        words = [w for w in (self.colour, self.material, self.kind) if w]
        return ("an " if words[0][0] in "aeiou" else "a ") + " ".join(words)


def questions(examples: Examples, pairs: int, materials: int) -> list[Question]:
    """The same ones for the same arguments and tables; every name that is held out as a whole."""
    rng = seeded(2)
    kinds = [kind for kind in examples.kinds if kind not in examples.unseen]
    paintable = [kind for kind in kinds if kind in KINDS or kind not in NATURE]
    held = [p for kind in paintable if (p := _pair(examples, kind, True, rng))]
    held = [held[i] for i in sorted(rng.permutation(len(held))[:pairs])]
    seen = [p for q in held if (p := _pair(examples, q.kind, False, rng))]
    made = [kind for kind in kinds if kind in KINDS and KINDS[kind].materials]
    made = [made[i] for i in sorted(rng.permutation(len(made))[:materials])]
    natural = [Question("material", k, None, str(rng.choice(KINDS[k].materials))) for k in made]
    return [*seen, *held, *natural, *(Question("unseen", kind) for kind in examples.unseen)]


def _pair(examples: Examples, kind: str, held: bool, rng: np.random.Generator) -> Question | None:
    """A colour for the kind that is held out of training, or isn't; none that it has by nature."""
    colours = [
        colour
        for colour in COLOURS
        if held_out_pair(kind, colour) == held and not examples.has_by_nature(kind, colour)
    ]
    if not colours:
        return None
    return Question("held_out" if held else "seen", kind, str(rng.choice(colours)))
