"""Nearest points under the arithmetic of a job."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from scipy.spatial import cKDTree

from backend.neighbours import tree_of

ROOT = Path(__file__).parents[2]
# Half of the points lie in the plane through the origin that bounds the rest: with scipy alone, a
# process that flushes subnormal numbers ends here in a segmentation fault.
STANDING = """
import numpy as np
from backend.runtime import prepare_process
prepare_process()
from backend.neighbours import tree_of
import torch
points = np.random.default_rng(0).random((400, 3)) * (10, 1e-3, 1e-3)
points[:300, 0] = 0
distances, nearest = tree_of(points).query(points)
assert (distances == 0).all() and (nearest == np.arange(400)).all()
assert torch.tensor(1e-310, dtype=torch.float64).mul(1) == 0, "the job's arithmetic came back"
print("whole")
"""


def test_points_in_a_plane_through_the_origin_crash_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STANDING], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "whole"), done.stderr


def test_the_tree_is_scipys_and_arithmetic_stays_as_it_was() -> None:
    points = np.random.default_rng(1).normal(size=(500, 3))
    asked = np.random.default_rng(2).normal(size=(50, 3))
    for ours, theirs in zip(
        tree_of(points).query(asked, k=4), cKDTree(points).query(asked, k=4), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    assert torch.tensor(1e-310, dtype=torch.float64).mul(1) != 0
