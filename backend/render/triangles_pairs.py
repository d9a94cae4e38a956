"""Which triangle each pixel sees, in plain tensor operations: the same on any device of torch.

In:  clip-space vertices (B, V, 4), triangles (F, 3). Out: a `Visible` for every pixel at once.

Edge functions and depths are those of render/triangles_kernels.py (Olano and Greer 1997), in the
same order of operations, so that both see the same triangles. Where the kernels walk over pixels,
here each triangle is expanded into (triangle, pixel) pairs over its box on the screen. Boxes larger
than a tile are cut into tiles first, and tiles beyond one of the three edges dropped (as Laine and
Karras, "High-Performance Software Rasterization on GPUs", 2011, do by threads). A pair that hits
enters its pixel by an integer minimum over depth, then number: Schuetz et al., "Rendering Point
Clouds with Compute Shaders", 2021. A minimum doesn't depend on the order: same input, same picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

DEPTH_STEPS = 2**24  # as in triangles_kernels
TILE = 8  # pixels; a triangle whose box holds more than TILE * TILE is cut up
CHUNK = 2**20  # pairs at once, some 400 bytes each
NOTHING = torch.iinfo(torch.int64).max


@dataclass(frozen=True)
class Visible:
    """The pixels that see something, P of the B * H * W, in ascending order."""

    pixels: Tensor  # (P,) int64, (view * H + row) * W + column
    triangles: Tensor  # (P,) int64
    edges: Tensor  # (P, 3) float64, the edge functions, with the triangle's orientation
    depths: Tensor  # (P,) float64, z / w in whole steps of 2^-24


@dataclass(frozen=True)
class _Candidates:
    """M pairs of view and triangle that may be seen: a box and four functions of the pixel."""

    views: Tensor  # (M,) int64
    triangles: Tensor  # (M,) int64
    box: Tensor  # (M, 4) int64: first column, last column, first row, last row
    functions: Tensor  # (M, 3, 4) float64: factors of X, Y and 1 in e_0, e_1, e_2 and the depth


def expand(counts: Tensor, limit: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Repeats item i counts[i] times: (item, number within it), about `limit` pairs at a time."""
    limit = limit or CHUNK
    before = torch.nn.functional.pad(counts.cumsum(0), (1, 0))
    total = int(before[-1])
    marks = torch.arange(limit, max(total, limit), limit, device=counts.device)
    cuts = torch.searchsorted(before[1:], marks, right=True)
    ends = torch.stack([cuts, before[cuts]]).tolist()
    items, pairs = [0, *ends[0], len(counts)], [0, *ends[1], total]
    for (first, last), (start, end) in zip(pairwise(items), pairwise(pairs), strict=True):
        if end > start:
            item = torch.arange(first, last, device=counts.device)
            item = item.repeat_interleave(counts[first:last], output_size=end - start)
            yield item, torch.arange(start, end, device=counts.device) - before[item]


def pixel_centres(size: int, device: torch.device) -> Tensor:
    """Clip-space coordinates of the centres, (size,) float64."""
    # On the CPU: a GPU divides by a scalar by multiplying with its inverse, one ulp off.
    return ((torch.arange(size, dtype=torch.float64) + 0.5) * 2 / size - 1).to(device)


def cross(a: Tensor, b: Tensor) -> Tensor:
    """a x b over the last axis; exactly -(b x a), which keeps neighbours free of cracks."""
    # One operation a product: a fused multiply-add would round the two sides differently.
    (ax, ay, aw), (bx, by, bw) = a.unbind(-1), b.unbind(-1)
    return torch.stack([ay * bw - aw * by, aw * bx - ax * bw, ax * by - ay * bx], dim=-1)


def without_depth(pos: Tensor) -> Tensor:
    """(x, y, w) of clip-space points (..., 4)."""
    return torch.cat([pos[..., :2], pos[..., 3:]], dim=-1)


def to_screen(pos: Tensor, height: int, width: int) -> Tensor:
    """Clip space (..., 4) float64 -> pixel x, y (centres at half-integers) and w, (..., 3)."""
    x, y, _, w = pos.unbind(-1)
    return torch.stack([(x / w * 0.5 + 0.5) * width, (y / w * 0.5 + 0.5) * height, w], dim=-1)


