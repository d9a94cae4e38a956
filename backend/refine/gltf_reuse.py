"""What a patch has put out of use makes room for what came instead.

In: a document before and after its primitives and materials were pointed at new accessors and
textures. Out: the new objects under the numbers of those that nobody names any more, so that the
file holds nothing unused that it did not hold before. glTF 2.0 specification, section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from backend.refine.gltf_data import Document

KINDS = ("accessors", "textures", "images")
Place = tuple[Any, Any]  # a container and the key or index under which it names an object
# Extensions that may name an accessor or a texture in a way that is not known here are others.
KNOWN_PREFIXES = ("KHR_materials_", "KHR_texture_")
KNOWN = ("EXT_mesh_gpu_instancing", "EXT_texture_webp", "KHR_lights_punctual", "KHR_xmp_json_ld")


def used(document: Document) -> dict[str, set[int]]:
    """The numbers that something names, by kind; of `KINDS`."""
    json = document.json
    return {kind: {box[key] for box, key in _places(json, kind)} for kind in KINDS}


def reuse(document: Document, before: dict[str, set[int]], counts: dict[str, int]) -> None:
    """before: what `used` said, and counts: how many there were of each, before the patch."""
    if not all(
        name.startswith(KNOWN_PREFIXES) or name in KNOWN
        for name in document.json.get("extensionsUsed", [])
    ):
        return
    for kind in ("textures", *KINDS):  # a texture that goes sets its image free
        _reuse(document, kind, before[kind], counts[kind])


def _reuse(document: Document, kind: str, before: set[int], count: int) -> None:
    objects = document.json.get(kind, [])
    free = sorted(before - used(document)[kind])
    added = range(count, len(objects))
    moved = dict(zip(added, [*free, *added], strict=False))
    # Once each: a material and its copy may still share what is inside.
    places = {(id(box), key): (box, key) for box, key in _places(document.json, kind)}
    for box, key in places.values():
        box[key] = moved.get(box[key], box[key])
    for old, new in moved.items():
        objects[new] = objects[old]
    del objects[max([count - 1, *moved.values()]) + 1 :]


def _places(json: dict[str, Any], kind: str) -> Iterator[Place]:
    if kind == "accessors":
        yield from _accessor_places(json)
    elif kind == "textures":
        yield from _texture_places(json.get("materials", []))
    else:
        yield from _image_places(json.get("textures", []))


def _accessor_places(json: dict[str, Any]) -> Iterator[Place]:
    for mesh in json.get("meshes", []):
        for primitive in mesh["primitives"]:
            boxes = [primitive["attributes"], *primitive.get("targets", [])]
            yield from ((box, name) for box in boxes for name in box)
            if "indices" in primitive:
                yield primitive, "indices"
    skins = [skin for skin in json.get("skins", []) if "inverseBindMatrices" in skin]
    yield from ((skin, "inverseBindMatrices") for skin in skins)
    for animation in json.get("animations", []):
        yield from ((s, end) for s in animation["samplers"] for end in ("input", "output"))
    for node in json.get("nodes", []):
        box = node.get("extensions", {}).get("EXT_mesh_gpu_instancing", {}).get("attributes", {})
        yield from ((box, name) for name in box)


def _texture_places(value: Any) -> Iterator[Place]:
    """Every `…Texture` of the materials, those of extensions too."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.endswith("Texture") and isinstance(inner, dict) and "index" in inner:
                yield inner, "index"
            yield from _texture_places(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texture_places(inner)


def _image_places(textures: list[dict[str, Any]]) -> Iterator[Place]:
    for texture in textures:
        boxes = [texture, *texture.get("extensions", {}).values()]
        yield from ((box, "source") for box in boxes if isinstance(box.get("source"), int))
