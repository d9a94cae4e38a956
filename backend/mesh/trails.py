"""Faint trails between the pieces of a solid: where a part goes that the Gaussians hardly show.

In: the least opacity with which any view shows each sample (gaussians/hull.py), (R, R, R). Out: the
cheapest way from one piece to another, as a polyline. The prior told the Gaussians little of a
lamp's arm, a pixel wide; but what little there is lies where the arm is, bend included, and nothing
else does: a view through the void shows it. So a step costs its length over the opacity there, and
Dijkstra's algorithm (1959) follows the arm, where a straight rod would cut its corner.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from backend.neighbours import tree_of

FAINTEST = 0.005  # opacity: below it a sample is empty, and no trail goes there
DETOUR = 2.5  # times the straight way, beyond which a trail is not a part's but an accident
SMOOTH = 2  # samples on each side over which a trail's corners are averaged
_BESIDE = 1.8  # samples: neighbours, corner to corner
_STEPS = [  # half of the 26 neighbours; the graph has both directions
    (x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if (x, y, z) > (0, 0, 0)
]
Places = Float[np.ndarray, "N 3"]  # in samples


class Trails:
    """All samples between the pieces that are not empty; worked out when first asked for."""

    def __init__(
        self, opacity: Float[np.ndarray, "R R R"], solid: Bool[np.ndarray, "R R R"]
    ) -> None:
        """solid: inside of the pieces, on the same samples."""
        self.opacity, self.there = opacity, (opacity > FAINTEST) & ~solid

    @cached_property
    def places(self) -> np.ndarray:
        return np.argwhere(self.there)

    @cached_property
    def graph(self) -> csr_array:
        """Costs between neighbours, in samples over opacity."""
        number = np.full(self.there.shape, -1, np.int32)
        number[self.there] = np.arange(len(self.places))
        parts = [_edges(number, self.opacity, np.array(step)) for step in _STEPS]
        a, b, costs = (np.concatenate(column) for column in zip(*parts, strict=True))
        shape = (len(self.places), len(self.places))
        return csr_array(
            (np.tile(costs, 2), (np.concatenate([a, b]), np.concatenate([b, a]))), shape
        )

    def between(self, start: np.ndarray, end: np.ndarray, straight: float) -> Places | None:
        """From any of the samples `start` (N, 3) of one piece to any of `end`; None where nothing
        leads there, or only a long way round: `straight` is the shortest way, in samples."""
        sources, goals = self._beside(start), self._beside(end)
        if not len(sources) or not len(goals):
            return None
        costs, before, _ = dijkstra(
            self.graph, indices=sources, return_predecessors=True, min_only=True
        )
        at = int(goals[costs[goals].argmin()])
        if not np.isfinite(costs[at]):
            return None
        way = [at]
        while before[way[-1]] >= 0:
            way.append(int(before[way[-1]]))
        inner = self.places[way[::-1]]
        ends = (_nearest(start, inner[0]), _nearest(end, inner[-1]))
        places = np.concatenate([ends[0], inner, ends[1]]).astype(np.float64)
        length = np.linalg.norm(np.diff(places, axis=0), axis=1).sum()
        return _smooth(places) if length <= DETOUR * straight + 2 else None

    def _beside(self, piece: np.ndarray) -> np.ndarray:
        """Numbers of the samples that touch a piece."""
        if not len(self.places):
            return np.zeros(0, np.int64)
        gaps, _ = tree_of(piece).query(self.places, distance_upper_bound=_BESIDE)
        return np.flatnonzero(np.isfinite(gaps))


def _edges(
    number: np.ndarray, opacity: np.ndarray, step: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of all samples to those a step further: both numbers, and costs."""
    here = tuple(slice(max(0, -s), min(0, -s) or None) for s in step)
    there = tuple(slice(max(0, s), min(0, s) or None) for s in step)
    both = (number[here] >= 0) & (number[there] >= 0)
    mean = (opacity[here][both] + opacity[there][both]) / 2
    return number[here][both], number[there][both], np.linalg.norm(step) / mean


def _nearest(piece: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The sample of a piece that is closest to a place, (1, 3)."""
    return piece[[int(((piece - place) ** 2).sum(-1).argmin())]]


def _smooth(places: Places) -> Places:
    """Means over 2 SMOOTH + 1 samples, fewer towards the ends, which stay."""
    count = len(places)
    reach = np.minimum(np.minimum(np.arange(count), np.arange(count)[::-1]), SMOOTH)
    return np.stack([places[i - r : i + r + 1].mean(0) for i, r in enumerate(reach)])
