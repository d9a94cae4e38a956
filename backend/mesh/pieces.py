"""The pieces of a solid: which of them stay, and rods between those that would hover.

In: `level` (R, R, R), positive inside, over [-1, 1]^3, indexed [x, y, z]. Out: the same, changed
only where a piece goes or a rod comes.

The Gaussians of a lamp's arm or a mug's handle often end where the prior saw little, a few voxels
before what they belong to. To keep the largest piece alone would then lose the rest; to keep all
would leave parts in the air. So what is large or long enough stays, and is joined to its neighbour
by a rod, unless it stands on the ground beside its like, as one shoe of a pair does. The rod is the
shortest, or follows what faintly leads from one to the other (mesh/trails.py).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import ndimage

from backend.mesh.thin import spacing_of
from backend.mesh.trails import Trails
from backend.neighbours import tree_of

OUTSIDE = -1.5  # the level that a dropped crumb gets
LONG = 0.2  # canonical units: a piece as long as that along an axis is a part, however thin
ROD = 0.035  # canonical units: radius, a little more than a cell of the draft's tetrahedra
CRACK = 0.12  # standing pieces are joined over gaps up to this
REACH = 0.8  # hovering ones up to this: the height of a lamp's arm
GROUND = 0.06  # pieces that end this close to the lowest point stand
ALIKE = 0.3  # of the largest one's volume: a standing piece of that size is a thing of its own
HANDLE = 0.05  # of the largest one's volume: a smaller hovering piece may be held at both ends
HANDLE_GAP = 0.25  # if its far end is as close as this
_AROUND = np.ones((3, 3, 3), bool)
Rod = np.ndarray  # (N, 3): from end to end, in voxels


def drop_crumbs(level: np.ndarray, share: float) -> np.ndarray:
    """Without the pieces that are shorter than LONG and have less than `share` of the largest
    one's volume."""
    labels, count = ndimage.label(level > 0, _AROUND)
    if count < 2:
        return level
    sizes = np.bincount(labels.ravel())[1:]
    boxes = ndimage.find_objects(labels)
    lengths = np.array([max(side.stop - side.start for side in box) for box in boxes])
    kept = (sizes >= share * sizes.max()) | (lengths * spacing_of(level) >= LONG)
    crumbs = (labels > 0) & ~np.isin(labels, 1 + np.flatnonzero(kept))
    return np.where(crumbs, OUTSIDE, level)


def join(level: np.ndarray, opacity: np.ndarray | None = None) -> np.ndarray:
    """With rods between the pieces that belong together.

    opacity: the least with which any view shows a sample, on the same samples.
    """
    labels, count = ndimage.label(level > 0, _AROUND)
    if count < 2:
        return level
    pieces = [np.argwhere(labels == number + 1) for number in range(count)]
    trails = None if opacity is None else Trails(opacity, level > 0)
    level = level.copy()
    for rod in _rods(sorted(pieces, key=len, reverse=True), spacing_of(level), trails):
        for start, end in pairwise(rod):
            _add_capsule(level, start, end)
    return level


def _rods(pieces: list[np.ndarray], spacing: float, trails: Trails | None) -> list[Rod]:
    """From the largest piece on, always the nearest one next, to whatever it is nearest to."""
    ground = min(piece[:, 2].min() for piece in pieces) + GROUND / spacing
    largest, left = pieces[0], pieces[1:]
    gathered, standing, rods = largest, _stands(largest, ground), []
    while left:
        tree = tree_of(gathered)
        found = [tree.query(piece) for piece in left]
        nearest = int(np.argmin([gaps.min() for gaps, _ in found]))
        piece, (gaps, partners) = left.pop(nearest), found[nearest]
        both = standing and _stands(piece, ground)
        reach = 0.0 if both and len(piece) >= ALIKE * len(largest) else CRACK if both else REACH
        if gaps.min() * spacing <= reach:
            ends = [int(gaps.argmin())]
            if len(piece) < HANDLE * len(largest) and not _stands(piece, ground):
                ends += _other_end(piece, ends[0], gaps * spacing, spacing)
            straight = [(piece[end], gathered[partners[end]]) for end in ends]
            rods += _along(trails, piece, gathered, [np.stack(rod) * 1.0 for rod in straight])
        gathered = np.concatenate([gathered, piece])
        standing = standing or _stands(piece, ground)
    return rods


def _stands(piece: np.ndarray, ground: float) -> bool:
    return bool(piece[:, 2].min() <= ground)


def _other_end(piece: np.ndarray, end: int, gaps: np.ndarray, spacing: float) -> list[int]:
    """The place on a handle's other half that is closest to what holds it, if it is close."""
    away = np.linalg.norm(piece - piece[end], axis=1) * spacing
    candidates = np.where(away >= 0.7 * away.max(), gaps, np.inf)
    other = int(candidates.argmin())
    return [other] if gaps[other] <= min(HANDLE_GAP, away[other]) else []


def _along(
    trails: Trails | None, piece: np.ndarray, gathered: np.ndarray, straight: list[Rod]
) -> list[Rod]:
    """The rods that hold a piece, on trails where there are any. The first begins wherever a trail
    leads; the second at the end that is farther from it, straight where a trail from there would
    lead to the first one's."""
    if trails is None:
        return straight
    gaps = [float(np.linalg.norm(end - start)) for start, end in straight]
    trail = trails.between(piece, gathered, gaps[0])
    first = straight[0] if trail is None else trail
    if len(straight) == 1:
        return [first]
    away = [float(np.linalg.norm(rod[0] - first[0])) for rod in straight]
    far = int(np.argmax(away))
    trail = trails.between(straight[far][:1], gathered, gaps[far])
    if trail is None or np.linalg.norm(trail[-1] - first[-1]) < away[far] / 2:
        trail = straight[far]
    return [first, trail]


def _add_capsule(level: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Raises `level`, in place, to a capsule's."""
    radius = ROD / spacing_of(level)
    low = np.maximum(np.minimum(start, end) - radius - 2, 0).astype(int)
    high = np.ceil(np.maximum(start, end) + radius + 3).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    part = level[box]
    offsets = np.moveaxis(np.indices(part.shape), 0, -1) + low - start
    along = end - start
    share = np.clip(offsets @ along / max(float(along @ along), 1e-9), 0, 1)
    distance = np.linalg.norm(offsets - share[..., None] * along, axis=-1)
    level[box] = np.maximum(part, radius - distance)
