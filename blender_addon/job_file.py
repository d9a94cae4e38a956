"""Job files: what to make, as TOML or JSON, for runs without a window.

In: a file. Out: `Order`s, their settings checked. A file has a list "job"; each has a prompt or an
image, what else Settings have, and perhaps a name, which becomes the .blend file's. `image` and
`refine.mesh` are files, from the job file's folder on. "defaults" holds for all:

    [defaults]
    preset = "standard"
    [[job]]
    prompt = "a red wooden chair"
    seed = 3
    [[job]]
    name = "shelf-vase"
    prompt = "a blue ceramic vase"
    height = 0.3
    [[job]]
    image = "photos/lamp.jpg"
    [[job]]
    prompt = "an old rusty barrel"
    refine = { mesh = "barrel.glb", mode = "keep-topology", strength = 0.1 }
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .wire import checks, errors, messages

KNOWN = {field.name for field in fields(messages.Settings)}
NO_DIGEST = "0" * 64  # until the file has been sent
MOST_BYTES = 4 << 20


class JobFileError(Exception):
    """One sentence for the user."""


@dataclass(frozen=True)
class Order:
    name: str  # a file's, without its ending; no two of a file are equal
    settings: messages.Settings  # but for digests of files: see `named`
    image: Path | None = None
    mesh: Path | None = None

    def named(self, digests: dict[Path, str]) -> messages.Settings:
        """The settings, when its files are with the server."""
        settings = self.settings
        if self.image:
            settings = replace(settings, image=digests[self.image])
        if self.mesh and settings.refine:
            refine = replace(settings.refine, mesh=digests[self.mesh])
            settings = replace(settings, refine=refine)
        return settings


def read_orders(path: Path) -> list[Order]:
    """At least one. Raises JobFileError."""
    values = _values(path)
    if isinstance(values, list):
        values = {"job": values}
    if not isinstance(values, dict):
        raise JobFileError(f"'{path}' holds no jobs: it needs a list named 'job'.")
    jobs, defaults = values.get("job"), values.get("defaults", {})
    if strange := sorted(values.keys() - {"job", "defaults"}):
        raise JobFileError(f"'{path}' has '{strange[0]}'; only 'job' and 'defaults' are known.")
    if not isinstance(jobs, list) or not jobs or not isinstance(defaults, dict):
        raise JobFileError(f"'{path}' holds no jobs: it needs a list named 'job'.")
    orders: list[Order] = []
    for number, job in enumerate(jobs, start=1):
        what = f"Job {number} of '{path.name}'"
        orders.append(_order(what, job, defaults, orders, path.parent))
    return orders


def _values(path: Path) -> Any:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise JobFileError(f"'{path}' is too large for a job file: it may have 4 MiB.")
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except OSError as error:
        raise JobFileError(f"'{path}' can't be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        kind = "TOML" if path.suffix.lower() == ".toml" else "JSON"
        raise JobFileError(f"'{path}' is no {kind}: {error}.") from error


def _order(
    what: str, job: Any, defaults: dict[str, Any], before: list[Order], folder: Path
) -> Order:
    if not isinstance(job, dict):
        raise JobFileError(f"{what} is no table of settings.")
    values = {**defaults, **job}
    name = values.pop("name", None)
    if strange := sorted(values.keys() - KNOWN):
        raise JobFileError(f"{what} has '{strange[0]}'; known are {', '.join(sorted(KNOWN))}.")
    image, mesh = _files(what, values, folder)
    _check_prompt(what, values)
    try:
        settings = checks.Record(messages.Settings)(values, what)
    except errors.WireError as error:
        raise JobFileError(error.text) from error
    if name is not None and (not isinstance(name, str) or plain(name) != name):
        raise JobFileError(f"{what} has a name that is none for a file; use letters, digits and -.")
    title = settings.prompt.strip() or (image.stem if image else "")
    return Order(_unused(name or plain(title)[:60], before), settings, image, mesh)


def _files(what: str, values: dict[str, Any], folder: Path) -> tuple[Path | None, Path | None]:
    """Image and mesh; in `values` something stands for them that passes for a digest."""
    image = mesh = None
    if values.get("image") is not None:
        image = _file(what, "image", values["image"], folder)
        values["image"] = NO_DIGEST
    refine = values.get("refine")
    if refine is not None:
        if not isinstance(refine, dict):
            raise JobFileError(f"{what} has a 'refine' that is no table: it needs a 'mesh'.")
        mesh = _file(what, "refine.mesh", refine.get("mesh"), folder)
        values["refine"] = {"mode": "auto", **refine, "mesh": NO_DIGEST}
    return image, mesh


def _file(what: str, key: str, name: Any, folder: Path) -> Path:
    if not isinstance(name, str) or not (folder / name).is_file():
        raise JobFileError(f"{what} has no file '{name}' for '{key}'.")
    return folder / name


def _check_prompt(what: str, values: dict[str, Any]) -> None:
    prompt = values.get("prompt", "")
    if not isinstance(prompt, str):
        raise JobFileError(f"{what} has a prompt that is no text.")
    if prompt.strip():
        return
    if values.get("refine") or not values.get("image"):
        raise JobFileError(f"{what} has no prompt: say what to make.")
    values["prompt"] = " "  # the protocol's word for none, beside an image


def plain(text: str) -> str:
    """Fit for a file's name on every system."""
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII).strip("-.") or "prop"


def _unused(name: str, before: list[Order]) -> str:
    taken = {order.name.lower() for order in before}
    names = (name if n == 1 else f"{name}-{n}" for n in range(1, len(taken) + 2))
    return next(one for one in names if one.lower() not in taken)
