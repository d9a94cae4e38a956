"""Where refinement may change anything: a weight for each vertex, and an image for texels.

In: a `Subject` and what the user named. Out: a `Mask`; 0 is never touched, 1 changes freely.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from backend.errors import InputError
from backend.refine.request import RefineRequest
from backend.refine.subject import Part, Subject

BLACK = 4  # of 255: what a lossy image makes of black


@dataclass(frozen=True)
class Mask:
    weights: list[np.ndarray]  # (n,) f4 for each part
    image: np.ndarray | None = None  # (H, W) f4 over the UVs

    @property
    def whole(self) -> bool:
        """Nothing is held back."""
        return self.image is None and all((weights == 1).all() for weights in self.weights)


def mask_of(subject: Subject, request: RefineRequest) -> Mask:
    """Raises InputError where there is no such mask, or it lets nothing change."""
    if not request.mask:
        return Mask([np.ones(len(part.positions), np.float32) for part in subject.parts])
    path = request.mask_image
    mask = _from_image(subject, path) if path else _by_name(subject, request.mask)
    if not any((weights > 0).any() for weights in mask.weights) and (
        mask.image is None or not (mask.image > 0).any()
    ):
        raise InputError(
            f"The mask '{request.mask}' is 0 everywhere, so nothing may change: paint what may "
            "change white."
        )
    return mask


def _by_name(subject: Subject, name: str) -> Mask:
    parts = subject.parts
    if any(name in part.weights for part in parts):
        return Mask(
            [part.weights.get(name, np.zeros(len(part.positions), np.float32)) for part in parts]
        )
    sheets = {sheet.name: number for number, sheet in enumerate(subject.sheets)}
    if name in sheets:
        return Mask([_on_faces(part, part.sheets == sheets[name]) for part in parts])
    if any(part.name == name for part in parts):
        return Mask([np.full(len(p.positions), p.name == name, np.float32) for p in parts])
    names = dict.fromkeys(
        [*(n for part in parts for n in part.weights), *sheets, *(part.name for part in parts)]
    )
    there = ", ".join(f"'{n}'" for n in list(names)[:8]) or "none"
    raise InputError(
        f"There is no mask '{name}': name an image, or one of the mesh's vertex attributes, "
        f"materials or parts ({there})."
    )


def _on_faces(part: Part, chosen: np.ndarray) -> np.ndarray:
    """1 where a vertex is used by chosen faces only."""
    weights = np.zeros(len(part.positions), np.float32)
    weights[part.faces[chosen].reshape(-1)] = 1
    weights[part.faces[~chosen].reshape(-1)] = 0
    return weights


def _from_image(subject: Subject, path: Path) -> Mask:
    if not subject.has_uvs:
        raise InputError(
            "A mask image lies over UVs, and the mesh has none everywhere: unwrap it first, or "
            "name a vertex attribute as the mask."
        )
    try:
        with Image.open(path) as opened:
            gray = np.asarray(opened.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"Cannot read the mask image '{path}': {error}.") from error
    image = np.where(gray <= BLACK, 0, gray).astype(np.float32) / 255
    return Mask([_under(image, part) for part in subject.parts], image)


def _under(image: np.ndarray, part: Part) -> np.ndarray:
    """The least that the corners of a vertex see; 0 for vertices without any."""
    assert part.corner_uvs is not None
    height, width = image.shape
    columns, rows = np.floor(part.corner_uvs % 1.0 * (width, height)).astype(int).T
    seen = image[np.minimum(rows, height - 1).T, np.minimum(columns, width - 1).T]
    weights = np.full(len(part.positions), 2, np.float32)
    np.minimum.at(weights, part.faces.reshape(-1), seen.reshape(-1))
    return np.where(weights > 1, 0, weights).astype(np.float32)
