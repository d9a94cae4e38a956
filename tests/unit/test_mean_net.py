"""The mean of what words and a camera name: units, layout, and a run from views to a prior."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from backend.cameras import turntable
from backend.errors import InputError, PriorError, StorageError
from backend.guidance.base import DOMAINS, Views
from backend.guidance.mean_net import LATENTS, SIZE, MeanNet, centred, layout, resized, uncentred
from backend.guidance.priors import load_prior
from backend.guidance.prop_conditioning import camera_features, condition_vector, network_inputs
from backend.training import data, mean_train, meanings, model, networks, pack, train
from backend.training.pictures import compose, random_backgrounds

SMALL = {"width": 16, "blocks": 1, "camera_width": 8, "features": 4}


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _gbuffers(count: int = 3) -> torch.Tensor:
    """Random, times a coverage that is 0, 1 or between."""
    g = _seeded(0)
    buffers = torch.rand(count, 9, SIZE, SIZE, generator=g)
    buffers[:, 8] = (buffers[:, 8] * 3 - 1).clamp(0, 1)
    return torch.cat([buffers[:, :8] * buffers[:, 8:], buffers[:, 8:]], 1)


def _pictures(gbuffers: torch.Tensor, background: torch.Tensor) -> torch.Tensor:
    """(B, 3, 3, H, W): albedo, normals and ORM over one background, in [-1, 1]."""
    coverage = gbuffers[:, 8:]
    orm = torch.cat([coverage, gbuffers[:, 6:8]], 1)
    shown = torch.stack([gbuffers[:, :3], gbuffers[:, 3:6], orm], 1)
    return 2 * (shown + ((1 - coverage) * background[:, :, None, None])[:, None]) - 1


@pytest.mark.parametrize("wrong", [slice(0, 9), slice(8, 9), slice(0, 6)])
def test_centred_errors_are_those_of_the_pictures_over_training_s_backgrounds(wrong) -> None:
    """Where all is wrong, the coverage alone, or colours and normals alone."""
    true = _gbuffers(2)
    found = true.clone()
    found[:, wrong] += 0.1 * torch.randn(true.shape, generator=_seeded(1))[:, wrong]
    torch.testing.assert_close(uncentred(centred(true)), true)
    backgrounds = random_backgrounds(1500, _seeded(2))
    errors = [
        (_pictures(found, b.expand(2, 3)) - _pictures(true, b.expand(2, 3))).square().mean()
        for b in backgrounds
    ]
    assert 4 * F.mse_loss(centred(found), centred(true)) == pytest.approx(
        float(torch.stack(errors).mean()), rel=0.05
    )


def test_a_true_g_buffer_s_layout_is_the_picture_that_training_shows() -> None:
    """Shrunk as mean_train.py reads views, against pictures.py's picture of the whole."""
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 256, (12, 4, 4, 9), np.uint8)  # 16 pixels alike: no mean of a normal
    corners[..., 8] = 255 * (corners[..., 8] > 99)
    views = torch.from_numpy(corners.repeat(16, 1).repeat(16, 2))
    images, backgrounds, domain = compose(views, torch.tensor([[0.0, 1.0, 0.0]] * 12), _seeded(0))
    small = torch.from_numpy(mean_train.shrunk(views.numpy())).float() / 255
    own = F.pixel_shuffle(layout(small, backgrounds, domain), 2)[:, :3] / 2 + 0.5
    wanted = F.avg_pool2d(images, 2)
    unlit = domain != DOMAINS.index("shaded")
    assert unlit.sum() > 4
    torch.testing.assert_close(own[unlit], wanted[unlit], atol=0.006, rtol=0)


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_layout_shows_the_domain_s_picture_and_the_g_buffer(domain: str) -> None:
    true, backgrounds = _gbuffers(), torch.rand(3, 3)
    shown = layout(true, backgrounds, torch.full((3,), DOMAINS.index(domain)))
    assert shown.shape == (3, LATENTS, SIZE // 2, SIZE // 2)
    whole = F.pixel_shuffle(shown, 2)
    place = {"shaded": 0, "albedo": 0, "normal": 1, "orm": 2}[domain]
    torch.testing.assert_close(whole[:, :3], _pictures(true, backgrounds)[:, place])
    torch.testing.assert_close(whole[:, 3:], true * 2 - 1)


def test_the_mean_is_saved_whole_and_hears_words_and_camera(tmp_path) -> None:
    torch.manual_seed(0)
    net = MeanNet(words=20, **SMALL)
    for block in net.blocks:
        torch.nn.init.normal_(block.moved.weight)
    net.save_pretrained(tmp_path)
    again = MeanNet.from_pretrained(tmp_path)
    words, cameras = torch.randn(2, 4, 5), torch.randn(2, 11)
    found, state = net(words, cameras)
    assert found.shape == (2, 9, SIZE, SIZE) and state.shape == (2, 16)
    torch.testing.assert_close(again(words, cameras)[0], found)
    assert not torch.allclose(net(words.flip(0), cameras)[0], found)
    assert not torch.allclose(net(words, cameras.flip(0))[0], found)


def _blob(deviation: float, shift: float) -> torch.Tensor:
    """(1, SIZE, SIZE): a bell of so many pixels, as far right of and below the middle."""
    away = torch.arange(SIZE) - (SIZE - 1) / 2 - shift
    bell = torch.exp(-((away / deviation) ** 2) / 2)
    return (bell[:, None] * bell)[None]


def test_resized_pictures_are_smaller_and_larger_about_their_middle() -> None:
    pictures = torch.stack([_blob(3.0, 2.0), _blob(3.0, 2.0), _blob(3.0, -2.0)])
    found = resized(pictures, torch.tensor([1.0, 1.25, 0.8]))
    wanted = torch.stack([_blob(3.0, 2.0), _blob(2.4, 1.6), _blob(3.75, -2.5)])
    torch.testing.assert_close(found, wanted, atol=0.02, rtol=0)
    assert torch.equal(found[0], pictures[0])
    full = resized(torch.ones(1, 2, SIZE, SIZE), torch.tensor([2.0]))
    assert full[0, 1, 16, 16] == pytest.approx(1) and full[0, 0, 0, 0] == 0  # beyond the border


def test_a_mean_at_one_size_resizes_to_its_cameras_and_leaves_unknown_ones_alone() -> None:
    torch.manual_seed(0)
    net, free = MeanNet(words=20, zoom=0.1, **SMALL), MeanNet(words=20, **SMALL)
    free.load_state_dict(net.state_dict())
    words = torch.randn(1, 4, 5)
    cameras = [
        camera_features(turntable(1, 10.0, distance))
        for distance in (math.exp(0.1) / math.tan(math.radians(20)), 4.0)
    ]
    same, far = (net(words, camera)[0] for camera in cameras)
    torch.testing.assert_close(same, free(words, cameras[0])[0], atol=1e-4, rtol=0)
    smaller = 4.0 * math.tan(math.radians(20)) / math.exp(0.1)
    torch.testing.assert_close(far, resized(same, torch.tensor([smaller])), atol=1e-3, rtol=0)
    nowhere = torch.zeros(1, 11)
    torch.testing.assert_close(net(words, nowhere)[0], free(words, nowhere)[0])


def test_an_unknown_background_is_grey_to_the_mean() -> None:
    torch.manual_seed(0)
    net = MeanNet(words=20, **SMALL)
    words, noisy = torch.randn(1, 4, 5), torch.randn(1, 48, 16, 16)
    grey = condition_vector(torch.zeros(1, 11), torch.full((1, 3), 0.5), torch.tensor([1]))
    unknown = grey.clone()
    unknown[:, 11:15] = 0
    found, other = (network_inputs(noisy, v, words, net)[0] for v in (grey, unknown))
    torch.testing.assert_close(found, other)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """64 views of chairs and mugs, and a table of their words with random meanings."""
    folder = tmp_path_factory.mktemp("shards")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "SHARD_VIEWS", 64)
        patch.setattr(data, "VIEWS_PER_PROP", 4)
        sources = data.DataConfig(kinds=("chair", "mug"), variety=0.3)
        data.write_shard(folder, 3, sources)
        words = sorted(data.caption_words(sources, 50))
    vectors = F.normalize(torch.randn(len(words), meanings.SIZE), dim=-1)
    meanings.save(meanings.WordTable(words, len(words), meanings.quantised(vectors)), folder)
    return folder


