"""The mesh file: how a mesh that is to be refined travels, and how the refined one comes back.

In: a `MeshFile`, or the bytes of one. Out: an uncompressed .npz without pickle, the same bytes for
the same mesh; or the arrays again, checked. numpy and the standard library only: the add-on uses it
inside Blender, the server on what clients upload.

    vertices    (V, 3)    f4  object space, +Z up, metres
    faces       (F, 3)    u4  triangles, counter-clockwise seen from outside
    corner_uvs  (F, 3, 2) f4  optional; Blender's: v = 0 at the BOTTOM of the image
    mask        (V,)      f4  optional, in [0, 1]; 0 must not change by a bit, 1 may change freely
    albedo      (H, W, 3) u1  optional; the present base colour, sRGB, row 0 at the top
    material    (F,)      u2  optional; which material slot a face has

A refine job's result, refined.npz, is such a file too. Where the topology is kept, vertices come in
the order in which they were sent, faces, corner_uvs, mask and material are those that were sent,
and vertices that may not change are equal to the bit. Arrays of other names are ignored.
"""

from __future__ import annotations

import io
import math
import os
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO

import numpy as np

from .conventions import CANONICAL_RADIUS

MAX_COUNT = 1_999_999  # of vertices, and of faces
MAX_SIDE = 8192  # pixels of the albedo
# What zipfile and numpy raise for bytes that are no file of theirs, seen by feeding them such.
_DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, RuntimeError),
    *(tokenize.TokenError, SyntaxError, LookupError, OverflowError),
)
PathOrFile = str | os.PathLike[str] | IO[bytes]

# Name: type, and shape with V and F for the number of vertices and faces, None for a side.
ARRAYS: dict[str, tuple[str, tuple[str | int | None, ...]]] = {
    "vertices": ("<f4", ("V", 3)),
    "faces": ("<u4", ("F", 3)),
    "corner_uvs": ("<f4", ("F", 3, 2)),
    "mask": ("<f4", ("V",)),
    "albedo": ("|u1", (None, None, 3)),
    "material": ("<u2", ("F",)),
}
REQUIRED = ("vertices", "faces")


class MeshFileError(ValueError):
    """One sentence for the user: what is wrong with the mesh, and what to do."""


@dataclass(frozen=True)
class MeshFile:
    """The arrays of the table above; raises MeshFileError where they don't fit together."""

    vertices: np.ndarray
    faces: np.ndarray
    corner_uvs: np.ndarray | None = None
    mask: np.ndarray | None = None
    albedo: np.ndarray | None = None
    material: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Arrays of other number types become those of the table, where no value suffers."""
        sizes = {"V": len(self.vertices), "F": len(self.faces)}
        check_counts(sizes["V"], sizes["F"])
        for name, (dtype, shape) in ARRAYS.items():
            if (array := getattr(self, name)) is not None:
                object.__setattr__(self, name, _as_kind(name, array, np.dtype(dtype)))
                _check_shape(name, array.shape, shape, sizes)
        _check_values(self)


def canonical_frame(points: np.ndarray) -> tuple[np.ndarray, float]:
    """(center (3,) f8, scale): canonical = (point - center) * scale, where previews lie.

    points: (n, 3), of the vertices that faces use. The center is that of their box; the farthest
    of them comes to lie on the sphere of radius 0.9. A single point gets scale 1.
    """
    points = points.astype(np.float64)
    center = (points.min(axis=0) + points.max(axis=0)) / 2
    radius = float(np.sqrt(np.square(points - center).sum(axis=1).max()))
    return center, CANONICAL_RADIUS / radius if radius > 0 else 1.0


def check_counts(vertices: int, faces: int) -> None:
    """Raises MeshFileError for a mesh that has no faces, or more than can be refined."""
    if faces == 0 or vertices == 0:
        raise MeshFileError("The mesh has no faces, so there is nothing to refine.")
    if max(vertices, faces) > MAX_COUNT:
        raise MeshFileError(
            f"The mesh has {vertices:,} vertices and {faces:,} faces; at most {MAX_COUNT:,} of "
            "each can be refined: decimate it first."
        )


def write_mesh(target: PathOrFile, mesh: MeshFile) -> None:
    """Writes to a path, or to a file open for writing bytes. Raises OSError."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in ARRAYS:
            if (array := getattr(mesh, name)) is not None:
                head = io.BytesIO()
                np.lib.format.write_array_header_1_0(
                    head, np.lib.format.header_data_from_array_1_0(array)
                )
                member = zipfile.ZipInfo(f"{name}.npy")  # dated 1980: same mesh, same bytes
                with archive.open(member, "w", force_zip64=True) as file:
                    file.write(head.getvalue())
                    file.write(memoryview(array).cast("B"))


