"""Blender opens our GLB as a user would see it. Runs in bpy's own environment: bpy and numpy only.

The file is what tests/contract/sample_glb.py writes: a ring, 0.3 m high. PROPSMITH_TEST_GLB names
it, or it lies beside PROPSMITH_GLB, where the contract tests leave it under nox.
"""

from __future__ import annotations

import os
import unittest

try:
    import bpy
    import numpy as np
except ImportError as error:
    raise unittest.SkipTest("bpy is not installed here; nox has a session for it") from error

BESIDE = os.path.join(os.path.dirname(os.environ.get("PROPSMITH_GLB", "")), "sample.glb")
GLB = os.environ.get("PROPSMITH_TEST_GLB", BESIDE)
if not os.path.isfile(GLB):
    raise unittest.SkipTest(f"No sample at '{GLB}': run the contract tests first")


def imported() -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=GLB)
    meshes = [o for o in bpy.data.objects if o.type == "MESH"]
    assert len(meshes) == 1
    return meshes[0]


def world_vertices(prop: bpy.types.Object) -> np.ndarray:
    flat = np.empty(len(prop.data.vertices) * 3, np.float32)
    prop.data.vertices.foreach_get("co", flat)
    matrix = np.array(prop.matrix_world)
    return flat.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def image_behind(socket: bpy.types.NodeSocket) -> bpy.types.Image:
    """Follows links upstream until an image texture."""
    assert socket.is_linked, f"{socket.name} is not connected"
    node = socket.links[0].from_node
    if node.type == "TEX_IMAGE":
        return node.image
    linked = [s for s in node.inputs if s.is_linked and s.name != "Vector"]
    return image_behind(linked[0])


def test_it_stands_on_the_ground_in_metres() -> None:
    vertices = world_vertices(imported())
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    assert abs(low[2]) < 1e-5
    assert abs(high[2] - 0.3) < 1e-4
    assert np.abs(low[:2] + high[:2]).max() < 1e-4
    # The ring lies flat: wide in x and y, 0.3 m high.
    assert (high - low)[:2].min() > 0.9


def test_name_is_the_prompt() -> None:
    assert imported().name.startswith('a "brass" ring')


def test_principled_bsdf_is_connected() -> None:
    prop = imported()
    assert len(prop.data.materials) == 1
    nodes = prop.data.materials[0].node_tree.nodes
    bsdf = next(n for n in nodes if n.type == "BSDF_PRINCIPLED")
    base = image_behind(bsdf.inputs["Base Color"])
    metallic = image_behind(bsdf.inputs["Metallic"])
    roughness = image_behind(bsdf.inputs["Roughness"])
    normal = image_behind(bsdf.inputs["Normal"])
    assert metallic == roughness
    assert len({base, metallic, normal}) == 3
    assert base.colorspace_settings.name == "sRGB"
    assert metallic.colorspace_settings.name == "Non-Color"
    assert normal.colorspace_settings.name == "Non-Color"
    assert bsdf.inputs["Normal"].links[0].from_node.type == "NORMAL_MAP"
    assert all(i.size[0] > 0 and i.has_data for i in (base, metallic, normal))


def test_normals_point_outwards() -> None:
    prop = imported()
    # A ring around z: away from the circle of radius R in the middle of the tube.
    vertices = world_vertices(prop)
    middle = (vertices[:, 2].min() + vertices[:, 2].max()) / 2
    reach = np.linalg.norm(vertices[:, :2], axis=1)
    radius = (reach.min() + reach.max()) / 2
    circle = vertices.copy()
    circle[:, :2] *= (radius / reach)[:, None]
    circle[:, 2] = middle
    rotation = np.array(prop.matrix_world)[:3, :3]
    for polygon in list(prop.data.polygons)[::7]:
        corner = polygon.vertices[0]
        assert (rotation @ np.array(polygon.normal)) @ (vertices[corner] - circle[corner]) > 0
