"""What a kind of training prop is: its shape, its words, and what it naturally looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from backend.training.shapes import Number, Part


@dataclass(frozen=True)
class Uniform:
    """What a shape draws its proportions from.

    `variety`: the share of each range, around its middle, that is drawn from. Below 1 a kind keeps
    to its usual form, and choices of the sort `u(0, 1) < 0.3` are made as they mostly are, those of
    even chances as the first one: the mean of two forms looks like neither. Of three or more
    by one number, the middle ones are. What is strewn (`strewn`) then lies in one way on all.
    """

    rng: np.random.Generator
    variety: float = 1.0
    strewn: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    def __call__(self, low: Number, high: Number) -> float:
        middle, half = (low + high) / 2, (high - low) / 2 * self.variety
        if (low, high) == (0, 1):
            half = 0.5 * self.variety**3
            middle = max(half, 0.48)
        return float(self.rng.uniform(middle - half, middle + half))

    def count(self, low: int, high: int) -> int:
        """A number of things, from `low` to `high`; below variety 1 mostly the middle one."""
        if self.variety < 1:
            middle = (low + high) // 2 + 0.5
            half = (high + 1 - low) / 2 * self.variety**2
            return int(np.clip(self.rng.uniform(middle - half, middle + half), low, high))
        return int(self.rng.uniform(low, high + 0.99))

    def anywhere(self, low: Number, high: Number) -> float:
        """From all of the range: for what is strewn, like sprinkles, or coloured at random."""
        return float((self.strewn if self.variety < 1 else self.rng).uniform(low, high))

    def turn(self, degrees: Number) -> float:
        """An angle from 0 to `degrees` of something without a front, which mostly stays put."""
        half = degrees / 2 * self.variety**3
        return float(self.rng.uniform(degrees / 2 - half, degrees / 2 + half))


@dataclass(frozen=True)
class Kind:
    """One row of the tables at the end of each theme's file.

    `shape` makes parts, drawing proportions from u(low, high); the front is -Y. `names` are other
    wordings than the kind's own name. `materials` are those that it naturally has; `colours` those
    that it has when none is asked (words of COLOURS or NATURAL, the most usual first).
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
