"""Runs inside a Blender that has opened a file: `blender -b FILE --python look.py`.

Prints one line of JSON, after the word LOOK: the objects, their faces and UVs, the pictures of
their materials, and what they were made from.
"""

from __future__ import annotations

import json
from typing import Any

import bpy


def pictures(thing: bpy.types.Object) -> dict[str, Any]:
    """By name: colour space, side, whether it is in the file, and its mean colour."""
    found = {}
    for material in (slot.material for slot in thing.material_slots if slot.material):
        for node in material.node_tree.nodes:
            if node.type != "TEX_IMAGE" or node.image is None:
                continue
            image, values = node.image, list(node.image.pixels)
            mean = [sum(values[k::4]) / max(len(values) // 4, 1) for k in range(3)]
            about = [image.colorspace_settings.name, image.size[0], bool(image.packed_file)]
            found[image.name] = [*about, [round(value, 2) for value in mean]]
    return found


def about(thing: bpy.types.Object) -> dict[str, Any]:
    origin = thing.get("propsmith_origin")
    return {
        "name": thing.name,
        "faces": len(thing.data.polygons),
        "uvs": [layer.name for layer in thing.data.uv_layers],
        "metres": [round(side, 3) for side in thing.dimensions],
        "pictures": pictures(thing),
        "prompt": origin.get("prompt") if origin else None,
    }


print("LOOK", json.dumps([about(o) for o in bpy.data.objects if o.type == "MESH"]))
