"""A made prop opens in Blender, standing on the ground, its material connected.

Runs where `import bpy` works; PROPSMITH_GLB names the file (see the session in noxfile.py).
"""

from __future__ import annotations

import os

import bpy
import pytest


@pytest.fixture(scope="module")
def prop() -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=os.environ["PROPSMITH_GLB"])
    meshes = [thing for thing in bpy.data.objects if thing.type == "MESH"]
    assert len(meshes) == 1, [thing.name for thing in bpy.data.objects]
    return meshes[0]


def test_it_stands_on_the_ground_at_the_origin(prop: bpy.types.Object) -> None:
    assert list(prop.matrix_world.translation) == pytest.approx([0, 0, 0], abs=1e-6)
    points = [prop.matrix_world @ vertex.co for vertex in prop.data.vertices]
    x, y, z = ([point[axis] for point in points] for axis in range(3))
    assert min(z) == pytest.approx(0, abs=1e-4)
    assert max(z) > 0.001
    assert min(x) < 0 < max(x)
    assert min(y) < 0 < max(y)


def test_it_has_uvs_inside_the_atlas(prop: bpy.types.Object) -> None:
    assert len(prop.data.uv_layers) == 1
    values = [c for loop in prop.data.uv_layers[0].data for c in loop.uv]
    assert min(values) >= 0 and max(values) <= 1 and max(values) > min(values)


def test_every_map_reaches_the_shader(prop: bpy.types.Object) -> None:
    assert len(prop.data.materials) == 1
    tree = prop.data.materials[0].node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    for name in ("Base Color", "Roughness", "Metallic", "Normal"):
        images = images_behind(shader.inputs[name])
        assert images and all(image.size[0] >= 64 for image in images), name
    assert images_behind(shader.inputs["Base Color"])[0].colorspace_settings.name == "sRGB"
    assert images_behind(shader.inputs["Normal"])[0].colorspace_settings.name == "Non-Color"


def images_behind(socket: bpy.types.NodeSocket) -> list[bpy.types.Image]:
    """The pictures whose nodes lead, over any others, to a shader's input."""
    found = []
    for link in socket.links:
        if link.from_node.type == "TEX_IMAGE":
            found.append(link.from_node.image)
        for before in link.from_node.inputs:
            found += images_behind(before)
    return found
