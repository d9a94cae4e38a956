"""The add-on's meshes (shared/mesh_file.py): read as a subject, written back with textures beside.

In: a .npz. Out: a `Subject`; its result is OUTPUT.npz with albedo.png and orm.png beside it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from backend.errors import InputError
from backend.files import replace_atomically
from backend.refine.gltf_write import png
from backend.refine.subject import Part, Refined, Sheet, Subject
from shared.mesh_file import MeshFile, MeshFileError, read_mesh, write_mesh


def read_npz(path: Path) -> Subject:
    """Raises InputError for whatever is no mesh file; OSError."""
    try:
        mesh = read_mesh(path)
    except MeshFileError as error:
        raise InputError(f"'{path}': {error}") from error
    part = Part(
        name=path.stem,
        positions=mesh.vertices,
        faces=mesh.faces.astype(np.int64),
        sheets=np.zeros(len(mesh.faces), np.int64),
        corner_uvs=None if mesh.corner_uvs is None else upside_down(mesh.corner_uvs),
        weights={} if mesh.mask is None else {"mask": mesh.mask},
    )
    sheet = Sheet("material", albedo=mesh.albedo, roughness=0.5, metallic=0.0)
    return Subject([part], [sheet], partial(_write, mesh))


def _write(mesh: MeshFile, refined: Refined, path: Path) -> list[Path]:
    change, images = refined.changes[0], refined.images[0]
    uvs = mesh.corner_uvs
    if uvs is None and change.corner_uvs is not None:
        uvs = upside_down(change.corner_uvs)
    result = replace(mesh, vertices=change.positions, corner_uvs=uvs, albedo=None)
    textures = {"albedo": images.albedo[..., :3], "orm": images.orm}
    return write_result(path, result, textures)


def write_result(path: Path, mesh: MeshFile, textures: dict[str, np.ndarray]) -> list[Path]:
    """The mesh file last: where it is, all is there."""
    files = [path]
    for name, pixels in textures.items():
        files.append(path.with_name(f"{name}.png"))
        replace_atomically(files[-1], partial(_put, png(pixels)))
    replace_atomically(path, lambda file: write_mesh(file, mesh))
    return files


def _put(payload: bytes, file: IO[bytes]) -> None:
    file.write(payload)


def upside_down(uvs: np.ndarray) -> np.ndarray:
    """Blender's v = 0 is at the bottom of the image, glTF's at the top."""
    return np.stack([uvs[..., 0], 1 - uvs[..., 1]], axis=-1).astype(np.float32)
