"""Metallic-roughness shading under an environment light.

In: linear albedo, roughness, metallic, unit normals and directions to the viewer, and a light
(backend/materials/light.py). Out: linear outgoing radiance, differentiable in all but the light.

Cook-Torrance with the GGX distribution, evaluated by the split-sum approximation of Karis, "Real
Shading in Unreal Engine 4" (2013): the light's integral and the reflectance's are done apart. The
reflectance half, a table over (roughness, n.v), is computed here with Smith's height-correlated
masking (Heitz 2014, eq. 99), which is what glTF's reference BRDF uses; Karis has the uncorrelated
form. F0 = 0.04 (1 - metallic) + albedo metallic, as in nvdiffrec (Munkberg et al. 2022).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

DIELECTRIC_F0 = 0.04
MIN_COSINE = 1e-3
MIN_ALPHA = 1e-3


@runtime_checkable
class Light(Protocol):
    """What shading asks of a light; directions are unit vectors in world axes."""

    def irradiance(self, normals: Tensor, rotation: Tensor) -> Tensor:
        """Irradiance / pi, (P, 3): what a white diffuse surface sends back."""
        ...

    def radiance(self, directions: Tensor, roughness: Tensor, rotation: Tensor) -> Tensor:
        """Radiance filtered by a GGX lobe of that roughness around `directions`, (P, 3)."""
        ...


def hammersley(count: int) -> np.ndarray:
    """(count, 2) low-discrepancy points in [0, 1)^2: i / n and i's bits mirrored."""
    index = np.arange(count)
    bits = max(1, int(count - 1).bit_length())
    mirrored = sum(((index >> b) & 1) / 2.0 ** (b + 1) for b in range(bits))
    return np.stack([(index + 0.5) / count, mirrored], axis=-1)


def smith_visibility(n_dot_l: np.ndarray, n_dot_v: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Height-correlated masking-shadowing over 4 (n.l) (n.v)."""
    a2 = alpha * alpha
    masking = n_dot_l * np.sqrt(n_dot_v**2 * (1 - a2) + a2)
    shadowing = n_dot_v * np.sqrt(n_dot_l**2 * (1 - a2) + a2)
    return 0.5 / np.maximum(masking + shadowing, 1e-9)


@lru_cache(maxsize=4)
def fg_table(size: int = 64, samples: int = 1024) -> Float[np.ndarray, "size size 2"]:
    """Split-sum reflectance (A, B) over [roughness, n.v], nodes evenly from 0 to 1.

    Directional reflectance is F0 A + B (Karis 2013, "Environment BRDF"), importance-sampled.
    """
    u, v = hammersley(samples).T
    roughness = np.linspace(0, 1, size)[:, None, None]
    alpha = np.maximum(roughness**2, MIN_ALPHA)
    n_dot_v = np.maximum(np.linspace(0, 1, size), MIN_COSINE)[None, :, None]
    n_dot_h = np.sqrt((1 - v) / (1 + (alpha**2 - 1) * v))
    sin_h = np.sqrt(1 - n_dot_h**2)
    v_dot_h = n_dot_h * n_dot_v + sin_h * np.cos(2 * np.pi * u) * np.sqrt(1 - n_dot_v**2)
    n_dot_l = 2 * v_dot_h * n_dot_h - n_dot_v
    lit = (n_dot_l > 0) & (v_dot_h > 0)
    weight = 4 * smith_visibility(np.maximum(n_dot_l, 0), n_dot_v, alpha)
    weight = np.where(lit, weight * n_dot_l * v_dot_h / np.maximum(n_dot_h, 1e-9), 0)
    fresnel = np.where(lit, 1 - v_dot_h, 0) ** 5
    table = np.stack([((1 - fresnel) * weight).mean(-1), (fresnel * weight).mean(-1)], axis=-1)
    return table.astype(np.float32)


def specular_scale_bias(
    n_dot_v: Float[Tensor, "P"], roughness: Float[Tensor, "P"]
) -> Float[Tensor, "P 2"]:
    """(A, B) looked up bilinearly; differentiable in both arguments."""
    table = torch.from_numpy(fg_table()).to(n_dot_v)
    last = table.shape[0] - 1
    row, column = roughness.clamp(0, 1) * last, n_dot_v.clamp(0, 1) * last
    r0 = row.detach().floor().long().clamp(max=last - 1)
    c0 = column.detach().floor().long().clamp(max=last - 1)
    fr, fc = (row - r0)[:, None], (column - c0)[:, None]
    near = table[r0, c0] * (1 - fc) + table[r0, c0 + 1] * fc
    far = table[r0 + 1, c0] * (1 - fc) + table[r0 + 1, c0 + 1] * fc
    return near * (1 - fr) + far * fr


def reflect(
    view_directions: Float[Tensor, "P 3"], normals: Float[Tensor, "P 3"]
) -> Float[Tensor, "P 3"]:
    """Directions to the viewer mirrored at the normals."""
    return 2 * (view_directions * normals).sum(-1, keepdim=True) * normals - view_directions


def shade(
    albedo: Float[Tensor, "P 3"],
    roughness: Float[Tensor, "P"],
    metallic: Float[Tensor, "P"],
    normals: Float[Tensor, "P 3"],
    view_directions: Float[Tensor, "P 3"],
    light: Light,
    rotation: Float[Tensor, "*R"],
) -> Float[Tensor, "P 3"]:
    """Linear outgoing radiance. albedo is linear; normals and view_directions (towards the
    viewer) are unit; rotation is the light's turn about +Z in radians, one for all or per point.
    """
    n_dot_v = (normals * view_directions).sum(-1).clamp(MIN_COSINE, 1)
    metal = metallic[:, None]
    f0 = DIELECTRIC_F0 * (1 - metal) + albedo * metal
    diffuse = albedo * (1 - metal) * light.irradiance(normals, rotation)
    scale_bias = specular_scale_bias(n_dot_v, roughness)
    reflectance = f0 * scale_bias[:, :1] + scale_bias[:, 1:]
    mirrored = reflect(view_directions, normals)
    return diffuse + reflectance * light.radiance(mirrored, roughness, rotation)