def read_mesh(source: PathOrFile) -> MeshFile:
    """Reads from a path, or from a file open for reading bytes that can seek.

    Nothing larger than the limits is ever unpacked. Raises MeshFileError for whatever is no mesh
    file or a mesh that can't be refined, OSError where reading fails.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = {info.filename: info for info in archive.infolist()}
            arrays = {
                name: _read_array(archive, members[f"{name}.npy"], name)
                for name in ARRAYS
                if f"{name}.npy" in members
            }
    except MeshFileError:
        raise
    except _DAMAGES as error:
        raise MeshFileError(f"This is no mesh file, or a damaged one ({error}).") from error
    if missing := [name for name in REQUIRED if name not in arrays]:
        raise MeshFileError(f"This is no mesh file: it has no array '{missing[0]}'.")
    return MeshFile(**arrays)


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> np.ndarray:
    dtype, shape = ARRAYS[name]
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read_header is None:
            raise MeshFileError(f"The array '{name}' has version {version} of numpy's format.")
        there, fortran, kind = read_header(file)
        if kind != np.dtype(dtype) or fortran:
            raise MeshFileError(
                f"The array '{name}' must have type {dtype} in C order, not {kind}."
            )
        most = [MAX_SIDE if size is None else MAX_COUNT for size in shape]
        if len(there) != len(shape) or any(a > b for a, b in zip(there, most, strict=True)):
            _check_too_many(name, there)
            raise MeshFileError(f"The array '{name}' has shape {there}, not {_wanted(shape)}.")
        size = math.prod(there) * kind.itemsize
        data = file.read(size + 1)
    if len(data) != size:
        raise MeshFileError(f"The array '{name}' is cut short or has bytes left over.")
    return np.frombuffer(data, kind).reshape(there)


def _check_too_many(name: str, there: tuple[int, ...]) -> None:
    if name in REQUIRED and len(there) == 2:
        check_counts(*((there[0], 1) if name == "vertices" else (1, there[0])))


def _as_kind(name: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype == dtype:
        return np.ascontiguousarray(array)
    if dtype.kind == "f" and array.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what overflows is named as not finite
            return np.ascontiguousarray(array, dtype)
    if dtype.kind == "u" and array.dtype.kind in "iu":
        if array.size and (array.min() < 0 or array.max() > np.iinfo(dtype).max):
            raise MeshFileError(f"The array '{name}' has values that do not fit into {dtype}.")
        return np.ascontiguousarray(array, dtype)
    raise MeshFileError(f"The array '{name}' must have type {dtype}, not {array.dtype}.")


def _check_shape(
    name: str,
    there: tuple[int, ...],
    shape: tuple[str | int | None, ...],
    sizes: dict[str, int],
) -> None:
    def fits(size: int, wanted: str | int | None) -> bool:
        if wanted is None:
            return 1 <= size <= MAX_SIDE
        return size == (sizes[wanted] if isinstance(wanted, str) else wanted)

    if len(there) != len(shape) or not all(map(fits, there, shape)):
        raise MeshFileError(
            f"The array '{name}' has shape {there}, not {_wanted(shape)} with {sizes['V']} "
            f"vertices (V) and {sizes['F']} faces (F)."
        )


def _wanted(shape: tuple[str | int | None, ...]) -> str:
    return "(" + ", ".join(f"1..{MAX_SIDE}" if s is None else str(s) for s in shape) + ")"


def _check_values(mesh: MeshFile) -> None:
    if not np.isfinite(mesh.vertices).all():
        raise MeshFileError("The mesh has vertices that are not finite numbers; repair it first.")
    if int(mesh.faces.max()) >= len(mesh.vertices):
        raise MeshFileError(
            f"A face names vertex {int(mesh.faces.max())}, but there are {len(mesh.vertices)}."
        )
    if mesh.corner_uvs is not None and not np.isfinite(mesh.corner_uvs).all():
        raise MeshFileError("The mesh has UVs that are not finite numbers; unwrap it anew.")
    if mesh.mask is not None and not ((mesh.mask >= 0) & (mesh.mask <= 1)).all():
        raise MeshFileError("The mask has values outside of 0 to 1.")
