"""The training room: props, their pictures, and a training run that can be taken up again."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from backend.cameras import ELEVATIONS, CameraRange, orbit
from backend.errors import InputError
from backend.guidance.base import DOMAINS
from backend.guidance.prop_conditioning import fold, unfold
from backend.neighbours import flushes_subnormals
from backend.training import data, meanings, model, networks, train, views
from backend.training.looks import plain
from backend.training.optimisers import Optimiser
from backend.training.pictures import compose, random_backgrounds
from backend.training.props import KINDS, Prop, captions, sample_prop, vocabulary
from backend.training.shapes import assemble, box
from shared.conventions import CANONICAL_RADIUS


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_fills_the_canonical_sphere(kind: str) -> None:
    prop = sample_prop(kind, np.random.default_rng(1))
    radius = np.linalg.norm(prop.vertices, axis=1).max()
    assert radius == pytest.approx(CANONICAL_RADIUS)
    assert prop.faces.max() < len(prop.vertices)
    assert len(prop.part) == len(prop.faces)
    assert prop.part.max() < len(prop.looks)


def test_captions_stay_inside_the_vocabulary_and_name_the_look() -> None:
    rng = np.random.default_rng(0)
    words = set(vocabulary())
    for kind in KINDS:
        prop = replace(sample_prop(kind, rng), colour="teal", material="wooden")
        for caption in captions(prop, 8, rng):
            assert set(caption.split()) <= words
            assert "teal" in caption and "wood" in caption


def _table(words: list[str]) -> meanings.WordTable:
    """Random meanings, for tests that don't read them."""
    g = torch.Generator().manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(len(words), meanings.SIZE, generator=g))
    return meanings.WordTable(words, len(words), meanings.quantised(vectors))


def _box_prop() -> Prop:
    """A box twice as tall as wide: red above, blue below, metallic 1 above."""
    parts = [box((0.6, 0.6, 0.8), (0, 0, 0.4)), box((0.6, 0.6, 0.8), (0, 0, -0.4))]
    vertices, faces, part, _ = assemble(parts)
    looks = np.stack(
        [plain((0.9, 0.1, 0.1), 0.3, 1.0).row(0.0), plain((0.1, 0.1, 0.9), 0.8).row(0.0)]
    )
    return Prop("box", None, None, vertices, faces, part, looks)


def _front_view() -> np.ndarray:
    one = torch.ones(1)
    return data.render_prop(_box_prop(), orbit(one * 0, one * 0, one * 3, one * 40))[0]


def test_gbuffer_is_upright_and_holds_the_true_material() -> None:
    view = _front_view() / 255
    above, below = view[20, 32], view[44, 32]
    np.testing.assert_allclose(above[:3], [0.9, 0.1, 0.1], atol=0.01)
    np.testing.assert_allclose(below[:3], [0.1, 0.1, 0.9], atol=0.01)
    np.testing.assert_allclose(above[3:6], [0.5, 0.5, 1.0], atol=0.01)  # faces the viewer
    np.testing.assert_allclose([above[6], above[7], above[8]], [0.3, 1.0, 1.0], atol=0.01)
    np.testing.assert_allclose([below[6], below[7]], [0.8, 0.0], atol=0.01)
    assert view[2, 2, 8] == 0


def test_gbuffer_covers_the_projected_box() -> None:
    prop = _box_prop()
    corner = np.abs(prop.vertices).max(0)
    depth = 3 - corner[1]  # the front face is the nearest and, seen from the front, the outline
    scale = 64 / (2 * np.tan(np.radians(20)) * depth)
    expected = (2 * corner[0] * scale) * (2 * corner[2] * scale)
    assert (_front_view()[..., 8] / 255).sum() == pytest.approx(expected, rel=0.02)


def test_compose_gives_each_domain_its_picture() -> None:
    views = np.repeat(_front_view()[None], 64, 0)
    up = torch.tensor([[0.0, 1.0, 0.0]]).repeat(64, 1)
    g = torch.Generator().manual_seed(0)
    images, backgrounds, domain = compose(torch.from_numpy(views), up, g)
    assert set(domain.tolist()) == set(range(len(DOMAINS)))
    torch.testing.assert_close(images[:, :, 1, 1], backgrounds)
    above = images[:, :, 20, 32]
    for name, expected in (
        ("albedo", (0.9, 0.1, 0.1)),
        ("normal", (0.5, 0.5, 1)),
        ("orm", (1, 0.3, 1)),
    ):
        rows = above[domain == DOMAINS.index(name)]
        torch.testing.assert_close(
            rows, torch.tensor([expected]).expand_as(rows), atol=0.01, rtol=0
        )
    lit = above[domain == DOMAINS.index("shaded")]
    assert lit.std(0).max() > 0.05  # lights differ from picture to picture


def test_fold_keeps_every_pixel() -> None:
    images = random_backgrounds(2 * 64, torch.Generator().manual_seed(0)).T.reshape(2, 3, 8, 8)
    torch.testing.assert_close(unfold(fold(images, 4), 4), images)


def test_noise_schedule_is_the_cosine_shifted_to_64_pixels() -> None:
    alphas = model.build_scheduler().alphas_cumprod.double()
    log_snr = torch.log(alphas / (1 - alphas))
    middle = (log_snr[499] + log_snr[500]) / 2
    assert float(middle) == pytest.approx(2 * np.log(32 / 64), abs=0.01)
    assert torch.all(log_snr[1:] < log_snr[:-1])


@pytest.fixture
def shards(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "SHARD_VIEWS", 64)
    monkeypatch.setattr(data, "VIEWS_PER_PROP", 4)
    data.write_shard(tmp_path, 3, data.DataConfig())
    return tmp_path


