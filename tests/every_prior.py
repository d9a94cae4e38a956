"""Each of PRIORS as a tiny random folder in its official layout: WRITERS, and CONFIGS to load it.

The real ones differ in width alone. The converted ones are converted here, too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from backend.guidance.mvdream import convert_mvdream
from backend.guidance.richdreamer import convert_richdreamer
from backend.guidance.sd3 import SD3Config
from tests.original_layout import write_original
from tests.tiny_models import write_embedded, write_stable_diffusion
from tests.tiny_priors import write_deepfloyd, write_sd3, write_sdxl
from tests.tiny_zero123 import write_zero123


def write_mvdream(folder: Path) -> Path:
    base = write_stable_diffusion(folder.with_name("base of mvdream"), layout="2.1")
    write_original(folder.with_suffix(".pt"), base)
    convert_mvdream(folder.with_suffix(".pt"), base, folder)
    return folder


def write_richdreamer(folder: Path) -> Path:
    bases = [folder.with_name(f"{n} of richdreamer") for n in ("1.5", "2.1")]
    files = [folder.with_suffix(f".{n}.ckpt") for n in (1, 2)]
    for base, file, channels in zip(bases, files, (4, 5), strict=True):
        write_stable_diffusion(base, layout=base.name.split()[0])
        write_original(file, base, in_channels=channels)
    convert_richdreamer(*files, *bases, folder)
    return folder


WRITERS: dict[str, Callable[[Path], Path]] = {
    "embedded": write_embedded,
    "sd15": write_stable_diffusion,
    "sd21": partial(write_stable_diffusion, prediction_type="v_prediction", layout="2.1"),
    "sdxl": write_sdxl,
    "deepfloyd": write_deepfloyd,
    "sd3": write_sd3,
    "sd35": write_sd3,  # it has 3.5's two attentions and their norms
    "mvdream": write_mvdream,
    "richdreamer": write_richdreamer,
    "zero123": write_zero123,
    "stable-zero123": write_zero123,
}

# They take any size, and 512 pixels by themselves.
CONFIGS = dict.fromkeys(("sd3", "sd35"), SD3Config(image_size=16))
