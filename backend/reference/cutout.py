"""What of a picture is the prop: its own transparency, or a cut along colours and edges. No torch.

In: pixels (H, W, 4) in [0, 1]. Out: opacity (H, W) in [0, 1]. Where a picture has no transparency,
the background's colours are learnt from its border and the prop is cut out as in GrabCut (Rother
et al. 2004, "GrabCut": Gaussian mixtures of colours, a minimal cut, repeated), on a small copy; the
border itself is always background.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from backend.errors import InputError

CUT_SIDE = 144  # pixels of the copy that is cut
ROUNDS = 4
COMPONENTS = 5  # Gaussians of each mixture
SMOOTHNESS = 40.0  # gamma: their 50, a little less as our copy is small
SCALE = 256  # of capacities, which scipy wants whole
LEAST_SHARE, MOST_SHARE = 0.004, 0.93  # of the picture that a prop may take


def opacity_of(pixels: np.ndarray) -> np.ndarray:
    """Raises InputError where there is nothing to see, or nothing to tell apart."""
    alpha = pixels[..., 3]
    if alpha.max() < 0.1:
        raise InputError("The image is wholly transparent; give one with the prop on it.")
    transparent = (alpha < 0.5).mean() > 0.01
    mask = alpha if transparent else cut_out(pixels[..., :3])
    share = float((mask > 0.5).mean())
    if not LEAST_SHARE <= share <= MOST_SHARE:
        raise InputError(
            "No prop can be told from the background in the image: give one in front of a plain "
            "background with some room around it, or one with a transparent background."
        )
    return mask


def cut_out(colors: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> soft opacity (H, W), by colours alone."""
    height, width = colors.shape[:2]
    step = max(1.0, max(height, width) / CUT_SIDE)
    size = (max(2, round(height / step)), max(2, round(width / step)))
    small = _lab(_shrunk(colors, size))
    hard = _largest_parts(_cut(small))
    grown = ndimage.zoom(hard.astype(np.float32), (height / size[0], width / size[1]), order=1)
    return np.clip((grown[:height, :width] - 0.5) * 2 + 0.5, 0, 1)


