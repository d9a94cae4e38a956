"""The command line's grammar: options, their help, and the checks on single values. No torch.

In: argv. Out: an argparse.Namespace of checked values; anything else is an InputError with one
sentence.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import backend
from backend.cli_bench import add_bench
from backend.cli_client import add_client
from backend.cli_doctor import add_doctor
from backend.cli_extension import add_extension
from backend.cli_models import add_models
from backend.cli_refine import add_refine
from backend.cli_serve import add_serve
from backend.cli_submit import add_submit
from backend.errors import InputError
from backend.guidance.distillations import DISTILLATIONS, TIMESTEPS

# config.PRESETS has the settings; it loads torch, so a test holds these names equal to its keys.
PRESET_HELP = {
    "draft": "minutes on two CPU cores",
    "standard": "more steps and resolution",
    "high": "for a GPU and an open-vocabulary prior",
}
DEVICES = ("auto", "cpu", "cuda")
Range = tuple[float, float]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(
            f"{message[:1].upper()}{message[1:]}; '{self.prog} --help' has the options."
        )


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="propsmith", description=backend.__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"propsmith {backend.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    generate = commands.add_parser(
        "generate",
        allow_abbrev=False,
        help="make a prop from a prompt",
        description="Makes a PBR prop from a prompt: a GLB with base colour, metallic-roughness "
        "and normal textures, one closed surface standing on the ground.",
    )
    _add_settings(generate, image=True)
    _add_cameras(generate)
    _add_guidance(generate)
    _add_run(generate)
    refine = add_refine(commands)
    _add_settings(refine)
    _add_cameras(refine)
    _add_guidance(refine)
    _add_run(refine, Path)
    add_serve(commands)
    submit = add_submit(commands)
    _add_settings(submit, image=True)
    _add_cameras(submit)
    _add_guidance(submit)
    add_client(commands)
    add_bench(commands)
    add_models(commands)
    add_doctor(commands)
    add_extension(commands)
    return parser


def _add_settings(parser: argparse.ArgumentParser, image: bool = False) -> None:
    """image: whether a picture may stand beside the prompt, or for it."""
    presets = "; ".join(f"{name}: {text}" for name, text in PRESET_HELP.items())
    add = parser.add_argument
    described = 'what to make, "a red wooden chair"'
    add("prompt", metavar="PROMPT", type=_prompt, help=described, nargs="?" if image else None)
    if image:
        _add_image(parser)
    add("--preset", choices=PRESET_HELP, default="draft", help=f"{presets} (default: draft)")
    add("--seed", type=_seed, default=0, help="same seed, device, threads: same file (default: 0)")
    add("--negative", metavar="PROMPT", default="", help="what it should not look like")
    add(
        "--prior",
        metavar="NAME|PATH",
        default="embedded",
        help="'embedded' (a small vocabulary of props, part of the package), another name of "
        "'propsmith models list', or a folder in diffusers' layout (default: embedded)",
    )
    add("--texture-size", metavar="PIXELS", type=_whole(64, 8192), help="side of the textures")
    add("--faces", metavar="N", type=_whole(500, 200_000), help="triangles to aim for")
    add("--height", metavar="METRES", type=_number(0.001, 1000.0), help="of the finished prop")


def _add_image(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--image",
        metavar="FILE",
        type=Path,
        help="a picture (PNG, JPEG, WebP) of the prop's front; its background is taken away",
    )
    add(
        "--image-elevation",
        metavar="DEG",
        type=_number(-90.0, 90.0),
        help="how far above the prop that picture's camera stood (default: 0)",
    )


def _add_cameras(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "camera preferences", "ranges to sample, each MIN:MAX or one value"
    )
    add = group.add_argument
    add(
        "--azimuth",
        metavar="DEG",
        type=_range(-360.0, 360.0),
        help="0 front, 90 from +X",
    )
    add("--elevation", metavar="DEG", type=_range(-90.0, 90.0), help="90 looks straight down")
    add(
        "--distance",
        metavar="D",
        type=_range(1.2, 19.0, open_ends=True),  # all of a prop before the cameras' far plane
        help="props have radius 0.9",
    )
    add(
        "--fov",
        metavar="DEG",
        type=_range(0.0, 120.0, open_ends=True),
        help="vertical field of view",
    )
    add("--favour", metavar="AZ:EL", type=_direction, help="a view to sample more, in degrees")


def _add_guidance(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("guidance", "how the prior's wishes become gradients")
    add = group.add_argument
    add("--distillation", choices=DISTILLATIONS, help="(default: the preset's, x0)")
    add(
        "--guidance-scale",
        metavar="S",
        type=_number(0.0, 1000.0),
        help="how much the prompt counts over none, u + S (c - u) (default: the distillation's); "
        "with csd a factor on the whole gradient, with sds-bridge of its first half alone",
    )
    add(
        "--set",
        dest="distillation_settings",
        metavar="NAME=VALUE",
        type=_setting,
        action="append",
        help="a setting of the distillation, such as particles=3 of vsd; may be given more than "
        "once, and 'propsmith models show vsd' lists them",
    )
    add("--timesteps", choices=TIMESTEPS, help="order of noise levels in all stages")
    add(
        "--perp-neg",
        action="store_true",
        help="avoid the sides that are not seen; for priors that read the side from words",
    )


def _add_run(parser: argparse.ArgumentParser, output: Callable[[str], Path] | None = None) -> None:
    """output: checks the file's name; None: a GLB."""
    group = parser.add_argument_group("the run")
    add = group.add_argument
    add(
        "-o",
        "--output",
        metavar="FILE" if output else "FILE.glb",
        type=output or _glb_path,
        required=True,
        help="where it goes",
    )
    add("--device", choices=DEVICES, default="auto", help="auto: the GPU if gsplat is there")
    add(
        "--checkpoint-dir",
        metavar="DIR",
        type=Path,
        help="where the state is kept until the job is done (default: a folder of this job in "
        "the user's cache)",
    )
    add("--resume", action="store_true", help="go on from this job's checkpoint")
    add("--report", metavar="DIR", type=Path, help="contact sheets of each stage, loss curves")
    add("--json", action="store_true", help="end stdout with one line of JSON about the run")


