"""The files of a refine job as objects of a scene: for whoever does not have the object itself.

In: what a server wrote, by name. A job from this add-on has refined.npz and its pictures beside it;
one from elsewhere a refined file of the source's own kind, which Blender's importers read. Out: new
objects with packed textures.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bpy

from .refine_apply import NEW_LAYER, mesh_of
from .refine_material import new_material
from .wire import mesh_file

NPZ = "refined.npz"
MAIN = (NPZ, "refined.glb", "refined.obj", "refined.ply")
PICTURES = {"albedo.png": "albedo", "orm.png": "orm", "normal.png": "normal"}
BESIDE = ("preview.png", "prop.glb")  # what is no part of it


class RefinedError(Exception):
    """One sentence for the user."""


def main_file(names: Sequence[str]) -> str:
    """The one that has the mesh, or ""."""
    return next((name for name in MAIN if name in names), "")


def needed(names: Sequence[str]) -> list[str]:
    """All that belong to it. Names of a server may be anything: no folders."""
    return [name for name in names if name not in BESIDE and name == Path(name).name]


def bring_in(files: Mapping[str, bytes], title: str) -> list[bpy.types.Object]:
    """New mesh objects in the scene, where their file has them. Raises RefinedError."""
    main = main_file(list(files))
    if not main:
        raise RefinedError("The job has no refined mesh.")
    made = [_from_npz(files, title)] if main == NPZ else _imported(files, main)
    if not made:
        raise RefinedError(f"The server's file '{main}' has no mesh in it.")
    made[0].name = title
    return made


def _from_npz(files: Mapping[str, bytes], title: str) -> bpy.types.Object:
    try:
        result = mesh_file.read_mesh(io.BytesIO(files[NPZ]))
    except mesh_file.MeshFileError as error:
        raise RefinedError(str(error)) from error
    mesh = mesh_of(title, result.vertices, result.faces, result.corner_uvs)
    pictures = {kind: files[name] for name, kind in PICTURES.items() if name in files}
    if pictures and result.corner_uvs is not None:
        mesh.materials.append(new_material(title, pictures, NEW_LAYER))
    thing = bpy.data.objects.new(title, mesh)
    (bpy.context.collection or bpy.context.scene.collection).objects.link(thing)
    return thing


def _imported(files: Mapping[str, bytes], main: str) -> list[bpy.types.Object]:
    importers: dict[str, Any] = {
        ".glb": bpy.ops.import_scene.gltf,
        ".obj": bpy.ops.wm.obj_import,
        ".ply": bpy.ops.wm.ply_import,
    }
    objects, images = set(bpy.data.objects), set(bpy.data.images)
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        try:
            importers[Path(main).suffix](filepath=str(Path(folder) / main))
        except RuntimeError as error:
            text = str(error).strip().splitlines()[-1]
            raise RefinedError(f"Blender can't open '{main}': {text}.") from error
        for image in set(bpy.data.images) - images:
            if image.source == "FILE" and not image.packed_file:
                image.pack()
    new = [thing for thing in bpy.data.objects if thing not in objects]
    return [thing for thing in new if thing.type == "MESH"]
