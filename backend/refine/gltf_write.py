"""Refined parts and textures back into the very GLB that they came from.

In: the document, where its parts came from, what changed. Out: the file; nodes, names, faces, UVs
and all else as they were. Where parts had no UVs, vertices are added behind the others for seams.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from backend.files import replace_atomically
from backend.refine import gltf_reuse
from backend.refine.gltf_data import Document
from backend.refine.subject import Change, Part, Refined, SheetImages

if TYPE_CHECKING:
    from backend.refine.gltf_read import Source

LINEAR, LINEAR_MIPMAP_LINEAR = 9729, 9987
TINTED = "COLOR_0"
PRIMITIVE = dict[str, Any]


def write_patched(
    document: Document, sources: list[Source], parts: list[Part], refined: Refined, path: Path
) -> list[Path]:
    """Raises OSError; an old file is then as it was."""
    patch, before = _Patch(document), gltf_reuse.used(document)
    counts = {kind: len(document.json.get(kind, [])) for kind in gltf_reuse.KINDS}
    for source, part, change in zip(sources, parts, refined.changes, strict=True):
        primitive = document.list("meshes")[source.mesh]["primitives"][source.primitive]
        sheet = int(change.sheets[0]) if len(change.sheets) else 0
        patch.shape(primitive, part, change)
        if part.corner_uvs is None and change.corner_uvs is not None:
            patch.lay_out(primitive, part, change.corner_uvs)
        images = refined.images[sheet]
        primitive["material"] = patch.material(source.material, sheet, images)
        if not images.kept_color and TINTED in primitive["attributes"]:
            # Kept for whoever uses it, but no longer multiplied with the new base colour.
            primitive["attributes"]["_" + TINTED] = primitive["attributes"].pop(TINTED)
    extras = document.json["asset"].get("extras")
    told = extras if isinstance(extras, dict) else {}
    document.json["asset"]["extras"] = {**told, "propsmith": refined.provenance}
    gltf_reuse.reuse(document, before, counts)
    payload = document.pack()
    replace_atomically(path, lambda file: file.write(payload))
    return [path]


class _Patch:
    """Changes a document; what several primitives share is changed once."""

    def __init__(self, document: Document):
        self.document = document
        self._arrays: dict[Any, int] = {}
        self._materials: dict[tuple[int, int], int] = {}
        self._taken: set[int] = set()
        self._textures: dict[tuple[int, str], int] = {}

    def shape(self, primitive: PRIMITIVE, part: Part, change: Change) -> None:
        primitive.get("extensions", {}).pop("KHR_draco_mesh_compression", None)
        if not change.moved.any():
            return
        attributes = primitive["attributes"]
        old = attributes["POSITION"]
        if old not in self._arrays:
            values = change.positions.astype(np.float32)
            self._arrays[old] = self.document.add_array(values, "VEC3", bounds=True)
        attributes["POSITION"] = self._arrays[old]
        if "NORMAL" in attributes and change.corner_normals is not None:
            self._turn(attributes, part, change)

    def _turn(self, attributes: dict[str, int], part: Part, change: Change) -> None:
        """Normals of the corners that turned, and tangents upright on them again."""
        assert change.turned is not None and change.corner_normals is not None
        normals = self.document.floats(attributes["NORMAL"])
        where = part.faces[change.turned]
        normals[where] = change.corner_normals[change.turned]
        attributes["NORMAL"] = self.document.add_array(normals, "VEC3")
        if "TANGENT" in attributes:
            tangents = self.document.floats(attributes["TANGENT"])
            along, normal = tangents[where, :3], normals[where]
            along = along - (along * normal).sum(axis=1, keepdims=True) * normal
            length = np.linalg.norm(along, axis=1, keepdims=True)
            tangents[where, :3] = np.where(
                length > 1e-6, along / np.maximum(length, 1e-6), tangents[where, :3]
            )
            attributes["TANGENT"] = self.document.add_array(tangents, "VEC4")

    def lay_out(self, primitive: PRIMITIVE, part: Part, corner_uvs: np.ndarray) -> None:
        """Gives a primitive UVs: vertices of several get copies behind the others."""
        source, faces, uvs = split_by_uvs(part.faces, corner_uvs, len(part.positions))
        for attributes in (primitive["attributes"], *primitive.get("targets", [])):
            for name, index in attributes.items():
                attributes[name] = self._extended(index, source)
        primitive["attributes"]["TEXCOORD_0"] = self.document.add_array(uvs, "VEC2")
        kind = np.uint16 if len(source) < 65535 else np.uint32
        indices = faces.reshape(-1).astype(kind)
        primitive["indices"] = self.document.add_array(indices, "SCALAR")
        primitive["mode"] = 4

    def _extended(self, index: int, source: np.ndarray) -> int:
        accessor = self.document.list("accessors")[index]
        values = self.document.array(index)[source]
        extra = {"normalized": True} if accessor.get("normalized") else {}
        bounds = "min" in accessor
        return self.document.add_array(values, accessor["type"], bounds=bounds, **extra)

    def material(self, number: int, sheet: int, images: SheetImages) -> int:
        """The material with its new textures; a copy where another sheet has taken it."""
        key = (number, sheet)
        if key not in self._materials:
            materials = self.document.list("materials")
            if number < 0 or number in self._taken:
                old = dict(materials[number]) if number >= 0 else {"name": images.name}
                materials.append(old)
                self._materials[key] = len(materials) - 1
            else:
                self._materials[key] = number
            self._taken.add(number)
            self._dress(self._materials[key], sheet, images)
        return self._materials[key]

    def _dress(self, number: int, sheet: int, images: SheetImages) -> None:
        material = self.document.list("materials")[number]
        extensions = dict(material.get("extensions", {}))
        extensions.pop("KHR_materials_pbrSpecularGlossiness", None)
        material["extensions"] = extensions
        if not extensions:
            del material["extensions"]
        pbr = dict(material.get("pbrMetallicRoughness", {}))
        where = {k: v for k, v in pbr.get("baseColorTexture", {}).items() if k != "index"}
        old_orm = pbr.get("metallicRoughnessTexture", {})
        shared = material.get("occlusionTexture", {}).get("index", -1) == old_orm.get("index", -2)
        sampler = self._sampler(pbr.get("baseColorTexture"))
        albedo = self._texture(sheet, "albedo", images.albedo, sampler)
        orm = self._texture(sheet, "orm", images.orm, sampler)
        pbr["baseColorTexture"] = {**where, "index": albedo}
        pbr["metallicRoughnessTexture"] = {**where, "index": orm}
        if not images.kept_color:
            pbr["baseColorFactor"] = [1.0, 1.0, 1.0, pbr.get("baseColorFactor", [1.0] * 4)[3]]
        if not images.kept_orm:
            pbr["metallicFactor"] = pbr["roughnessFactor"] = 1.0
        if shared or "occlusionTexture" not in material or not images.kept_orm:
            material["occlusionTexture"] = {**where, "index": orm}
        material["pbrMetallicRoughness"] = pbr
        if images.normal is not None:
            material["normalTexture"] = {
                "index": self._texture(sheet, "normal", images.normal, sampler)
            }

    def _sampler(self, info: dict[str, Any] | None) -> int:
        """That of the old texture; otherwise one that repeats, as UVs outside of [0, 1] expect."""
        if info:
            old = self.document.list("textures")[info["index"]].get("sampler")
            if old is not None:
                return old
        if "sampler" not in self._arrays:
            repeat = {"magFilter": LINEAR, "minFilter": LINEAR_MIPMAP_LINEAR}
            self.document.list("samplers").append(repeat)
            self._arrays["sampler"] = len(self.document.list("samplers")) - 1
        return self._arrays["sampler"]

    def _texture(self, sheet: int, kind: str, pixels: np.ndarray, sampler: int) -> int:
        if (sheet, kind) not in self._textures:
            view = self.document.add_view(png(pixels))
            name = kind if sheet == 0 else f"{kind} {sheet + 1}"
            image = {"name": name, "mimeType": "image/png", "bufferView": view}
            self.document.list("images").append(image)
            source = len(self.document.list("images")) - 1
            self.document.list("textures").append({"source": source, "sampler": sampler})
            self._textures[sheet, kind] = len(self.document.list("textures")) - 1
        return self._textures[sheet, kind]


def split_by_uvs(
    faces: np.ndarray, corner_uvs: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(vertex of the input for each new one, faces, (n, 2) f4 UVs of the new vertices).

    The first `count` vertices are the input's, in their order; copies for seams follow.
    """
    corners = faces.reshape(-1)
    bits = np.ascontiguousarray(corner_uvs.reshape(-1, 2), np.float32).view(np.uint32)
    keys = np.column_stack([corners, bits.astype(np.int64)])
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    # The vertex itself takes the UVs of its first corner, later ones go to copies.
    owner = corners[first]
    order = np.lexsort((first, owner))
    leads = np.ones(len(order), bool)
    leads[1:] = owner[order][1:] != owner[order][:-1]
    number = np.empty(len(first), np.int64)
    number[order[leads]] = owner[order[leads]]
    copies = order[~leads]
    number[copies] = count + np.arange(len(copies))
    source = np.concatenate([np.arange(count), owner[copies]])
    uvs = np.zeros((len(source), 2), np.float32)
    uvs[number] = corner_uvs.reshape(-1, 2)[first]
    return source, number[group.reshape(-1)].reshape(faces.shape), uvs


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, format="PNG", compress_level=6)
    return out.getvalue()
