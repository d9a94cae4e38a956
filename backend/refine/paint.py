"""New textures for the UVs that the subject has.

In: the subject, its body where it now lies, the material field on it, a mask. Out: for each sheet
albedo and occlusion-roughness-metallic; outside of the mask, the old texels to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional as F

from backend.color import from_srgb
from backend.materials.bake import Config as BakeConfig
from backend.materials.field import MaterialField
from backend.materials.occlusion import ambient_occlusion
from backend.mesh.types import TriMesh
from backend.refine.colors import srgb, tint
from backend.refine.mask import Mask
from backend.refine.subject import Sheet, SheetImages, Subject
from backend.refine.texels import Texels, texels_of

OVERLAPPING = 1.3  # times over: what parts share texels is told from there on


@dataclass(frozen=True)
class Canvas:
    """What all sheets are painted from. Faces are those of first places, in the parts' order."""

    subject: Subject  # with UVs everywhere
    mesh: TriMesh  # canonical, as it is now: what hides the sky
    points: np.ndarray  # (K, 3, 3) f4, canonical, of the faces' corners
    normals: np.ndarray  # (K, 3, 3) f4
    weights: np.ndarray  # (K, 3) f4
    field: MaterialField
    mask: Mask
    config: BakeConfig

    def paint(self) -> tuple[list[SheetImages], list[str]]:
        """Images of each sheet that has faces, grey ones of the others; and notes."""
        notes: list[str] = []
        return [self._sheet(n, notes) for n in range(len(self.subject.sheets))], notes

    def _sheet(self, number: int, notes: list[str]) -> SheetImages:
        sheet, faces = self.subject.sheets[number], self._faces(number)
        shape = self._shape(sheet)
        if len(faces) == 0:
            blank = np.full((*shape, 3), 128, np.uint8)
            return SheetImages(sheet.name, blank, blank)
        uvs, tints = self._laid_out(number)
        values = np.concatenate([self.points[faces], self.normals[faces], tints], axis=-1)
        texels = texels_of(uvs, torch.from_numpy(values), self.weights[faces], shape, sheet.name)
        if texels.overlap > OVERLAPPING:
            notes.append(
                f"UVs of '{sheet.name}' lie on top of each other ({texels.overlap:.1f} times): "
                "such parts share what is painted there."
            )
        return self._compose(sheet, texels, shape)

    def _faces(self, number: int) -> np.ndarray:
        return np.flatnonzero(np.concatenate([p.sheets for p in self.subject.parts]) == number)

    def _laid_out(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """UVs and tints (K, 3, ..) of the corners of a sheet's faces."""
        uvs, tints, sheet = [], [], self.subject.sheets[number]
        for part in self.subject.parts:
            faces = np.flatnonzero(part.sheets == number)
            if len(faces):
                assert part.corner_uvs is not None
                uvs.append(part.corner_uvs[faces])
                corners = [
                    tint(
                        part,
                        sheet,
                        faces,
                        np.eye(3, dtype=np.float32)[None, i].repeat(len(faces), axis=0),
                    )
                    for i in range(3)
                ]
                tints.append(np.stack(corners, axis=1))
        return np.concatenate(uvs), np.concatenate(tints).astype(np.float32)

    def _shape(self, sheet: Sheet) -> tuple[int, int]:
        """(H, W). A mask keeps the present images' size; otherwise theirs is but a shape."""
        size = self.config.texture_size
        if sheet.albedo is None:
            if sheet.orm is not None and not self.mask.whole:
                return sheet.orm.shape[0], sheet.orm.shape[1]
            return size, size
        height, width = sheet.albedo.shape[:2]
        if not self.mask.whole:
            return height, width
        share = size / max(height, width)
        return max(16, round(height * share)), max(16, round(width * share))

    def _compose(self, sheet: Sheet, texels: Texels, shape: tuple[int, int]) -> SheetImages:
        points, normals, tints = texels.values.split([3, 3, 3], dim=-1)
        albedo, orm = self._evaluate(points, F.normalize(normals, dim=-1, eps=1e-6))
        weights, covered = self._texel_weights(texels, shape)
        keeps_color = not self.mask.whole and sheet.albedo is not None
        keeps_orm = not self.mask.whole and sheet.orm is not None
        if keeps_color:
            linear = from_srgb(albedo) / tints.clamp(min=1e-3)
            albedo = torch.from_numpy(srgb(linear.numpy()))
        if keeps_orm:
            factors = torch.tensor((1.0, sheet.roughness, sheet.metallic)).clamp(min=1e-3)
            orm = (orm / factors).clamp(0, 1)
        old_albedo, old_orm = _old_albedo(sheet, shape), _old_orm(sheet, shape)
        new = _blend(old_albedo[..., :3], albedo, texels.index, weights, covered, texels.locked)
        if old_albedo.shape[2] == 4:
            new = np.concatenate([new, old_albedo[..., 3:]], axis=2)
        new_orm = _blend(old_orm, orm, texels.index, weights, covered, texels.locked)
        return SheetImages(sheet.name, new, new_orm, keeps_color, keeps_orm)

    def _texel_weights(
        self, texels: Texels, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """(P,) weights, and (H, W) which texels are covered."""
        covered = np.zeros(shape, bool)
        covered.reshape(-1)[texels.index] = True
        if self.mask.image is None:
            return texels.weights, covered
        rows, columns = (
            np.arange(n) * m // n for n, m in zip(shape, self.mask.image.shape, strict=True)
        )
        image = self.mask.image[rows[:, None], columns]
        texels.locked[:] = image == 0  # also between the charts, where colours spread to
        return image.reshape(-1)[texels.index], covered

    @torch.no_grad()
    def _evaluate(self, points: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
        device, config = self.mesh.vertices.device, self.config
        open_share = ambient_occlusion(
            self.mesh,
            points.to(device),
            normals.to(device),
            config.occlusion_directions,
            config.occlusion_resolution,
        ).cpu()
        found = [self.field(part.to(device)) for part in points.split(config.chunk)]
        albedo = torch.cat([part.albedo for part in found]).cpu()
        roughness = torch.cat([part.roughness for part in found]).cpu()
        metallic = torch.cat([part.metallic for part in found]).cpu()
        return albedo, torch.stack([open_share, roughness, metallic], dim=-1)


def _old_albedo(sheet: Sheet, shape: tuple[int, int]) -> np.ndarray:
    if sheet.albedo is None:
        plain = srgb(np.array(sheet.color, np.float32))
        return np.broadcast_to(_bytes(plain), (*shape, 3))
    return _resized(sheet.albedo, shape)


def _old_orm(sheet: Sheet, shape: tuple[int, int]) -> np.ndarray:
    if sheet.orm is None:
        plain = np.array((1.0, sheet.roughness, sheet.metallic), np.float32)
        return np.broadcast_to(_bytes(plain), (*shape, 3))
    return _resized(sheet.orm, shape)


def _resized(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The nearest texels; the very image where the size is the same."""
    if image.shape[:2] == shape:
        return image
    rows = (np.arange(shape[0]) + 0.5) * image.shape[0] / shape[0]
    columns = (np.arange(shape[1]) + 0.5) * image.shape[1] / shape[1]
    return image[rows.astype(int)[:, None], columns.astype(int)]


def _blend(
    old: np.ndarray,
    values: Tensor,
    index: np.ndarray,
    weights: np.ndarray,
    covered: np.ndarray,
    locked: np.ndarray,
) -> np.ndarray:
    """(H, W, 3): new values where the weight is above 0, and their nearest ones around the charts.

    A locked texel stays; so does one whose nearest covered one stays.
    """
    result = np.array(old, np.uint8)
    flat, share = result.reshape(-1, 3), weights[:, None]
    before = flat[index].astype(np.float32) / 255
    mixed = _bytes(before * (1 - share) + values.numpy() * share)
    changes = (weights > 0) & ~locked.reshape(-1)[index]
    flat[index[changes]] = mixed[changes]
    changed = np.zeros(covered.shape, bool)
    changed.reshape(-1)[index[changes]] = True
    rows, columns = distance_transform_edt(~covered, return_distances=False, return_indices=True)
    spread = ~covered & ~locked & changed[rows, columns]
    result[spread] = result[rows[spread], columns[spread]]
    return result


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.minimum(np.floor(np.clip(values, 0, 1) * 255 + 0.501), 255).astype(np.uint8)


def vertex_colors(field: MaterialField, points: Tensor) -> np.ndarray:
    """(n, 3) u1 sRGB."""
    with torch.no_grad():
        return _bytes(field(points).albedo.cpu().numpy())
