"""What a run shows on stderr: a live bar on a terminal, plain lines elsewhere.

In: `loop.Progress` events and notes. Out: stage, step, steps and time left.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as RichProgress

from backend.loop import Progress

PLAIN_SECONDS = 10.0  # between two plain lines of one stage
COLUMNS = (
    TextColumn("{task.description:<10}"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.fields[left]}"),
    TextColumn("{task.fields[loss]}", style="dim"),
)


@runtime_checkable
class Display(Protocol):
    def progress(self, news: Progress) -> None: ...

    def note(self, text: str) -> None:
        """A line for the user, between the bars."""
        ...


@contextmanager
def show_progress() -> Iterator[Display]:
    """The display that fits stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield PlainLines()
        return
    with RichProgress(*COLUMNS, console=console) as bars:
        yield LiveBars(bars)


class LiveBars:
    """One bar a stage, the newest at the bottom."""

    def __init__(self, bars: RichProgress):
        self.bars = bars
        self.tasks: dict[str, TaskID] = {}

    def progress(self, news: Progress) -> None:
        if news.stage not in self.tasks:
            self.tasks[news.stage] = self.bars.add_task(news.stage, left="", loss="")
        self.bars.update(
            self.tasks[news.stage],
            completed=news.step,
            total=news.steps,
            left=_left(news),
            loss=_main_loss(news),
        )

    def note(self, text: str) -> None:
        self.bars.console.print(text, highlight=False, markup=False, soft_wrap=True)


class PlainLines:
    """A line when a stage's first step is done, every ten seconds, and when the stage is."""

    def __init__(self) -> None:
        self.stage = ""
        self.shown = 0.0

    def progress(self, news: Progress) -> None:
        now = time.monotonic()
        first, last = news.stage != self.stage, news.step == news.steps
        if news.step and (first or last or now - self.shown > PLAIN_SECONDS):
            self.stage, self.shown = news.stage, now
            parts = (f"{news.stage}: {news.step}/{news.steps}", _left(news), _main_loss(news))
            self.note("  ".join(part for part in parts if part))

    def note(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def _left(news: Progress) -> str:
    """'1:05 left', or nothing where that is not known or the stage is done."""
    minutes, seconds = divmod(round(news.seconds_left), 60)
    return f"{minutes}:{seconds:02d} left" if 0 < news.step < news.steps else ""


def _main_loss(news: Progress) -> str:
    """The first one: the prior's; the regularisers are in the report."""
    return next((f"{name} {value:.3g}" for name, value in news.losses.items()), "")
