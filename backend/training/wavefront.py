"""OBJ, MTL and textures out of an archive -> triangles with a material each.

Only what the furniture catalogues use: polygons (cut into fans), texture coordinates, one material
library, and of a material Kd, Ks, Ns, d and map_Kd.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from backend.training.sweethome import Archive

TEXTURE_SIZE = 256  # pixels; a prop is looked at from 64


@dataclass
class Material:
    """What an MTL file says of one material; colours sRGB in [0, 1]."""

    name: str
    colour: tuple[float, float, float] = (0.8, 0.8, 0.8)
    specular: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shininess: float = 0.0
    opacity: float = 1.0
    texture: np.ndarray | None = None  # (H, W, 4) float in [0, 1], row 0 on top


@dataclass
class Triangles:
    """vertices (V, 3), faces (F, 3), uv (F, 3, 2), material (F,) index into `materials`."""

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    material: np.ndarray
    materials: list[Material]


@dataclass
class _Lines:
    """What has been read of an OBJ so far."""

    vertices: list[str] = field(default_factory=list)
    uvs: list[str] = field(default_factory=list)
    corners: list[int] = field(default_factory=list)  # of triangles: vertex, uv (0 is none)
    names: list[str] = field(default_factory=list)
    material: list[int] = field(default_factory=list)
    library: str = ""


def read_obj(archive: Archive, path: str) -> Triangles:
    """The triangles of an OBJ; without faces the arrays are empty."""
    lines = _read_lines(archive.text(path))
    vertices = _numbers(lines.vertices, 3)
    uvs = np.concatenate([np.zeros((1, 2)), _numbers(lines.uvs, 2)])
    corners = np.array(lines.corners, np.int64).reshape(-1, 3, 2)
    folder = str(PurePosixPath(path).parent)
    known = read_mtl(archive, f"{folder}/{lines.library}") if lines.library else {}
    materials = [known.get(name, Material(name)) for name in lines.names]
    return Triangles(
        vertices, corners[..., 0], uvs[corners[..., 1]], np.array(lines.material, int), materials
    )


def _numbers(rows: list[str], columns: int) -> np.ndarray:
    """The first `columns` numbers of every row."""
    values = [row.split()[:columns] for row in rows]
    return np.array(values, float).reshape(-1, columns)


def _read_lines(text: str) -> _Lines:
    out = _Lines()
    index: dict[str, int] = {}
    current = -1
    for line in text.replace("\\\n", " ").splitlines():
        keyword, _, rest = line.strip().partition(" ")
        if keyword == "v":
            out.vertices.append(rest)
        elif keyword == "vt":
            out.uvs.append(rest)
        elif keyword == "f":
            if current < 0:
                current = _use("", index, out)
            _fan(rest.split(), current, out)
        elif keyword == "usemtl":
            current = _use(rest.strip(), index, out)
        elif keyword == "mtllib":
            out.library = rest.strip()
    return out


def _use(name: str, index: dict[str, int], out: _Lines) -> int:
    if name not in index:
        index[name] = len(out.names)
        out.names.append(name)
    return index[name]


def _fan(corners: list[str], material: int, out: _Lines) -> None:
    """Adds a polygon as a fan of triangles; indices count from one, or back from the end."""
    read = []
    for corner in corners:
        vertex, _, rest = corner.partition("/")
        uv = rest.partition("/")[0]
        v, t = int(vertex), int(uv) if uv else 0
        read.append(
            (v - 1 if v > 0 else len(out.vertices) + v, t if t >= 0 else len(out.uvs) + 1 + t)
        )
    for second, third in pairwise(read[1:]):
        out.corners += (*read[0], *second, *third)
        out.material.append(material)


def read_mtl(archive: Archive, path: str) -> dict[str, Material]:
    """Material name -> material; textures are looked for beside the library."""
    out: dict[str, Material] = {}
    material = Material("")
    for line in archive.text(path).splitlines():
        keyword, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if keyword == "newmtl":
            material = out.setdefault(rest, Material(rest))
        elif keyword in ("Kd", "Ks"):
            values = tuple(float(v) for v in rest.split()[:3])
            setattr(material, "colour" if keyword == "Kd" else "specular", values)
        elif keyword == "Ns":
            material.shininess = float(rest)
        elif keyword == "d":
            material.opacity = float(rest.split()[-1])
        elif keyword == "map_Kd":
            material.texture = read_texture(archive, f"{PurePosixPath(path).parent}/{rest}")
    return out


def read_texture(archive: Archive, path: str) -> np.ndarray | None:
    """(H, W, 4) float in [0, 1], at most TEXTURE_SIZE wide and high; None where it is missing."""
    data = archive.read(path)
    if data is None:
        return None
    with Image.open(io.BytesIO(data)) as image:
        rgba = image.convert("RGBA")
    rgba.thumbnail((TEXTURE_SIZE, TEXTURE_SIZE), Image.Resampling.BOX)
    return np.asarray(rgba, np.float32) / 255


def sample_texture(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Colours (..., 4) at repeating texture coordinates (..., 2), v upwards."""
    height, width = texture.shape[:2]
    x = np.floor(uv[..., 0] * width).astype(int) % width
    y = np.floor((1 - uv[..., 1]) * height).astype(int) % height
    return texture[y, x]
