"""A new GLB of a subject that came from another format: one mesh, a primitive for each sheet.

In: a subject, what changed, a path. Out: the file, +Y up, with the subject's own size and place.
Faces keep their order within a sheet; vertices are split where glTF needs it, along UV seams.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backend import __version__
from backend.files import replace_atomically
from backend.refine.gltf_data import Document, container
from backend.refine.gltf_write import _Patch, split_by_uvs
from backend.refine.subject import Refined, Subject
from shared.conventions import to_gltf


def write_new(subject: Subject, refined: Refined, path: Path) -> list[Path]:
    """For formats whose parts stand in one place. Raises OSError."""
    about = {"version": "2.0", "generator": f"Propsmith {__version__}"}
    document = Document(container({"asset": about}, b""), path)
    primitives = []
    patch = _Patch(document)
    for part, change in zip(subject.parts, refined.changes, strict=True):
        for sheet in np.unique(change.sheets):
            here = change.sheets == sheet
            assert change.corner_uvs is not None
            faces, uvs = part.faces[here], change.corner_uvs[here]
            used, faces = np.unique(faces, return_inverse=True)
            faces = faces.reshape(-1, 3)
            source, faces, flat = split_by_uvs(faces, uvs, len(used))
            place = part.places[0][:3, :3]  # a turn, if anything
            world = change.positions[used[source]].astype(np.float64) @ place.T
            points = to_gltf(world).astype(np.float32)
            kind = np.uint16 if len(points) < 65535 else np.uint32
            attributes = {
                "POSITION": document.add_array(points, "VEC3", bounds=True),
                "TEXCOORD_0": document.add_array(flat, "VEC2"),
            }
            if change.corner_normals is not None:
                normals = np.zeros((len(source), 3))
                np.add.at(normals, faces.reshape(-1), change.corner_normals[here].reshape(-1, 3))
                length = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
                unit = np.where(length > 1e-6, normals / length, (0.0, 0.0, 1.0))
                attributes["NORMAL"] = document.add_array(
                    to_gltf(unit @ place.T).astype(np.float32), "VEC3"
                )
            primitives.append(
                {
                    "attributes": attributes,
                    "indices": document.add_array(faces.reshape(-1).astype(kind), "SCALAR"),
                    "material": patch.material(-1 - int(sheet), int(sheet), refined.images[sheet]),
                }
            )
    name = subject.parts[0].name
    document.json["asset"]["extras"] = {"propsmith": refined.provenance}
    document.json["meshes"] = [{"name": name, "primitives": primitives}]
    document.json["nodes"] = [{"name": name, "mesh": 0}]
    document.json["scenes"], document.json["scene"] = [{"nodes": [0]}], 0
    payload = document.pack()
    replace_atomically(path, lambda file: file.write(payload))
    return [path]
