"""A batch asked in halves: the same answers, the process as it was before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from backend.cameras import turntable
from backend.guidance import halves
from backend.guidance.base import Views
from backend.guidance.distil import GuidanceConfig, distil
from backend.guidance.priors import load_prior


class Network(nn.Module):
    """Notes how it is asked; 13 somewhere in a picture is its end."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))
        self.asked: list[tuple[int, bool, int]] = []

    def forward(self, x: Tensor, *, shift: Tensor, return_dict: bool = True) -> tuple[Tensor]:
        assert not return_dict
        self.asked.append((len(x), torch.is_grad_enabled(), torch.get_num_threads()))
        if (x == 13).any():
            raise ValueError("thirteen")
        return (x * self.weight + shift,)


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def asked(network: Network, batch: int) -> Tensor:
    x = torch.arange(batch, dtype=torch.float32)[:, None].expand(batch, 3)
    return halves.ask(network, x, shift=torch.full((batch, 1), 0.5))


@torch.no_grad()
def test_halves_are_put_together_again_in_their_order() -> None:
    network = Network()
    answer = asked(network, 7)
    torch.testing.assert_close(answer[:, 0], torch.arange(7) * 2 + 0.5)
    assert sorted(network.asked) == [(3, False, 1), (4, False, 1)]
    assert torch.get_num_threads() == 2


@torch.no_grad()
def test_an_error_is_raised_and_the_threads_are_as_before() -> None:
    with pytest.raises(ValueError, match="thirteen"):
        asked(Network(), 16)
    assert torch.get_num_threads() == 2


def test_with_gradients_it_is_asked_as_a_whole() -> None:
    network = Network()
    asked(network, 6).sum().backward()
    assert network.asked == [(6, True, 2)]
    assert network.weight.grad is not None and float(network.weight.grad) == 3 * sum(range(6))


@torch.no_grad()
def test_few_pictures_and_one_thread_are_asked_as_a_whole() -> None:
    network = Network()
    asked(network, halves.LEAST - 1)
    torch.set_num_threads(1)
    asked(network, 8)
    assert network.asked == [(halves.LEAST - 1, False, 2), (8, False, 1)]


def test_the_shipped_prior_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    prior = load_prior("embedded", "a red chair")
    nn.Module.float(prior.network)
    noisy = torch.randn(4, 48, 16, 16, generator=torch.Generator().manual_seed(0))
    ask = (noisy, torch.full((4,), 500), Views(turntable(4)), 7.0)
    apart = prior.predict_x0(*ask)
    monkeypatch.setattr(halves, "LEAST", 100)
    torch.testing.assert_close(apart, prior.predict_x0(*ask), rtol=1e-4, atol=1e-5)


def test_the_student_of_vsd_knows_the_whole_batch() -> None:
    guidance = distil(load_prior("embedded", "a red chair"), GuidanceConfig("vsd"))
    images = torch.rand(4, 3, 64, 64, requires_grad=True)
    generator = torch.Generator().manual_seed(0)
    guidance.loss(images, Views(turntable(4)), 0.5, generator).backward()
    assert images.grad is not None and images.grad.abs().sum() > 0
