"""The axes in which a mesh is sent for refinement, and the way back without touching what stayed.

In: an object's 3x3 world matrix; positions. Out: positions as the mesh file has them, and
displacements in the object's own axes.

A prior must see the prop as the user does: a cube stretched into a pillar is a pillar, and a chair
that an FBX import turned upright stands upright. So the file has the object's world scale, shear
and tilt, but not its turn about the vertical nor its place: a prop faces -Y wherever it stands.
Where a vertex comes back as it was sent, its displacement is exactly zero, so a vertex outside a
mask keeps every bit however odd the object's matrix is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FLATTEST = 1e-6  # smallest stretch, relative to the largest, that can be undone again


class RefineError(ValueError):
    """One sentence for the user: what can't be refined, and what to do."""


@dataclass(frozen=True)
class Frame:
    """matrix: (3, 3), file = matrix @ object; its values are float32, so that Blender can store
    them and the same positions come out after a file has been saved and opened again."""

    matrix: np.ndarray

    @property
    def mirrors(self) -> bool:
        """Whether faces turn inside out on the way."""
        return bool(np.linalg.det(self.matrix) < 0)

    @property
    def values(self) -> list[float]:
        """Nine numbers, row by row, for a property of Blender's."""
        return [float(value) for value in self.matrix.ravel()]

    def to_file(self, points: np.ndarray) -> np.ndarray:
        """(V, 3) f4 of the object -> (V, 3) f4 of the file."""
        return (points.astype(np.float64) @ self.matrix.T).astype(np.float32)

    def from_file(self, points: np.ndarray) -> np.ndarray:
        """(V, 3) f4 of the file -> (V, 3) f4 of the object."""
        return self._back(points.astype(np.float64)).astype(np.float32)

    def displacement(self, sent: np.ndarray, came: np.ndarray) -> np.ndarray:
        """(V, 3) f8 in the object's axes; exactly zero where `came` is what was sent."""
        moved = (sent != came).any(axis=1)
        result = np.zeros((len(sent), 3))
        result[moved] = self._back(came[moved].astype(np.float64) - sent[moved])
        return result

    def _back(self, vectors: np.ndarray) -> np.ndarray:
        return np.linalg.solve(self.matrix, vectors.T).T


def frame_of(world: Sequence[Sequence[float]]) -> Frame:
    """world: the object's matrix_world, its upper left 3x3 is used.

    Raises RefineError for an object that is scaled to nothing.
    """
    linear = np.array([list(row)[:3] for row in list(world)[:3]], np.float64)
    stretches = np.linalg.svd(linear, compute_uv=False) if np.isfinite(linear).all() else (0, 0)
    if not stretches[-1] > FLATTEST * stretches[0]:
        raise RefineError(
            "The object is scaled to nothing along an axis, so its shape can't be seen: "
            "give it a scale other than 0."
        )
    matrix = _turned_back(linear).astype(np.float32).astype(np.float64)
    return Frame(matrix)


def frame_from(values: Sequence[float]) -> Frame:
    """The frame whose `values` these are."""
    return Frame(np.array(values, np.float64).reshape(3, 3))


def _turned_back(linear: np.ndarray) -> np.ndarray:
    """Without the turn about the vertical: the object's front points to -Y again.

    The front is its own -Y; where that looks up or down, as after an import with Y up, its +X says
    where the front is.
    """
    unit = linear / np.linalg.norm(linear, axis=0)
    front, side = -unit[:, 1], unit[:, 0]
    if np.hypot(front[0], front[1]) < abs(front[2]):
        front = np.array((side[1], -side[0], 0.0))  # a quarter turn clockwise from +X
    length = np.hypot(front[0], front[1])
    if length < 1e-9 or (front[0] == 0 and front[1] < 0):
        return linear  # nothing to turn: not even a rounding
    sine, cosine = front[0] / length, -front[1] / length
    turn = np.array(((cosine, sine, 0), (-sine, cosine, 0), (0, 0, 1)))
    return turn @ linear


@dataclass(frozen=True)
class Canonical:
    """Where the mesh lies while it is refined: canonical = (file - center) * scale."""

    center: np.ndarray  # (3,)
    scale: float

    def to_file(self, points: np.ndarray) -> np.ndarray:
        """(V, 3) canonical -> (V, 3) f4 of the file."""
        return (points.astype(np.float64) / self.scale + self.center).astype(np.float32)
