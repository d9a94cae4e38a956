"""The subject as one surface in the canonical frame, as rasterisers and stages want it.

In: a `Subject`, a weight for each of its vertices. Out: a `Body`: render vertices, split where
shading is hard and only there, each tied to a welded vertex, the unknown that may move. Seams of
UVs and borders of parts share their welded vertices, so nothing opens there.

A part that stands in several places has one set of unknowns, those of its first place; the others
follow turned and scaled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from backend.mesh.types import TriMesh
from backend.refine.normals import corner_normals
from backend.refine.subject import Subject
from shared.mesh_file import canonical_frame

SAME = 1e-5  # canonical units: vertices closer than about this are one
NORMAL_STEPS = 500  # of a normal's coordinate, when they are compared


@dataclass(frozen=True)
class Frame:
    """canonical = (world - center) * scale."""

    center: np.ndarray  # (3,) f8
    scale: float

    def to_canonical(self, world: np.ndarray) -> np.ndarray:
        return (world - self.center) * self.scale


@dataclass(frozen=True)
class Body:
    """N vertices of the parts, shown as G by all places; W welded, R of the render mesh, F faces.

    The order of N, G and F is that of the parts and, within each, of its places.
    """

    frame: Frame
    shown: np.ndarray  # (G, 3) f4, canonical
    shown_faces: np.ndarray  # (F, 3) into G
    corner_normals: np.ndarray  # (F, 3, 3) f4, canonical
    source: np.ndarray  # (G,) into N
    welded: np.ndarray  # (N,) into W
    weights: np.ndarray  # (W,) f4 in [0, 1]: the least of those welded together; 0 stays
    rest: np.ndarray  # (W, 3) f4, canonical, in the first place
    turns: np.ndarray  # (T, 3, 3) f4: from a displacement in the first place to that in another
    turn: np.ndarray  # (G,) into T; 0 is the identity
    stretch: np.ndarray  # (W,) f4 >= 1: how much longer its displacement gets at most
    render: np.ndarray  # (R, 3) f4, canonical
    render_faces: np.ndarray  # (F, 3) into R, turned over where their place mirrors
    render_corners: np.ndarray  # (F, 3) into R, in the order of the part's corners
    shown_of: np.ndarray  # (R,) into G: one that each render vertex stands for
    owned: np.ndarray  # (F,) bool: faces of first places

    def moved(self, displacement: Tensor, of: np.ndarray | None = None) -> Tensor:
        """(W, 3) displacements -> (G, 3) canonical positions, or those of `of` (K,) into G."""
        of = np.arange(len(self.shown)) if of is None else of
        device = displacement.device
        welded = torch.from_numpy(self.welded[self.source[of]]).to(device)
        vectors = displacement.index_select(0, welded)
        if len(self.turns) > 1:
            turns = torch.from_numpy(self.turns[self.turn[of]]).to(device)
            vectors = (turns @ vectors[..., None])[..., 0]
        return torch.from_numpy(self.shown[of]).to(device) + vectors

    def render_mesh(self, displacement: Tensor) -> TriMesh:
        faces = torch.from_numpy(self.render_faces).to(displacement.device)
        return TriMesh(self.moved(displacement, self.shown_of), faces)


def body_of(subject: Subject, weights: list[np.ndarray]) -> Body:
    """weights: (n,) f4 in [0, 1] for each part."""
    shown = [_placed(part.positions, place) for part in subject.parts for place in part.places]
    sizes = [len(part.positions) for part in subject.parts]
    starts = np.cumsum([0, *sizes])
    source = [
        starts[i] + np.arange(sizes[i]) for i, part in enumerate(subject.parts) for _ in part.places
    ]
    shifts = np.cumsum([0, *(len(points) for points in shown)])
    many = [part for part in subject.parts for _ in part.places]
    faces = np.concatenate([p.faces + shift for p, shift in zip(many, shifts, strict=False)])
    world = np.concatenate(shown)
    used = np.unique(faces)
    frame = Frame(*canonical_frame(world[used]))
    points = frame.to_canonical(world).astype(np.float32)
    first = np.concatenate(
        [np.arange(len(p.places)).repeat(len(p.positions)) == 0 for p in subject.parts]
    )
    turns, turn = _turns(subject)
    place = np.concatenate([np.full(len(s), i) for i, s in enumerate(source)])
    owners = np.flatnonzero(first)  # G that show N in its order
    welded, rest_of = _weld(points[owners])
    pieces = {
        "source": np.concatenate(source),
        "welded": welded,
        "weights": _least(np.concatenate(weights), welded, _used(subject)),
        "rest": points[owners][rest_of],
        "turns": turns,
        "turn": turn[place],
        "stretch": _stretch(turns, turn[place], welded[np.concatenate(source)], len(rest_of)),
        "owned": first[faces[:, 0]],
    }
    normals = _normals(subject, points, faces)
    render_corners, shown_of = _split(points, faces, normals)
    render_faces = _turned_over(render_corners, mirrored(subject))
    return Body(
        frame=frame,
        shown=points,
        shown_faces=faces,
        corner_normals=normals,
        render=points[shown_of],
        render_faces=render_faces,
        render_corners=render_corners,
        shown_of=shown_of,
        **pieces,
    )


def mirrored(subject: Subject) -> np.ndarray:
    """(F,) bool: faces that their place turns inside out, so that their winding is reversed."""
    return np.concatenate(
        [
            np.full(len(part.faces), np.linalg.det(place[:3, :3]) < 0)
            for part in subject.parts
            for place in part.places
        ]
    )


def _turned_over(faces: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return np.where(chosen[:, None], faces[:, ::-1], faces)


def _placed(positions: np.ndarray, place: np.ndarray) -> np.ndarray:
    return positions.astype(np.float64) @ place[:3, :3].T + place[:3, 3]


def _turns(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """(T, 3, 3) with the identity first, and which of them each place has."""
    turns, which = [np.eye(3)], []
    for part in subject.parts:
        back = np.linalg.pinv(part.places[0][:3, :3])
        which.append(0)
        for place in part.places[1:]:
            which.append(len(turns))
            turns.append(place[:3, :3] @ back)
    return np.stack(turns).astype(np.float32), np.array(which)


def _weld(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The group of each point, and one point of each group; groups are few where points meet."""
    steps = np.round(points.astype(np.float64) / SAME).astype(np.int64)
    _, first, group = np.unique(steps, axis=0, return_index=True, return_inverse=True)
    return group.reshape(-1), first


