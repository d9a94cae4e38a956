"""Published checkpoints of the original latent-diffusion layout -> tensors by diffusers' names.

In: a file (.ckpt, .pt or .safetensors). Out: its tensors, renamed, with nothing missing, nothing
left over and nothing of another shape; every fault is a PriorError with one sentence. A pickle is
read for its tensors alone: what else it names is refused, but for the notes of the training
library that Zero-1-to-3's files carry, which become empty objects.
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from backend.errors import PriorError
from backend.guidance import weights
from backend.guidance.components import NETWORK
from backend.guidance.ldm_keys import original_name

UNET_PREFIX = "model.diffusion_model."
TRAINING_NOTES = ("pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",)


class _Note:
    """Stands for an object of the training library; nothing of it is kept or run."""

    def __setstate__(self, state: Any) -> None:
        del state


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Every tensor of the file by its name; half precision where the file has it."""
    if not path.is_file():
        raise PriorError(f"There is no checkpoint '{path}'.")
    with weights.unreadable_is_prior_error(path):
        content: Any = load_file(path) if path.suffix == ".safetensors" else _unpickle(path)
        state = content.get("state_dict", content)
        return {str(name): t for name, t in state.items() if isinstance(t, Tensor)}


def _unpickle(path: Path) -> Any:
    notes: list[Any] = [(_Note, name) for name in TRAINING_NOTES]
    try:
        with torch.serialization.safe_globals(notes):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, IndexError, AttributeError) as error:
        raise PriorError(
            f"The checkpoint '{path}' is damaged, or holds more than tensors and so could run "
            "code: download it again from where it is published."
        ) from error


def under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {k.removeprefix(prefix): t for k, t in state.items() if k.startswith(prefix)}


def renamed(
    found: Mapping[str, Tensor],
    wanted: Mapping[str, Tensor],
    names: Mapping[str, str],
    path: Path,
) -> dict[str, Tensor]:
    """Tensors of `found` by the keys of `wanted`. names: from those keys to `found`'s; several may
    be made of one. Shapes must agree, but that a 1 x 1 convolution may stand for a linear map."""
    missing = sorted(set(names.values()) - set(found))
    over = sorted(set(found) - set(names.values()))
    shaped = [
        name
        for name, original in names.items()
        if original in found and _squeezed(found[original]) != _squeezed(wanted[name])
    ]
    if missing or over or shaped:
        raise PriorError(
            f"The checkpoint '{path}' does not fit: {len(missing)} tensors missing, {len(over)} "
            f"left over, {len(shaped)} of another shape, '{[*missing, *over, *shaped][0]}' first."
        )
    return {n: found[o].reshape(wanted[n].shape).contiguous() for n, o in names.items()}


def _squeezed(tensor: Tensor) -> tuple[int, ...]:
    shape = tuple(tensor.shape)
    return shape[:2] if len(shape) == 4 and shape[2:] == (1, 1) else shape


def unet_names(wanted: Iterable[str], config: Mapping[str, Any]) -> dict[str, str]:
    """Names in the original layout, by diffusers' for a UNet of `config`."""
    attends = tuple("CrossAttn" in kind for kind in config["up_block_types"])
    layers = config.get("layers_per_block", 2)
    return {name: original_name(name, layers, attends) for name in wanted}


def write_unet(
    state: Mapping[str, Tensor],
    wanted: Mapping[str, Tensor],
    config: Mapping[str, Any],
    path: Path,
    out: Path,
) -> None:
    """The UNet of a checkpoint's `state`, checked against `wanted`, into the folder `out`."""
    found = under(UNET_PREFIX, state)
    write_part(renamed(found, wanted, unet_names(wanted, config), path), config, out)


def write_part(
    tensors: dict[str, Tensor], config: Mapping[str, Any], out: Path, stem: str = NETWORK
) -> None:
    """One component's folder: weights and config.json."""
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / f"{stem}.safetensors", metadata={"format": "pt"})
    (out / "config.json").write_text(json.dumps(dict(config), indent=1) + "\n")


def copy_parts(base: Path, out: Path, parts: Iterable[str]) -> None:
    """Components that a checkpoint shares with a prior that is here already."""
    for part in parts:
        shutil.rmtree(out / part, ignore_errors=True)  # weights in another precision, maybe
        shutil.copytree(base / part, out / part)


def write_index(out: Path, pipeline: str, **notes: Any) -> None:
    """Last of all, so that a folder without it is known to be unfinished. notes: what the tensors
    do not say of themselves."""
    content = {"_class_name": pipeline} | notes
    (out / weights.INDEX).write_text(json.dumps(content) + "\n")
