"""MVDream: the published layout name by name, conversion, attention across views, cameras."""

import json

import pytest
import torch
from safetensors.torch import load_file

from backend.cameras import CameraRange, turntable
from backend.errors import PriorError
from backend.guidance import pulling
from backend.guidance.base import Views
from backend.guidance.distil import GuidanceConfig, distil
from backend.guidance.ldm_keys import original_name
from backend.guidance.mvdream import blender_poses, build_network, convert_mvdream
from backend.guidance.priors import load_prior
from tests.tiny_models import write_stable_diffusion

PREFIX = "model.diffusion_model."
STABLE_DIFFUSION_2 = {  # the UNet of the published Stable Diffusion 2.1-base
    "_class_name": "UNet2DConditionModel",
    "sample_size": 32,
    "block_out_channels": [320, 640, 1280, 1280],
    "layers_per_block": 2,
    "attention_head_dim": [5, 10, 20, 20],
    "cross_attention_dim": 1024,
    "use_linear_projection": True,
    "down_block_types": [*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"],
    "up_block_types": ["UpBlock2D", *["CrossAttnUpBlock2D"] * 3],
}


def published(levels=4, blocks=2, attends=(True, True, True, False), skips=None):
    """Every tensor's name in the original layout, counted up as its blocks run: mvdream/configs/
    sd-v2-base.yaml has channel_mult 1 2 4 4, 2 residual blocks a level, attention at 1 2 4."""

    def pair(name):
        return [f"{name}.weight", f"{name}.bias"]

    def residual(name, wider):
        inner = ["in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3"]
        return [
            n for part in [*inner, *["skip_connection"] * wider] for n in pair(f"{name}.{part}")
        ]

    def attention(name):
        block = f"{name}.transformer_blocks.0"
        linear = [f"{block}.attn{k}.to_{x}.weight" for k in (1, 2) for x in "qkv"]
        biased = [f"{block}.attn{k}.to_out.0" for k in (1, 2)]
        biased += [f"{block}.norm{k}" for k in (1, 2, 3)]
        biased += [f"{block}.ff.net.0.proj", f"{block}.ff.net.2"]
        biased += [f"{name}.{part}" for part in ("norm", "proj_in", "proj_out")]
        return linear + [n for part in biased for n in pair(part)]

    names = [*pair("time_embed.0"), *pair("time_embed.2"), *pair("camera_embed.0")]
    names += [*pair("camera_embed.2"), *pair("input_blocks.0.0"), *pair("out.0"), *pair("out.2")]
    index = 1
    for level in range(levels):
        for block in range(blocks):
            wider = block == 0 and level in skips
            names += residual(f"input_blocks.{index}.0", wider)
            names += attention(f"input_blocks.{index}.1") if attends[level] else []
            index += 1
        if level < levels - 1:
            names += pair(f"input_blocks.{index}.0.op")
            index += 1
    names += residual("middle_block.0", False) + residual("middle_block.2", False)
    names += attention("middle_block.1")
    index = 0
    for level in reversed(range(levels)):
        for block in range(blocks + 1):
            names += residual(f"output_blocks.{index}.0", True)
            names += attention(f"output_blocks.{index}.1") if attends[level] else []
            if level and block == blocks:
                names += pair(f"output_blocks.{index}.{1 + attends[level]}.conv")
            index += 1
    return names


def test_every_name_of_the_published_layout_is_met_and_none_is_left():
    with torch.device("meta"):
        ours = build_network(STABLE_DIFFUSION_2).state_dict()
    theirs = [original_name(name, 2, (False, True, True, True)) for name in ours]
    expected = published(skips=(1, 2))
    assert len(set(theirs)) == len(theirs) == len(expected) == 690
    assert set(theirs) == set(expected)
    shapes = {
        original_name(n, 2, (False, True, True, True)): tuple(t.shape) for n, t in ours.items()
    }
    assert shapes["camera_embed.0.weight"] == (1280, 16)
    assert shapes["input_blocks.4.0.skip_connection.weight"] == (640, 320, 1, 1)
    assert shapes["input_blocks.1.1.proj_in.weight"] == (320, 320)
    assert shapes["output_blocks.2.1.conv.weight"] == (1280, 1280, 3, 3)
    assert shapes["output_blocks.5.2.conv.weight"] == (1280, 1280, 3, 3)
    assert shapes["output_blocks.11.1.transformer_blocks.0.attn2.to_k.weight"] == (320, 1024)


def write_original(path, base, seed=0):
    """A checkpoint as published, of the tiny network's shapes."""
    config = json.loads((base / "unet" / "config.json").read_text()) | {"sample_size": 32}
    torch.manual_seed(seed)
    network = build_network(config)
    attends = tuple("CrossAttn" in kind for kind in config["up_block_types"])
    state = {
        PREFIX + original_name(name, config["layers_per_block"], attends): tensor
        for name, tensor in network.state_dict().items()
    }
    state["first_stage_model.encoder.conv_in.weight"] = torch.zeros(1)
    torch.save(state, path)
    return network


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mvdream")
    base = write_stable_diffusion(folder / "base")
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


def test_poses_are_those_of_the_paper_s_cameras():
    """At azimuth 0 the camera stands in front (-y), its back axis towards the viewer."""
    front = blender_poses(turntable(4, elevation_deg=0.0))[0].reshape(4, 4)
    expected = [[1.0, 0, 0, 0], [0, 0, -1, -1], [0, 1, 0, 0], [0, 0, 0, 1]]
    torch.testing.assert_close(front, torch.tensor(expected), atol=1e-6, rtol=0)


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


def test_pulling_it_pulls_what_it_shares_and_converts(tmp_path, monkeypatch):
    import huggingface_hub

    monkeypatch.setenv("PROPSMITH_MODELS", str(tmp_path / "models"))

    def download(repository, revision, allow_patterns, local_dir):
        if "MVDream" in repository:
            local_dir.mkdir(parents=True)
            write_original(local_dir / "sd-v2.1-base-4view.pt", tmp_path / "models" / "sd21")
        else:
            write_stable_diffusion(local_dir)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    folder = pulling.pull("mvdream")
    assert pulling.faults(folder) == [] and not list(folder.rglob("*.pt"))
    assert load_prior("mvdream", "a red chair").default_guidance_scale == 50.0
