"""MVDream: conversion (its names: test_published_layouts.py), attention across views, cameras."""

import pytest
import torch
from safetensors.torch import load_file

from backend.cameras import CameraRange, turntable
from backend.errors import PriorError
from backend.guidance import pulling
from backend.guidance.base import Views
from backend.guidance.distil import GuidanceConfig, distil
from backend.guidance.mvdream import convert_mvdream
from backend.guidance.priors import load_prior
from tests.fake_hub import nothing_listed
from tests.original_layout import PREFIX, write_original
from tests.tiny_models import write_stable_diffusion


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mvdream")
    base = write_stable_diffusion(folder / "base", layout="2.1")
    network = write_original(folder / "sd-v2.1-base-4view.pt", base)
    convert_mvdream(folder / "sd-v2.1-base-4view.pt", base, folder / "out")
    return folder, network


def predict(prior, noisy, cameras, scale=1.0):
    return prior.predict_x0(noisy, torch.full((len(noisy),), 500), Views(cameras), scale)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_conversion_keeps_every_tensor(made):
    folder, network = made
    written = load_file(folder / "out/unet/diffusion_pytorch_model.safetensors")
    assert written.keys() == network.state_dict().keys()
    assert all(torch.equal(written[name], t) for name, t in network.state_dict().items())


@pytest.mark.parametrize("change", ["missing", "over", "shape"])
def test_a_checkpoint_that_does_not_fit_is_refused(made, change, tmp_path):
    folder, _ = made
    state = torch.load(folder / "sd-v2.1-base-4view.pt", weights_only=True)
    if change == "missing":
        del state[PREFIX + "camera_embed.2.bias"]
    elif change == "over":
        state[PREFIX + "label_emb.0.0.weight"] = torch.zeros(1)
    else:
        state[PREFIX + "out.2.bias"] = torch.zeros(7)
    torch.save(state, tmp_path / "bad.pt")
    with pytest.raises(PriorError, match="does not fit"):
        convert_mvdream(tmp_path / "bad.pt", folder / "base", tmp_path / "out")


def test_views_of_a_group_see_each_other_and_no_others(made):
    prior = load_prior(made[0] / "out", "a red chair")
    noisy = torch.randn(8, 4, 8, 8, generator=seeded())
    cameras = turntable(4)[[0, 1, 2, 3, 0, 1, 2, 3]]
    before = predict(prior, noisy, cameras)
    changed = noisy.clone()
    changed[1] += 1
    moved = (predict(prior, changed, cameras) - before).abs().amax((1, 2, 3))
    assert (moved[:4] > 1e-6).all() and (moved[4:] < 1e-6).all()


def test_the_camera_is_told_and_branches_keep_theirs(made):
    prior = load_prior(made[0] / "out", "a red chair", "blue")
    noisy = torch.randn(4, 4, 8, 8, generator=seeded())
    first = predict(prior, noisy, turntable(4))
    other = predict(prior, noisy, turntable(8)[[1, 3, 5, 7]])
    assert not torch.allclose(first, other)
    unguided, prompted = (predict(prior, noisy, turntable(4), s) for s in (0.0, 1.0))
    got = predict(prior, noisy, turntable(4), 3.0)
    expected = unguided + 3 * (prompted - unguided)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)
    assert prior.unet.camera is None


def test_our_front_is_theirs(made):
    """Their props face +x: the first of the four views of their t2i.py stands there (azimuth 90 of
    cameras that are at -y at 0), threestudio's front is there, and DreamGaussian counts so, too."""
    prior = load_prior(made[0] / "out", "a red chair")
    poses = prior.poses(turntable(4, elevation_deg=0.0)).reshape(4, 4, 4)
    front = [[0.0, 0, 1, 1], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]  # right is +y
    torch.testing.assert_close(poses[0], torch.tensor(front), atol=1e-6, rtol=0)
    places = torch.tensor([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
    torch.testing.assert_close(poses[:, :3, 3], places, atol=1e-6, rtol=0)
    above = prior.poses(turntable(1, elevation_deg=30.0)).reshape(4, 4)[:3, 3]
    torch.testing.assert_close(above, torch.tensor([0.75**0.5, 0, 0.5]))


def test_what_it_cannot_do_is_said(made):
    prior = load_prior(made[0] / "out", "a red chair")
    noisy = torch.randn(3, 4, 8, 8)
    with pytest.raises(PriorError, match="groups of 4"):
        predict(prior, noisy, turntable(3))
    assert "front" not in prior.branches and prior.views_together == 4


def test_cameras_come_in_groups_around_the_prop():
    cameras = CameraRange(together=4).sample(7, seeded())
    assert len(cameras) == 8
    azimuth = cameras.azimuth_deg.reshape(2, 4)
    torch.testing.assert_close(azimuth.diff(dim=1), torch.full((2, 3), 90.0))
    assert cameras.elevation_deg.reshape(2, 4).std(1).max() < 1e-5
    alone, same = (CameraRange(together=1).sample(4, seeded(3)) for _ in range(2))
    torch.testing.assert_close(alone.azimuth_deg, same.azimuth_deg)


def test_vsd_and_rescaled_x0_run_on_it(made):
    images = torch.rand(4, 3, 16, 16, generator=seeded()).requires_grad_()
    for name in ("x0", "vsd"):
        guidance = distil(load_prior(made[0] / "out", "a red chair"), GuidanceConfig(name))
        assert getattr(guidance.rule, "rescale", 0.5) == 0.5
        images.grad = None
        guidance.loss(images, Views(turntable(4)), 0.5, seeded()).backward()
        assert images.grad.isfinite().all() and images.grad.abs().max() > 0


def test_contrast_is_pulled_back_for_the_four_views_together(made):
    """As in their code: one deviation a group, so that views keep their contrast to each other."""
    prior = load_prior(made[0] / "out", "a red chair")
    noisy = (
        torch.randn(8, 4, 8, 8, generator=seeded()) * torch.linspace(0.2, 2, 8)[:, None, None, None]
    )
    t, views = torch.full((8,), 500), Views(turntable(8)[[0, 2, 4, 6, 1, 3, 5, 7]])
    plain, wanted = (prior.predict_x0(noisy, t, views, scale) for scale in (9.0, 1.0))
    got = prior.predict_x0(noisy, t, views, 9.0, rescale=0.5)
    for group in (slice(0, 4), slice(4, 8)):
        factor = 0.5 + 0.5 * wanted[group].std() / plain[group].std()
        torch.testing.assert_close(got[group], plain[group] * factor, rtol=1e-4, atol=1e-4)


def test_pulling_it_pulls_what_it_shares_and_converts(tmp_path, monkeypatch):
    import huggingface_hub

    monkeypatch.setenv("PROPSMITH_MODELS", str(tmp_path / "models"))

    def download(repository, revision, allow_patterns, local_dir):
        if "MVDream" in repository:
            local_dir.mkdir(parents=True)
            write_original(local_dir / "sd-v2.1-base-4view.pt", tmp_path / "models" / "sd21")
        else:
            write_stable_diffusion(local_dir, layout="2.1")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(huggingface_hub, "model_info", nothing_listed)
    folder = pulling.pull("mvdream")
    assert pulling.faults(folder) == [] and not list(folder.rglob("*.pt"))
    assert load_prior("mvdream", "a red chair").default_guidance_scale == 50.0