def _used(subject: Subject) -> np.ndarray:
    """(N,) bool: vertices of their part's faces. Files let parts share one pool of vertices."""
    used = []
    for part in subject.parts:
        used.append(np.zeros(len(part.positions), bool))
        used[-1][part.faces.reshape(-1)] = True
    return np.concatenate(used)


def _least(weights: np.ndarray, welded: np.ndarray, used: np.ndarray) -> np.ndarray:
    """The least of the used vertices of each group, or of all where none is used."""
    least = np.full(int(welded.max()) + 1, 2, np.float32)
    np.minimum.at(least, welded[used], weights[used].astype(np.float32))
    rest = np.flatnonzero(least[welded] > 1)
    np.minimum.at(least, welded[rest], weights[rest].astype(np.float32))
    return least


def _stretch(turns: np.ndarray, turn: np.ndarray, welded: np.ndarray, count: int) -> np.ndarray:
    most = np.ones(count, np.float32)
    lengths = np.linalg.svd(turns, compute_uv=False)[:, 0].astype(np.float32)
    np.maximum.at(most, welded, lengths[turn])
    return most


def _normals(subject: Subject, points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F, 3, 3): the file's where it has them, else smooth with hard edges kept."""
    welded, _ = _weld(points)
    outside_in = mirrored(subject)
    found = corner_normals(points, _turned_over(faces, outside_in), welded)
    found = np.where(outside_in[:, None, None], found[:, ::-1], found)
    at = 0
    for part in subject.parts:
        for place in part.places:
            here = slice(at, at + len(part.faces))
            at = here.stop
            if part.corner_normals is not None:
                turned = part.corner_normals.astype(np.float64) @ np.linalg.pinv(place[:3, :3])
                length = np.linalg.norm(turned, axis=-1, keepdims=True)
                good = np.isfinite(length) & (length > 1e-12)
                found[here] = np.where(good, turned / np.where(good, length, 1), found[here])
    return found


def _split(
    points: np.ndarray, faces: np.ndarray, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Faces over vertices that are one where position and normal are, and one of G for each."""
    welded, _ = _weld(points)
    steps = np.round(normals.reshape(-1, 3) * NORMAL_STEPS).astype(np.int64)
    keys = np.column_stack([welded[faces.reshape(-1)], steps])
    _, first, index = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return index.reshape(faces.shape).astype(np.int64), faces.reshape(-1)[first]
