"""Faint trails between the pieces of a solid: where a part goes that the Gaussians hardly show.

In: the least opacity with which any view shows each sample (gaussians/hull.py), (R, R, R). Out: the
cheapest way from one piece to another, as a polyline. The prior told the Gaussians little of a
lamp's arm, a pixel wide; but what little there is lies where the arm is, bend included, and nothing
else does: a view through the void shows it. So a step costs its length over the opacity there, and
Dijkstra's algorithm (1959) follows the arm, where a straight rod would cut its corner.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

FAINTEST = 0.005  # opacity: below it a sample is empty, and no trail goes there
DETOUR = 2.5  # times the straight way, beyond which a trail is not a part's but an accident
SMOOTH = 2  # samples on each side over which a trail's corners are averaged
_STEPS = [  # half of the 26 neighbours; the graph has both directions
    (x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if (x, y, z) > (0, 0, 0)
]
Places = Float[np.ndarray, "N 3"]  # in samples


class Trails:
    """The graph of all samples that are not empty; pieces belong to it whatever their opacity."""

    def __init__(self, opacity: Float[np.ndarray, "R R R"], solid: np.ndarray):
        """solid: True inside of the pieces, on the same samples."""
        self.there = (opacity > FAINTEST) | solid
        self.number = np.full(opacity.shape, -1)
        self.number[self.there] = np.arange(int(self.there.sum()))
        self.places = np.argwhere(self.there)
        self.graph = _graph(self.number, np.maximum(opacity, FAINTEST))

    def between(self, start: np.ndarray, end: np.ndarray, straight: float) -> Places | None:
        """From any of the samples `start` (N, 3) to any of `end`; None where nothing leads there,
        or only a long way round: `straight` is the shortest way, in samples."""
        sources, goals = (self.number[tuple(side.T)] for side in (start, end))
        costs, before, _ = dijkstra(
            self.graph, indices=sources, return_predecessors=True, min_only=True
        )
        at = int(goals[costs[goals].argmin()])
        if not np.isfinite(costs[at]):
            return None
        way = [at]
        while before[way[-1]] >= 0:
            way.append(int(before[way[-1]]))
        places = self.places[way[::-1]].astype(np.float64)
        length = np.linalg.norm(np.diff(places, axis=0), axis=1).sum()
        return _smooth(places) if length <= DETOUR * straight + 2 else None


def _graph(number: np.ndarray, opacity: np.ndarray) -> csr_array:
    """Costs between neighbours, in samples over opacity."""
    rows, columns, costs = [], [], []
    for step in _STEPS:
        here = tuple(slice(max(0, -s), min(0, -s) or None) for s in step)
        there = tuple(slice(max(0, s), min(0, s) or None) for s in step)
        both = (number[here] >= 0) & (number[there] >= 0)
        rows.append(number[here][both])
        columns.append(number[there][both])
        mean = (opacity[here][both] + opacity[there][both]) / 2
        costs.append(float(np.linalg.norm(step)) / mean)
    a, b, c = (np.concatenate(parts) for parts in (rows, columns, costs))
    count = int(number.max()) + 1
    ways = (np.concatenate([a, b]), np.concatenate([b, a]))
    return csr_array((np.concatenate([c, c]), ways), shape=(count, count))


def _smooth(places: Places) -> Places:
    """Means over 2 SMOOTH + 1 samples, fewer towards the ends, which stay."""
    count = len(places)
    reach = np.minimum(np.minimum(np.arange(count), np.arange(count)[::-1]), SMOOTH)
    return np.stack([places[i - r : i + r + 1].mean(0) for i, r in enumerate(reach)])
