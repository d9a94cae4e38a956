"""Folders of weights in diffusers' layout: checked, read and hashed.

In: a folder with model_index.json and one sub-folder a component. Out: its index, its weight files,
the sha256 of all that decides its answers, its noise schedule. Every fault is a PriorError with one
sentence. Only safetensors are read: a pickle can run code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from backend.errors import PriorError

INDEX = "model_index.json"
SHARDED = ".index"  # in the name of the JSON that says which file has which tensor
ENCODER = "model"  # what transformers calls an encoder's weights
TEXT_ENCODER = "text_encoder"  # in a folder's name; its tokenizer's says "tokenizer" instead
FAULTS = (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError)
TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "spiece.model", "tokenizer.model", "config.json",
)  # fmt: skip


def read_index(folder: Path) -> dict[str, Any]:
    """The folder's model_index.json as a dict."""
    if not folder.is_dir():
        raise PriorError(f"There is no folder '{folder}' to load a prior from.")
    if not (folder / INDEX).is_file():
        raise PriorError(
            f"The folder '{folder}' has no {INDEX}; a prior is a folder in diffusers' layout."
        )
    return read_json(folder / INDEX)


def read_json(path: Path) -> dict[str, Any]:
    with unreadable_is_prior_error(path):
        content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise PriorError(f"The file '{path}' of the prior must hold a JSON object.")
    return content


def weight_file(folder: Path, stem: str, variant: str | None = None) -> Path:
    """The component's safetensors: `stem` or its variant ("fp16"), the one asked for if both are
    there. For weights in several files, the index that names them (see `shards`)."""
    special = variant or "fp16"
    plain = [f"{stem}.safetensors", f"{stem}.safetensors{SHARDED}.json"]
    half = [f"{stem}.{special}.safetensors", f"{stem}.safetensors{SHARDED}.{special}.json"]
    half.append(f"{stem}.{special}_ema.safetensors")  # as Zero-1-to-3's network is called
    for name in [*half, *plain] if variant else [*plain, *half]:
        if (folder / name).is_file():
            shards(folder / name)
            return folder / name
    raise PriorError(
        f"The prior's folder '{folder}' has no {plain[0]}; "
        "convert its weights to safetensors, or download it again."
    )


def shards(file: Path) -> list[Path]:
    """The files that a `weight_file` stands for: itself, or the index and all that it names.

    Raises PriorError where one is missing.
    """
    if SHARDED not in file.name:
        return [file]
    with unreadable_is_prior_error(file):
        names = sorted(set(read_json(file)["weight_map"].values()))
        found = [file.parent / name for name in names]
    if absent := [path.name for path in found if not path.is_file()]:
        raise PriorError(
            f"The prior's folder '{file.parent}' has no {absent[0]}; download it again."
        )
    return [file, *found]


def encoder_file(folder: Path) -> Path:
    """The `weight_file` of what encodes words or pictures: whole where it is there, whatever the
    precision, as `components.load_text_model` reads it."""
    names = [file.name for file in folder.glob(f"{ENCODER}*.safetensors")]
    half = bool(names) and all(name.startswith(f"{ENCODER}.fp16") for name in names)
    return weight_file(folder, ENCODER, "fp16" if half else None)


def prior_hash(folder: Path, files: Iterable[Path], **facts: object) -> str:
    """The `weights_hash` of all that a prior reads: its weights, `files`, and what lies there
    beside them of the index, configs, tokenizers and schedules."""
    files = list(files)
    read = [folder / INDEX]
    for place in dict.fromkeys(file.parent for file in files):
        read += [place / "config.json", place.parent / "scheduler" / "scheduler_config.json"]
        if TEXT_ENCODER in place.name:
            tokenizer = place.with_name(place.name.replace(TEXT_ENCODER, "tokenizer"))
            read += [tokenizer / name for name in TOKENIZER_FILES]
    return weights_hash(folder, [*files, *filter(Path.is_file, read)], **facts)


def weights_hash(folder: Path, files: Iterable[Path], **facts: object) -> str:
    """sha256 over the files' relative names and bytes, shards included, sorted by name; then over
    what else decides the outcome and stands in no file."""
    digest = hashlib.sha256()
    whole = {path for file in files for path in shards(file)}
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in whole):
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while chunk := file.read(1 << 22):
                digest.update(chunk)
    for name, value in sorted(facts.items()):
        digest.update(f"{name}\0{value}\0".encode())
    return digest.hexdigest()


def load_noise_schedule(folder: Path) -> tuple[Tensor, str]:
    """A scheduler's folder -> (alphas_cumprod (T,), prediction type)."""
    config = read_json(folder / "scheduler_config.json")
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    with unreadable_is_prior_error(folder):
        scheduler = DDPMScheduler.from_config(config)
        return scheduler.alphas_cumprod.float(), str(scheduler.config["prediction_type"])


@contextmanager
def unreadable_is_prior_error(path: Path) -> Iterator[None]:
    """Turns what loaders raise on missing, corrupt or mismatching files into a PriorError:
    tokenizers knows no exceptions of its own but Exception itself."""
    try:
        yield
    except Exception as error:
        if type(error) is not Exception and not isinstance(error, FAULTS):
            raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise PriorError(f"The prior's '{path}' can't be loaded: {reason}") from error
