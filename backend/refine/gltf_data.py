"""The inside of a GLB: its JSON and its buffer, arrays out of accessors and back into new ones.

In: bytes. Out: a `Document` whose accessors read as numpy arrays, and bytes again. Everything that
is not touched stays as it was, extensions and extras included; buffer views that nothing names any
more are left out. glTF 2.0 specification, sections 3.6 (data) and 4 (GLB).
"""

from __future__ import annotations

import base64
import binascii
import copy
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from backend.errors import InputError

TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
CODES = {np.dtype(name).name: code for code, name in TYPES.items()}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
# Extensions that change what the numbers in the file mean, and that we don't undo.
COMPRESSED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression")


class Document:
    """json: the document; changed in place. Raises InputError for what is no glTF 2.0."""

    def __init__(self, payload: bytes, path: Path):
        self.path = path
        self.json, self._binary = _chunks(payload, path)
        self._check()
        self._added: list[bytes] = []
        self._buffers: dict[int, bytes] = {0: self._binary}

    def _check(self) -> None:
        if str(self.json.get("asset", {}).get("version", "")).split(".")[0] != "2":
            raise InputError(f"'{self.path}' is not glTF 2.0; export it as that.")
        for name in COMPRESSED:
            if name in self.json.get("extensionsRequired", []):
                raise InputError(
                    f"'{self.path}' is compressed with {name}; export it without compression."
                )

    def list(self, name: str) -> list[dict[str, Any]]:
        """A top-level array, made where there is none."""
        return self.json.setdefault(name, [])

    def view(self, index: int) -> bytes:
        view = self.list("bufferViews")[index]
        start = view.get("byteOffset", 0)
        data = self._buffer(view["buffer"])[start : start + view["byteLength"]]
        if len(data) != view["byteLength"]:
            raise InputError(f"'{self.path}' is cut short: a buffer ends too early.")
        return data

    def _buffer(self, index: int) -> bytes:
        if index not in self._buffers:
            self._buffers[index] = self.resource(self.list("buffers")[index].get("uri", ""))
        return self._buffers[index]

    def resource(self, uri: str) -> bytes:
        """What a data URI holds, or the file that is named beside this one."""
        try:
            if uri.startswith("data:"):
                return base64.b64decode(uri.partition(",")[2], validate=True)
            return (self.path.parent / uri).read_bytes()
        except (OSError, binascii.Error, ValueError) as error:
            raise InputError(f"'{self.path}' needs '{uri[:60]}', which can't be read.") from error

    def array(self, index: int) -> np.ndarray:
        """(count, width) of an accessor in its own number type, (count,) for scalars; a copy."""
        accessor = self.list("accessors")[index]
        kind, width = np.dtype(TYPES[accessor["componentType"]]), WIDTHS[accessor["type"]]
        count = accessor["count"]
        values = np.zeros((count, width), kind)
        if "bufferView" in accessor:
            values = self._strided(accessor, kind, width)
        if sparse := accessor.get("sparse"):
            where = {"count": sparse["count"], **sparse["indices"]}
            rows = self._strided(where, np.dtype(TYPES[where["componentType"]]), 1)[:, 0]
            given = {"count": sparse["count"], **sparse["values"]}
            values[rows] = self._strided(given, kind, width)
        return values[:, 0] if width == 1 else values

    def _strided(self, accessor: dict[str, Any], kind: np.dtype, width: int) -> np.ndarray:
        data, offset = self.view(accessor["bufferView"]), accessor.get("byteOffset", 0)
        stride = self.list("bufferViews")[accessor["bufferView"]].get("byteStride")
        shape, steps = (accessor["count"], width), (stride or width * kind.itemsize, kind.itemsize)
        if accessor["count"] and offset + steps[0] * (shape[0] - 1) + width * kind.itemsize > len(
            data
        ):
            raise InputError(f"'{self.path}' is damaged: an array is longer than its buffer.")
        return np.ndarray(shape, kind, data, offset, steps).copy()

    def floats(self, index: int) -> np.ndarray:
        """As `array`, with normalised integers as the numbers they stand for."""
        values = self.array(index)
        if not self.list("accessors")[index].get("normalized") or values.dtype.kind == "f":
            return values.astype(np.float32)
        scaled = values.astype(np.float64) / np.iinfo(values.dtype).max
        return np.maximum(scaled, -1).astype(np.float32)

    def add_view(self, payload: bytes, **extra: int) -> int:
        """A new buffer view of a buffer of its own, which `pack` puts behind the others."""
        self._added.append(payload)
        number = -len(self._added)  # buffers that are not yet placed
        self._buffers[number] = payload
        self.list("bufferViews").append({"buffer": number, "byteLength": len(payload), **extra})
        return len(self.list("bufferViews")) - 1

    def add_array(self, array: np.ndarray, kind: str, bounds: bool = False, **extra: Any) -> int:
        """A new accessor; rows are padded to four bytes where they are attributes."""
        indices = kind == "SCALAR" and array.dtype.kind == "u" and not extra.get("normalized")
        rows = np.ascontiguousarray(array).reshape(len(array), -1)
        width = rows.shape[1] * rows.dtype.itemsize
        payload, stride = rows.tobytes(), {}
        if not indices and width % 4:
            wide = np.zeros((len(rows), width + -width % 4), np.uint8)
            wide[:, :width] = rows.view(np.uint8).reshape(len(rows), width)
            payload, stride = wide.tobytes(), {"byteStride": width + -width % 4}
        target = ELEMENT_ARRAY_BUFFER if indices else ARRAY_BUFFER
        accessor = {
            "bufferView": self.add_view(payload, target=target, **stride),
            "componentType": CODES[array.dtype.name],
            "count": len(array),
            "type": kind,
            **extra,
        }
        if bounds:
            accessor["min"] = [float(value) for value in array.min(axis=0)]
            accessor["max"] = [float(value) for value in array.max(axis=0)]
        self.list("accessors").append(accessor)
        return len(self.list("accessors")) - 1

    def pack(self) -> bytes:
        """The GLB's bytes: one buffer, the views that are used, in their old order."""
        document = copy.deepcopy(self.json)
        views = document.get("bufferViews", [])
        owners = list(_naming_views(document))
        used = sorted({owner["bufferView"] for owner in owners})
        place = {old: new for new, old in enumerate(used)}
        for owner in owners:
            owner["bufferView"] = place[owner["bufferView"]]
        binary, kept = bytearray(), []
        for old in used:
            kept.append({**views[old], "buffer": 0, "byteOffset": len(binary)})
            binary += self.view(old)
            binary += b"\0" * (-len(binary) % 4)
        document["bufferViews"], document["buffers"] = kept, [{"byteLength": len(binary)}]
        return container(document, bytes(binary))


