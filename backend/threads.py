"""A numba kernel, or calls that let go of the interpreter, on all threads: plain Python threads
that sleep between calls.

In: a kernel compiled with `nogil=True` whose first arguments are (first, end, step), the number
of tasks, its other arguments. Out: the kernel has done the tasks of range(first, end, step) on each
thread. Tasks write to places of their own, so the result doesn't depend on how many threads there
are.

Why not numba's own `parallel=True`: it takes three to six times as long to compile, which a user
waits for before the first picture, and its threads are one more pool beside torch's. Handing a
call to a sleeping thread takes some 10 microseconds either way. Threads are as many as torch uses.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

import torch


class _Workers:
    """Threads that wait for work; made when first needed, and anew in a forked process."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.forget()

    def forget(self) -> None:
        self.count = 0
        self.work: SimpleQueue = SimpleQueue()

    def at_least(self, count: int) -> None:
        with self.lock:
            while self.count < count:
                Thread(target=_serve, args=(self.work,), daemon=True).start()
                self.count += 1


def _serve(work: SimpleQueue) -> None:
    while True:
        calls, done = work.get()
        _take_turns(calls, done)
        del calls, done  # or the arrays live until the next call


def _take_turns(calls: SimpleQueue, done: SimpleQueue) -> None:
    """Makes the calls that nobody else has taken; hands on their errors, or None."""
    while True:
        try:
            function, *arguments = calls.get_nowait()
        except Empty:
            return
        try:
            function(*arguments)
        except BaseException as error:  # it is raised where the work was asked for
            done.put(error)
        else:
            done.put(None)
        del function, arguments


_workers = _Workers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_workers.forget)


def in_parallel(
    kernel: Callable[..., Any], tasks: int, *arguments: Any, in_turn: bool = True
) -> None:
    """kernel(first, end, step, *arguments) on each thread, one of them this one.

    in_turn: threads take tasks in turn, for tasks of unlike length; otherwise a run each, for many
    small ones, whose neighbours share cache lines.
    """
    threads = min(tasks, torch.get_num_threads())
    if threads <= 1:
        kernel(0, tasks, 1, *arguments)
        return
    if in_turn:
        parts = [(first, tasks, threads) for first in range(threads)]
    else:
        ends = [tasks * (part + 1) // threads for part in range(threads)]
        parts = list(zip([0, *ends[:-1]], ends, [1] * threads, strict=True))
    together([(kernel, *part, *arguments) for part in parts])


def together(given: Sequence[tuple[Any, ...]]) -> None:
    """Calls of (function, *arguments), on all threads; returns when all are done.

    They may not write to the same places, and gain as much as they let go of the interpreter's
    lock. A thread
    that is done takes the next call, so that one which is late, or kept by others' work, is not
    waited for before it has begun.
    """
    calls: SimpleQueue = SimpleQueue()
    done: SimpleQueue = SimpleQueue()
    for call in given:
        calls.put(call)
    others = min(len(given), torch.get_num_threads()) - 1
    _workers.at_least(others)
    for _ in range(others):
        _workers.work.put((calls, done))
    _take_turns(calls, done)
    errors = [done.get() for _ in given]  # nobody may go on while others still write
    for error in errors:
        if error is not None:
            raise error
