"""`propsmith doctor`: what this machine has, and which priors fit it.

In: parsed arguments. Out: text on stdout, or with --json one line of JSON; exit code 0, or 2 where
something that every run needs is absent.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import shutil
from typing import Any

NEEDED = ("torch", "numba", "diffusers", "transformers", "trimesh", "xatlas")
ADVICE = (
    "Where a card's memory is short: PROPSMITH_OFFLOAD=always brings a network block by block, "
    "PROPSMITH_SLICES=always has a VAE encode one picture after the other, and keep less of each; "
    "both are slower. PROPSMITH_SLICES=tiles encodes pictures of over 512 pixels (SDXL) in parts "
    "as well, and less exactly."
)
# A step of the student's learning beside the pass that the priors' figures count, both counted on
# networks without numbers as there (catalogue.py), four views, the blocks computed again for the
# gradients (students.py): times 1.2, .45 GB more than the figure with sd15, .33 with sd35, less
# with the others, for which the figure has room.
STUDENT_GB = 0.5
OPTIONAL = {
    "gsplat": "Gaussians on a GPU",
    "nvdiffrast": "triangles on a GPU",
    "zmq": "serving",
    "peft": "--distillation vsd",
}
AGAIN = "absent or too old, so install Propsmith again"


def add_doctor(commands: argparse._SubParsersAction) -> None:
    """Its options."""
    parser = commands.add_parser(
        "doctor",
        allow_abbrev=False,
        help="what this machine has, and which priors fit it",
        description="Says what this machine has, what is installed, and which priors fit it.",
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON")


def doctor(arguments: argparse.Namespace) -> int:
    found = examine()
    print(json.dumps(found) if arguments.json else "\n".join(_text(found)), flush=True)
    return 2 if found["missing"] else 0


def examine() -> dict[str, Any]:
    """Plain values; memory and disk in GB (1e9 bytes), None where it can't be told."""
    from backend.guidance.catalogue import SOURCES, models_folder
    from backend.guidance.distillations import has_peft

    gpu = _gpu()
    card = gpu if importlib.util.find_spec("gsplat") else None  # no GPU is used without
    folder = models_folder()
    existing = next(p for p in [folder, *folder.absolute().parents] if p.exists())
    memory = _memory()
    return {
        "processors": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gb": memory,
        "gpu": gpu,
        "models": str(folder),
        "free_disk_gb": round(shutil.disk_usage(existing).free / 1e9, 1),
        "missing": [name for name in NEEDED if importlib.util.find_spec(name) is None],
        "optional": {
            **{name: importlib.util.find_spec(name) is not None for name in OPTIONAL},
            "peft": has_peft(),
        },
        "priors": {
            "embedded": {"fits": True, "why": "made for two CPU cores"},
            **{
                name: _fit(
                    source.memory_gb,
                    card,
                    memory,
                    source.streamed_gb,
                    source.host_gb,
                    source.alone_gb,
                )
                for name, source in SOURCES.items()
            },
        },
    }


def _fit(
    needed: float,
    gpu: dict[str, Any] | None,
    memory: float | None,
    streamed: float | None = None,
    host: float = 0.0,
    alone: float | None = None,
) -> dict[str, Any]:
    """Half precision on the GPU, whole or streamed from main memory, or fp32 in main memory alone.
    host: of main memory beside a GPU; alone: of it without one, or twice `needed`. What can't be
    told is taken for enough."""
    card = gpu["memory_gb"] if gpu is not None else 0.0
    main = memory if memory is not None else math.inf
    if card >= needed and main >= host:
        return {"fits": True, "why": f"needs about {needed:g} GB of the GPU's memory"}
    if streamed is not None and card >= streamed and main >= max(host, needed):
        why = f"its blocks come one by one, slower; whole it needs about {needed:g} GB of a GPU"
        return {"fits": True, "why": why}
    if memory is not None and memory >= max(host, 2 * needed if alone is None else alone):
        return {"fits": True, "why": "on the CPU alone: hours a prop"}
    if card >= (needed if streamed is None else streamed):
        wanted = host if card >= needed else max(host, needed)
        return {"fits": False, "why": f"needs about {wanted:g} GB of main memory beside the GPU"}
    return {"fits": False, "why": f"needs a GPU with about {needed:g} GB"}


def _gpu() -> dict[str, Any] | None:
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    properties = torch.cuda.get_device_properties(0)
    return {"name": properties.name, "memory_gb": round(properties.total_memory / 1e9, 1)}


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (ValueError, OSError, AttributeError):
        return None


def _text(found: dict[str, Any]) -> list[str]:
    gpu = found["gpu"]
    memory = found["memory_gb"]
    lines = [
        f"Processors: {found['processors']}; memory: "
        + (f"{memory:g} GB" if memory else "can't be told here"),
        f"GPU: {gpu['name']}, {gpu['memory_gb']:g} GB" if gpu else "GPU: none that torch can use",
        f"Models: {found['models']} ({found['free_disk_gb']:g} GB free)",
    ]
    for name, use in OPTIONAL.items():
        absent = AGAIN if name == "peft" else "absent"
        if name == "gsplat" and gpu:
            absent = "absent, so the GPU is not used: pip install 'propsmith[cuda]'"
        lines.append(f"{name}: {'installed' if found['optional'][name] else absent} ({use})")
    for name, fit in found["priors"].items():
        lines.append(f"prior {name:14} {'fits' if fit['fits'] else 'does not fit'}: {fit['why']}")
    if any(fit["fits"] for name, fit in found["priors"].items() if name != "embedded"):
        lines.append(
            "Figures are estimates for steps of four views. --distillation vsd needs about "
            f"{STUDENT_GB:g} GB more, and the whole network on the GPU."
        )
        lines.append(ADVICE)
    if found["missing"]:
        lines.append(f"Missing: {', '.join(found['missing'])}; install Propsmith again.")
    return lines
