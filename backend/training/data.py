"""The training set: shards of rendered views on disk, repeatable from their number alone.

`python -m backend.training data DIR --shards N` writes shard-0000.npz ... and skips those that
are there. A shard holds `gbuffers` (n, 64, 64, 9) uint8, `cameras` (n, 11) float16 (camera
features), `tokens` (n, WORDINGS, MAX_WORDS) uint8, `up` (n, 3) float16 (world up in view space),
`kinds` (n,) uint8.
"""

from __future__ import annotations

import logging
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

from backend.cameras import CameraRange
from backend.guidance.prop_conditioning import MAX_WORDS, camera_features
from backend.training.gbuffer import corner_normals, render_view
from backend.training.props import FIRST_KINDS, KINDS, captions, sample_prop, vocabulary

log = logging.getLogger(__name__)

IMAGE_SIZE = 64
SHARD_VIEWS = 4096
VIEWS_PER_PROP = 8
WORDINGS = 3
CAMERAS = CameraRange(elevation_deg=(-20.0, 65.0), distance=(2.65, 3.35), fov_y_deg=(36.0, 44.0))
CREASE_COS = np.float32(0.7)


def write_shards(folder: Path, shards: int, workers: int = 2) -> None:
    """Renders the missing shards of `shards` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [i for i in range(shards) if not shard_path(folder, i).exists()]
    with ProcessPoolExecutor(workers) as pool:
        for index in pool.map(write_shard, [folder] * len(missing), missing):
            log.info("shard %d of %d", index + 1, shards)


def shard_path(folder: Path, index: int) -> Path:
    return folder / f"shard-{index:04d}.npz"


def write_shard(folder: Path, index: int) -> int:
    """Renders one shard; its number is its seed."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(index)
    generator = torch.Generator().manual_seed(index)
    words = {word: i + 1 for i, word in enumerate(vocabulary(FIRST_KINDS))}
    kinds = list(KINDS)
    out: dict[str, list] = {k: [] for k in ("gbuffers", "cameras", "tokens", "up", "kinds")}
    for prop_index in range(SHARD_VIEWS // VIEWS_PER_PROP):
        kind = FIRST_KINDS[(prop_index + index) % len(FIRST_KINDS)]
        prop = sample_prop(kind, rng)
        cameras = CAMERAS.sample(VIEWS_PER_PROP, generator)
        views = render_prop(prop, cameras)
        tokens = [[words[w] for w in text.split()] for text in captions(prop, WORDINGS, rng)]
        padded = np.array([t + [0] * (MAX_WORDS - len(t)) for t in tokens], np.uint8)
        out["gbuffers"].append(views)
        out["cameras"].append(camera_features(cameras).numpy().astype(np.float16))
        out["tokens"].append(np.repeat(padded[None], VIEWS_PER_PROP, 0))
        out["up"].append((cameras.viewmats[:, :3, 2] * torch.tensor([1, -1, -1])).numpy())
        out["kinds"].append(np.full(VIEWS_PER_PROP, kinds.index(kind), np.uint8))
    arrays = {name: np.concatenate(parts) for name, parts in out.items()}
    arrays["up"] = arrays["up"].astype(np.float16)
    temporary = folder / f".shard-{index:04d}.tmp.npz"
    np.savez(temporary, allow_pickle=False, **arrays)
    os.replace(temporary, shard_path(folder, index))
    return index


def render_prop(prop, cameras) -> np.ndarray:
    """A prop from B cameras -> (B, 64, 64, 9) uint8."""
    vertices = np.ascontiguousarray(prop.vertices, np.float32)
    faces = np.ascontiguousarray(prop.faces, np.int32)
    normals = corner_normals(vertices, faces, CREASE_COS)
    part, looks = prop.part.astype(np.int32), np.ascontiguousarray(prop.looks, np.float32)
    viewmats = np.ascontiguousarray(cameras.viewmats.numpy(), np.float32)
    focal = (1 / np.tan(np.radians(cameras.fov_y_deg.numpy()) / 2)).astype(np.float32)
    views = [
        render_view(vertices, faces, normals, part, looks, viewmats[i], focal[i], IMAGE_SIZE)
        for i in range(len(cameras))
    ]
    return np.stack(views)