def container(document: dict[str, Any], binary: bytes) -> bytes:
    """A header and two chunks, padded to four bytes."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _naming_views(value: Any) -> Any:
    """Every object that names a buffer view, wherever it stands."""
    if isinstance(value, dict):
        if isinstance(value.get("bufferView"), int):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _naming_views(item)


def _chunks(payload: bytes, path: Path) -> tuple[dict[str, Any], bytes]:
    """The JSON and the binary chunk of a GLB."""
    if payload[:4] != b"glTF" or len(payload) < 20:
        raise InputError(f"'{path}' is not a GLB file, whatever its name says.")
    version, length = struct.unpack_from("<II", payload, 4)
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= min(length, len(payload)):
        size, kind = struct.unpack_from("<I4s", payload, at)
        found.setdefault(kind, payload[at + 8 : at + 8 + size])
        at += 8 + size + -size % 4
    if version != 2 or length > len(payload) or b"JSON" not in found:
        raise InputError(f"'{path}' is cut short, or no GLB of version 2; export it again.")
    try:
        document = json.loads(found[b"JSON"])
    except ValueError as error:
        raise InputError(f"'{path}' is damaged: its description is no JSON.") from error
    if not isinstance(document, dict) or not isinstance(document.get("asset"), dict):
        raise InputError(f"'{path}' is damaged: it says nothing of its format.")
    return document, found.get(b"BIN\0", b"")