def _learner(shards, held: bool) -> tuple[mean_train.Learner, mean_train.SmallViews]:
    torch.manual_seed(0)
    table = meanings.load(shards)
    text = model.build_text_encoder(table.words, table.taught, table.meanings)
    text.requires_grad_(not held)
    config = mean_train.MeanConfig(batch=16, warmup=1)
    learner = mean_train.Learner(MeanNet(**SMALL), text, table.words, config)
    return learner, mean_train.SmallViews(shards, table.words)


@pytest.mark.parametrize("held", [False, True])
def test_training_the_mean_lowers_its_loss_and_resumes(shards, held: bool) -> None:
    """30 steps in one go, and 10 and 20, end with the same weights; held words stay."""

    def run(learner: mean_train.Learner, views, steps: int) -> list[float]:
        for losses in learner.steps(views, lambda: 0.5):
            if learner.step == steps:
                return losses
        raise AssertionError("the loop ended early")

    whole, views = _learner(shards, held)
    before = {k: v.clone() for k, v in whole.text.state_dict().items()}

    @torch.no_grad()
    def loss() -> float:
        """On the same pictures, captions and dropout each time."""
        some = views.batch(256, np.random.default_rng(5))
        return float(mean_train.mean_loss(whole.mean, whole.text, some, whole.config, _seeded(3)))

    at_first = loss()
    run(whole, views, 30)
    assert loss() < 0.7 * at_first
    same = all(torch.equal(before[k], v) for k, v in whole.text.state_dict().items())
    assert same == held

    first, _ = _learner(shards, held)
    run(first, views, 10)
    second, _ = _learner(shards, held)
    second.load_state_dict(first.state_dict())
    run(second, views, 30)
    for name, value in whole.mean.state_dict().items():
        torch.testing.assert_close(second.mean.state_dict()[name], value, msg=name)
    for part in ("mean", "text"):
        for name, value in whole.average[part].items():
            torch.testing.assert_close(second.average[part][name], value, msg=name)
    assert second.state_dict()["held"] == held


