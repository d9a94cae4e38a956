"""The digest of arrays: the same everywhere, and another one for every change that meshes see."""

from __future__ import annotations

import numpy as np
import pytest

from shared.digest import BLOCK, digest_of


def faces_of(count: int, dtype: str) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 60_000, (count, 3)).astype(dtype)


def test_the_digits_are_these_on_every_machine() -> None:
    assert digest_of(np.arange(100, dtype="<u2")) == "4971568b29608351"
    several = digest_of(np.arange(70_000, dtype="<u8"), np.arange(3, dtype="u1"))
    assert several == "9e1312f5888613d4"
    assert len(digest_of()) == 16


@pytest.mark.parametrize("dtype", ["<u2", "<u4"])
@pytest.mark.parametrize("count", [5, 1000, 4 * BLOCK // 3 + 1])
def test_equal_bytes_have_equal_digits_wherever_they_lie(count: int, dtype: str) -> None:
    faces = faces_of(count, dtype)
    shifted = np.frombuffer(b"x" + faces.tobytes(), "u1")[1:].view(dtype)
    strided = np.stack([faces, faces], axis=1)[:, 1]
    assert digest_of(faces) == digest_of(shifted) == digest_of(strided)
    assert digest_of(faces) == digest_of(faces.copy())


@pytest.mark.parametrize("dtype", ["<u2", "<u4"])
def test_every_single_change_is_seen(dtype: str) -> None:
    faces = faces_of(67, dtype)
    seen = {digest_of(faces)}
    for place in range(faces.size):  # every lane of a word, and the rest behind the last word
        for bit in range(16):
            changed = faces.copy()
            changed.reshape(-1)[place] ^= 1 << bit
            seen.add(digest_of(changed))
    assert len(seen) == 1 + 16 * faces.size


@pytest.mark.parametrize("lane", range(4))
def test_changes_of_one_lane_alone_are_told_apart(lane: int) -> None:
    """The upper lanes of a word are where a sum is weakest."""
    generator, seen = np.random.default_rng(lane), set()
    for _ in range(20_000):
        values = np.zeros(64, "<u2")
        values[lane::4] = generator.integers(0, 2, 16)
        values[lane] = generator.integers(0, 60_000)
        seen.add((values.tobytes(), digest_of(values)))
    assert len({digest for _, digest in seen}) == len({content for content, _ in seen})


def test_order_length_and_borders_count() -> None:
    faces = faces_of(2 * BLOCK, "<u4")
    variants = [
        (faces,),
        (faces[::-1],),
        (np.roll(faces, 1, axis=0),),
        (np.concatenate([faces[BLOCK:], faces[:BLOCK]]),),
        (faces, np.zeros(1, "u1")),
        (faces, np.zeros(8, "u1")),
        (np.concatenate([faces, np.zeros((1, 3), "<u4")]),),
        (faces, faces[:0]),
        (faces[:1], faces[1:]),
        (faces[1:], faces[:1]),
    ]
    assert len({digest_of(*arrays) for arrays in variants}) == len(variants)
