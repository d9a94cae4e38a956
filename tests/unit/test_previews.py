"""Snapshots of the stages, the pictures made of them, and what they may cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from backend.errors import GenerationError
from backend.gaussians.model import GaussianCloud
from backend.materials.bake import Baked
from backend.mesh.types import PaintedLevel, PaintedMesh, TriMesh, UVMesh
from backend.service import pictures
from backend.service.pictures import Painter
from backend.service.run import MOST_SHARE, PREVIEW_SHARE, PreviewBudget
from backend.service.worker import Hooks
from shared.messages import Mesh, Texture
from shared.preview import MeshView

JOB = "a" * 32


def ball(count: int = 400, opacity: float = 0.9) -> GaussianCloud:
    """A solid ball of radius 0.5: red where x > 0, blue elsewhere."""
    points = torch.randn(count, 3, generator=torch.Generator().manual_seed(0))
    radii = torch.linspace(0, 1, count)[:, None] ** (1 / 3)
    means = torch.nn.functional.normalize(points, dim=-1) * 0.45 * radii
    red = torch.where(means[:, :1] > 0, 1.0, 0.0)
    colors = torch.cat([red, torch.zeros_like(red), 1 - red], dim=-1)
    quats = torch.tensor([[1.0, 0, 0, 0]]).repeat(count, 1)
    scales = torch.full((count, 3), 0.1)
    return GaussianCloud(means, quats, scales, torch.full((count,), opacity), colors)


def view_of(picture: Any) -> MeshView:
    assert isinstance(picture, Mesh)
    view = MeshView()
    view.apply(picture)
    return view


def test_gaussians_become_a_closed_coloured_surface_where_they_are() -> None:
    [picture] = Painter().paint(JOB, "gaussians", 3, ball())
    view = view_of(picture)
    radii = np.linalg.norm(view.positions, axis=1)
    assert radii.min() > 0.4 and radii.max() < 0.75
    edges = np.sort(view.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    corners = view.positions[view.faces]
    volume = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert volume == pytest.approx(4 / 3 * np.pi * np.mean(radii) ** 3, rel=0.1)  # outwards
    assert view.colors is not None
    right, left = view.positions[:, 0] > 0.3, view.positions[:, 0] < -0.3
    assert view.colors[right, 0].min() > 200 and view.colors[left, 2].min() > 200
    assert (picture.stage, picture.step) == ("gaussians", 3)


def test_an_empty_cloud_is_an_error_that_the_budget_knows() -> None:
    with pytest.raises(GenerationError):
        Painter().paint(JOB, "gaussians", 1, ball(opacity=0.0))


def test_a_painted_mesh_and_a_finished_one() -> None:
    vertices = torch.tensor([[0.0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]])
    faces = torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    painted = PaintedMesh(TriMesh(vertices, faces), torch.tensor([[0.0, 0.5, 1.0]]).repeat(4, 1))
    view = view_of(Painter().paint(JOB, "mesh", 1, painted)[0])
    assert np.allclose(view.positions, vertices, atol=2e-5)
    assert view.colors is not None and view.colors.tolist() == [[0, 128, 255]] * 4

    uvs = torch.rand(4, 2, generator=torch.Generator().manual_seed(1))
    image = np.arange(64 * 64 * 3, dtype=np.uint32).astype(np.uint8).reshape(64, 64, 3)
    painter = Painter(pictures.Config(texture_size=16))
    baked = Baked(UVMesh(vertices, faces, vertices, uvs), {"albedo": image, "normal": image})
    mesh, *images = painter.paint(JOB, "bake", 1, baked)
    view = view_of(mesh)
    assert np.array_equal(view.uvs, uvs.numpy())
    column, row = (uvs * 64).long().numpy().T
    assert np.array_equal(view.colors, image[row, column])  # no moment without colours
    assert [i.name for i in images if isinstance(i, Texture)] == ["albedo", "normal"]
    assert all(i.pixels.shape == (16, 16, 3) for i in images if isinstance(i, Texture))


def test_a_solid_without_a_mesh_is_cut_where_it_turns_negative() -> None:
    axis = np.linspace(-1, 1, 33)
    radii = np.linalg.norm(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1), axis=-1)
    solid = PaintedLevel(0.5 - radii, lambda points: points.clamp(0, 1))
    view = view_of(Painter().paint(JOB, "solid", 0, solid)[0])
    assert np.allclose(np.linalg.norm(view.positions, axis=1), 0.5, atol=0.01)
    expected = np.clip(view.positions, 0, 1) * 255
    assert view.colors is not None and np.allclose(view.colors, expected, atol=1)


def test_shrinking_takes_means() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[0, 0] = image[1, 1] = 200
    assert pictures._shrunk(image, 2)[0, 0].tolist() == [100, 100, 100]


class FakeHooks(Hooks):
    interval, picture_in_flight = 1.0, False  # type: ignore[assignment]

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send_picture(self, picture: Any) -> None:
        self.sent.append(picture)


class SlowPainter(Painter):
    """Each picture takes `seconds` of the test's clock."""

    def __init__(self, seconds: float):
        self.seconds, self.now = seconds, 0.0

    def paint(self, job: str, stage: str, step: int, snapshot: object) -> list[Any]:
        self.now += self.seconds
        return [snapshot]


