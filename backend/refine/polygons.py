"""PLY, text or binary: read as a subject, written back in the order of its file.

In: a .ply (Turk 1994). Out: a `Subject` of one part; its result is a binary PLY with the same
vertices and faces in the same order, all properties kept, positions and normals refined, and the
new colour at each vertex; textures go beside it where the file has UVs. +Z is taken for up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from backend.color import from_srgb
from backend.errors import InputError
from backend.files import replace_atomically
from backend.refine.gltf_read import decoded
from backend.refine.gltf_write import png
from backend.refine.subject import Part, Refined, Sheet, Subject

KINDS = {
    **{"char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2"},
    **{"ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4"},
    **{"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"},
}
NAMES = {"i1": "char", "u1": "uchar", "i2": "short", "u2": "ushort", "i4": "int", "u4": "uint"}
NAMES |= {"f4": "float", "f8": "double"}
UVS = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"))
COLORS = ("red", "green", "blue")
TEXTURE = "comment TextureFile "


@dataclass(frozen=True)
class Table:
    vertices: np.ndarray  # structured, (n,)
    polygons: list[list[int]]
    comments: list[str]


def read_ply(path: Path) -> Subject:
    """Raises InputError for a file that is no PLY, or damaged; OSError."""
    try:
        table = _parsed(path.read_bytes())
        part, sheet = _subject(table, path)
    except (ValueError, IndexError, KeyError, StopIteration, TypeError) as error:
        raise InputError(f"'{path}' is no PLY file, or a damaged one ({error}).") from error
    return Subject([part], [sheet], partial(_write, table, part))


def _parsed(payload: bytes) -> Table:
    head, mark, body = payload.partition(b"end_header")
    lines = [line.strip() for line in head.decode("latin-1").splitlines()]
    if not lines or lines[0] != "ply" or not mark:
        raise ValueError("its header is not that of a PLY")
    body = body[body.index(b"\n") + 1 :]
    format = next(line.split()[1] for line in lines if line.startswith("format"))
    elements: list[tuple[str, int, list[list[str]]]] = []
    for words in (line.split() for line in lines):
        if words and words[0] == "element":
            elements.append((words[1], int(words[2]), []))
        elif words and words[0] == "property":
            elements[-1][2].append(words[1:])
    reader = _text if format == "ascii" else partial(_binary, order=">" if "big" in format else "<")
    vertices, polygons = reader(body, elements)
    return Table(vertices, polygons, [line for line in lines if line.startswith("comment")])


def _columns(properties: list[list[str]], order: str = "<") -> np.dtype:
    return np.dtype([(words[-1], order + KINDS[words[0]]) for words in properties])


def _text(body: bytes, elements: list) -> tuple[np.ndarray, list[list[int]]]:
    lines, at = body.decode("latin-1").split("\n"), 0
    vertices, polygons = np.zeros(0), []
    for name, count, properties in elements:
        rows = [line.split() for line in lines[at : at + count]]
        at += count
        if name == "vertex":
            kinds = _columns(properties)
            vertices = np.array([tuple(row[: len(properties)]) for row in rows], kinds)
        elif name == "face":
            polygons = [[int(v) for v in row[1 : 1 + int(row[0])]] for row in rows]
    return vertices, polygons


def _binary(body: bytes, elements: list, order: str) -> tuple[np.ndarray, list[list[int]]]:
    at, vertices, polygons = 0, np.zeros(0), []
    for name, count, properties in elements:
        if not any(words[0] == "list" for words in properties):
            kinds = _columns(properties, order)
            rows = np.frombuffer(body, kinds, count, at)
            at += count * kinds.itemsize
            if name == "vertex":
                vertices = rows.astype(_columns(properties))
            continue
        for _ in range(count):
            for words in properties:
                if words[0] != "list":
                    at += np.dtype(KINDS[words[0]]).itemsize
                    continue
                kind = np.dtype(order + KINDS[words[1]])
                size = int(np.frombuffer(body, kind, 1, at)[0])
                at += kind.itemsize
                kind = np.dtype(order + KINDS[words[2]])
                if name == "face" and words[3].startswith("vertex_ind"):
                    polygons.append(np.frombuffer(body, kind, size, at).tolist())
                at += size * kind.itemsize
    return vertices, polygons


def _subject(table: Table, path: Path) -> tuple[Part, Sheet]:
    rows, names = table.vertices, table.vertices.dtype.names or ()
    corners = [(p[0], p[k], p[k + 1]) for p in table.polygons for k in range(1, len(p) - 1)]
    faces = np.array(corners, np.int64).reshape(-1, 3)
    if len(faces) and not 0 <= faces.min() <= faces.max() < len(rows):
        raise ValueError("a face names a vertex that is not there")
    pair = next((pair for pair in UVS if set(pair) <= set(names)), None)
    uvs = None
    if pair:
        uvs = np.stack([rows[pair[0]], 1 - rows[pair[1]]], axis=-1).astype(np.float32)[faces]
    normals = None
    if {"nx", "ny", "nz"} <= set(names):
        normals = np.stack([rows[n] for n in ("nx", "ny", "nz")], -1).astype(np.float32)[faces]
    weights = {n: rows[n].astype(np.float32) for n in names if rows[n].dtype.kind == "f"}
    weights = {n: w for n, w in weights.items() if len(w) and w.min() >= 0 and w.max() <= 1}
    colors = None
    if set(COLORS) <= set(names):
        scale = np.float32(255 if rows["red"].dtype.kind in "ui" else 1)
        colors = np.stack([rows[n] for n in COLORS], axis=-1).astype(np.float32) / scale
        weights["COLOR_0"] = colors.mean(axis=1)
    part = Part(
        name=path.stem,
        positions=np.stack([rows[n] for n in "xyz"], axis=-1),
        faces=faces,
        sheets=np.zeros(len(faces), np.int64),
        corner_uvs=uvs,
        corner_normals=normals,
        colors=None if colors is None or pair else _linear(colors),
        weights=weights,
    )
    return part, Sheet("material", albedo=_texture(table, path), roughness=0.5, metallic=0.0)


def _linear(colors: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] -> linear."""
    return from_srgb(torch.from_numpy(np.ascontiguousarray(colors, np.float32))).numpy()