def join_negative_values(argv: Sequence[str]) -> list[str]:
    """'--elevation -10:50' -> '--elevation=-10:50', which argparse would take for an option."""
    joined: list[str] = []
    for word in argv:
        after_option = joined and joined[-1].startswith("--") and "=" not in joined[-1]
        if after_option and joined[-1] != "--" and re.match(r"-\.?\d", word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _prompt(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError('the prompt is empty; say what to make, "a wooden chair"')
    return text.strip()


def _glb_path(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() != ".glb":
        raise argparse.ArgumentTypeError(f"'{text}' does not end in .glb, the one format written")
    return path


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0 to 2^63 - 1")
    return int(text)


def _setting(text: str) -> str:
    """Names and values are the distillation's to judge."""
    if not re.fullmatch(r"\s*[a-z0-9_.]+\s*=.*\S.*", text) or len(text) > 200:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=VALUE")
    return text


def _whole(low: int, high: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {low} to {high}")
        return int(text)

    return convert


def _number(low: float, high: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        value = _float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number from {low:g} to {high:g}")
        return value

    return convert


def _range(low: float, high: float, open_ends: bool = False) -> Callable[[str], Range]:
    """MIN:MAX or one value, within [low, high], or strictly inside where the ends are open."""
    limits = f"{'between' if open_ends else 'from'} {low:g} {'and' if open_ends else 'to'} {high:g}"

    def convert(text: str) -> Range:
        values = [_float(part) for part in text.split(":")]
        if len(values) > 2:
            raise argparse.ArgumentTypeError(f"'{text}' is neither MIN:MAX nor one value")
        first, last = values[0], values[-1]
        outside = first < low or last > high
        if outside or (open_ends and (first <= low or last >= high)):
            raise argparse.ArgumentTypeError(f"'{text}' is not {limits}")
        if first > last:
            raise argparse.ArgumentTypeError(f"'{text}' has its minimum above its maximum")
        return first, last

    return convert


def _direction(text: str) -> Range:
    values = [_float(part) for part in text.split(":")]
    if len(values) != 2 or abs(values[0]) > 360 or abs(values[1]) > 90:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not AZIMUTH:ELEVATION within 360 and 90 degrees"
        )
    return values[0], values[1]


def _float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number")
    return value