def run_stage(painter: SlowPainter, hooks: FakeHooks, steps: int, seconds: float) -> float:
    """Steps of `seconds` each; the share of the whole time that previews took."""
    budget = PreviewBudget(JOB, hooks, painter, lambda: painter.now)
    began = painter.now
    for step in range(steps):
        painter.now += seconds
        budget.offer("gaussians", step, lambda step=step: step)
    return budget.spent / (painter.now - began)


@pytest.mark.parametrize("cost", [0.001, 0.05, 0.3, 2.0])
def test_previews_never_cost_more_than_their_share(cost: float) -> None:
    hooks = FakeHooks()
    share = run_stage(SlowPainter(cost), hooks, steps=800, seconds=0.1)
    assert share <= MOST_SHARE + cost / 80  # the first one is free
    assert len(hooks.sent) > 1 or cost == 2.0


def test_what_is_cheap_comes_as_often_as_asked_for_and_takes_a_smaller_share() -> None:
    hooks = FakeHooks()
    hooks.interval = 0.3  # type: ignore[assignment]
    share = run_stage(SlowPainter(0.01), hooks, steps=800, seconds=0.1)
    assert share <= PREVIEW_SHARE and len(hooks.sent) >= 220


def test_a_second_never_passes_without_one_as_long_as_they_cost_a_tenth() -> None:
    hooks, painter, seconds = FakeHooks(), SlowPainter(0.08), []
    hooks.interval = 0.5  # type: ignore[assignment]
    hooks.send_picture = lambda _: seconds.append(painter.now)  # type: ignore[method-assign]
    budget = PreviewBudget(JOB, hooks, painter, lambda: painter.now)
    for stage in ("gaussians", "solid", "mesh", "unwrap", "materials"):
        for step in range(60):
            painter.now += 0.1
            budget.offer(stage, step, lambda: None)
    assert len(seconds) > 25 and np.diff(seconds).max() <= 1.0 + 1e-9


def test_the_first_is_free() -> None:
    hooks, painter = FakeHooks(), SlowPainter(3.0)
    budget = PreviewBudget(JOB, hooks, painter, lambda: painter.now)
    budget.offer("gaussians", 0, lambda: "the ball that it begins with")
    budget.offer("gaussians", 1, lambda: "too dear")
    assert hooks.sent == ["the ball that it begins with"]


def test_the_rate_is_the_one_asked_for_where_it_is_cheap() -> None:
    hooks = FakeHooks()
    run_stage(SlowPainter(0.001), hooks, steps=1000, seconds=0.1)
    assert 80 <= len(hooks.sent) <= 101  # 100 s, one a second


def test_nobody_looking_or_one_in_flight_costs_nothing() -> None:
    for name, value in (("interval", 0.0), ("picture_in_flight", True)):
        hooks = FakeHooks()
        setattr(hooks, name, value)
        assert run_stage(SlowPainter(0.01), hooks, steps=100, seconds=0.5) == 0
        assert hooks.sent == []