def test_a_full_disk_keeps_the_last_state_and_says_so(shards, tmp_path) -> None:
    """The system lets no file grow beyond a few KB, as where the disk is full."""
    resource = pytest.importorskip("resource", reason="no such limits on Windows")
    learner, _ = _learner(shards, True)
    learner.save(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises(StorageError, match="free some space there, then give the same command"):
            learner.save(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.fixture(scope="module")
def packed(shards, tmp_path_factory):
    """A prior of a few steps, by the commands' functions: mean, train, pack, and again with
    another run that starts from a prior without a mean."""
    folder = tmp_path_factory.mktemp("packed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "build_unet", partial(model.build_unet, (16, 16, 32)))
        patch.setattr(mean_train, "MeanNet", partial(MeanNet, **SMALL))
        patch.setattr(pack, "LEAST_VIEWS", 1)
        config = train.TrainConfig(batch=8, total_steps=2, warmup=1)
        train.train(shards, folder / "plain_run", 1.0, config)
        pack.pack(folder / "plain_run", folder / "plain", shards)
        mean_train.train_mean(
            shards, folder / "mean_run", 0.02, mean_train.MeanConfig(batch=16), folder / "plain"
        )
        train.train(shards, folder / "run", 1.0, config, folder / "plain", folder / "mean_run")
        resumed = train.TrainConfig(batch=8, total_steps=4, warmup=1)
        train.train(shards, folder / "run", 1.0, resumed)
        pack.pack(folder / "run", folder / "prior", shards)
    return folder


def test_a_packed_prior_is_shown_its_mean(packed) -> None:
    index = json.loads((packed / "prior" / "model_index.json").read_text())
    assert index["training_steps"] == 4 and "mean" in index
    prior = load_prior(packed / "prior", "a chair")
    cameras = turntable(2, 15.0)
    noisy, t = torch.randn(2, 48, 16, 16), torch.tensor([500, 900])
    for domain in DOMAINS:
        x0 = prior.predict_x0(noisy, t, Views(cameras, domain, torch.rand(2, 3)), 3.0)
        assert x0.shape == noisy.shape and x0.isfinite().all()
    plain = load_prior(packed / "plain", "a chair")
    assert plain.mean is None and prior.weights_hash != plain.weights_hash


def test_the_mean_and_its_words_are_held_while_the_denoiser_trains(packed) -> None:
    run = torch.load(packed / "run" / "state.pt", weights_only=True)
    mean = torch.load(packed / "mean_run" / "mean.pt", weights_only=True)
    for part in ("mean", "text"):
        for name, value in mean["average"][part].items():
            assert torch.equal(run["nets"][f"{part}.{name}"], value), name
    assert mean["held"] and mean["step"] > 1


def test_what_is_missing_is_told(packed, tmp_path) -> None:
    with pytest.raises(InputError, match="training mean"):
        networks.load_mean(tmp_path, meanings.load(packed / "run"))
    copy = shutil.copytree(packed / "prior", tmp_path / "prior")
    (copy / "mean" / "model.safetensors").unlink()
    with pytest.raises(PriorError, match="mean"):
        load_prior(copy, "a chair")


@pytest.mark.parametrize("name", ["words", "camera"])
def test_a_mean_of_other_conditions_is_refused(packed, tmp_path, name: str) -> None:
    copy = shutil.copytree(packed / "prior", tmp_path / "prior")
    config = json.loads((copy / "mean" / "config.json").read_text())
    MeanNet(**(config | {name: config[name] + 1})).save_pretrained(copy / "mean")
    with pytest.raises(PriorError, match="other conditions"):
        load_prior(copy, "a chair")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_the_mean_s_files_count_in_the_prior_s_hash(packed, tmp_path, name: str) -> None:
    copy = shutil.copytree(packed / "prior", tmp_path / "prior")
    before = load_prior(copy, "a chair").weights_hash
    if name == "config.json":
        (copy / "mean" / name).write_text((copy / "mean" / name).read_text() + "\n")
    else:
        state = load_file(copy / "mean" / name)
        save_file({k: v + 1 for k, v in state.items()}, copy / "mean" / name)
    assert load_prior(copy, "a chair").weights_hash != before


def test_a_mean_goes_on_from_a_prior_s_and_only_from_its(packed, shards, tmp_path) -> None:
    """Continued, resumed without naming the prior again, and read by that prior's network."""
    config, prior = mean_train.MeanConfig(batch=16), packed / "prior"
    small = partial(model.build_unet, (16, 16, 32))
    table = meanings.load(shards)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "build_unet", small)
        patch.setattr(mean_train, "MeanNet", partial(MeanNet, **SMALL))
        first = mean_train.begin(tmp_path, table, config, prior)
        for name, value in MeanNet.from_pretrained(prior / "mean").state_dict().items():
            assert torch.equal(first.mean.state_dict()[name], value), name
        mean_train.train_mean(shards, tmp_path, 0.01, config, prior)
        again = mean_train.begin(tmp_path, table, config, None)
        assert again.step > 0 and again.state_dict()["held"]
        nets = networks.load_mean(tmp_path, table)
        networks.adopt(nets, prior)
        # The network of a prior with a mean, by itself: it holds that mean.
        assert train.begin(table, {}, prior, None).mean is not None

        stranger = networks.Networks(table, MeanNet(**SMALL))
        stranger.text.load_state_dict(nets.text.state_dict())
        with pytest.raises(InputError, match="not trained from"):
            networks.adopt(stranger, prior)
        deaf = networks.Networks(table, nets.mean, nets.began)
        with pytest.raises(InputError, match="other words"):
            networks.adopt(deaf, prior)
        with pytest.raises(InputError, match="other words"):
            networks.load_mean(tmp_path, meanings.WordTable(["x"], 1, table.meanings[:1]))


def test_the_command_says_what_is_wrong_in_a_sentence(packed, shards, tmp_path) -> None:
    words = [sys.executable, "-m", "backend.training", "train", str(shards), str(tmp_path / "run")]
    found = subprocess.run([*words, "--mean", str(tmp_path)], capture_output=True, text=True)
    assert found.returncode == 2 and "training mean" in found.stderr
    assert "Traceback" not in found.stderr and not (tmp_path / "run" / "state.pt").exists()


def test_packing_without_a_mean_leaves_none(packed, shards, tmp_path) -> None:
    copy = shutil.copytree(packed / "prior", tmp_path / "prior")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "build_unet", partial(model.build_unet, (16, 16, 32)))
        patch.setattr(pack, "LEAST_VIEWS", 1)
        pack.pack(packed / "plain_run", copy, shards)
    assert not (copy / "mean").exists()
    assert load_prior(copy, "a chair").mean is None


def test_a_prior_without_a_mean_answers_as_before_once_it_is_shown_one(packed) -> None:
    """The mean begins with no say."""
    torch.manual_seed(0)
    table = meanings.load(packed / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "build_unet", partial(model.build_unet, (16, 16, 32)))
        mean = MeanNet(**SMALL)
        plain, shown = networks.Networks(table), networks.Networks(table, mean)
        for nets in (plain, shown):
            networks.adopt_words(nets.text, packed / "plain")
            networks.adopt(nets, packed / "plain")
    noisy, t, words = torch.randn(2, 48, 16, 16), torch.tensor([5, 900]), torch.randn(2, 10, 128)
    vector = condition_vector(torch.randn(2, 11), torch.rand(2, 3), torch.tensor([0, 2]))
    answers = []
    for nets in (plain, shown):
        pixels, labels = network_inputs(noisy, vector, words, nets.mean)
        answers.append(nets.unet(pixels, t, words, class_labels=labels).sample)
    torch.testing.assert_close(answers[1], answers[0], atol=1e-5, rtol=1e-4)
    assert answers[0].std() > 0
