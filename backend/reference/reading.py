"""A picture file -> pixels with an opacity, upright, of a bounded size. No torch.

In: the path of a PNG, JPEG or WebP. Out: (H, W, 4) float32 in [0, 1], not premultiplied; whatever
is wrong with the file is an InputError with one sentence.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from backend.errors import InputError

FORMATS = ("PNG", "JPEG", "WEBP")
LEAST_SIDE, MOST_SIDE = 32, 12_000
MOST_PIXELS = 50_000_000
MOST_BYTES = 256 << 20  # what an upload may have, too
KEPT_SIDE = 1024  # pixels: more than any stage renders


def file_digest(path: Path) -> str:
    """sha256 of the file; raises InputError where it can't be read."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"The image '{path}' has more than 256 MiB; make it smaller.")
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(
            f"The image '{path}' can't be read: {error.strerror or error}; name a PNG, JPEG or "
            "WebP file."
        ) from error


def read_picture(path: Path) -> np.ndarray:
    """The first frame, turned as its camera noted, at most KEPT_SIDE pixels a side."""
    try:
        with Image.open(path, formats=FORMATS) as opened:
            _check_size(path, *opened.size)
            opened.draft("RGB", (KEPT_SIDE, KEPT_SIDE))
            picture = _rgba(ImageOps.exif_transpose(opened))
    except FileNotFoundError:
        raise InputError(f"There is no image '{path}'; name a PNG, JPEG or WebP file.") from None
    except UnidentifiedImageError:
        raise InputError(f"'{path}' is not a PNG, JPEG or WebP picture; convert it.") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"The image '{path}' can't be read ({reason}); save it anew as a PNG, JPEG or WebP."
        ) from error
    picture.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.BOX, reducing_gap=None)
    return np.asarray(picture, np.float32) / 255


def _check_size(path: Path, width: int, height: int) -> None:
    if min(width, height) < LEAST_SIDE:
        raise InputError(
            f"The image '{path}' is {width} x {height} pixels; at least {LEAST_SIDE} x "
            f"{LEAST_SIDE} are needed, and about 512 x 512 are good."
        )
    if max(width, height) > MOST_SIDE or width * height > MOST_PIXELS:
        raise InputError(
            f"The image '{path}' is {width} x {height} pixels; at most {MOST_SIDE} a side and "
            f"{MOST_PIXELS // 1_000_000} million in all are read, so make it smaller."
        )


def _rgba(picture: Image.Image) -> Image.Image:
    """Any mode of those formats; 16 bits are rounded to 8, as PIL's own conversion clips them."""
    if picture.mode.startswith("I"):
        values = np.asarray(picture, np.int64) // 257
        picture = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    return picture.convert("RGBA")
