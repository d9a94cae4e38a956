"""Folders of weights in diffusers' layout: checked, read and hashed.

In: a folder with model_index.json and one sub-folder a component. Out: its index, its weight files
and their sha256, its noise schedule. Every fault is a PriorError with one sentence. Only
safetensors are read: a pickle can run code.
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
    there."""
    plain = folder / f"{stem}.safetensors"
    special = folder / f"{stem}.{variant or 'fp16'}.safetensors"
    for path in [special, plain] if variant else [plain, special]:
        if path.is_file():
            return path
    raise PriorError(
        f"The prior's folder '{folder}' has no {plain.name}; "
        "convert its weights to safetensors, or download it again."
    )


def weights_hash(folder: Path, files: Iterable[Path]) -> str:
    """sha256 over the files' relative names and bytes, sorted by name."""
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in files):
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while chunk := file.read(1 << 22):
                digest.update(chunk)
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
    """Turns what loaders raise on missing, corrupt or mismatching files into a PriorError."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise PriorError(f"The prior's '{path}' can't be loaded: {reason}") from error
