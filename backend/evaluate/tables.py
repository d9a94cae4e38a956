"""Plain tables of measurements, for people: rows are dicts with the same keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def share_below(ranks: Iterable[int | None], limit: int) -> float | None:
    """Of the ranks that are known, how many are below `limit`; None where none is known."""
    known = [rank for rank in ranks if rank is not None]
    return sum(rank < limit for rank in known) / len(known) if known else None


def mean(values: Iterable[float | int | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown; numbers right, two digits behind the point."""
    if not rows:
        return ""
    names = list(rows[0])
    cells = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(3, *(len(line[i]) for line in cells)) for i in range(len(names))]
    numeric = [all(_is_number(row[name]) for row in rows) for name in names]
    lines = [_line(line, widths, numeric) for line in cells]
    rule = [("-" * (w - 1) + ":") if n else "-" * w for w, n in zip(widths, numeric, strict=True)]
    return "\n".join([lines[0], "|" + "|".join(f" {r} " for r in rule) + "|", *lines[1:]])


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _line(cells: list[str], widths: list[int], right: list[bool]) -> str:
    pairs = zip(cells, widths, right, strict=True)
    return "|" + "|".join(f" {c:>{w}} " if r else f" {c:<{w}} " for c, w, r in pairs) + "|"
