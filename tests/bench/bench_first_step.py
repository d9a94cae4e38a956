"""The first step of a full-size prior on the CPU: `python -m tests.bench.bench_first_step FOLDER`.

Writes Stable Diffusion 1.5 with random weights at its full size (half precision, 2.1 GB) into
FOLDER, then, in a process of its own, loads it as the product does and makes one step of a
distillation on four views: seconds, and the peak of the process's memory. FOLDER is not removed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

VIEWS = 4


def write_full_size(folder: Path) -> None:
    """The published configs of stable-diffusion-v1-5; weights of a normal distribution."""
    import torch
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel

    from backend.guidance.zero123_original import Layout
    from tests.tiny_models import SCALED_LINEAR, write_json, write_scheduler, write_tokenizer

    layout = Layout()
    unet = layout.unet | {"sample_size": 64, "in_channels": 4}
    words = CLIPTextConfig(
        vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
        num_attention_heads=12, max_position_embeddings=77, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    builders = {
        "unet": lambda: UNet2DConditionModel.from_config(unet),
        "vae": lambda: AutoencoderKL.from_config(layout.vae | {"sample_size": 512}),
        "text_encoder": lambda: CLIPTextModel(words),
    }
    write_tokenizer(folder / "tokenizer")
    for name, build in builders.items():
        torch.manual_seed(0)
        torch.nn.Module.half(build()).save_pretrained(folder / name)
    write_scheduler(folder, "PNDMScheduler", "epsilon", SCALED_LINEAR)
    write_json(folder / "model_index.json", {"_class_name": "StableDiffusionPipeline"})


def first_step(folder: Path, distillation: str) -> dict[str, float]:
    import torch

    from backend.cameras import turntable
    from backend.guidance.base import Views
    from backend.guidance.distil import GuidanceConfig, distil
    from backend.guidance.priors import load_prior

    begun = time.perf_counter()
    prior = load_prior(folder, "a red chair")
    loaded = time.perf_counter()
    drawn = torch.Generator().manual_seed(0)
    size = prior.image_size
    images = torch.rand(VIEWS, 3, size, size, generator=drawn).requires_grad_()
    guidance = distil(prior, GuidanceConfig(distillation))
    guidance.loss(images, Views(turntable(VIEWS)), 0.5, drawn).backward()
    assert images.grad is not None and bool(images.grad.isfinite().all())
    peak = _peak_bytes()
    return {
        "loading_seconds": round(loaded - begun, 1),
        "step_seconds": round(time.perf_counter() - loaded, 1),
        "peak_gb": round(peak / 1e9, 2),
    }


def _peak_bytes() -> int:
    """Of this process. getrusage would tell that of the one which started it, if it was larger."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--distillation", default="x0")
    parser.add_argument("--step", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        sys.stdout.write(json.dumps(first_step(arguments.folder, arguments.distillation)) + "\n")
        return
    if not (arguments.folder / "model_index.json").exists():
        write_full_size(arguments.folder)
    command = [sys.executable, "-m", "tests.bench.bench_first_step", str(arguments.folder)]
    command += ["--step", "--distillation", arguments.distillation]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
