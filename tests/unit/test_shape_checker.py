"""The shape annotations at stage borders are checked while the tests run, and the check fires."""

from __future__ import annotations

import jaxtyping
import pytest
import torch

from backend.cameras import orbit


def test_a_wrong_shape_is_refused_at_the_border() -> None:
    good = torch.zeros(3)
    assert len(orbit(good, good, good + 3, good + 40)) == 3
    with pytest.raises(jaxtyping.TypeCheckError):
        orbit(good, good, torch.ones(4), good + 40)
    with pytest.raises(jaxtyping.TypeCheckError):
        orbit(good[:, None], good, good + 3, good + 40)
