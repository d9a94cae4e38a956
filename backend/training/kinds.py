"""What a kind of training prop is: its shape, its words, and what it naturally looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backend.training.shapes import Number, Part

Uniform = Callable[[Number, Number], float]


@dataclass(frozen=True)
class Kind:
    """One row of the tables at the end of each theme's file.

    `shape` makes parts, drawing proportions from u(low, high); the front is -Y. `names` are other
    wordings than the kind's own name. `materials` are those that it naturally has; `colours` those
    that it has when none is asked (words of COLOURS or NATURAL; () is any).
    """

    shape: Callable[[Uniform], list[Part]]
    names: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    weight: float = 1.0  # share of the training set, relative
    whole: bool = False  # of stone or gold it would be so all over, like a statue
    stripes: str = "stripes"  # the pattern that "striped" means here
    striped: float = 0.0  # how often it is striped without being asked
    trim: tuple[str, str] | None = None  # (slot, wording with {}): a second thing with a colour
