"""The material stage against an oracle: a guidance that knows the true material of a sphere."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace

import pytest
import torch
import trimesh

from backend.cameras import CameraRange
from backend.errors import Interrupted
from backend.guidance.base import Views
from backend.loop import RunContext
from backend.materials import stage, views
from backend.materials.field import FieldConfig, Material, MaterialField, SparseLattice
from backend.materials.field_cpu import lookup
from backend.mesh.geometry import vertex_normals
from backend.mesh.types import TriMesh

FIELD = FieldConfig(resolutions=(8, 16, 32), samples=20_000)
CONFIG = stage.Config(steps=50, views=2, image_size=48, field=FIELD, learning_rate=0.2)


def sphere() -> TriMesh:
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.7)
    return TriMesh(torch.tensor(ball.vertices, dtype=torch.float32), torch.tensor(ball.faces))


def grey(points: torch.Tensor) -> torch.Tensor:
    return torch.full_like(points, 0.5)


def true_material(points: torch.Tensor) -> Material:
    """Upper half: smooth copper. Lower half: rough green paint."""
    up = torch.sigmoid(points[:, 2:] * 40)
    copper, green = torch.tensor([0.85, 0.5, 0.3]), torch.tensor([0.1, 0.5, 0.2])
    albedo = up * copper + (1 - up) * green
    return Material(albedo, 0.3 * up[:, 0] + 0.8 * (1 - up[:, 0]), up[:, 0])


@dataclass
class OraclePrior:
    domains: tuple[str, ...] = ("shaded",)
    image_size: int = 32


class Oracle:
    """Pulls images to the true material seen by the same cameras under the same light."""

    def __init__(self, domains: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
        self.prior = OraclePrior(domains)
        self.mesh, self.domains_asked = sphere(), set()
        draw = views.draw_lighting

        def remembered(*args):
            self.lighting = draw(*args)
            return self.lighting

        monkeypatch.setattr(views, "draw_lighting", remembered)

    def loss(self, images, known: Views, timestep, generator):
        assert images.shape[1:] == (3, 32, 32)
        assert 0 < timestep < 1
        self.domains_asked.add(known.domain)
        torch.rand(1, generator=generator)  # a real guidance draws its noise here
        seen = views.look_at_surface(self.mesh, vertex_normals(self.mesh), known.cameras, 48)
        colors = views.paint(true_material(seen.points), seen, known.domain, self.lighting)
        target = views.composite(colors, seen, known.backgrounds, self.mesh.faces)
        target = torch.nn.functional.interpolate(target.permute(0, 3, 1, 2), size=32, mode="area")
        return (images - target).square().mean()


def context(seed: int = 0, **kwargs) -> RunContext:
    generator = torch.Generator().manual_seed(seed)
    return RunContext(torch.device("cpu"), generator, **kwargs)


def run(oracle: Oracle, config: stage.Config, ctx: RunContext) -> MaterialField:
    start = stage.MaterialStart(sphere(), grey)
    return stage.run(start, config, oracle, CameraRange(elevation_deg=(-40.0, 40.0)), ctx)


def errors(field: MaterialField) -> tuple[float, float, float]:
    """Mean errors of albedo, roughness and metallic away from the poles and the border."""
    points = sphere().vertices
    points = points[(points[:, 2].abs() > 0.12) & (points[:, 2].abs() < 0.55)]
    found, true = field(points), true_material(points)
    return tuple(
        float((getattr(found, name) - getattr(true, name)).abs().mean())
        for name in ("albedo", "roughness", "metallic")
    )


def test_field_starts_from_the_given_colours() -> None:
    def rainbow(points):
        return (points * 0.6 + 0.5).clamp(0.05, 0.95)

    field = MaterialField(sphere(), rainbow, FIELD)
    points = sphere().vertices
    start = field(points)
    # Trilinear between colours of the nearest of 20,000 surface points.
    assert (start.albedo - rainbow(points)).abs().max() < 0.03
    assert torch.allclose(start.roughness, torch.full((len(points),), FIELD.roughness), atol=1e-4)
    assert torch.allclose(start.metallic, torch.full((len(points),), FIELD.metallic), atol=1e-4)
    assert start.albedo.min() >= 0.03
    assert start.albedo.max() <= 0.97


def test_lookup_equals_its_torch_twin() -> None:
    generator = torch.Generator().manual_seed(3)
    points = sphere().vertices
    lattices = [SparseLattice(resolution, points) for resolution in (16, 5)]
    for lattice in lattices:
        torch.nn.init.normal_(lattice.features, generator=generator)
        lattice.features.detach()[0] = 0
    # Some points are outside the kept corners, and some outside the lattice.
    asked = torch.cat([points, torch.randn(500, 3, generator=generator)])
    pull = torch.randn(len(asked), 5, generator=generator)
    found = []
    for kernels in (True, False):
        features = [lattice.features for lattice in lattices]
        if kernels:
            out = lookup(asked, features, [lattice.rows for lattice in lattices], [16, 5])
        else:
            out = lattices[0](asked) + lattices[1](asked)
        grads = torch.autograd.grad((out * pull).sum(), features)
        found.append((out, *(grad[1:] for grad in grads)))
        assert not kernels or not any(grad[0].any() for grad in grads)
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-4)
        assert one.abs().max() > 1


def test_materials_are_told_from_turning_lights_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = context()
    oracle = Oracle(("shaded",), monkeypatch)
    field = run(oracle, CONFIG, ctx)
    albedo, roughness, metallic = errors(field)
    assert oracle.domains_asked == {"shaded"}
    assert albedo < 0.08
    assert roughness < 0.2
    assert metallic < 0.25  # from 0.5 at the start
    curve = ctx.curves[stage.STAGE]
    first, last = (sum(c["shaded"] for c in part) for part in (curve[:5], curve[-5:]))
    assert last < 0.25 * first


def test_more_domains_help(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = Oracle(("shaded", "albedo", "normal", "orm"), monkeypatch)
    field = run(oracle, CONFIG, context())
    assert oracle.domains_asked == {"shaded", "albedo", "orm"}
    assert max(errors(field)) < 0.13


def test_a_stopped_run_resumes_to_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    class Memory:
        state = None

        def save(self, key, state):
            self.state = deepcopy(state)

        def load(self, key):
            return self.state

    config = replace(CONFIG, steps=6)
    oracle = Oracle(("shaded", "albedo", "orm"), monkeypatch)
    whole = run(oracle, config, context())
    memory, told = Memory(), []
    stopping = context(
        checkpoints=memory, progress=told.append, stop_requested=lambda: len(told) == 3
    )
    with pytest.raises(Interrupted):
        run(oracle, config, stopping)
    resumed = run(oracle, config, context(seed=9, checkpoints=memory))
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_metallic_leaves_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = Oracle(("albedo",), monkeypatch)  # says nothing about metallic
    strong = replace(CONFIG, steps=16, bimodal_metallic=10.0)
    low = run(oracle, strong, context())(sphere().vertices).metallic
    high_field = replace(FIELD, metallic=0.8)
    high = run(oracle, replace(strong, field=high_field), context())(sphere().vertices).metallic
    assert low.median() < FIELD.metallic - 0.08
    assert high.median() > 0.88
