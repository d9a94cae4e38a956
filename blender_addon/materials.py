"""Materials of a prop: the colours of its vertices while it is made, a Principled BSDF afterwards.

In: textures, as PNG or as pixels. Out: a material with the right colour spaces and packed images,
so that the .blend file holds all of it. Nodes and inputs are found by name, as their order differs
between versions of Blender.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from .importer import COLORS

JOB = "propsmith_job"  # custom property of what was made here
SPACES = {"albedo": "sRGB", "orm": "Non-Color", "normal": "Non-Color"}


@dataclass(frozen=True)
class Picture:
    """One of the two."""

    png: bytes | None = None
    pixels: np.ndarray | None = None  # (H, W, 3) u1, row 0 at the top


def live_material(job: str, name: str) -> bpy.types.Material:
    """Shows the vertices' colours; the same one each time."""
    for found in bpy.data.materials:
        if found.get(JOB) == job and found.get("propsmith_live"):
            return found
    material = _new(name, job)
    material["propsmith_live"] = True
    shader = _shader(material)
    colors = material.node_tree.nodes.new("ShaderNodeVertexColor")
    colors.layer_name, colors.location = COLORS, (-300, 200)
    material.node_tree.links.new(colors.outputs["Color"], shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.7
    return material


def image_of(job: str, name: str, picture: Picture) -> bpy.types.Image:
    """Packed. The colour space is that of `name`: "albedo", "orm" or "normal"."""
    title = f"{job[:8]} {name}"
    if picture.png is not None:
        image = bpy.data.images.new(title, 8, 8)
        image.pack(data=picture.png, data_len=len(picture.png))
        image.source = "FILE"
        image.colorspace_settings.name = SPACES[name]
    else:
        image = _from_pixels(title, picture.pixels, SPACES[name])
    image[JOB] = job
    return image


def _from_pixels(title: str, pixels: np.ndarray, space: str) -> bpy.types.Image:
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(title, width, height, is_data=space == "Non-Color")
    image.colorspace_settings.name = space
    values = np.ones((height, width, 4), np.float32)
    values[..., :3] = pixels[::-1].astype(np.float32) / 255
    image.pixels.foreach_set(values.ravel())
    image.pack()
    return image


def finished_material(
    job: str, name: str, images: dict[str, bpy.types.Image]
) -> bpy.types.Material:
    """A Principled BSDF with the images that there are."""
    material = _new(name, job)
    tree, shader = material.node_tree, _shader(material)
    nodes = {kind: _texture(tree, image, kind) for kind, image in images.items()}
    if "albedo" in nodes:
        tree.links.new(nodes["albedo"].outputs["Color"], shader.inputs["Base Color"])
        tree.nodes.active = nodes["albedo"]  # which Solid shading with textures shows
    if "orm" in nodes:
        parts = tree.nodes.new("ShaderNodeSeparateColor")
        parts.location = (-280, 0)
        tree.links.new(nodes["orm"].outputs["Color"], parts.inputs["Color"])
        tree.links.new(parts.outputs["Green"], shader.inputs["Roughness"])
        tree.links.new(parts.outputs["Blue"], shader.inputs["Metallic"])
    if "normal" in nodes:
        bump = tree.nodes.new("ShaderNodeNormalMap")
        bump.location = (-280, -320)
        tree.links.new(nodes["normal"].outputs["Color"], bump.inputs["Color"])
        tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    return material


def give(thing: bpy.types.Object, material: bpy.types.Material) -> None:
    """Into the first slot, unless the user has put a material of their own there."""
    slots = thing.material_slots
    if not len(slots):
        thing.data.materials.append(material)
        return
    old = slots[0].material
    if old == material:
        return
    if old is None or old.get("propsmith_live"):
        slots[0].material = material
        if old is not None and not old.users:
            bpy.data.materials.remove(old)


def _new(name: str, job: str) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # before 5.0
        material.use_nodes = True
    material[JOB] = job
    return material


def _shader(material: bpy.types.Material) -> bpy.types.Node:
    nodes = material.node_tree.nodes
    for node in nodes:
        if node.type == "BSDF_PRINCIPLED":
            return node
    shader = nodes.new("ShaderNodeBsdfPrincipled")
    output = next((n for n in nodes if n.type == "OUTPUT_MATERIAL"), None)
    if output is None:
        output = nodes.new("ShaderNodeOutputMaterial")
        output.location = (300, 0)
    material.node_tree.links.new(shader.outputs["BSDF"], output.inputs["Surface"])
    return shader


def _texture(tree: bpy.types.NodeTree, image: bpy.types.Image, kind: str) -> bpy.types.Node:
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image, node.label = image, kind
    node.location = (-600, {"albedo": 320, "orm": 0, "normal": -320}[kind])
    return node
