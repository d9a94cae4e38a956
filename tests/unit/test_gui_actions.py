"""The window's random actions fail where they must; the window itself is not for CI."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gui.actions import problems

GOOD: dict[str, Any] = {"actions": 10, "errors": [], "timer": True}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"errors": ["objects were lost: chair"]}, "chair"),
        ({"timer": False}, "timer"),
        ({"actions": 9}, "9 of 10"),
    ],
)
def test_a_run_with_errors_or_a_dead_timer_fails(wrong: dict[str, Any], says: str) -> None:
    assert problems(GOOD, 10) == []
    (said,) = problems({**GOOD, **wrong}, 10)
    assert says in said