def visible(pos: Tensor, tris: Tensor, height: int, width: int) -> Visible:
    """What each pixel sees of pos (B, V, 4) float64 and tris (F, 3) int64."""
    axes = pixel_centres(width, pos.device), pixel_centres(height, pos.device)
    keys = torch.full((len(pos) * height * width,), NOTHING, device=pos.device)
    for numbers in torch.arange(len(tris), device=pos.device).split(_at_once(len(pos))):
        found = _candidates(pos, tris, numbers, height, width)
        for item, box in _boxes(found, axes):
            wide = box[:, 1] - box[:, 0] + 1
            for part, offset in expand(wide * (box[:, 3] - box[:, 2] + 1)):
                x = box[part, 0] + offset % wide[part]
                y = box[part, 2] + offset // wide[part]
                _enter(keys, found, item[part], x, y, axes)
    pixels = (keys != NOTHING).nonzero().squeeze(1)
    key = keys[pixels]
    triangles, row = key & 0xFFFFFFFF, pixels // width
    functions, _ = _functions(pos[(row // height)[:, None], tris[triangles]])
    values = _evaluate(functions, axes, pixels % width, row % height)
    depths = ((key >> 32) - DEPTH_STEPS).double() / DEPTH_STEPS
    return Visible(pixels, triangles, values[:, :3], depths)


def _at_once(views: int) -> int:
    """Triangles whose candidates, twice the size of a pair, fit beside a chunk of pairs."""
    return max(CHUNK // 2 // max(views, 1), 1)


def _candidates(pos: Tensor, tris: Tensor, numbers: Tensor, height: int, width: int) -> _Candidates:
    """Those of the triangles with these numbers (N,), in ascending order, that a view may see."""
    box = _screen_boxes(to_screen(pos, height, width)[:, tris[numbers]], height, width)
    views, chosen = (box[..., 0::2] <= box[..., 1::2]).all(-1).nonzero().unbind(1)
    functions, det = _functions(pos[views[:, None], tris[numbers[chosen]]])
    good = (torch.isfinite(det) & (det != 0)).nonzero().squeeze(1)
    views, chosen = views[good], chosen[good]
    return _Candidates(views, numbers[chosen], box[views, chosen], functions[good])


def _functions(corners: Tensor) -> tuple[Tensor, Tensor]:
    """Corners (M, 3, 4) -> factors of X, Y, 1 in e_0, e_1, e_2, depth (M, 3, 4); determinants."""
    points = without_depth(corners)
    normals = cross(points.roll(-1, 1), points.roll(-2, 1))  # e_k = normals[k] . (X, Y, 1)
    products = normals[:, 0] * points[:, 0]
    det = products[:, 0] + products[:, 1] + products[:, 2]
    scaled = normals * corners[..., 2:3] * (DEPTH_STEPS / det)[:, None, None]
    depth = scaled[:, 0] + scaled[:, 1] + scaled[:, 2]
    functions = torch.cat([normals * det.sign()[:, None, None], depth[:, None]], dim=1)
    return functions.transpose(1, 2).contiguous(), det


def _screen_boxes(screen: Tensor, height: int, width: int) -> Tensor:
    """Columns and rows (..., 4) whose centres (..., 3, 3) may cover; first > last where none."""
    in_front = screen[..., 2] > 0
    low = screen[..., :2].where(in_front[..., None], torch.inf).amin(-2)
    high = screen[..., :2].where(in_front[..., None], -torch.inf).amax(-2)
    seen = in_front.any(-1) & (low <= high).all(-1)
    # One that passes through the camera's plane has an outline without bounds.
    whole = (seen & ~in_front.all(-1))[..., None]
    last = torch.tensor([width - 1, height - 1], dtype=low.dtype).to(low.device)
    slack = 1e-6
    first = torch.ceil(low - 0.5 - slack).clamp(min=0).minimum(last + 1).where(~whole, 0)
    final = torch.floor(high - 0.5 + slack).clamp(min=-1).minimum(last).where(~whole, last)
    box = torch.stack([first, final], dim=-1).flatten(-2)  # x, x, y, y
    return box.where(seen[..., None], torch.tensor([1.0, 0, 1, 0]).to(box)).long()


def _boxes(found: _Candidates, axes: tuple[Tensor, Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """(candidate, box) of at most a tile's pixels each: small triangles whole, large ones cut."""
    wide = found.box[:, 1] - found.box[:, 0] + 1
    high = found.box[:, 3] - found.box[:, 2] + 1
    small = wide * high <= TILE * TILE
    whole = small.nonzero().squeeze(1)
    yield whole, found.box[whole]
    columns, rows = (wide + TILE - 1) // TILE, (high + TILE - 1) // TILE
    for item, offset in expand((columns * rows).where(~small, 0)):
        x0, x1, y0, y1 = found.box[item].unbind(1)
        x0 = x0 + offset % columns[item] * TILE
        y0 = y0 + offset // columns[item] * TILE
        ends = x1.minimum(x0 + TILE - 1), y1.minimum(y0 + TILE - 1)
        box = torch.stack([x0, ends[0], y0, ends[1]], dim=1)
        reached = _reaches(found.functions[item], axes, box).nonzero().squeeze(1)
        yield item[reached], box[reached]


def _reaches(functions: Tensor, axes: tuple[Tensor, Tensor], box: Tensor) -> Tensor:
    """Whether each edge function is >= 0 at the corner of its box where it is largest.

    Rounding is monotone, so that no pixel that `_evaluate` accepts is lost.
    """
    X = torch.where(functions[:, 0, :3] > 0, axes[0][box[:, 1], None], axes[0][box[:, 0], None])
    Y = torch.where(functions[:, 1, :3] > 0, axes[1][box[:, 3], None], axes[1][box[:, 2], None])
    largest = functions[:, 0, :3] * X + functions[:, 1, :3] * Y + functions[:, 2, :3]
    return (largest >= 0).all(1)


def _evaluate(functions: Tensor, axes: tuple[Tensor, Tensor], x: Tensor, y: Tensor) -> Tensor:
    """e_0, e_1, e_2 and the unrounded depth in steps, (P, 4), at pixels x, y."""
    X, Y = axes[0][x, None], axes[1][y, None]
    return functions[:, 0] * X + functions[:, 1] * Y + functions[:, 2]


def _enter(
    keys: Tensor,
    found: _Candidates,
    item: Tensor,
    x: Tensor,
    y: Tensor,
    axes: tuple[Tensor, Tensor],
) -> None:
    """Lowers keys (B * H * W,) to depth << 32 | triangle wherever a pair's pixel is covered."""
    values = _evaluate(found.functions[item], axes, x, y)
    edges = values[:, :3]
    depth = torch.floor(values[:, 3] + 0.5)
    hit = (edges >= 0).all(1) & (edges.sum(1) > 0) & (depth.abs() <= DEPTH_STEPS)
    hit = hit.nonzero().squeeze(1)
    item, x, y = item[hit], x[hit], y[hit]
    key = ((depth[hit].long() + DEPTH_STEPS) << 32) | found.triangles[item]
    pixel = (found.views[item] * len(axes[1]) + y) * len(axes[0]) + x
    keys.scatter_reduce_(0, pixel, key, "amin")
