"""The base colour that an object has now: the picture a refinement starts from.

In: the materials of an object's slots and the slot of each polygon. Out: the picture's pixels as
the mesh file has them, and the UV layer that lays it on; or why there is none.

The picture is the one behind the Base Color of a Principled BSDF, whatever nodes lie between, of
the material that most polygons have. A plain colour becomes a small plain picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import bpy
import numpy as np

from .refine_frame import RefineError
from .wire import mesh_file

PLAIN = 16  # pixels of a side, for a material of one colour


@dataclass(frozen=True)
class BaseColor:
    """pixels: (H, W, 3) u1, sRGB, row 0 at the top; None where there is nothing to start from."""

    pixels: np.ndarray | None = None
    uv_layer: str = ""  # "" is the active one
    notes: tuple[str, ...] = ()


def base_color(materials: list[bpy.types.Material | None], slots: np.ndarray) -> BaseColor:
    """materials: of the slots, in order. slots: (P,) which one each polygon has."""
    used: dict[bpy.types.Material, int] = {}
    for index, material in enumerate(materials):
        if material is not None and (count := int((slots == index).sum())):
            used[material] = used.get(material, 0) + count
    if not used:
        return BaseColor()
    chosen = max(used, key=lambda material: used[material])
    result = _of_material(chosen)
    if result.pixels is None or len(used) == 1:
        return result
    note = f"The base colour starts from '{chosen.name}', which most faces have."
    return BaseColor(result.pixels, result.uv_layer, (*result.notes, note))


def _of_material(material: bpy.types.Material) -> BaseColor:
    socket = _base_socket(material)
    if socket is None:
        return _plain(material.diffuse_color)
    if not socket.is_linked:
        return _plain(socket.default_value)
    node = next(_pictures(socket), None)
    if node is None:
        return BaseColor()
    try:
        return BaseColor(pixels_of(node.image), _layer_of(node))
    except RefineError as error:
        return BaseColor(notes=(str(error),))


def _base_socket(material: bpy.types.Material) -> bpy.types.NodeSocket | None:
    if not material.node_tree:
        return None
    for node in material.node_tree.nodes:
        if node.type == "BSDF_PRINCIPLED":
            return node.inputs["Base Color"]
    return None


def _pictures(socket: bpy.types.NodeSocket, depth: int = 16) -> Iterator[bpy.types.Node]:
    """Image nodes upstream, the nearest first along each branch."""
    for link in socket.links:
        node = link.from_node
        if node.type == "TEX_IMAGE" and node.image:
            yield node
        elif depth:
            for before in node.inputs:
                yield from _pictures(before, depth - 1)


def _layer_of(node: bpy.types.Node) -> str:
    """The layer that a UV Map node names, or ""."""
    for link in node.inputs["Vector"].links:
        if link.from_node.type == "UVMAP":
            return link.from_node.uv_map
    return ""


def _plain(color: Iterable[float]) -> BaseColor:
    linear = np.clip(np.array(list(color)[:3]), 0, 1)
    pixel = np.rint(to_srgb(linear) * 255).astype(np.uint8)
    return BaseColor(np.broadcast_to(pixel, (PLAIN, PLAIN, 3)).copy())


def pixels_of(image: bpy.types.Image) -> np.ndarray:
    """(H, W, 3) u1, sRGB, row 0 at the top.

    Raises RefineError for a picture whose pixels are not there, or too many.
    """
    width, height = image.size
    if image.source == "TILED":
        raise RefineError(f"The picture '{image.name}' has several tiles: the colour starts anew.")
    if not width or not height or not image.channels:
        raise RefineError(f"The picture '{image.name}' is missing: the colour starts anew.")
    if max(width, height) > mesh_file.MAX_SIDE:
        raise RefineError(
            f"The picture '{image.name}' is {width} x {height} pixels, more than "
            f"{mesh_file.MAX_SIDE}: the colour starts anew."
        )
    flat = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(flat)
    pixels = flat.reshape(height, width, image.channels)[::-1]
    pixels = np.repeat(pixels[..., :1], 3, axis=2) if image.channels < 3 else pixels[..., :3]
    pixels = np.clip(np.nan_to_num(pixels), 0, 1)
    if image.is_float:  # these are linear, those of 8 bits are as they were stored
        pixels = to_srgb(pixels)
    return np.rint(pixels * 255).astype(np.uint8)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear in [0, 1] -> sRGB in [0, 1] (IEC 61966-2-1)."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