def _texture(table: Table, path: Path) -> np.ndarray | None:
    for line in table.comments:
        file = path.parent / line.removeprefix(TEXTURE).strip()
        if line.startswith(TEXTURE) and file.is_file():
            return decoded(file.read_bytes(), f"'{path}'")
    return None


def _write(table: Table, part: Part, refined: Refined, path: Path) -> list[Path]:
    change, images = refined.changes[0], refined.images[0]
    rows = table.vertices
    fields = [(n, rows.dtype[n].str[1:]) for n in rows.dtype.names or ()]
    fields += [(n, "u1") for n in COLORS if n not in (rows.dtype.names or ())]
    result = np.zeros(len(rows), [(n, f"<{kind}") for n, kind in fields])
    for name in rows.dtype.names or ():
        result[name] = rows[name]
    for i, name in enumerate("xyz"):
        result[name][change.moved] = change.positions[change.moved, i]
    if change.turned is not None and change.corner_normals is not None:
        where = part.faces[change.turned]
        for i, name in enumerate(("nx", "ny", "nz")):
            result[name][where] = change.corner_normals[change.turned][:, i]
    if part.corner_uvs is None:
        weights = change.free
        for i, name in enumerate(COLORS):
            whole = result[name].dtype.kind in "ui"
            values = change.colors[:, i] if whole else change.colors[:, i] / 255
            result[name][weights] = values[weights]
    files, comments = [path], [c for c in table.comments if not c.startswith(TEXTURE)]
    if part.corner_uvs is not None:
        for kind, pixels in (("albedo", images.albedo), ("orm", images.orm)):
            files.append(path.with_name(f"{path.stem}_{kind}.png"))
            payload = png(pixels)
            replace_atomically(files[-1], lambda file, payload=payload: file.write(payload))  # type: ignore[misc]
        comments.append(f"{TEXTURE}{files[1].name}")
    head = ["ply", "format binary_little_endian 1.0", *comments, f"element vertex {len(rows)}"]
    head += [f"property {NAMES[kind]} {name}" for name, kind in fields]
    head += [f"element face {len(table.polygons)}", "property list int int vertex_indices"]
    lists = [np.array([len(p), *p], "<i4").tobytes() for p in table.polygons]
    text = "\n".join([*head, "end_header", ""]).encode()
    payload = text + result.tobytes() + b"".join(lists)
    replace_atomically(path, lambda file: file.write(payload))
    return files
