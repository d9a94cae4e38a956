"""The material of a refinement: three pictures on a Principled BSDF, packed into the file.

In: the bytes of albedo.png, orm.png and normal.png as a job's results have them, and the name of
the UV layer that they lie on. Out: a new material; no other one is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy

SPACES = {"albedo": "sRGB", "orm": "Non-Color", "normal": "Non-Color"}
COLUMN, ROW = 300, 280  # of the node editor


def new_material(name: str, pictures: Mapping[str, bytes], layer: str) -> bpy.types.Material:
    """pictures: PNG bytes by "albedo", "orm" (occlusion, roughness, metallic; linear) and "normal"
    (tangent space, +Y); what is missing keeps the shader's default."""
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # before 5.0
        material.use_nodes = True
    tree = material.node_tree
    shader = next(n for n in tree.nodes if n.type == "BSDF_PRINCIPLED")
    uv = _node(tree, "ShaderNodeUVMap", 4, 1)
    uv.uv_map = layer
    sockets = {}
    for row, kind in enumerate(kind for kind in SPACES if kind in pictures):
        node = _node(tree, "ShaderNodeTexImage", 3, row)
        node.image = packed_image(f"{name} {kind}", pictures[kind], SPACES[kind])
        tree.links.new(uv.outputs["UV"], node.inputs["Vector"])
        sockets[kind] = node.outputs["Color"]
    _connect(tree, shader, sockets)
    return material


def packed_image(name: str, png: bytes, space: str) -> bpy.types.Image:
    """A picture inside the .blend file, in the given colour space."""
    image = bpy.data.images.new(name, 1, 1)
    image.pack(data=png, data_len=len(png))
    image.source = "FILE"
    image.colorspace_settings.name = space
    return image


def _connect(tree: Any, shader: bpy.types.Node, sockets: dict[str, Any]) -> None:
    if "albedo" in sockets:
        tree.links.new(sockets["albedo"], shader.inputs["Base Color"])
    if "orm" in sockets:
        split = _node(tree, "ShaderNodeSeparateColor", 2, 1)
        tree.links.new(sockets["orm"], split.inputs["Color"])
        tree.links.new(split.outputs["Green"], shader.inputs["Roughness"])
        tree.links.new(split.outputs["Blue"], shader.inputs["Metallic"])
    if "normal" in sockets:
        bend = _node(tree, "ShaderNodeNormalMap", 2, 2)
        bend.uv_map = next(n for n in tree.nodes if n.type == "UVMAP").uv_map
        tree.links.new(sockets["normal"], bend.inputs["Color"])
        tree.links.new(bend.outputs["Normal"], shader.inputs["Normal"])


def _node(tree: Any, kind: str, column: int, row: int) -> bpy.types.Node:
    node = tree.nodes.new(kind)
    node.location = (-COLUMN * (column - 1), ROW * (1 - row))
    return node
