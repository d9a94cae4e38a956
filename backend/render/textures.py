"""Textures in plain torch: mip pyramids, levels of detail, look-ups, derivatives on the screen.

In:  a texture (Ht, Wt, C), uv and their screen derivatives. Out: filtered colours (B, H, W, C).

Trilinear filtering after Williams, "Pyramidal Parametrics" (1983), with the level of Laine et al.
2020, section 3.5: log2 of the longer axis of the pixel's footprint in texels, by Heckbert,
"Fundamentals of Texture Mapping and Image Warping" (1989), section 3. Odd sides are halved with
three-texel boxes of exact areas, so that every level keeps the picture's mean. Runs on any device;
on the CPU textures_cpu.py's kernels do the look-ups and derivatives.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from backend.errors import InputError

FILTER_MODES = ("auto", "nearest", "linear", "linear-mipmap-linear")
BOUNDARY_MODES = ("clamp", "wrap")


def chosen_filter(filter_mode: str, boundary_mode: str, uv_da: Tensor | None) -> str:
    """filter_mode with "auto" resolved; InputError for unknown modes or missing derivatives."""
    if filter_mode not in FILTER_MODES or boundary_mode not in BOUNDARY_MODES:
        raise InputError(
            f"Texture filter '{filter_mode}' and boundary '{boundary_mode}' asked for; expected "
            f"one of {FILTER_MODES} and one of {BOUNDARY_MODES}."
        )
    if filter_mode == "linear-mipmap-linear" and uv_da is None:
        raise InputError("Mipmapping needs uv_da, the derivatives of uv: see screen_derivatives.")
    if filter_mode == "auto":
        return "linear" if uv_da is None else "linear-mipmap-linear"
    return filter_mode


def mip_count(height: int, width: int, max_mip_level: int | None) -> int:
    """Levels below the base: down to one texel, or as many as allowed."""
    full = max(height, width).bit_length() - 1
    return full if max_mip_level is None else min(full, max_mip_level)


def halves_evenly(height: int, width: int, levels: int) -> bool:
    """Whether every level's sides are halves of the last one's, or 1: nvdiffrast's condition."""
    return all(side % 2**levels == 0 or side & (side - 1) == 0 for side in (height, width))


def pyramid(tex: Float[Tensor, "Ht Wt C"], levels: int) -> list[Float[Tensor, "_H _W C"]]:
    """The texture and `levels` smaller ones, each side halved and rounded down, at least 1.

    Differentiable: gradients of all levels fold back into tex.
    """
    out = [tex]
    for _ in range(levels):
        out.append(_halved(_halved(out[-1]).transpose(0, 1)).transpose(0, 1))
    return out


def _halved(tex: Tensor) -> Tensor:
    """(n, m, C) -> (n // 2, m, C): mean over boxes of n / (n // 2) rows; one row stays."""
    rows = len(tex)
    half = rows // 2
    if rows == 1:
        return tex
    if rows % 2 == 0:
        return (tex[0::2] + tex[1::2]) / 2
    # Box i spans rows i (2 + 1 / half) onward: the end of row 2i, row 2i + 1, part of row 2i + 2.
    i = torch.arange(half, device=tex.device, dtype=tex.dtype)[:, None, None]
    first, last = 1 - i / half, (i + 1) / half
    return (first * tex[0:-1:2] + tex[1::2] + last * tex[2::2]) * (half / rows)


def mip_levels(
    uv_da: Float[Tensor, "B H W 4"], height: int, width: int, last: int
) -> Float[Tensor, "B H W"]:
    """Level of detail in [0, last]; a constant to autograd.

    uv_da: (du/dx, du/dy, dv/dx, dv/dy) per pixel.
    """
    size = uv_da.new_tensor([width, width, height, height])
    ux, uy, vx, vy = (uv_da.detach() * size).unbind(-1)
    p, q, r = ux * ux + uy * uy, ux * vx + uy * vy, vx * vx + vy * vy
    longest = (p + r) / 2 + torch.sqrt(((p - r) / 2) ** 2 + q * q)  # singular value, squared
    levels = 0.5 * torch.log2(longest.clamp(min=1))
    # Without bounds at a horizon: the coarsest.
    return levels.nan_to_num(nan=last, posinf=last).clamp(max=last)


