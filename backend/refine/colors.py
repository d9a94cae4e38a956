"""The colours that the subject has now, anywhere on its surface: what refinement starts from.

In: a `Subject` and its `Body`. Out: points spread over the surface with their sRGB colours, and
`color_at` for the stages, which ask at points of the surface.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from backend.color import from_srgb
from backend.materials.field import sample_surface
from backend.mesh.types import TriMesh
from backend.neighbours import tree_of
from backend.refine.body import Body
from backend.refine.subject import Part, Sheet, Subject

GREY = 0.5  # sRGB, where nothing is said: a colour that can go either way
ColorAt = Callable[[Float[Tensor, "P 3"]], Float[Tensor, "P 3"]]


@dataclass(frozen=True)
class Spread:
    """S points of the surface: their faces and barycentric weights."""

    faces: np.ndarray  # (S,)
    weights: np.ndarray  # (S, 3) f4

    def on(self, vertices: Tensor, faces: np.ndarray) -> Float[Tensor, "S 3"]:
        corners = vertices.detach().cpu()[torch.from_numpy(faces[self.faces])]
        return (corners * torch.from_numpy(self.weights)[..., None]).sum(1)


def spread_over(body: Body, count: int) -> Spread:
    mesh = TriMesh(torch.from_numpy(body.shown), torch.from_numpy(body.shown_faces))
    faces, weights = sample_surface(mesh, count, torch.Generator().manual_seed(0))
    return Spread(faces.numpy(), weights.float().numpy())


def color_at(points: Float[Tensor, "S 3"], colors: Float[Tensor, "S 3"]) -> ColorAt:
    """The colour of the nearest of the points."""
    tree = tree_of(points.cpu().numpy())

    def nearest(asked: Tensor) -> Tensor:
        _, index = tree.query(asked.detach().cpu().numpy(), workers=-1)
        return colors.cpu()[torch.from_numpy(index)].to(asked)

    return nearest


def present_colors(subject: Subject, spread: Spread) -> Float[Tensor, "S 3"]:
    """sRGB, from textures, vertex colours and plain ones."""
    result = np.full((len(spread.faces), 3), GREY, np.float32)
    at = 0
    for part in subject.parts:
        count = len(part.faces)
        for _ in part.places:
            chosen = np.flatnonzero((spread.faces >= at) & (spread.faces < at + count))
            if len(chosen):
                local = spread.faces[chosen] - at
                result[chosen] = _colors(subject, part, local, spread.weights[chosen])
            at += count
    return torch.from_numpy(result)


def _colors(subject: Subject, part: Part, faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
    result = np.full((len(faces), 3), GREY, np.float32)
    for number in np.unique(part.sheets[faces]):
        sheet, here = subject.sheets[number], part.sheets[faces] == number
        if said := _says(sheet, part):
            linear = tint(part, sheet, faces[here], weights[here])
            if said == "image":
                assert sheet.albedo is not None and part.corner_uvs is not None
                uvs = (part.corner_uvs[faces[here]] * weights[here, :, None]).sum(axis=1)
                linear = linear * _linear(lookup(sheet.albedo, uvs))
            result[here] = srgb(linear)
    return result


def _says(sheet: Sheet, part: Part) -> str:
    """What a part's colour comes from; "" where its material is as plain as an empty one."""
    if sheet.albedo is not None and part.corner_uvs is not None:
        return "image"
    plain = min(sheet.color) > 0.55 and max(sheet.color) - min(sheet.color) < 0.02
    return "" if plain and part.colors is None else "values"


def tint(part: Part, sheet: Sheet, faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n, 3) linear: what the texture is multiplied by at points of faces."""
    color = np.broadcast_to(np.array(sheet.color, np.float32), (len(faces), 3))
    if part.colors is None:
        return color
    return color * (part.colors[part.faces[faces]] * weights[..., None]).sum(axis=1)


def lookup(image: np.ndarray, uvs: np.ndarray) -> np.ndarray:
    """(n, 3) in [0, 1]: the texel at each UV, repeated outside of [0, 1]."""
    height, width = image.shape[:2]
    places = np.floor(uvs % 1.0 * (width, height)).astype(np.int64)
    columns, rows = np.minimum(places, (width - 1, height - 1)).T
    return image[rows, columns, :3].astype(np.float32) / 255


def _linear(values: np.ndarray) -> np.ndarray:
    return from_srgb(torch.from_numpy(values)).numpy()


def srgb(linear: np.ndarray) -> np.ndarray:
    """The exact inverse of `from_srgb`, clipped; `to_srgb` of colour.py bends highlights."""
    x = np.clip(linear, 0, 1).astype(np.float32)
    high = 1.055 * np.maximum(x, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(x <= 0.0031308, 12.92 * x, high).astype(np.float32)
