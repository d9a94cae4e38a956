"""`--report`: a contact sheet of 8 views for each stage, and the loss curves.

In: what the stages made, and the curves of the run. Out: PNG files. Every sheet has the rows
albedo, shaded and normals. The finished prop also shows its ORM texture, and is lit by the studio
and, relit, by a low sun from elsewhere: what stays the same under both is material.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from backend.cameras import turntable
from backend.color import from_srgb, to_srgb
from backend.errors import InputError
from backend.evaluate.pictures import GREY, Surface, environment_light
from backend.evaluate.sheets import VIEWS, gaussian_rows, mesh_rows, save_loss_curves, save_sheet
from backend.gaussians.field import colors_at
from backend.gaussians.model import GaussianCloud
from backend.gaussians.pictures import render_normals
from backend.materials.bake import Textures
from backend.materials.field import MaterialField
from backend.mesh.types import TriMesh, UVMesh

SIZE = 128  # pixels of one picture
Rows = Mapping[str, Float[Tensor, "B H W 3"]]


@dataclass(frozen=True)
class Prop:
    """What the stages of a run made."""

    cloud: GaussianCloud
    fine: TriMesh  # the refined surface before it was simplified
    material: MaterialField
    mesh: UVMesh
    textures: Textures


def write_report(
    folder: Path, title: str, prop: Prop, curves: Mapping[str, Sequence[dict[str, float]]]
) -> list[Path]:
    """FOLDER/STAGE.png for each stage, FOLDER/STAGE_losses.png for each curve; their paths."""
    sheets = {
        "gaussians": gaussian_sheet(prop.cloud),
        "mesh": mesh_sheet(prop.fine, prop.cloud),
        "materials": material_sheet(prop.fine, prop.material),
        "prop": prop_sheet(prop.mesh, prop.textures),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"{stage}.png" for stage in sheets]
        for path, (stage, rows) in zip(files, sheets.items(), strict=True):
            save_sheet(path, rows, f"{title}: {stage}")
        for stage, curve in curves.items():
            files.append(folder / f"{stage}_losses.png")
            save_loss_curves(files[-1], losses_by_name(curve), f"{title}: {stage}")
    except OSError as error:
        raise InputError(f"Cannot write the report to '{folder}': {error}.") from error
    return files


def losses_by_name(curve: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """Steps' losses -> one list a loss; a step that did not have it is left out."""
    names = dict.fromkeys(name for losses in curve for name in losses)
    return {name: [step[name] for step in curve if name in step] for name in names}


@torch.no_grad()
def gaussian_sheet(cloud: GaussianCloud) -> Rows:
    """Gaussians have no lamp of their own: shaded is their colour under one on the camera."""
    cameras = turntable(VIEWS).to(cloud.means.device)
    rows = gaussian_rows(*cloud.tensors(), size=SIZE, cameras=cameras)
    plain = torch.full((VIEWS, 3), GREY, device=cloud.means.device)
    normals = render_normals(cloud, cameras, SIZE, plain)
    facing = (normals[..., 2:] * 2 - 1).clamp(0, 1)
    shaded = to_srgb(from_srgb(rows["color"]) * (0.25 + 0.75 * facing)).clamp(0, 1)
    shaded = torch.lerp(plain[:, None, None], shaded, (rows["depth"] * 4).clamp(0, 1))
    return {"albedo": rows["color"], "shaded": shaded, "normals": normals, "depth": rows["depth"]}


def mesh_sheet(mesh: TriMesh, cloud: GaussianCloud) -> Rows:
    """The refined surface in the Gaussians' colours."""
    return mesh_rows(Surface(mesh.vertices, mesh.faces, colors_at(cloud, mesh.vertices)), SIZE)


@torch.no_grad()
def material_sheet(mesh: TriMesh, material: MaterialField) -> Rows:
    """The material field on the vertices of the surface that it was optimised on."""
    at = material(mesh.vertices)
    orm = torch.stack([torch.ones_like(at.roughness), at.roughness, at.metallic], dim=-1)
    return _lit(Surface(mesh.vertices, mesh.faces, at.albedo, orm))


def prop_sheet(mesh: UVMesh, textures: Textures) -> Rows:
    """The prop as it is shipped, from its textures."""
    images = (textures.albedo, textures.orm, textures.normal)
    device = mesh.vertices.device
    albedo, orm, normal = (torch.from_numpy(i).to(device).float() / 255 for i in images)
    shape = (mesh.vertices, mesh.faces, albedo, orm)
    surface = Surface(*shape, mesh.uvs, mesh.normals, mesh.tangents, normal)
    evening = environment_light("sunset", 120.0)
    relit = mesh_rows(surface, SIZE, shading=evening, names=("shaded",))
    return {**_lit(surface), "relit": relit["shaded"]}


def _lit(surface: Surface) -> Rows:
    names = ("albedo", "shaded", "normals", "orm")
    return mesh_rows(surface, SIZE, shading=environment_light("studio"), names=names)
