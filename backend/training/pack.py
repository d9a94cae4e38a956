"""Averaged weights of a run -> a prior folder in diffusers' layout, half precision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from backend.guidance.base import DOMAINS
from backend.guidance.word_encoder import WordTextEncoder
from backend.training import imported_kinds, meanings, props
from backend.training.adjectives import FIGURES, FINISHES
from backend.training.looks import COLOURS, MATERIALS
from backend.training.model import FOLD, IMAGE_SIZE, build_scheduler
from backend.training.train import Networks

MODEL_INDEX = {
    "_class_name": "PropPriorPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "scheduler": ["diffusers", "DDPMScheduler"],
    "text_encoder": ["backend.guidance.word_encoder", "WordTextEncoder"],
    "fold": FOLD,
    "image_size": IMAGE_SIZE,
    "domains": list(DOMAINS),
    "guidance_scale": 5.0,
}


def pack(run: Path, folder: Path) -> None:
    """Writes `folder`/{model_index.json, unet, scheduler, text_encoder} from `run`/state.pt."""
    state = torch.load(run / "state.pt", map_location="cpu", weights_only=True)
    nets = Networks(meanings.load(run))
    nets.load_state_dict(state["average"])
    nets.half()
    unet: Any = nets.unet
    folder.mkdir(parents=True, exist_ok=True)
    unet.save_pretrained(folder / "unet")
    build_scheduler().save_pretrained(folder / "scheduler")
    nets.text.save_pretrained(folder / "text_encoder")
    content = {**MODEL_INDEX, "training_steps": state["step"], "knows": knows(nets.text)}
    text = json.dumps(content, indent=1)
    (folder / "model_index.json").write_text(text + "\n")


def knows(encoder: WordTextEncoder) -> dict[str, list[str]]:
    """What the prior was taught, for users to read: kinds, colours, materials, other looks."""
    kinds = {*props.KINDS, *imported_kinds.KINDS} - set(imported_kinds.HELD_OUT)
    lists = {
        "kinds": kinds,
        "colours": COLOURS,
        "materials": MATERIALS,
        "looks": [*FINISHES, *FIGURES],
    }
    taught = set(encoder.vocabulary[: encoder.taught])
    return {
        key: sorted(name for name in names if set(name.split()) <= taught)
        for key, names in lists.items()
    }
