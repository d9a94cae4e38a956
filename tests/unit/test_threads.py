"""Kernels on all threads: every task once, whatever the number of threads; errors come through."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from backend.threads import in_parallel


def count_up(first: int, end: int, step: int, out: np.ndarray) -> None:
    for task in range(first, end, step):
        out[task] += task + 1


@pytest.fixture(params=[1, 2, 5])
def threads(request: pytest.FixtureRequest):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("in_turn", [True, False])
@pytest.mark.parametrize("tasks", [0, 1, 3, 100])
def test_every_task_is_done_once(threads: int, tasks: int, in_turn: bool) -> None:
    out = np.zeros(tasks, np.int64)
    in_parallel(count_up, tasks, out, in_turn=in_turn)
    assert (out == np.arange(tasks) + 1).all()


def test_an_error_on_any_thread_is_raised_here(threads: int) -> None:
    def fail(first: int, end: int, step: int) -> None:
        if 99 in range(first, end, step):  # the last task: on another thread, where there is one
            raise ValueError("task 99")

    with pytest.raises(ValueError, match="task 99"):
        in_parallel(fail, 100, in_turn=False)
    out = np.zeros(100, np.int64)
    in_parallel(count_up, 100, out)  # and the threads still work
    assert out.all()
