"""Edges of meshes of many kinds: each pair of neighbours once, and each corner's own."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest


def grid(side: int) -> np.ndarray:
    i, j = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    a = (i * (side + 1) + j).ravel()
    corners = [(a, a + 1, a + side + 1), (a + 1, a + side + 2, a + side + 1)]
    return np.concatenate([np.stack(c, -1) for c in corners])


def fan(count: int) -> np.ndarray:
    rim = np.arange(count)
    return np.stack([np.zeros(count, int), rim + 1, rim + 2], -1)


TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
MESHES = {
    "none": np.zeros((0, 3), int),
    "one": np.array([[4, 1, 2]]),
    "closed": TETRAHEDRON,
    "turned against each other": np.concatenate([TETRAHEDRON[:2], TETRAHEDRON[2:, ::-1]]),
    "open, of several slices": np.random.default_rng(0).permutation(grid(150)),
    "all at one vertex": fan(60_000),
    "closed, of several slices": np.concatenate([grid(150), grid(150)[:, ::-1]]),
}


@pytest.mark.parametrize("faces", MESHES.values(), ids=MESHES.keys())
def test_edges(addon: ModuleType, faces: np.ndarray) -> None:
    topology = importlib.import_module(f"{addon.__name__}.topology")
    edges, of_corner = _last(topology.edges_of(faces.astype(np.int32)))
    wanted = np.stack([faces.ravel(), np.roll(faces, -1, axis=1).ravel()], -1)
    assert (edges[of_corner] == np.sort(wanted, axis=1)).all()
    assert len({tuple(edge) for edge in edges}) == len(edges)
    assert set(of_corner) == set(range(len(edges)))


def _last(work: Iterator[None]) -> tuple[np.ndarray, np.ndarray]:
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value
