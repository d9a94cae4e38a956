"""GLB -> parts and sheets: every triangle primitive is a part, every material's UV space a sheet.

In: a path. Out: a `Subject` in world axes (+Z up), whose writer patches the very document that was
read: nodes, names, animations, extras and all that refinement knows nothing of stay.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from backend.errors import InputError
from backend.refine.gltf_data import Document
from backend.refine.subject import IDENTITY, Part, Sheet, Subject
from shared.conventions import GLTF_FROM_WORLD

MODES = {4: "triangles", 5: "a strip", 6: "a fan"}
NO_MATERIAL = -1
Primitive = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """Where a part came from."""

    mesh: int
    primitive: int
    material: int
    uv_set: int


def read_glb(path: Path) -> Subject:
    """Raises InputError for a file that is no GLB, damaged or compressed; OSError."""
    from backend.refine.gltf_write import write_patched

    document = Document(path.read_bytes(), path)
    try:
        parts, sources, sheets = _read(document)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"'{path}' is damaged: its parts do not fit together.") from error
    return Subject(parts, sheets, partial(write_patched, document, sources, parts))


def _read(document: Document) -> tuple[list[Part], list[Source], list[Sheet]]:
    places = mesh_places(document)
    parts: list[Part] = []
    sources: list[Source] = []
    sheets: list[Sheet] = []
    known: dict[int, int] = {}
    for number, mesh in enumerate(document.list("meshes")):
        if not places.get(number):
            continue  # no node shows it
        for index, primitive in enumerate(mesh["primitives"]):
            if primitive.get("mode", 4) not in MODES or "POSITION" not in primitive["attributes"]:
                continue  # points and lines stay as they are
            material = primitive.get("material", NO_MATERIAL)
            if material not in known:
                known[material] = len(sheets)
                sheets.append(_sheet(document, material))
            part = _part(document, mesh.get("name") or f"mesh {number}", primitive, known[material])
            parts.append(replace(part, places=tuple(places[number])))
            sources.append(Source(number, index, material, _uv_set(document, material)))
    return parts, sources, sheets


def mesh_places(document: Document) -> dict[int, list[np.ndarray]]:
    """The world matrices (+Z up) of the nodes that show a mesh, in the scene's order."""
    nodes = document.list("nodes")
    scenes = document.list("scenes")
    children = {child for node in nodes for child in node.get("children", [])}
    roots = [number for number in range(len(nodes)) if number not in children]
    if scenes:
        roots = scenes[document.json.get("scene", 0)].get("nodes", [])
    up = IDENTITY.copy()
    up[:3, :3] = GLTF_FROM_WORLD.T
    found: dict[int, list[np.ndarray]] = {}
    todo, seen = [(root, up) for root in reversed(roots)], set[int]()
    while todo:
        number, above = todo.pop()
        if number in seen:
            raise InputError(f"'{document.path}' is damaged: its nodes form a loop.")
        seen.add(number)
        node = nodes[number]
        here = above @ _matrix(node)
        if "mesh" in node:  # a skinned mesh ignores its node's place
            found.setdefault(node["mesh"], []).append(up if "skin" in node else here)
        todo += [(child, here) for child in reversed(node.get("children", []))]
    return found


