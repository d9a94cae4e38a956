"""A numba kernel on all threads: plain Python threads that sleep between calls.

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
from collections.abc import Callable
from queue import SimpleQueue
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
        call, arguments, done = work.get()
        try:
            call(*arguments)
        except BaseException as error:  # it is raised where the work was asked for
            done.put(error)
        else:
            done.put(None)
        del call, arguments, done  # or the arrays live until the next call


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
    _workers.at_least(threads - 1)
    done: SimpleQueue = SimpleQueue()
    for part in parts[1:]:
        _workers.work.put((kernel, (*part, *arguments), done))
    errors = []
    try:
        kernel(*parts[0], *arguments)
    finally:  # nobody may go on while others still write
        errors = [done.get() for _ in parts[1:]]
    for error in errors:
        if error is not None:
            raise error
