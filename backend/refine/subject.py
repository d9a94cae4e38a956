"""The mesh to refine, as it stands in its file: parts with their places, and texture sheets.

In: arrays from a reader. Out: a `Subject`, checked. A part keeps the order and the numbers of its
file, so that what does not change can be written back to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from backend.errors import InputError
from shared.mesh_file import MeshFileError, check_counts

IDENTITY = np.eye(4)


@dataclass(frozen=True)
class Sheet:
    """A UV space with its present images, or the plain values that stand for them.

    Images have row 0 at the top, and v = 0 there too.
    """

    name: str
    albedo: np.ndarray | None = None  # (H, W, 3 or 4) u1, sRGB
    orm: np.ndarray | None = None  # (H, W, 3) u1, linear: occlusion, roughness, metallic
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)  # linear, times albedo
    roughness: float = 1.0  # times orm's
    metallic: float = 1.0


@dataclass(frozen=True)
class Part:
    """Vertices and triangles that stand together in the file, and where they are shown."""

    name: str
    positions: np.ndarray  # (n, 3) f4 or f8, in the part's own axes
    faces: np.ndarray  # (m, 3) i8, counter-clockwise from outside
    sheets: np.ndarray  # (m,) i8, into Subject.sheets
    corner_uvs: np.ndarray | None = None  # (m, 3, 2) f4
    corner_normals: np.ndarray | None = None  # (m, 3, 3) f4
    places: tuple[np.ndarray, ...] = (IDENTITY,)  # (4, 4) f8: own axes -> world, +Z up
    colors: np.ndarray | None = None  # (n, 3) f4, linear, times the sheet's
    weights: dict[str, np.ndarray] = field(default_factory=dict)  # (n,) f4 in [0, 1], by name


@dataclass(frozen=True)
class Change:
    """What refinement made of one part. Arrays are the part's own where nothing changed."""

    positions: np.ndarray  # (n, 3), the type of the part's
    moved: np.ndarray  # (n,) bool
    free: np.ndarray  # (n,) bool: what the mask lets change
    corner_normals: np.ndarray | None  # (m, 3, 3) f4
    turned: np.ndarray | None  # (m, 3) bool: corners whose normal is new
    corner_uvs: np.ndarray | None  # (m, 3, 2) f4; new where the part had none
    sheets: np.ndarray  # (m,) into Refined.images
    colors: np.ndarray  # (n, 3) u1, sRGB: the new base colour at the vertices


@dataclass(frozen=True)
class SheetImages:
    """New textures of one UV space. kept_color, kept_orm: whether they still are to be multiplied
    by the sheet's values and the vertices' colours, as with a mask over present textures."""

    name: str
    albedo: np.ndarray  # (H, W, 3 or 4) u1
    orm: np.ndarray  # (H, W, 3) u1
    kept_color: bool = False
    kept_orm: bool = False
    normal: np.ndarray | None = None  # (H, W, 3) u1, of a new surface


@dataclass(frozen=True)
class Refined:
    changes: list[Change]
    images: list[SheetImages]
    title: str
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """parts and sheets, and `write`, which puts a refined version into a file of the same kind and
    returns all files that it wrote."""

    parts: list[Part]
    sheets: list[Sheet]
    write: Callable[[Refined, Path], list[Path]]

    @property
    def has_uvs(self) -> bool:
        return all(part.corner_uvs is not None for part in self.parts)

    def check(self, path: Path) -> None:
        """Raises InputError, with a sentence, for what can't be refined."""
        vertices = sum(len(part.positions) for part in self.parts)
        faces = sum(len(part.faces) * len(part.places) for part in self.parts)
        try:
            check_counts(vertices, faces)
        except MeshFileError as error:
            raise InputError(f"'{path}': {error}") from error
        for part in self.parts:
            self._check_part(part, f"'{path}': the part '{part.name}'")

    def _check_part(self, part: Part, what: str) -> None:
        if not np.isfinite(part.positions).all():
            raise InputError(f"{what} has vertices that are not finite numbers; repair it first.")
        if len(part.faces) and not 0 <= part.faces.min() <= part.faces.max() < len(part.positions):
            raise InputError(f"{what} has faces that name vertices which are not there.")
        if not all(np.isfinite(place).all() for place in part.places):
            raise InputError(f"{what} has a transform that is not finite numbers; repair it first.")
        if part.corner_uvs is not None and not np.isfinite(part.corner_uvs).all():
            raise InputError(f"{what} has UVs that are not finite numbers; unwrap it anew.")
