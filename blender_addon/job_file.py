"""Job files: what to make, as TOML or JSON, for runs without a window.

In: a file. Out: `Order`s, their settings checked. A file has a list "job"; each has a prompt, what
else Settings have, and perhaps a name, which becomes the .blend file's. "defaults" holds for all:

    [defaults]
    preset = "standard"
    [[job]]
    prompt = "a red wooden chair"
    seed = 3
    [[job]]
    name = "shelf-vase"
    prompt = "a blue ceramic vase"
    height = 0.3
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from .wire import errors, messages

KNOWN = {field.name for field in fields(messages.Settings)} - {"image", "refine"}
MOST_BYTES = 4 << 20


class JobFileError(Exception):
    """One sentence for the user."""


@dataclass(frozen=True)
class Order:
    name: str  # a file's, without its ending; no two of a file are equal
    settings: messages.Settings


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
        orders.append(_order(f"Job {number} of '{path.name}'", job, defaults, orders))
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


def _order(what: str, job: Any, defaults: dict[str, Any], before: list[Order]) -> Order:
    if not isinstance(job, dict):
        raise JobFileError(f"{what} is no table of settings.")
    values = {**defaults, **job}
    name = values.pop("name", None)
    if strange := sorted(values.keys() - KNOWN):
        raise JobFileError(f"{what} has '{strange[0]}'; known are {', '.join(sorted(KNOWN))}.")
    if not isinstance(values.get("prompt"), str) or not values["prompt"].strip():
        raise JobFileError(f"{what} has no prompt: say what to make.")
    try:
        settings = messages.Record(messages.Settings)(values, what)
    except errors.WireError as error:
        raise JobFileError(error.text) from error
    if name is not None and (not isinstance(name, str) or plain(name) != name):
        raise JobFileError(f"{what} has a name that is none for a file; use letters, digits and -.")
    return Order(_unused(name or plain(settings.prompt)[:60], before), settings)


def plain(text: str) -> str:
    """Fit for a file's name on every system."""
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII).strip("-.") or "prop"


def _unused(name: str, before: list[Order]) -> str:
    taken = {order.name.lower() for order in before}
    names = (name if n == 1 else f"{name}-{n}" for n in range(1, len(taken) + 2))
    return next(one for one in names if one.lower() not in taken)
