"""A distillation's settings in words: "NAME=VALUE" -> its Config, and what there is to set.

In: a frozen Config whose fields are made by `setting`. Out: the same with other values. Names,
types and defaults are the dataclass's own, nested ones as "student.rank"; `setting` adds what it
means and its range. No torch.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Union, get_args, get_origin, get_type_hints

from backend.errors import InputError

NOTHING = ("none", "auto")  # what stands for None
FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def setting(
    default: Any,
    about: str,
    low: int | float = -math.inf,
    high: int | float = math.inf,
    choices: Sequence[str] = (),
) -> Any:
    """A dataclass's field; low, high: the least and the largest value, each end of a pair too."""
    metadata = {"about": about, "low": low, "high": high, "choices": tuple(choices)}
    return dataclasses.field(default=default, metadata=metadata)


def scale_setting(about: str) -> Any:
    """The guidance scale, which every distillation has."""
    return setting(None, about, 0, 1000)


@dataclass(frozen=True)
class Described:
    """One setting, for people and for menus."""

    name: str
    default: Any
    about: str
    values: str  # "a number from 0 to 1, or none"
    kind: Any  # its type
    field: dataclasses.Field


def described(config: type, prefix: str = "") -> Iterator[Described]:
    """All settings of a Config, in its order."""
    hints = get_type_hints(config)
    for one in fields(config):
        kind = hints[one.name]
        if is_dataclass(kind):
            yield from described(kind, f"{prefix}{one.name}.")  # type: ignore[arg-type]
        else:
            about, values = one.metadata["about"], _values(kind, one.metadata)
            yield Described(prefix + one.name, one.default, about, values, kind, one)


def check(config: Any) -> None:
    """For `__post_init__`: raises ValueError where a value is outside of its field's range."""
    for one in fields(config):
        if one.metadata and (wrong := _outside(getattr(config, one.name), one.metadata)):
            raise ValueError(f"{one.name} must be {wrong}, not {getattr(config, one.name)!r}")


def changed(config: Any, asked: Sequence[str], owner: str) -> Any:
    """`config` with what "NAME=VALUE" texts ask for; `owner`: what people call it. Raises
    InputError for a name or a value that it can't have."""
    known = {one.name: one for one in described(type(config))}
    values: dict[str, Any] = {}
    for text in asked:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise InputError(f"'--set {text}' is not NAME=VALUE.")
        if name not in known:
            raise InputError(f"{owner} has no setting '{name}'; it has {', '.join(known)}.")
        if name in values:
            raise InputError(f"--set {name} is given twice; leave one out.")
        values[name] = _read(value, known[name])
    try:
        return _replaced(config, values)
    except ValueError as error:
        raise InputError(f"{owner} can't be set so: {error}.") from error


def _replaced(config: Any, values: Mapping[str, Any]) -> Any:
    own = {name: value for name, value in values.items() if "." not in name}
    for group in {name.partition(".")[0] for name in values if "." in name}:
        inner = {n.partition(".")[2]: v for n, v in values.items() if n.startswith(f"{group}.")}
        own[group] = _replaced(getattr(config, group), inner)
    return replace(config, **own)


def _read(text: str, one: Described) -> Any:
    """Raises InputError with what it must be."""
    try:
        value = _parsed(text, one.kind)
        right = not _outside(value, one.field.metadata)
    except ValueError:
        right = False
    if not right:
        raise InputError(f"--set {one.name} must be {one.values}, not '{text}'.")
    return value


def _parsed(text: str, kind: Any) -> Any:
    """Raises ValueError."""
    if get_origin(kind) in (Union, types.UnionType):
        (plain,) = (a for a in get_args(kind) if a is not type(None))
        return None if text.lower() in NOTHING else _parsed(text, plain)
    if get_origin(kind) is tuple:
        ends = text.split(":")
        if len(ends) != 2:
            raise ValueError(text)
        return tuple(_parsed(end, float) for end in ends)
    if kind is bool:
        if text.lower() not in FLAGS:
            raise ValueError(text)
        return FLAGS[text.lower()]
    value = kind(text)
    if kind is float and not math.isfinite(value):
        raise ValueError(text)
    return value


def _outside(value: Any, limits: Mapping[str, Any]) -> str:
    """What a value must be, where it isn't; "" where all is well."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, str):
        choices = limits["choices"]
        return f"one of {', '.join(choices)}" if choices and value not in choices else ""
    ends = value if isinstance(value, tuple) else (value,)
    if all(limits["low"] <= end <= limits["high"] for end in ends) and list(ends) == sorted(ends):
        return ""
    return _range(limits) or "two numbers, the lesser first"


def _values(kind: Any, limits: Mapping[str, Any]) -> str:
    if get_origin(kind) in (Union, types.UnionType):
        (plain,) = (a for a in get_args(kind) if a is not type(None))
        return f"{_values(plain, limits)}, or none"
    if kind is bool:
        return "true or false"
    if kind is str:
        return f"one of {', '.join(limits['choices'])}"
    noun = {int: "a whole number", float: "a number"}.get(kind, "MIN:MAX, both")
    return f"{noun} {_range(limits)}".strip()


def _range(limits: Mapping[str, Any]) -> str:
    low, high = limits["low"], limits["high"]
    return f"from {low:g} to {high:g}" if math.isfinite(low) and math.isfinite(high) else ""
