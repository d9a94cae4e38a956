"""Antialiasing by the mesh's silhouette edges, in plain tensor operations on any device.

In:  images (B, H, W, C), rasters (B, H, W, 4) of ours or of nvdiffrast, clip-space vertices
     (B, V, 4), triangles (F, 3).
Out: images blended beside silhouettes, differentiable with respect to images and vertices.

The rule is that of render/triangles_silhouette.py, which explains it (Laine et al. 2020, section
3.6, with edges found from the topology), edge by edge in the same order. What is found here without
gradients, the edge between each pair of pixels, is a few thousand rows; where exactly that edge
passes is computed again from its two vertices, and autograd takes the gradient from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.render.triangles_pairs import cross, expand, to_screen, without_depth


@dataclass(frozen=True)
class _Silhouettes:
    """S silhouette edges: one row a view and edge, in this order."""

    ends: Tensor  # (S, 2) int64, rows of the vertices in (B * V)
    views: Tensor  # (S,) int64
    axis: Tensor  # (S,) int64: 0 if it passes between columns, 1 between rows
    positive: Tensor  # (S,) bool: the surface lies towards higher pixels
    along: Tensor  # (S, 2) float64, the ends' pixel coordinate on the other axis
    across: Tensor  # (S, 2) float64, the ends' pixel coordinate on `axis`
    depth: Tensor  # (S, 2) float64, the ends' z / w


@dataclass(frozen=True)
class _Crossings:
    """P pairs of neighbouring pixels, with the silhouette that passes between their centres."""

    edge: Tensor  # (P,) int64, row of `_Silhouettes`
    line: Tensor  # (P,) int64, the column or row of pixels that the pair lies in
    before: Tensor  # (P,) int64, the first pixel's place in that line
    first: Tensor  # (P,) int64, the first pixel, (view * H + row) * W + column
    second: Tensor  # (P,) int64
    positive: Tensor  # (P,) bool: the surface lies on the second one's side
    reach: Tensor  # (P,) float64, how far out the surface comes
    depth: Tensor  # (P,) float64

    def inner(self) -> Tensor:
        return torch.where(self.positive, self.second, self.first)

    def outer(self) -> Tensor:
        return torch.where(self.positive, self.first, self.second)

    def rows(self, index: Tensor) -> _Crossings:
        return _Crossings(*(value[index] for value in vars(self).values()))


def antialias(
    images: Tensor, rast: Tensor, pos_clip: Tensor, tris: Tensor, owner_only: bool = False
) -> Tensor:
    """As render/triangles.py; owner_only takes only edges of the triangle seen beside them."""
    pos = pos_clip.double()
    with torch.no_grad():
        edges = _silhouettes(pos, tris.long(), *rast.shape[1:3])
        found = _crossings(edges, rast)
        if owner_only:
            corners = tris[rast.flatten(0, 2)[found.inner(), 3].long() - 1]
            ends = edges.ends[found.edge] % pos.shape[1]
            found = found.rows(_owned(corners, ends).nonzero().squeeze(1))
        found = _outermost(found)
    height, width = rast.shape[1:3]
    axis = edges.axis[found.edge]
    rows = edges.ends[found.edge].flatten()
    screen = to_screen(pos.flatten(0, 1).index_select(0, rows), height, width).view(-1, 2, 3)
    along, across = _by_axis(screen, axis)
    shift = _passage(found.line, along, across) - found.before - 0.5
    to_second = shift > 0
    receiver = torch.where(to_second, found.second, found.first)
    giver = torch.where(to_second, found.first, found.second)
    share = torch.where(to_second, shift, -shift)[:, None].to(images.dtype)
    flat = images.flatten(0, 2)
    given, kept = flat.index_select(0, torch.cat([giver, receiver])).chunk(2)
    return flat.index_add(0, receiver, share * (given - kept)).view(images.shape)


def _by_axis(screen: Tensor, axis: Tensor) -> tuple[Tensor, Tensor]:
    """Ends on the screen (P, 2, 3) -> their coordinates along and across the lines, (P, 2)."""
    columns = (axis == 0)[:, None]
    x, y = screen[..., 0], screen[..., 1]
    return torch.where(columns, y, x), torch.where(columns, x, y)


def _passage(line: Tensor, along: Tensor, across: Tensor) -> Tensor:
    """Where edges pass through lines of pixels, from the centre of the line's first pixel."""
    s = (line + 0.5 - along[:, 0]) / (along[:, 1] - along[:, 0])
    return across[:, 0] + s * (across[:, 1] - across[:, 0]) - 0.5


