"""Names of priors, and `load_prior`. Adding one: a file beside this one, and a line in PRIORS.

In: a name from PRIORS or the path of a folder in diffusers' layout, and a prompt. Out: a `Prior`.
The folder's model_index.json says which class it is of. Nothing is downloaded here: see pulling.py.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.errors import InputError, PriorError
from backend.guidance import weights
from backend.guidance.catalogue import RECORD, models_folder
from backend.prompt.parse import Prompt, parse_negative_prompt, parse_prompt

if TYPE_CHECKING:
    import torch

    from backend.guidance.base import Prior
    from backend.reference.picture import Reference

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"


@dataclass(frozen=True)
class PriorEntry:
    """loader: "module:function", imported when called; folder: where its weights ship, if so."""

    pipeline: str  # model_index.json's _class_name
    loader: str
    folder: Path | None = None
    sees_image: bool = (
        False  # starts from a picture, which its loader is handed, and needs no words
    )


PRIORS: dict[str, PriorEntry] = {
    "embedded": PriorEntry(
        "PropPriorPipeline", "backend.guidance.embedded_files:load_embedded", WEIGHTS / "embedded"
    ),
    "sd15": PriorEntry(
        "StableDiffusionPipeline", "backend.guidance.stable_diffusion:load_stable_diffusion"
    ),
    "sd21": PriorEntry(
        "StableDiffusionPipeline", "backend.guidance.stable_diffusion:load_stable_diffusion"
    ),
    "sdxl": PriorEntry("StableDiffusionXLPipeline", "backend.guidance.sdxl:load_sdxl"),
    "deepfloyd": PriorEntry("IFPipeline", "backend.guidance.deepfloyd:load_deepfloyd"),
    "sd3": PriorEntry("StableDiffusion3Pipeline", "backend.guidance.sd3:load_sd3"),
    "sd35": PriorEntry("StableDiffusion3Pipeline", "backend.guidance.sd3:load_sd3"),
    "mvdream": PriorEntry("MVDreamPipeline", "backend.guidance.mvdream:load_mvdream"),
    "richdreamer": PriorEntry(
        "RichDreamerPipeline", "backend.guidance.richdreamer:load_richdreamer"
    ),
    "zero123": PriorEntry(
        "Zero1to3StableDiffusionPipeline", "backend.guidance.zero123:load_zero123", sees_image=True
    ),
    "stable-zero123": PriorEntry(
        "Zero123Pipeline", "backend.guidance.zero123:load_zero123", sees_image=True
    ),
}


def load_prior(
    name_or_path: str | Path,
    prompt: str,
    negative_prompt: str = "",
    device: torch.device | str = "cpu",
    config: Any = None,
    reference: Reference | None = None,
) -> Prior:
    """The prior, loaded and with its prompt encoded.

    config: the prior's own (EmbeddedConfig, StableDiffusionConfig), or None for its defaults.
    Raises InputError for a bad prompt; PriorError for an unknown name or a bad folder.
    """
    negative = parse_negative_prompt(negative_prompt)
    words = parse_prompt(prompt) if prompt.strip() or reference is None else Prompt(())
    folder = find_folder(name_or_path)
    entry = _entry(folder)
    _check_subject(words, entry, reference)
    import torch

    _leave_peft_alone()
    module, function = entry.loader.split(":")
    load = getattr(importlib.import_module(module), function)
    seen = (reference,) if entry.sees_image else ()
    return load(folder, words, negative, torch.device(device), config, *seen)


def _entry(folder: Path) -> PriorEntry:
    """Of the kind of prior that the folder holds."""
    pipeline = weights.read_index(folder).get("_class_name")
    if isinstance(pipeline, list):  # a pipeline with code of its own: its file, its class
        pipeline = pipeline[-1]
    for entry in PRIORS.values():
        if entry.pipeline == pipeline:
            return entry
    known = ", ".join(dict.fromkeys(entry.pipeline for entry in PRIORS.values()))
    raise PriorError(f"The prior in '{folder}' is a {pipeline}; {known} can be used.")


def starts_from_picture(name_or_path: str | Path) -> bool:
    """Whether it needs a picture and reads no words. Raises PriorError as `load_prior` does."""
    return _entry(find_folder(name_or_path)).sees_image


def _leave_peft_alone() -> None:
    """Where peft is installed, diffusers loads all of it with its models and again looks for its
    layers in each pass; lora.py puts them in by itself, and only vsd needs them."""
    import diffusers.utils
    from diffusers.utils import import_utils

    import_utils._peft_available = False
    diffusers.utils.USE_PEFT_BACKEND = False  # type: ignore[attr-defined]


def _check_subject(words: Prompt, entry: PriorEntry, reference: Reference | None) -> None:
    """Raises InputError where the prior would have to do without what tells it what to make."""
    if entry.sees_image and reference is None:
        raise InputError(
            "This prior starts from a picture: give one with --image, or choose another --prior."
        )
    if not entry.sees_image and not words.segments:
        raise InputError(
            "This prior cannot see the picture, so it needs words beside it: say what it shows, "
            'for example "a red wooden chair", or choose --prior zero123.'
        )


def find_folder(name_or_path: str | Path) -> Path:
    """The folder that a name or a path stands for; PriorError says what is on offer."""
    entry = PRIORS.get(str(name_or_path))
    if entry is None:
        folder = Path(name_or_path).expanduser()
        if not folder.is_dir():
            raise PriorError(
                f"There is no prior '{name_or_path}': give the path of a folder in diffusers' "
                f"layout, or one of {', '.join(sorted(PRIORS))}."
            )
        return folder
    if entry.folder is None:
        pulled = models_folder() / str(name_or_path)
        if not (pulled / RECORD).is_file():
            raise PriorError(
                f"The prior '{name_or_path}' does not ship with Propsmith: fetch it with "
                f"'propsmith models pull {name_or_path}', or give the path of its folder."
            )
        return pulled
    if not (entry.folder / weights.INDEX).is_file():
        raise PriorError(
            f"The weights of the prior '{name_or_path}' are missing from this installation; "
            "install Propsmith again."
        )
    return entry.folder
