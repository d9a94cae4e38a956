"""GLB (binary glTF 2.0): one mesh, one PBR material, textures as PNG inside the file.

In: an `Asset` and a path. Out: the file, with the same bytes for the same asset.

Written directly as JSON and one buffer: it is a page of code, and everything that importers
stumble over is said explicitly: both factors 1.0 (glTF's default metallicFactor is 1.0, and files
that leave it out come in as chrome), tangents beside the normal map, occlusion from the same image
as roughness and metallic.
"""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from backend import __version__
from backend.export.asset import Asset, placed
from backend.files import replace_atomically
from backend.materials.tangents import vertex_tangents
from shared.conventions import to_gltf

FLOAT, UINT16, UINT32 = 5126, 5123, 5125
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
LINEAR, LINEAR_MIPMAP_LINEAR, CLAMP = 9729, 9987, 33071


class _Buffer:
    """The binary chunk as it grows, with the views and accessors into it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, payload: bytes, **extra: int) -> int:
        """Appends at a multiple of four bytes; returns the buffer view's index."""
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(payload), **extra}
        self.data += payload + b"\0" * (-len(payload) % 4)
        self.views.append(view)
        return len(self.views) - 1

    def add_array(self, array: np.ndarray, kind: str, bounds: bool = False) -> int:
        """Returns the accessor's index."""
        codes = {"float32": FLOAT, "uint16": UINT16, "uint32": UINT32}
        target = ELEMENT_ARRAY_BUFFER if kind == "SCALAR" else ARRAY_BUFFER
        accessor: dict[str, Any] = {
            "bufferView": self.add(np.ascontiguousarray(array).tobytes(), target=target),
            "componentType": codes[array.dtype.name],
            "count": len(array),
            "type": kind,
        }
        if bounds:
            accessor["min"] = [float(v) for v in array.min(axis=0)]
            accessor["max"] = [float(v) for v in array.max(axis=0)]
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def write_glb(asset: Asset, path: Path) -> None:
    """Replaces `path` in one step. Raises GenerationError for a shape that has no size, and
    OSError where the file can't be written; an old file is then as it was."""
    payload = glb_bytes(asset)
    replace_atomically(path, lambda file: file.write(payload))


def glb_bytes(asset: Asset) -> bytes:
    """The file's content."""
    buffer = _Buffer()
    primitive = _primitive(asset, buffer)
    images = [
        {
            "name": name,
            "mimeType": "image/png",
            "bufferView": buffer.add(_png(getattr(asset.textures, name))),
        }
        for name in ("albedo", "orm", "normal")
    ]
    document = {
        "asset": {
            "version": "2.0",
            "generator": f"Propsmith {__version__}",
            "extras": asset.provenance,
        },
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": asset.name, "mesh": 0}],
        "meshes": [{"name": asset.name, "primitives": [primitive]}],
        "materials": [_material(asset.name)],
        "textures": [{"source": i, "sampler": 0} for i in range(3)],
        "images": images,
        "samplers": [
            {
                "magFilter": LINEAR,
                "minFilter": LINEAR_MIPMAP_LINEAR,
                "wrapS": CLAMP,
                "wrapT": CLAMP,
            }
        ],
        "buffers": [{"byteLength": len(buffer.data)}],
        "bufferViews": buffer.views,
        "accessors": buffer.accessors,
    }
    return _container(document, bytes(buffer.data))


def _primitive(asset: Asset, buffer: _Buffer) -> dict[str, Any]:
    mesh = asset.mesh
    tangents = mesh.tangents if mesh.tangents is not None else vertex_tangents(mesh)
    normals, t = _unit(mesh.normals.cpu().numpy()), tangents.cpu().numpy()
    along = _unit(to_gltf(_unit(t[:, :3])))
    signs = np.where(t[:, 3:] < 0, -1, 1)
    positions = to_gltf(placed(asset)).astype(np.float32)
    attributes = {
        "POSITION": buffer.add_array(positions, "VEC3", bounds=True),
        "NORMAL": buffer.add_array(_unit(to_gltf(normals)).astype(np.float32), "VEC3"),
        "TANGENT": buffer.add_array(np.hstack([along, signs]).astype(np.float32), "VEC4"),
        "TEXCOORD_0": buffer.add_array(mesh.uvs.cpu().numpy().astype(np.float32), "VEC2"),
    }
    # 65535 itself restarts primitives in 16 bits, so it can't be an index.
    kind = np.uint16 if len(positions) < 65535 else np.uint32
    indices = buffer.add_array(mesh.faces.cpu().numpy().reshape(-1).astype(kind), "SCALAR")
    return {"attributes": attributes, "indices": indices, "material": 0, "mode": 4}


def _material(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "pbrMetallicRoughness": {
            "baseColorTexture": {"index": 0},
            "metallicRoughnessTexture": {"index": 1},
            "baseColorFactor": [1.0, 1.0, 1.0, 1.0],
            "metallicFactor": 1.0,
            "roughnessFactor": 1.0,
        },
        "occlusionTexture": {"index": 1},
        "normalTexture": {"index": 2},
        "alphaMode": "OPAQUE",
        "doubleSided": False,
    }


def _unit(vectors: np.ndarray) -> np.ndarray:
    """In float64, so that float32 copies pass the validator; +Z where there is no direction."""
    wide = vectors.astype(np.float64)
    length = np.linalg.norm(wide, axis=-1, keepdims=True)
    fallback = np.broadcast_to([0.0, 0.0, 1.0], wide.shape)
    return np.where(length > 1e-12, wide / np.maximum(length, 1e-12), fallback)


def _png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG", compress_level=6)
    return out.getvalue()


def _container(document: dict[str, Any], binary: bytes) -> bytes:
    """The GLB container: a header and two chunks, padded to four bytes."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