def _topology(tris: Tensor, vertex_count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Edges (E, 2) as a < b in ascending order; each corner's opposite edge and itself, (3F,)."""
    starts, ends, opposites = tris, tris.roll(-1, 1), tris.roll(-2, 1)
    keys = torch.minimum(starts, ends) * vertex_count + torch.maximum(starts, ends)
    keys, member = torch.unique(keys.flatten(), return_inverse=True)
    return torch.stack([keys // vertex_count, keys % vertex_count], 1), member, opposites.flatten()


def _sides(pos: Tensor, edges: Tensor, member: Tensor, opposites: Tensor) -> Tensor:
    """Which side of each edge its triangles lie on, (B, E): +1, -1, or 0 for both or none."""
    points = without_depth(pos)
    normals = cross(points[:, edges[:, 0]], points[:, edges[:, 1]])
    products = normals[:, member] * points[:, opposites]
    value = products[..., 0] + products[..., 1] + products[..., 2]
    flat = (opposites[:, None] == edges[member]).any(1)  # a triangle without area
    own = ((value > 0).int() - (value < 0).int()).where(~flat, 0)
    index = member.expand_as(own)
    none = torch.zeros(len(pos), len(edges), dtype=torch.int32, device=pos.device)
    highest = none.scatter_reduce(1, index, own, "amax")
    return highest + none.scatter_reduce(1, index, own, "amin")


def _silhouettes(pos: Tensor, tris: Tensor, height: int, width: int) -> _Silhouettes:
    edges, member, opposites = _topology(tris, pos.shape[1])
    sides = _sides(pos, edges, member, opposites)
    ahead = (pos[..., 2] > -pos[..., 3]) & (pos[..., 3] > 0)  # of the near plane and the camera
    views, number = ((sides != 0) & ahead[:, edges].all(-1)).nonzero().unbind(1)
    ends = edges[number] + views[:, None] * pos.shape[1]
    corners = pos.flatten(0, 1)[ends]
    screen = to_screen(corners, height, width)
    dx, dy = (screen[:, 1, :2] - screen[:, 0, :2]).abs().unbind(-1)
    axis = (dx >= dy).long()
    along, across = _by_axis(screen, axis)
    normals = cross(*without_depth(corners).unbind(1))
    normal = normals.gather(1, axis[:, None]).squeeze(1)
    depth = corners[..., 2] / corners[..., 3]
    positive = normal * sides[views, number] > 0
    return _Silhouettes(ends, views, axis, positive, along, across, depth)


def _crossings(edges: _Silhouettes, rast: Tensor) -> _Crossings:
    """Every silhouette edge between two pixels where its farther side isn't hidden."""
    size = torch.tensor([rast.shape[2], rast.shape[1]]).to(rast.device)
    length = size[1 - edges.axis].double()
    low, high = edges.along.amin(1), edges.along.amax(1)
    inside = (high > 0.5) & (low <= length - 0.5) & (edges.along[:, 0] != edges.along[:, 1])
    first = torch.ceil((low - 0.5).clamp(min=0)).where(inside, 0).long()
    end = torch.ceil((high - 0.5).minimum(length)).where(inside, 0).long()
    nothing = first[:0]
    found = [
        _shown(edges, edge, first[edge] + offset, size, rast)
        for edge, offset in expand((end - first).clamp(min=0))
    ] or [_shown(edges, nothing, nothing, size, rast)]
    if len(found) == 1:
        return found[0]
    return _Crossings(*map(torch.cat, zip(*(vars(part).values() for part in found), strict=True)))


def _shown(
    edges: _Silhouettes, edge: Tensor, line: Tensor, size: Tensor, rast: Tensor
) -> _Crossings:
    """Those of the edges' passages through lines of pixels that a pixel pair sees."""
    passage = _passage(line, edges.along[edge], edges.across[edge])
    within = (passage >= 0) & (passage < size[edges.axis[edge]] - 1)
    within = within.nonzero().squeeze(1)
    edge, line, passage = edge[within], line[within], passage[within]
    axis, positive, ends = edges.axis[edge], edges.positive[edge], edges.along[edge]
    s = (line + 0.5 - ends[:, 0]) / (ends[:, 1] - ends[:, 0])
    depth = edges.depth[edge, 0] + s * (edges.depth[edge, 1] - edges.depth[edge, 0])
    before = torch.floor(passage)
    reach = (passage - before) * torch.where(positive, -1, 1)
    before = before.long()
    column, row = torch.where(axis == 0, before, line), torch.where(axis == 0, line, before)
    first = (edges.views[edge] * size[1] + row) * size[0] + column
    second = first + torch.where(axis == 0, 1, size[0])
    found = _Crossings(edge, line, before, first, second, positive, reach, depth)
    inner, outer = rast.flatten(0, 2)[found.inner()], rast.flatten(0, 2)[found.outer()]
    hidden = (inner[:, 3] == 0) | ((outer[:, 3] > 0) & (outer[:, 2] <= depth))
    return found.rows((~hidden).nonzero().squeeze(1))


def _owned(corners: Tensor, ends: Tensor) -> Tensor:
    """Whether triangles (P, 3) have both ends (P, 2) of an edge."""
    return (corners[:, None] == ends[..., None]).any(2).all(1)


def _outermost(found: _Crossings) -> _Crossings:
    """One crossing a pair: of those on the same side the outermost, otherwise the nearer one.

    Later edges challenge earlier ones in turn, as in the CPU's loop: the relation has no order of
    its own. Rounds go on while some pair has another challenger; two or three are common.
    """
    across = found.second - found.first
    # 2 * first + axis names a pair; where lines are one pixel long, no pair has that axis.
    pair = found.first * 2 + (across > 1).long()
    order = torch.argsort(pair, stable=True)
    _, group, counts = torch.unique_consecutive(
        pair[order], return_inverse=True, return_counts=True
    )
    starts = counts.cumsum(0) - counts
    rank = torch.arange(len(order), device=pair.device) - starts[group]
    holder = order[starts]
    for turn in range(1, int(counts.max()) if len(counts) else 0):
        places = (rank == turn).nonzero().squeeze(1)
        challenger, held = order[places], holder[group[places]]
        same = found.positive[challenger] == found.positive[held]
        outer = found.reach[challenger] > found.reach[held]
        nearer = found.depth[challenger] < found.depth[held]
        holder[group[places]] = torch.where(torch.where(same, outer, nearer), challenger, held)
    return found.rows(holder)