def _matrix(node: dict[str, Any]) -> np.ndarray:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = np.array(node.get("rotation", (0, 0, 0, 1)), np.float64)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = IDENTITY.copy()
    matrix[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _part(document: Document, name: str, primitive: Primitive, sheet: int) -> Part:
    attributes = primitive["attributes"]
    positions = document.floats(attributes["POSITION"])
    faces = _triangles(document, primitive, len(positions))
    color = "COLOR_0" in attributes
    uv_set = _uv_set(document, primitive.get("material", NO_MATERIAL))
    uvs, normals = attributes.get(f"TEXCOORD_{uv_set}"), attributes.get("NORMAL")
    shift = _transform(_color_info(document, primitive.get("material", NO_MATERIAL)))
    return Part(
        name=name,
        positions=positions,
        faces=faces,
        sheets=np.full(len(faces), sheet),
        corner_uvs=None if uvs is None else shift(document.floats(uvs))[faces],
        corner_normals=None if normals is None else document.floats(normals)[faces],
        colors=document.floats(attributes["COLOR_0"])[:, :3] if color else None,
        weights=_weights(document, attributes),
    )


def _triangles(document: Document, primitive: Primitive, count: int) -> np.ndarray:
    """(m, 3) i8, whatever the primitive's mode."""
    index = primitive.get("indices")
    corners = np.arange(count) if index is None else document.array(index).astype(np.int64)
    mode = primitive.get("mode", 4)
    if mode == 4:
        return corners[: len(corners) // 3 * 3].reshape(-1, 3).copy()
    first = np.arange(max(0, len(corners) - 2))
    if mode == 6:
        return corners[np.stack([first + 1, first + 2, 0 * first], axis=1)]
    odd = first % 2
    return corners[np.stack([first, first + 1 + odd, first + 2 - odd], axis=1)]


def _weights(document: Document, attributes: dict[str, int]) -> dict[str, np.ndarray]:
    """What may serve as a mask: colours by their brightness, and numbers of the user's own."""
    found = {}
    for name, index in attributes.items():
        if name.startswith(("COLOR_", "_")):
            values = document.floats(index)
            gray = values[:, :3].mean(axis=1) if values.ndim == 2 else values
            found[name] = np.clip(gray, 0, 1).astype(np.float32)
    return found


def _material(document: Document, number: int) -> dict[str, Any]:
    return {} if number == NO_MATERIAL else document.list("materials")[number]


def _color_info(document: Document, number: int) -> dict[str, Any]:
    """What a material says of its base colour texture; of any other where it has none."""
    material = _material(document, number)
    pbr = material.get("pbrMetallicRoughness", {})
    infos = (
        pbr.get("baseColorTexture"),
        pbr.get("metallicRoughnessTexture"),
        material.get("normalTexture"),
    )
    return next((info for info in infos if info), {})


def _uv_set(document: Document, number: int) -> int:
    info = _color_info(document, number)
    changed = info.get("extensions", {}).get("KHR_texture_transform", {})
    return int(changed.get("texCoord", info.get("texCoord", 0)))


def _transform(info: dict[str, Any]) -> Any:
    """KHR_texture_transform as a function of (n, 2) UVs."""
    values = info.get("extensions", {}).get("KHR_texture_transform")
    if not values:
        return lambda uvs: uvs
    angle, scale = values.get("rotation", 0.0), np.array(values.get("scale", (1, 1)))
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix = np.array([[cosine, sine], [-sine, cosine]]) * scale
    offset = np.array(values.get("offset", (0, 0)))
    return lambda uvs: (uvs @ matrix.T + offset).astype(np.float32)


def _sheet(document: Document, number: int) -> Sheet:
    material = _material(document, number)
    pbr = material.get("pbrMetallicRoughness", {})
    red, green, blue = pbr.get("baseColorFactor", (1, 1, 1, 1))[:3]
    orm = _image(document, pbr.get("metallicRoughnessTexture"))
    return Sheet(
        name=material.get("name") or f"material {number + 1}",
        albedo=_image(document, pbr.get("baseColorTexture")),
        orm=None if orm is None else np.ascontiguousarray(orm[..., :3]),
        color=(float(red), float(green), float(blue)),
        roughness=float(pbr.get("roughnessFactor", 1.0)),
        metallic=float(pbr.get("metallicFactor", 1.0)),
    )


def _image(document: Document, info: dict[str, Any] | None) -> np.ndarray | None:
    """(H, W, 3 or 4) u1, or None where there is no image, or one that can't be read."""
    if not info:
        return None
    texture = document.list("textures")[info["index"]]
    source = texture.get("source")
    for extension in texture.get("extensions", {}).values():
        source = extension.get("source", source)
    if source is None:
        return None
    image = document.list("images")[source]
    if "bufferView" in image:
        payload = document.view(image["bufferView"])
    else:
        payload = document.resource(image.get("uri", ""))
    return decoded(payload, f"'{document.path}'")


def decoded(payload: bytes, what: str) -> np.ndarray:
    """An image's pixels; InputError for one that is damaged or far too large."""
    try:
        with Image.open(io.BytesIO(payload)) as image:
            clear = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
            return np.asarray(image.convert("RGBA" if clear else "RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{what} has a texture that can't be read ({error}).") from error
