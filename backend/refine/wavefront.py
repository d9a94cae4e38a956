"""Wavefront OBJ with its materials: read as a subject, and back into the same lines.

In: a .obj, its .mtl and images beside it. Out: a `Subject` of one part; its result is the same file
with other numbers in some lines, a new .mtl and images beside it.

+Y is taken for up, as Blender and most others write it; v = 0 is at the bottom of images.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from backend.errors import InputError
from backend.refine.gltf_read import decoded
from backend.refine.subject import IDENTITY, Part, Sheet, Subject
from shared.conventions import GLTF_FROM_WORLD
from shared.mesh_file import MeshFileError, check_counts


@dataclass
class Lines:
    """The file's lines, and what stands in them."""

    text: list[str]
    v: list[int] = field(default_factory=list)  # numbers of the lines with vertices
    vt: list[int] = field(default_factory=list)
    vn: list[int] = field(default_factory=list)
    f: list[int] = field(default_factory=list)
    polygons: list[np.ndarray] = field(default_factory=list)  # (k, 3) i8 of each: v, vt, vn or -1
    materials: list[str] = field(default_factory=list)  # of each polygon
    libraries: list[str] = field(default_factory=list)

    def numbers(self, which: list[int], width: int) -> np.ndarray:
        rows = [self.text[line].split()[1 : 1 + width] for line in which]
        return np.array(rows, np.float64).reshape(len(which), -1)


def read_obj(path: Path) -> Subject:
    """Raises InputError for a file that is no OBJ, or damaged; OSError."""
    from backend.refine.wavefront_write import write_obj

    try:
        text = path.read_text("utf-8", "replace")
        check_counts(max(text.count("\nv "), 1), max(_triangles(text), 1))  # before a long read
        lines = _parsed(text)
        part, sheets, corner = _subject(lines, path)
    except MeshFileError as error:
        raise InputError(f"'{path}': {error}") from error
    except (ValueError, IndexError, KeyError) as error:
        raise InputError(f"'{path}' is no OBJ file, or a damaged one ({error}).") from error
    return Subject([part], sheets, partial(write_obj, lines, part, sheets, corner))


def _triangles(text: str) -> int:
    """How many there will be at least, counted without reading a number."""
    faces = (line for line in text.splitlines() if line.startswith("f "))
    return sum(max(len(line.split()) - 3, 0) for line in faces)


def _parsed(text: str) -> Lines:
    lines = Lines(text.replace("\\\n", " ").splitlines())
    material = ""
    for number, line in enumerate(lines.text):
        word, _, rest = line.strip().partition(" ")
        if word in ("v", "vt", "vn"):
            getattr(lines, word).append(number)
        elif word == "f":
            counts = (len(lines.v), len(lines.vt), len(lines.vn))
            lines.f.append(number)
            lines.polygons.append(np.array([_corner(c, counts) for c in rest.split()]))
            lines.materials.append(material)
        elif word == "usemtl":
            material = rest.strip()
        elif word == "mtllib":
            lines.libraries.append(rest.strip())
    return lines


def _corner(text: str, counts: tuple[int, int, int]) -> list[int]:
    """ "7/2/-1" -> zero-based numbers, -1 where there is none."""
    found = [int(piece) if piece else 0 for piece in text.split("/")] + [0, 0]
    pairs = zip(found, counts, strict=False)
    return [n - 1 if n > 0 else (n + count if n < 0 else -1) for n, count in pairs]


def _subject(lines: Lines, path: Path) -> tuple[Part, list[Sheet], np.ndarray]:
    """And for each triangle's corners (m, 3, 2) which polygon and which of its corners it is."""
    triangles, corner = [], []
    for number, polygon in enumerate(lines.polygons):
        for k in range(1, len(polygon) - 1):
            triangles.append(polygon[[0, k, k + 1]])
            corner.append([(number, 0), (number, k), (number, k + 1)])
    corners = np.array(triangles, np.int64).reshape(-1, 3, 3)
    where = np.array(corner, np.int64).reshape(-1, 3, 2)
    names = list(dict.fromkeys(lines.materials)) or [""]
    looks = _library(lines, path)
    sheets = [looks.get(name, Sheet(name or "material", roughness=0.5)) for name in names]
    owner = np.array([names.index(name) for name in lines.materials], np.int64)
    points = lines.numbers(lines.v, 3)
    rows = [len(lines.text[line].split()) for line in lines.v]
    colored = len(rows) and min(rows) >= 7
    colors = lines.numbers(lines.v, 6)[:, 3:].astype(np.float32) if colored else None
    uvs, normals = corners[..., 1], corners[..., 2]
    up = IDENTITY.copy()
    up[:3, :3] = GLTF_FROM_WORLD.T
    part = Part(
        name=path.stem,
        positions=points.reshape(-1, 3),
        faces=corners[..., 0],
        sheets=owner[where[:, 0, 0]] if len(where) else np.zeros(0, np.int64),
        corner_uvs=_uvs(lines, uvs),
        corner_normals=_normals(lines, normals),
        places=(up,),
        colors=colors,
        weights={} if colors is None else {"COLOR_0": colors.mean(axis=1).clip(0, 1)},
    )
    return part, sheets, where


def _uvs(lines: Lines, index: np.ndarray) -> np.ndarray | None:
    if len(index) == 0 or index.min() < 0:
        return None
    found = lines.numbers(lines.vt, 2)[index]
    return np.stack([found[..., 0], 1 - found[..., 1]], axis=-1).astype(np.float32)


def _normals(lines: Lines, index: np.ndarray) -> np.ndarray | None:
    if len(index) == 0 or index.min() < 0:
        return None
    return lines.numbers(lines.vn, 3)[index].astype(np.float32)


def _library(lines: Lines, path: Path) -> dict[str, Sheet]:
    """The materials of all libraries that are there; a missing one is no error."""
    found: dict[str, Sheet] = {}
    for library in lines.libraries:
        file = path.parent / library
        if not file.is_file():
            continue
        values: dict[str, dict[str, str]] = {}
        current: dict[str, str] = {}
        for line in file.read_text("utf-8", "replace").splitlines():
            word, _, rest = line.strip().partition(" ")
            if word == "newmtl":
                current = values.setdefault(rest.strip(), {})
            elif word:
                current[word] = rest.strip()
        found |= {name: _sheet(name, said, file) for name, said in values.items()}
    return found


def _sheet(name: str, said: dict[str, str], file: Path) -> Sheet:
    image = file.parent / said.get("map_Kd", "").split(" ")[-1]
    albedo = decoded(image.read_bytes(), f"'{file}'") if image.is_file() else None
    red, green, blue = (float(value) for value in said.get("Kd", "1 1 1").split()[:3])
    color = (1.0, 1.0, 1.0) if albedo is not None else (red, green, blue)
    metallic = float(said.get("Pm", "0").split()[0])
    return Sheet(name, albedo, None, color, float(said.get("Pr", "0.5").split()[0]), metallic)
