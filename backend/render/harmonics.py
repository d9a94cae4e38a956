"""View-dependent colours: real spherical harmonics up to degree 3.

In: coefficients (N, K, 3), means and cameras. Out: colours (B, N, 3). Ramamoorthi and Hanrahan
2001, eq. 3, with the order (m from -l to l within l), the signs (of the Condon-Shortley phase) and
the +0.5 of Kerbl et al. 2023, so that files of 3D Gaussians keep their colours. Plain torch; on the
CPU harmonics_cpu.py's kernels take its place.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from backend.errors import InputError

MAX_DEGREE = 3


def harmonics(directions: Float[Tensor, "*batch 3"], degree: int) -> Float[Tensor, "*batch K"]:
    """The K = (degree + 1)^2 basis functions at unit directions; differentiable."""
    x, y, z = directions.unbind(-1)
    bands = [torch.full_like(x, 0.5 / math.sqrt(math.pi))]
    if degree > 0:
        c = math.sqrt(3 / (4 * math.pi))
        bands += [-c * y, c * z, -c * x]
    if degree > 1:
        c = math.sqrt(15 / (4 * math.pi))
        xx, yy, zz = x * x, y * y, z * z
        zonal = math.sqrt(5 / (16 * math.pi)) * (2 * zz - xx - yy)
        bands += [c * x * y, -c * y * z, zonal, -c * x * z, c / 2 * (xx - yy)]
    if degree > 2:
        c0, c1, c2, c3 = (math.sqrt(n / math.pi) for n in (35 / 32, 105 / 4, 21 / 32, 7 / 16))
        bands += [-c0 * y * (3 * xx - yy), c1 * x * y * z, -c2 * y * (4 * zz - xx - yy)]
        bands += [c3 * z * (2 * zz - 3 * xx - 3 * yy), -c2 * x * (4 * zz - xx - yy)]
        bands += [c1 / 2 * z * (xx - yy), -c0 * x * (xx - 3 * yy)]
    return torch.stack(bands, dim=-1)


def view_colors(
    coefficients: Float[Tensor, "N K 3"],
    means: Float[Tensor, "N 3"],
    viewmats: Float[Tensor, "B 4 4"],
    degree: int,
) -> Float[Tensor, "B N 3"]:
    """Colours seen from each camera's centre, max(harmonics . coefficients + 0.5, 0).

    Differentiable with respect to coefficients and means. Of the coefficients the first
    (degree + 1)^2 count. Raises InputError for a degree beyond 3 or too few coefficients.
    """
    used = (degree + 1) ** 2
    if not 0 <= degree <= MAX_DEGREE:
        raise InputError(f"Harmonics of degree {degree} asked for; expected 0 to {MAX_DEGREE}.")
    if coefficients.shape[1] < used or coefficients.shape[2] != 3:
        raise InputError(
            f"Degree {degree} needs harmonics of shape (N, {used} or more, 3); "
            f"these are {tuple(coefficients.shape)}."
        )
    rotations, translations = viewmats.detach()[:, :3, :3], viewmats.detach()[:, :3, 3]
    centres = -(rotations.transpose(1, 2) @ translations[..., None])[..., 0]
    if means.device.type == "cpu":
        from backend.render import harmonics_cpu

        return harmonics_cpu.view_colors(coefficients, means, centres, degree)
    return colors_of(coefficients, means, centres, degree)


def colors_of(
    coefficients: Float[Tensor, "N K 3"],
    means: Float[Tensor, "N 3"],
    centres: Float[Tensor, "B 3"],
    degree: int,
) -> Float[Tensor, "B N 3"]:
    """`view_colors` in plain torch, from the cameras' centres; on any device."""
    directions = F.normalize(means - centres[:, None].to(means), dim=-1)
    used = coefficients[:, : (degree + 1) ** 2]
    return (torch.einsum("bnk,nkc->bnc", harmonics(directions, degree), used) + 0.5).clamp(min=0)
