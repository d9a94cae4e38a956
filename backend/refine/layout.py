"""UVs for the parts that have none; faces and their order stay.

In: a subject and its body. Out: the subject with UVs everywhere: parts without any share one new
sheet, an atlas by xatlas (mesh/unwrap.py).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from backend.mesh import unwrap
from backend.mesh.types import TriMesh
from backend.refine.body import Body
from backend.refine.subject import Sheet, Subject


def with_uvs(subject: Subject, body: Body, config: unwrap.Config) -> Subject:
    if subject.has_uvs:
        return subject
    sizes = [len(part.faces) for part in subject.parts]
    bare = [part.corner_uvs is None for part in subject.parts]
    chosen = np.repeat(bare, sizes)
    owned = np.flatnonzero(body.owned)[chosen]
    used, faces = np.unique(body.shown_faces[owned], return_inverse=True)
    mesh = TriMesh(torch.from_numpy(body.shown[used]), torch.from_numpy(faces.reshape(-1, 3)))
    atlas = unwrap.unwrap(mesh, config)
    corners = atlas.uvs[atlas.faces].numpy()
    ends = np.cumsum([size if none else 0 for size, none in zip(sizes, bare, strict=True)])
    number, parts = len(subject.sheets), []
    for part, none, end in zip(subject.parts, bare, ends, strict=True):
        if none:
            uvs = corners[end - len(part.faces) : end]
            part = replace(part, corner_uvs=uvs, sheets=np.full(len(part.faces), number))
        parts.append(part)
    plain = next(p for p, none in zip(subject.parts, bare, strict=True) if none)
    old = subject.sheets[int(plain.sheets[0])] if len(plain.sheets) else Sheet("atlas")
    sheet = replace(old, albedo=None, orm=None)
    return replace(subject, parts=parts, sheets=[*subject.sheets, sheet])
