"""Displacements of the body -> what changed in each part, in the part's own numbers.

In: subject, body, displacements. Out: a `Change` for each part. What did not move keeps its bits:
only vertices that moved are computed at all.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from backend.materials.field import MaterialField
from backend.mesh.geometry import vertex_normals
from backend.refine.body import Body
from backend.refine.normals import turned
from backend.refine.paint import vertex_colors
from backend.refine.subject import Change, Part, Subject


def changes_of(
    subject: Subject, laid_out: Subject, body: Body, displacement: Tensor, field: MaterialField
) -> list[Change]:
    """laid_out: the subject with UVs everywhere; displacement (W, 3) canonical."""
    moves = displacement.detach().cpu().numpy().astype(np.float64)
    whole = vertex_colors(field, body.moved(displacement))
    corners = _normals_after(body, displacement)
    result, vertex, face, shown = [], 0, 0, 0
    for part, laid in zip(subject.parts, laid_out.parts, strict=True):
        count, faces = len(part.positions), slice(face, face + len(part.faces))
        welded = body.welded[vertex : vertex + count]
        moved = (moves[welded] != 0).any(axis=1)
        normals, new = _normals(part, moved, body.corner_normals[faces], corners[faces])
        result.append(
            Change(
                positions=_positions(part, moved, moves[welded] / body.frame.scale),
                moved=moved,
                free=body.weights[welded] > 0,
                corner_normals=normals,
                turned=new,
                corner_uvs=laid.corner_uvs,
                sheets=laid.sheets,
                colors=whole[shown : shown + count],
            )
        )
        vertex += count
        face += len(part.faces) * len(part.places)
        shown += count * len(part.places)
    return result


def _positions(part: Part, moved: np.ndarray, world: np.ndarray) -> np.ndarray:
    back = np.linalg.pinv(part.places[0][:3, :3])
    result = part.positions.copy()
    result[moved] = (part.positions[moved] + world[moved] @ back.T).astype(result.dtype)
    return result


def _normals_after(body: Body, displacement: Tensor) -> np.ndarray:
    """(F, 3, 3) canonical: the normals before, turned as the surface turned."""
    with torch.no_grad():
        before = vertex_normals(body.render_mesh(torch.zeros_like(displacement))).cpu().numpy()
        after = vertex_normals(body.render_mesh(displacement)).cpu().numpy()
    corners = body.render_corners.reshape(-1)
    flat = turned(body.corner_normals.reshape(-1, 3), before[corners], after[corners])
    return flat.reshape(body.corner_normals.shape).astype(np.float32)


def _normals(
    part: Part, moved: np.ndarray, before: np.ndarray, after: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """In the part's own axes; and which corners have another one. Vertices that did not move, and
    those that the mask holds among them, keep theirs."""
    if part.corner_normals is None:
        return None, None
    new = moved[part.faces] & (np.abs(after - before).max(axis=-1) > 1e-6)
    own = after.astype(np.float64) @ part.places[0][:3, :3]
    own /= np.maximum(np.linalg.norm(own, axis=-1, keepdims=True), 1e-12)
    result = np.where(new[..., None], own, part.corner_normals).astype(np.float32)
    return result, new
