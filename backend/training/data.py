"""The training set: shards of rendered views on disk, repeatable from their number alone.

`python -m backend.training data DIR --shards N` writes the table of all words in captions, then
shard-0000.npz ..., and skips what is there: training can begin with the first shard. A shard holds
`gbuffers` (n, 64, 64, 9) uint8, `cameras` (n, 11) float16 (camera features), `captions`
(n, WORDINGS) bytes, `up` (n, 3) float16 (world up in view space).
"""

from __future__ import annotations

import functools
import logging
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from backend.cameras import CameraRange
from backend.errors import InputError
from backend.guidance.prop_conditioning import camera_features
from backend.training import imported_props, meanings, props
from backend.training.gbuffer import corner_normals, render_view
from backend.training.held_out import is_held_out
from backend.training.imported import ImportedModel, load_models
from backend.training.imported_props import ImportedProp
from backend.training.props import KINDS, Prop

log = logging.getLogger(__name__)

IMAGE_SIZE = 64
SHARD_VIEWS = 4096
VIEWS_PER_PROP = 8
WORDINGS = 4
CAPTION_BYTES = 96
CAPTIONED_PROPS = 20_000
CAMERAS = CameraRange(elevation_deg=(-20.0, 65.0), distance=(2.65, 3.35), fov_y_deg=(36.0, 44.0))
CREASE_COS = np.float32(0.7)


@dataclass(frozen=True)
class DataConfig:
    """Which props a shard is made of."""

    sweethome: Path | None = None  # the unpacked package; None: procedural props alone
    cache: Path | None = None  # where converted models are kept
    kinds: tuple[str, ...] = tuple(KINDS)  # the procedural ones
    focus: float = 2.5  # exponent on kinds' weights: the less compute, the more on what is asked
    imported_share: float = 0.3  # of the props, where the imported models are given
    variety: float = 1.0  # 1, or mostly the usual form and looks, and kinds of one source

    def __post_init__(self) -> None:
        if not 0 <= self.variety <= 1:
            raise InputError(f"--variety must be from 0 to 1, not {self.variety:g}.")


def write_shards(
    folder: Path, numbers: range, config: DataConfig, workers: int = 2, words: Path | None = None
) -> None:
    """Renders the missing ones of these shards into `folder`, after the table of words.

    words: another folder of shards whose table a new folder gets, so that both can be trained on at
    once: a word that is rare is in the captions of one mix and not in those of another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "words.json").exists():
        table = meanings.load(words) if words else meanings.build(caption_words(config))
        meanings.save(table, folder)
    missing = [i for i in numbers if not shard_path(folder, i).exists()]
    with ProcessPoolExecutor(workers) as pool:
        for index in pool.map(
            write_shard, [folder] * len(missing), missing, [config] * len(missing)
        ):
            log.info("shard %d is the last but %d", index, numbers.stop - 1 - index)


def shard_path(folder: Path, index: int) -> Path:
    return folder / f"shard-{index:04d}.npz"


def caption_words(config: DataConfig, props: int = CAPTIONED_PROPS) -> set[str]:
    """All words in the captions of so many props; what is still rarer isn't learned anyway."""
    rng = np.random.default_rng(2**32)  # a seed that no shard has
    return {word for _ in range(props) for text in draw(config, rng)[1] for word in text.split()}


def write_shard(folder: Path, index: int, config: DataConfig) -> int:
    """Renders one shard; its number is its seed."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(index)
    generator = torch.Generator().manual_seed(index)
    out: dict[str, list] = {k: [] for k in ("gbuffers", "cameras", "captions", "up")}
    for _ in range(SHARD_VIEWS // VIEWS_PER_PROP):
        prop, texts = draw(config, rng)
        cameras = CAMERAS.sample(VIEWS_PER_PROP, generator)
        row = np.array([text.encode() for text in texts], f"S{CAPTION_BYTES}")
        out["gbuffers"].append(render_prop(prop, cameras))
        out["cameras"].append(camera_features(cameras).numpy().astype(np.float16))
        out["captions"].append(np.repeat(row[None], VIEWS_PER_PROP, 0))
        out["up"].append((cameras.viewmats[:, :3, 2] * torch.tensor([1, -1, -1])).numpy())
    arrays = {name: np.concatenate(parts) for name, parts in out.items()}
    arrays["up"] = arrays["up"].astype(np.float16)
    temporary = folder / f".shard-{index:04d}.tmp.npz"
    np.savez(temporary, allow_pickle=False, **arrays)
    os.replace(temporary, shard_path(folder, index))
    return index


def draw(config: DataConfig, rng: np.random.Generator) -> tuple[Prop | ImportedProp, list[str]]:
    """A random prop of either source that is not held out, and WORDINGS captions."""
    while True:
        prop, texts = draw_any(config, rng)
        if not is_held_out(prop):
            return prop, texts


def draw_any(config: DataConfig, rng: np.random.Generator) -> tuple[Prop | ImportedProp, list[str]]:
    """`draw` without holding out pairs of kind and colour: for judging, not for training."""
    models, shares = imported_models(config)
    if models and rng.random() < config.imported_share:
        model = models[int(rng.choice(len(models), p=shares))]
        found = imported_props.sample_imported(model, rng, config.variety)
        return found, imported_props.captions(found, WORDINGS, rng, config.variety)
    weights = np.array([KINDS[kind].weight for kind in config.kinds]) ** config.focus
    kind = str(rng.choice(config.kinds, p=weights / weights.sum()))
    prop = props.sample_prop(kind, rng, config.variety)
    return prop, props.captions(prop, WORDINGS, rng)


@functools.cache
def imported_models(config: DataConfig) -> tuple[list[ImportedModel], np.ndarray]:
    """The imported models and how often each is drawn: never those of held-out kinds."""
    if config.sweethome is None:
        return [], np.zeros(0)
    models = load_models(config.sweethome, config.cache)
    return models, imported_props.model_weights(models, variety=config.variety)


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