def _shrunk(colors: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Means over areas."""
    factors = (colors.shape[0] / size[0], colors.shape[1] / size[1], 0)
    blurred = ndimage.gaussian_filter(colors, [f / 2.5 for f in factors])
    rows = np.clip(((np.arange(size[0]) + 0.5) * factors[0]).astype(int), 0, len(colors) - 1)
    columns = ((np.arange(size[1]) + 0.5) * factors[1]).astype(int)
    return blurred[rows][:, np.clip(columns, 0, colors.shape[1] - 1)]


def _lab(srgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* over 100, of white D65: distances there are about as the eye sees them."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = linear @ np.array(to_xyz).T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([1.16 * y - 0.16, 5 * (x - y), 2 * (y - z)], -1)


def _cut(lab: np.ndarray) -> np.ndarray:
    """The prop's pixels (H, W) of a small picture, as booleans."""
    border = np.ones(lab.shape[:2], bool)
    border[2:-2, 2:-2] = False
    inside = _unlike_the_border(lab, border)
    links = _links(lab)
    for _ in range(ROUNDS):
        if not inside.any() or inside.all():
            return inside
        ahead, behind = _Mixture(lab[inside]), _Mixture(lab[~inside])
        towards_prop = behind.cost(lab) - ahead.cost(lab)
        towards_prop[border] = -1e3
        cut = _minimal_cut(towards_prop, links)
        if (cut == inside).all():
            break
        inside = cut
    return inside


def _unlike_the_border(lab: np.ndarray, border: np.ndarray) -> np.ndarray:
    """A first guess: what the border's mixture makes unlikely, by a threshold that parts the costs
    best (Otsu 1979)."""
    cost = np.minimum(_Mixture(lab[border]).cost(lab), 40.0)
    if np.ptp(cost) == 0:
        return np.zeros_like(border)
    counts, edges = np.histogram(cost, 64)
    centres = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    sums = np.cumsum(counts * centres)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return (cost > edges[1:][int(np.nanargmax(apart))]) & ~border


class _Mixture:
    """Full Gaussians over colours, fitted by k-means and one assignment, as GrabCut does."""

    def __init__(self, samples: np.ndarray):
        """samples: (N, 3)."""
        samples = samples[:: max(1, len(samples) // 4000)]
        owner = _k_means(samples, COMPONENTS)
        self.means, self.inverses, self.offsets = [], [], []
        for k in range(COMPONENTS):
            own = samples[owner == k]
            if len(own) == 0:
                continue
            spread = np.cov(own.T, bias=True) if len(own) > 1 else np.zeros((3, 3))
            spread = spread + np.eye(3) * 4e-4
            self.means.append(own.mean(0))
            self.inverses.append(np.linalg.inv(spread))
            share = len(own) / len(samples)
            self.offsets.append(0.5 * np.linalg.slogdet(spread)[1] - np.log(share))

    def cost(self, lab: np.ndarray) -> np.ndarray:
        """-log likelihood under the best of the Gaussians, but for a constant."""
        costs = []
        for mean, inverse, offset in zip(self.means, self.inverses, self.offsets, strict=True):
            away = lab - mean
            costs.append(0.5 * np.einsum("...i,ij,...j->...", away, inverse, away) + offset)
        return np.min(costs, 0)


def _k_means(samples: np.ndarray, count: int, rounds: int = 8) -> np.ndarray:
    """Owners (N,); the first centre is the mean's neighbour, each next the farthest sample."""
    far = ((samples - samples.mean(0)) ** 2).sum(-1)
    centres = samples[[int(far.argmin())]]
    for _ in range(count - 1):
        away = ((samples[:, None] - centres) ** 2).sum(-1).min(1)
        centres = np.concatenate([centres, samples[[int(away.argmax())]]])
    owner = np.zeros(len(samples), int)
    for _ in range(rounds):
        owner = ((samples[:, None] - centres) ** 2).sum(-1).argmin(1)
        for k in range(count):
            if (owner == k).any():
                centres[k] = samples[owner == k].mean(0)
    return owner


def _links(lab: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of neighbours (8 around) and how much it costs to part them: less along edges."""
    height, width = lab.shape[:2]
    number = np.arange(height * width).reshape(height, width)
    ways = ((0, 1), (1, 0), (1, 1), (1, -1))
    firsts, seconds, squares, lengths = [], [], [], []
    for down, right in ways:
        left = max(0, -right)
        a = number[: height - down, left : width - max(0, right)]
        b = number[down:, left + right : width + min(0, right)]
        flat = lab.reshape(-1, 3)
        firsts.append(a.ravel())
        seconds.append(b.ravel())
        squares.append(((flat[a.ravel()] - flat[b.ravel()]) ** 2).sum(-1))
        lengths.append(np.full(a.size, np.hypot(down, right)))
    square = np.concatenate(squares)
    beta = 1 / (2 * max(float(square.mean()), 1e-9))
    weight = SMOOTHNESS * np.exp(-beta * square) / np.concatenate(lengths)
    return np.concatenate(firsts), np.concatenate(seconds), weight


def _minimal_cut(
    towards_prop: np.ndarray, links: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    """The pixels on the prop's side of the cheapest cut."""
    cost, count = towards_prop.ravel(), towards_prop.size
    source, sink, pixels = count, count + 1, np.arange(count)
    a, b, weight = links
    from_source, to_sink = np.maximum(cost, 0), np.maximum(-cost, 0)
    rows = np.concatenate([a, b, np.full(count, source), pixels])
    columns = np.concatenate([b, a, pixels, np.full(count, sink)])
    capacity = np.concatenate([weight, weight, from_source, to_sink]) * SCALE
    shape = (count + 2, count + 2)
    graph = sparse.csr_matrix((capacity.astype(np.int32), (rows, columns)), shape=shape)
    flow = maximum_flow(graph, source, sink).flow
    left = graph - flow
    left.data = (left.data > 0).astype(np.int32)
    left.eliminate_zeros()
    reached = breadth_first_order(left, source, return_predecessors=False)
    inside = np.zeros(count + 2, bool)
    inside[reached] = True
    return inside[:count].reshape(towards_prop.shape)


def _largest_parts(inside: np.ndarray) -> np.ndarray:
    """The largest part and those of a twentieth of it; pinholes are closed, real ones stay."""
    labels, count = ndimage.label(inside, np.ones((3, 3)))
    if count > 1:
        sizes = np.bincount(labels.ravel())[1:]
        kept = 1 + np.flatnonzero(sizes >= sizes.max() / 20)
        inside = np.isin(labels, kept)
    holes, count = ndimage.label(~inside)
    sizes = np.bincount(holes.ravel())
    small = np.flatnonzero(sizes < 6)
    return inside | (np.isin(holes, small) & ~inside)
