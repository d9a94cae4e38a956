"""A refined OBJ: the lines that were read, with moved vertices, new normals and new materials.

In: the lines, what changed. Out: OUTPUT.obj, OUTPUT.mtl and images. Lines of vertices that did not
move, of UVs and of names stay as they are, letter by letter.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from backend.files import replace_atomically
from backend.refine.gltf_write import png
from backend.refine.subject import Change, Part, Refined, Sheet
from backend.refine.wavefront import Lines


def write_obj(
    lines: Lines,
    part: Part,
    sheets: list[Sheet],
    corner: np.ndarray,
    refined: Refined,
    path: Path,
) -> list[Path]:
    """corner: (m, 3, 2), polygon and corner of each triangle's corners. The .obj comes last."""
    text, change = list(lines.text), refined.changes[0]
    for vertex in np.flatnonzero(change.moved):
        words = text[lines.v[vertex]].split()
        words[1:4] = [repr(float(value)) for value in change.positions[vertex]]
        text[lines.v[vertex]] = " ".join(words)
    polygons = [polygon.copy() for polygon in lines.polygons]
    added_uvs = _new_uvs(lines, part, change, corner, polygons)
    added_normals = _new_normals(lines, change, corner, polygons)
    if added_uvs or added_normals:
        for line, polygon in zip(lines.f, polygons, strict=True):
            text[line] = "f " + " ".join(_token(values) for values in polygon)
    text = [line for line in text if not line.strip().startswith("mtllib")]
    text = _inserted(text, added_uvs, added_normals, f"mtllib {path.stem}.mtl", lines)
    files = [path, *_materials(sheets, refined, change, path)]
    payload = ("\n".join(text) + "\n").encode()
    replace_atomically(path, _putting(payload))
    return files


def _token(values: np.ndarray) -> str:
    v, vt, vn = (str(n + 1) if n >= 0 else "" for n in values)
    return f"{v}/{vt}/{vn}".rstrip("/")


def _new_uvs(
    lines: Lines, part: Part, change: Change, corner: np.ndarray, polygons: list[np.ndarray]
) -> list[str]:
    if part.corner_uvs is not None or change.corner_uvs is None:
        return []
    flat, first = np.unique(change.corner_uvs.reshape(-1, 2), axis=0, return_inverse=True)
    for (polygon, k), number in zip(corner.reshape(-1, 2), first.reshape(-1), strict=True):
        polygons[polygon][k, 1] = len(lines.vt) + number
    return [f"vt {u!r} {1 - v!r}" for u, v in flat.astype(float).tolist()]


def _new_normals(
    lines: Lines, change: Change, corner: np.ndarray, polygons: list[np.ndarray]
) -> list[str]:
    if change.turned is None or change.corner_normals is None or not change.turned.any():
        return []
    places = corner[change.turned]
    rows = np.round(change.corner_normals[change.turned].astype(np.float64), 6)
    flat, first = np.unique(rows, axis=0, return_inverse=True)
    for (polygon, k), number in zip(places, first.reshape(-1), strict=True):
        polygons[polygon][k, 2] = len(lines.vn) + number
    return [f"vn {x!r} {y!r} {z!r}" for x, y, z in flat.tolist()]


def _inserted(
    text: list[str], uvs: list[str], normals: list[str], library: str, lines: Lines
) -> list[str]:
    """New rows behind the last of their kind, so that they have the last numbers."""

    def after(words: tuple[str, ...]) -> int:
        found = [i for i, line in enumerate(text) if line.strip().split(" ")[0] in words]
        return found[-1] + 1 if found else 0

    if normals:
        at = after(("vn",))
        text = [*text[:at], *normals, *text[at:]]
    if uvs:
        at = after(("v", "vt"))
        text = [*text[:at], *uvs, *text[at:]]
    if "" in lines.materials:
        at = next(i for i, line in enumerate(text) if line.strip().startswith("f "))
        text = [*text[:at], "usemtl material", *text[at:]]
    return [library, *text]


def _materials(sheets: list[Sheet], refined: Refined, change: Change, path: Path) -> list[Path]:
    """The .mtl in Wavefront's PBR words, and its images."""
    said, files = ["# Propsmith"], []
    # Where UVs are new, all materials share the one sheet that was laid out.
    shared = int(change.sheets.min()) >= len(sheets)
    for number, sheet in enumerate(sheets):
        which = int(change.sheets.min()) if shared else number
        images = refined.images[which]
        names = {k: f"{path.stem}_{k}_{which + 1}.png" for k in ("albedo", "roughness", "metallic")}
        pixels = (images.albedo, images.orm[..., 1], images.orm[..., 2])
        for name, image in zip(names.values(), pixels, strict=True):
            files.append(path.with_name(name))
            replace_atomically(files[-1], _putting(png(image)))
        said += [f"newmtl {sheet.name}", "Kd 1 1 1", "Pr 1", "Pm 1"]
        said += [f"map_Kd {names['albedo']}", f"map_Pr {names['roughness']}"]
        said += [f"map_Pm {names['metallic']}", ""]
    mtl = path.with_suffix(".mtl")
    replace_atomically(mtl, _putting("\n".join(said).encode()))
    return [mtl, *dict.fromkeys(files)]


def _putting(payload: bytes) -> Callable[[IO[bytes]], int]:
    return lambda file: file.write(payload)
