"""A file that holds a mesh -> a `Subject`, checked; or one sentence that says what is wrong.

In: a path. Out: a subject that can be refined.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backend.errors import InputError
from backend.refine.gltf_read import read_glb
from backend.refine.mesh_files import read_npz
from backend.refine.polygons import read_ply
from backend.refine.subject import Subject
from backend.refine.wavefront import read_obj

READERS: dict[str, Callable[[Path], Subject]] = {
    ".glb": read_glb,
    ".obj": read_obj,
    ".ply": read_ply,
    ".npz": read_npz,
}


def read_subject(path: Path) -> Subject:
    """Raises InputError for whatever can't be refined."""
    check_file(path)
    try:
        subject = READERS[path.suffix.lower()](path)
    except OSError as error:
        raise InputError(f"Cannot read '{path}': {error.strerror or error}.") from error
    except MemoryError as error:
        raise InputError(f"'{path}' is too large to be read; decimate it first.") from error
    subject.check(path)
    return subject


def check_file(path: Path) -> None:
    """Raises InputError for a path that is no file of a format that we read."""
    if path.is_dir():
        raise InputError(f"'{path}' is a folder; name a .glb, .obj or .ply.")
    if not path.exists():
        raise InputError(f"There is no file '{path}'; name a .glb, .obj or .ply.")
    if path.suffix.lower() not in READERS:
        raise InputError(
            f"'{path}' is not in a format that can be refined; give a .glb, .obj or .ply."
        )
