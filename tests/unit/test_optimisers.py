"""The training's optimiser: what Muon does to a matrix, and that it reaches every weight."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from backend.training.model import build_unet
from backend.training.optimisers import QUINTIC, ROUNDS, Optimiser, orthogonal


def _by_definition(matrix: torch.Tensor) -> torch.Tensor:
    """Newton and Schulz's rounds as they are written down, in float64."""
    a, b, c = QUINTIC
    x = matrix.double() / matrix.double().norm()
    for _ in range(ROUNDS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


@pytest.mark.parametrize("shape", [(32, 288), (48, 48), (96, 24)])
def test_orthogonal_is_the_iteration_and_levels_singular_values(shape) -> None:
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    matrix *= torch.logspace(0, 1, shape[1])  # rare directions beside common ones
    found = orthogonal(matrix)
    torch.testing.assert_close(found.double(), _by_definition(matrix), rtol=0.02, atol=2e-3)
    values = torch.linalg.svdvals(found)
    assert torch.linalg.svdvals(matrix).max() > 1.5 * torch.linalg.svdvals(matrix).median()
    # A square matrix has singular values near nought, which five rounds don't lift all the way.
    assert values.max() < 1.3
    assert values.median() > 0.65


def test_a_gradient_of_nought_moves_nothing_to_nan() -> None:
    assert torch.equal(orthogonal(torch.zeros(4, 8)), torch.zeros(4, 8))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_every_weight_moves_by_about_the_rate_in_either_layout(layout) -> None:
    torch.manual_seed(0)
    net = build_unet((16, 16, 32)).to(memory_format=layout)
    before = {n: p.detach().clone() for n, p in net.named_parameters()}
    optimiser = Optimiser(net, 1e-3)
    for parameter in net.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimiser.step()
    for name, parameter in net.named_parameters():
        moved = (parameter.detach() - before[name]).square().mean().sqrt()
        assert 1e-4 < moved < 2e-3, name
        assert parameter.grad is None


def test_layout_of_the_weights_does_not_change_the_step() -> None:
    after = []
    for layout in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        net = nn.Conv2d(8, 16, 3).to(memory_format=layout)
        optimiser = Optimiser(nn.ModuleDict({"inner": net}), 1e-2)
        net.weight.grad = torch.randn(16, 8, 3, 3, generator=torch.Generator().manual_seed(1))
        net.bias.grad = torch.zeros(16)
        optimiser.step()
        after.append(net.weight.detach().clone())
    torch.testing.assert_close(after[0], after[1], rtol=1e-4, atol=1e-6)