def test_a_shard_is_repeatable(shards, tmp_path_factory) -> None:
    again = tmp_path_factory.mktemp("again")
    data.write_shard(again, 3, data.DataConfig())
    with np.load(data.shard_path(shards, 3)) as a, np.load(data.shard_path(again, 3)) as b:
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name])
        assert a["gbuffers"].shape == (64, 64, 64, 9)


def test_a_folder_of_shards_takes_anothers_words(tmp_path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with pytest.raises(InputError, match=r"words\.json"):
        data.write_shards(second, range(0), data.DataConfig(), words=first)
    meanings.save(_table(["crate", "wooden"]), first)
    data.write_shards(second, range(0), data.DataConfig(), words=first)
    for name in ("words.json", "meanings.safetensors"):
        assert (second / name).read_bytes() == (first / name).read_bytes()


def test_training_lowers_the_loss_and_resumes(shards, tmp_path, monkeypatch) -> None:
    """40 steps in one go and 6 plus 34 end with the same weights."""
    monkeypatch.setattr(networks, "build_unet", partial(model.build_unet, (16, 16, 32)))
    monkeypatch.setattr(train, "_save", lambda *a: None)
    table = _table(sorted(data.caption_words(data.DataConfig(), 50)))
    config = train.TrainConfig(batch=16, warmup=1, learning_rate=1e-3)

    def run(steps: int, nets, optimiser, average, first: int) -> list[float]:
        alphas, shown = model.build_scheduler().alphas_cumprod, views.Views(shards, table)
        loop = train._steps(nets, average, optimiser, alphas, shown, config, first)
        for step, losses in loop:
            if step == steps:
                return losses
        raise AssertionError("the loop ended early")

    def fresh():
        nets = networks.Networks(table)
        average = {k: v.detach().clone() for k, v in nets.state_dict().items()}
        return nets, Optimiser(nets, 1e-3), average

    nets, optimiser, average = fresh()
    losses = run(40, nets, optimiser, average, 0)
    assert np.mean(losses[-12:]) < 0.85 * np.mean(losses[:12])

    half, optimiser, average = fresh()
    run(6, half, optimiser, average, 0)
    state = {k: v.clone() for k, v in half.state_dict().items()}
    resumed, second, average = fresh()
    resumed.load_state_dict(state)
    second.load_state_dict(optimiser.state_dict())
    run(40, resumed, second, average, 6)
    for name, value in nets.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, msg=name)


@pytest.mark.parametrize("threads", [1, 2])
def test_halves_of_a_batch_add_up_to_its_gradient(shards, monkeypatch, threads: int) -> None:
    monkeypatch.setattr(networks, "build_unet", partial(model.build_unet, (16, 16, 32)))
    table = _table(sorted(data.caption_words(data.DataConfig(), 50)))
    nets, config = networks.Networks(table), train.TrainConfig(batch=7)
    alphas = model.build_scheduler().alphas_cumprod
    batch = views.Views(shards, table).batch(config.batch, np.random.default_rng(0))
    levels, expected = train.even_levels(7, torch.Generator().manual_seed(15)), 0.0
    for number, rows in enumerate((slice(0, 4), slice(4, 7))):
        g = torch.Generator().manual_seed(16 + number)
        some = {name: tensor[rows] for name, tensor in batch.items()}
        loss = train.training_loss(nets, some, alphas, config, levels[rows], g)
        loss = loss * (len(some["tokens"]) / 7)
        loss.backward()
        expected += loss.item()
    wanted = {name: p.grad.clone() for name, p in nets.named_parameters() if p.grad is not None}
    nets.zero_grad()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert train._slopes(nets, batch, alphas, config, 5) == pytest.approx(expected, rel=1e-5)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for name, parameter in nets.named_parameters():
        if name in wanted:
            difference = (parameter.grad - wanted[name]).norm()
            assert difference <= 0.02 * wanted[name].norm() + 1e-7, name  # bf16


@pytest.mark.parametrize("count", [1, 8])
def test_no_two_pictures_of_a_batch_have_one_noise(shards, monkeypatch, count: int) -> None:
    """torch's generators look at the lower 32 bits of a seed alone."""
    seen: list[torch.Tensor] = []
    whole = train.training_loss

    def watched(nets, batch, alphas, config, levels, g):
        seen.extend([levels, torch.randn(3, generator=g.clone_state())])
        return whole(nets, batch, alphas, config, levels, g)

    monkeypatch.setattr(train, "training_loss", watched)
    monkeypatch.setattr(networks, "build_unet", partial(model.build_unet, (16, 16, 32)))
    table = _table(sorted(data.caption_words(data.DataConfig(), 50)))
    batch = views.Views(shards, table).batch(count, np.random.default_rng(0))
    alphas = model.build_scheduler().alphas_cumprod
    flushes = flushes_subnormals()
    loss = train._slopes(networks.Networks(table), batch, alphas, train.TrainConfig(batch=count), 5)
    assert np.isfinite(loss) and flushes_subnormals() == flushes
    levels = torch.cat(seen[::2]).sort().values
    assert len(levels) == count
    torch.testing.assert_close(levels.diff(), torch.full((count - 1,), 1 / count))
    if count > 1:
        assert not torch.equal(seen[1], seen[3])


def test_camera_distribution_covers_what_the_product_samples() -> None:
    product, trained = CameraRange(elevation_deg=ELEVATIONS), data.CAMERAS
    for name in ("elevation_deg", "distance", "fov_y_deg"):
        low, high = getattr(trained, name)
        assert low <= getattr(product, name)[0] and getattr(product, name)[1] <= high
