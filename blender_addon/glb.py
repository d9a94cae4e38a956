"""Reads the finished prop's file, as backend/export/glb.py writes it: one mesh, one material.

In: the bytes. Out: arrays in Blender's axes and the textures as PNG. Not a general importer: what
other files hold beside that is an error, said in one sentence. numpy only.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .wire import conventions, preview

TYPES = {5126: np.dtype("<f4"), 5123: np.dtype("<u2"), 5125: np.dtype("<u4")}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


class GlbError(Exception):
    """One sentence for the user."""


@dataclass(frozen=True)
class Prop:
    positions: np.ndarray  # (V, 3) f4, metres, +Z up; no two are equal
    faces: np.ndarray  # (F, 3) u4
    corner_uvs: np.ndarray  # (F * 3, 2) f4, Blender's: v = 0 at the bottom
    images: dict[str, bytes]  # PNG: albedo, orm, normal
    provenance: dict[str, Any]  # as the exporter has written it
    topology: str


def read(data: bytes) -> Generator[None, None, Prop]:
    """In slices. Raises GlbError."""
    try:
        document, binary = _chunks(data)
        primitive = document["meshes"][0]["primitives"][0]
        names = primitive["attributes"]
        positions = conventions.from_gltf(_array(document, binary, names["POSITION"]))
        uvs = _array(document, binary, names["TEXCOORD_0"])
        indices = _array(document, binary, primitive["indices"]).astype(np.uint32)
        images = {i["name"]: _view(document, binary, i["bufferView"]) for i in document["images"]}
        provenance = document["asset"].get("extras", {})
        yield
        faces = indices.reshape(-1, 3)
        corner_uvs = uvs[indices].astype(np.float32)
        corner_uvs[:, 1] = 1 - corner_uvs[:, 1]
    except (KeyError, IndexError, ValueError, TypeError, struct.error) as error:
        raise GlbError(f"The prop's file can't be read ({error!r}).") from error
    yield
    positions, faces = _joined(positions.astype(np.float32), faces)
    yield
    topology = preview.topology_of(faces, corner_uvs)
    yield
    return Prop(positions, faces, corner_uvs, images, provenance, topology)


def _chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    magic, version, length = struct.unpack_from("<4sII", data)
    if magic != b"glTF" or version != 2 or length != len(data):
        raise ValueError("it is no GLB file")
    size = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + size])
    return document, data[20 + size + 8 :]


def _view(document: dict[str, Any], binary: bytes, index: int) -> bytes:
    view = document["bufferViews"][index]
    begin = view.get("byteOffset", 0)
    return binary[begin : begin + view["byteLength"]]


def _array(document: dict[str, Any], binary: bytes, index: int) -> np.ndarray:
    accessor = document["accessors"][index]
    values = np.frombuffer(
        _view(document, binary, accessor["bufferView"]), TYPES[accessor["componentType"]]
    )
    width = WIDTHS[accessor["type"]]
    return values.reshape(-1, width) if width > 1 else values


def _joined(positions: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The file splits vertices where UVs do; in Blender a vertex is one, and the mesh is closed."""
    bits = (positions + np.float32(0)).view(np.uint32).astype(np.uint64)  # -0.0 is 0.0
    factors = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
    keys = (bits * factors).sum(axis=1, dtype=np.uint64)
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)  # as they come in the file
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    joined, number = positions[first[order]], rank[which.ravel()]
    if not np.array_equal(joined[number], positions):  # two places with one key: leave it split
        return positions, faces
    return joined, number[faces].astype(np.uint32)