def sample(
    levels: list[Tensor], uv: Tensor, level: Tensor | None, nearest: bool, wrap: bool
) -> Float[Tensor, "B H W C"]:
    """Look-up in a pyramid at fractional levels, or in its base alone where level is None."""
    if level is None:
        return _look_up(levels[:1], uv, torch.zeros_like(uv[..., 0]), nearest, wrap)
    lower = level.floor()
    share = (level - lower)[..., None]
    low, high = (
        _look_up(levels, uv, (lower + k).clamp(max=len(levels) - 1), nearest, wrap) for k in (0, 1)
    )
    return low + share * (high - low)


def _look_up(levels: list[Tensor], uv: Tensor, level: Tensor, nearest: bool, wrap: bool) -> Tensor:
    """Each pixel's texel, or mean of four, in its own (whole) level."""
    shapes = torch.tensor([x.shape[:2] for x in levels], device=uv.device)
    flat = torch.cat([x.reshape(-1, x.shape[2]) for x in levels])
    sizes = shapes.prod(-1)
    offset = (sizes.cumsum(0) - sizes)[level.long()]
    height, width = shapes[level.long()].unbind(-1)
    uv = uv.nan_to_num(0.0, 0.0, 0.0)
    uv = uv - uv.detach().floor() if wrap else uv.clamp(0, 1)
    x, y = uv[..., 0] * width, uv[..., 1] * height
    if nearest:
        taps = [(x.long(), y.long(), torch.ones_like(x))]
    else:
        x0, y0 = (x - 0.5).detach().floor(), (y - 0.5).detach().floor()
        fx, fy = x - 0.5 - x0, y - 0.5 - y0
        corners = ((x0, y0, (1 - fx) * (1 - fy)), (x0 + 1, y0, fx * (1 - fy)),
                   (x0, y0 + 1, (1 - fx) * fy), (x0 + 1, y0 + 1, fx * fy))  # fmt: skip
        taps = [(i.long(), j.long(), weight) for i, j, weight in corners]
    out: Tensor | float = 0.0
    for i, j, weight in taps:
        i = i % width if wrap else torch.minimum(i.clamp(min=0), width - 1)
        j = j % height if wrap else torch.minimum(j.clamp(min=0), height - 1)
        texels = flat.index_select(0, (offset + j * width + i).flatten())
        out = out + weight[..., None] * texels.reshape(*uv.shape[:-1], -1)
    assert isinstance(out, Tensor)
    return out


def screen_derivatives(
    attrs: Float[Tensor, "A V C"], rast: Tensor, pos_clip: Tensor, tris: Tensor
) -> Float[Tensor, "B H W 2*C"]:
    """Derivatives of interpolated attributes along the screen: see render/triangles.py."""
    views, height, width = rast.shape[:3]
    corners = tris.long()[(rast[..., 3].long() - 1).clamp(min=0)]  # (B, H, W, 3)
    b = torch.arange(views, device=rast.device)[:, None, None, None]
    p = pos_clip[b, corners][..., [0, 1, 3]].double()
    values = attrs[b if len(attrs) > 1 else torch.zeros_like(b), corners].double()
    # Edge functions e_k = n_k . (X, Y, 1) and barycentrics b_k = e_k / sum(e): triangles_kernels.
    n = torch.linalg.cross(p.roll(-1, -2), p.roll(-2, -2), dim=-1)
    n = n * torch.linalg.det(p).sign()[..., None, None]
    y = (torch.arange(height, device=n.device, dtype=n.dtype) + 0.5) * 2 / height - 1
    x = (torch.arange(width, device=n.device, dtype=n.dtype) + 0.5) * 2 / width - 1
    e = n[..., 0] * x[None, None, :, None] + n[..., 1] * y[None, :, None, None] + n[..., 2]
    total = e.sum(-1, keepdim=True)[..., None]
    steps = n.new_tensor([2 / width, 2 / height])
    slopes = (n[..., :2] - e[..., None] / total * n[..., :2].sum(-2, keepdim=True)) / total * steps
    out = torch.einsum("bhwka,bhwkc->bhwca", slopes, values).flatten(-2)
    return torch.where(rast[..., 3:] > 0, out, 0).to(attrs.dtype)
