"""What a field of a message may hold: one small class for each kind of value.

In: a value from the wire (plain JSON, or an array). Out: the value as the dataclass keeps it; a
WireError names the field otherwise. Messages attach these to their fields with `Annotated`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Protocol, get_type_hints

import numpy as np

from .errors import bad

# The only array types: little-endian, by name. What is not listed does not exist.
DTYPES: Mapping[str, np.dtype] = {
    "u1": np.dtype("u1"),
    "u2": np.dtype("<u2"),
    "u4": np.dtype("<u4"),
    "f4": np.dtype("<f4"),
}


class Check(Protocol):
    def __call__(self, value: Any, where: str) -> Any: ...


@dataclass(frozen=True)
class Text:
    """A string of `least` to `most` characters that UTF-8 can hold; `of`: the only ones allowed."""

    most: int
    least: int = 0
    of: str = ""

    def __call__(self, value: Any, where: str) -> str:
        if not isinstance(value, str) or not self.least <= len(value) <= self.most:
            raise bad(f"{where} must be text of {self.least} to {self.most} characters.")
        if self.of and not set(value) <= set(self.of):
            raise bad(f"{where} has a character other than {self.of}.")
        if any(0xD800 <= ord(c) <= 0xDFFF or c == "\0" for c in value):
            raise bad(f"{where} has a character that is not text.")
        return value


@dataclass(frozen=True)
class Whole:
    low: int = 0
    high: int = 2**53

    def __call__(self, value: Any, where: str) -> int:
        right = isinstance(value, int) and not isinstance(value, bool)
        if not right or not self.low <= value <= self.high:
            raise bad(f"{where} must be a whole number from {self.low} to {self.high}.")
        return int(value)


@dataclass(frozen=True)
class Number:
    low: float = -1e300
    high: float = 1e300

    def __call__(self, value: Any, where: str) -> float:
        right = isinstance(value, int | float) and not isinstance(value, bool)
        if not right or not self.low <= value <= self.high or not math.isfinite(value):
            raise bad(f"{where} must be a number from {self.low:g} to {self.high:g}.")
        return float(value)


@dataclass(frozen=True)
class Flag:
    def __call__(self, value: Any, where: str) -> bool:
        if not isinstance(value, bool):
            raise bad(f"{where} must be true or false.")
        return value


@dataclass(frozen=True)
class OneOf:
    names: tuple[str, ...]

    def __call__(self, value: Any, where: str) -> str:
        if not isinstance(value, str) or value not in self.names:
            raise bad(f"{where} must be one of {', '.join(self.names)}.")
        return value


@dataclass(frozen=True)
class Many:
    """A list of up to `most`; kept as a tuple."""

    of: Check
    most: int

    def __call__(self, value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or len(value) > self.most:
            raise bad(f"{where} must be a list of at most {self.most}.")
        return tuple(self.of(one, f"{where}[{i}]") for i, one in enumerate(value))


@dataclass(frozen=True)
class Ends:
    """Two numbers, the first not above the second; strictly inside where the ends are open."""

    low: float
    high: float
    open_ends: bool = False

    def __call__(self, value: Any, where: str) -> tuple[float, float]:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise bad(f"{where} must be two numbers.")
        first, last = (Number(self.low, self.high)(one, where) for one in value)
        if first > last:
            raise bad(f"{where} has its minimum above its maximum.")
        if self.open_ends and (first <= self.low or last >= self.high):
            raise bad(f"{where} is not between {self.low:g} and {self.high:g}.")
        return first, last


@dataclass(frozen=True)
class Pair:
    first: Check
    second: Check

    def __call__(self, value: Any, where: str) -> tuple[Any, Any]:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise bad(f"{where} must be two values.")
        return self.first(value[0], where), self.second(value[1], where)


@dataclass(frozen=True)
class Maybe:
    """Null, or what `of` allows."""

    of: Check

    def __call__(self, value: Any, where: str) -> Any:
        return None if value is None else self.of(value, where)


@dataclass(frozen=True)
class Record:
    """A nested dataclass whose own fields are annotated; unknown keys are tolerated."""

    of: type

    def __call__(self, value: Any, where: str) -> Any:
        if isinstance(value, self.of):
            value = plain(value)
        if not isinstance(value, dict):
            raise bad(f"{where} must be an object.")
        return self.of(**checked(self.of, value, where))


@dataclass(frozen=True)
class Array:
    """A buffer of one of `dtypes`. shape: a number, or a name that stands for the same number in
    all arrays of the message; each name is at most `most`."""

    dtypes: tuple[str, ...]
    shape: tuple[str | int, ...]
    most: int

    def __call__(self, value: Any, where: str) -> np.ndarray:
        if not isinstance(value, np.ndarray) or value.dtype not in [DTYPES[d] for d in self.dtypes]:
            raise bad(f"{where} must be an array of {' or '.join(self.dtypes)}.")
        fits = len(value.shape) == len(self.shape) and all(
            size <= self.most if isinstance(wanted, str) else size == wanted
            for size, wanted in zip(value.shape, self.shape, strict=True)
        )
        if not fits:
            raise bad(f"{where} has shape {value.shape}; {self.shape} up to {self.most} expected.")
        return value


@dataclass(frozen=True)
class _Known:
    checks: Mapping[str, Check]
    required: frozenset[str]


_KNOWN: dict[type, _Known] = {}  # a cache: reading annotations takes longer than a message


def _known(kind: type) -> _Known:
    if kind not in _KNOWN:
        hints = get_type_hints(kind, include_extras=True)
        checks = {field.name: hints[field.name].__metadata__[0] for field in fields(kind)}
        bare = [f for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
        _KNOWN[kind] = _Known(checks, frozenset(field.name for field in bare))
    return _KNOWN[kind]


def checks_of(kind: type) -> Mapping[str, Check]:
    """The check of each field of a message class."""
    return _known(kind).checks


def array_of(check: Check) -> Array | None:
    """The array check of a field that holds one, or may."""
    inner = check.of if isinstance(check, Maybe) else check
    return inner if isinstance(inner, Array) else None


def checked(kind: type, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The known fields of `values`, each checked. Raises WireError for a bad or missing one."""
    if missing := sorted(_known(kind).required - values.keys()):
        raise bad(f"{where} lacks {', '.join(missing)}.")
    known = checks_of(kind)
    result = {
        name: known[name](value, f"{where}.{name}")
        for name, value in values.items()
        if name in known
    }
    _check_sizes(known, result, where)
    return result


def _check_sizes(known: Mapping[str, Check], values: Mapping[str, Any], where: str) -> None:
    """Axes of one name have one size."""
    sizes: dict[str, int] = {}
    for name, value in values.items():
        check = array_of(known[name])
        if check is None or value is None:
            continue
        for axis, size in zip(check.shape, value.shape, strict=True):
            if isinstance(axis, str) and sizes.setdefault(axis, size) != size:
                raise bad(f"{where}.{name} has {size} {axis}, another array has {sizes[axis]}.")


def plain(value: Any) -> Any:
    """A message's value as JSON has it: records as objects, tuples as lists; arrays left out."""
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if hasattr(type(value), "__dataclass_fields__"):
        known = checks_of(type(value))
        return {
            name: plain(getattr(value, name)) for name in known if array_of(known[name]) is None
        }
    return value
