"""Zero-1-to-3: its layout, the picture and the relative camera it is told, whole runs on it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import trimesh
from PIL import Image, ImageDraw

from backend.cameras import orbit, turntable
from backend.cli import main
from backend.errors import InputError, PriorError
from backend.guidance.base import Views
from backend.guidance.distil import GuidanceConfig, distil
from backend.guidance.priors import load_prior
from backend.guidance.zero123 import relative_camera
from backend.job import Job, RunFiles, new_context
from backend.pipeline import _about_ignored, generate
from backend.reference.picture import Reference, load_reference
from tests.tiny_job import TINY
from tests.tiny_models import write_json
from tests.tiny_zero123 import write_zero123


def write_picture(path: Path, color=(190, 30, 40)) -> Path:
    picture = Image.new("RGBA", (96, 96))
    ImageDraw.Draw(picture).rounded_rectangle((20, 30, 70, 80), 12, fill=color)
    picture.save(path)
    return path


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_picture(tmp_path_factory.mktemp("picture") / "box.png")


@pytest.fixture(scope="module")
def reference(picture: Path) -> Reference:
    return load_reference(picture)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_zero123(tmp_path_factory.mktemp("zero123") / "zero123")


def predict(prior, noisy, cameras, scale=1.0):
    return prior.predict_x0(noisy, torch.full((len(noisy),), 500), Views(cameras), scale)


def noise(count: int = 3) -> torch.Tensor:
    return torch.randn(count, 4, 8, 8, generator=torch.Generator().manual_seed(0))


def at(azimuth: float, elevation: float, distance: float = 3.0):
    one = torch.ones(1)
    return orbit(one * azimuth, one * elevation, one * distance, one * 40)


def test_the_relative_camera_is_the_paper_s() -> None:
    """get_T of the published data set: polar angles fall as cameras rise; azimuths turn against
    the clock from above."""
    got = relative_camera(at(120.0, 50.0), at(30.0, 20.0))[0]
    expected = torch.tensor([-math.radians(30), 1.0, 0.0, 0.0])
    torch.testing.assert_close(got, expected, atol=1e-6, rtol=0)
    farther = relative_camera(at(0.0, 0.0, 3.3), at(0.0, 0.0))[0, 3]
    assert farther == pytest.approx(0.185, abs=1e-5)
    stable = relative_camera(at(120.0, 50.0), at(30.0, 20.0), stable=True)[0, 3]
    assert stable == pytest.approx(math.radians(70))


def test_camera_and_picture_are_told_and_branches_keep_theirs(
    folder: Path, reference: Reference, tmp_path: Path
) -> None:
    prior = load_prior(folder, "", reference=reference)
    first = predict(prior, noise(), turntable(3))
    assert not torch.allclose(first, predict(prior, noise(), turntable(6)[[1, 3, 5]]))
    green = load_reference(write_picture(tmp_path / "green.png", (20, 200, 60)))
    other = load_prior(folder, "", reference=green)
    assert not torch.allclose(first, predict(other, noise(), turntable(3)))
    unguided = predict(prior, noise(), turntable(3), 0.0)
    torch.testing.assert_close(unguided, predict(other, noise(), turntable(3), 0.0))
    both = predict(prior, noise(), turntable(3), 4.0)
    torch.testing.assert_close(both, unguided + 4 * (first - unguided), rtol=1e-3, atol=1e-3)


def test_the_picture_s_latents_stand_beside_the_noisy_ones_unscaled(
    folder: Path, reference: Reference
) -> None:
    prior = load_prior(folder, "", reference=reference)
    white = reference.over(torch.ones(1, 3), prior.image_size)
    mode = prior.encode.vae.encode(white * 2 - 1, return_dict=False)[0].mode()
    asked: dict[str, torch.Tensor] = {}
    prior.unet.register_forward_pre_hook(lambda _, inputs: asked.update(sample=inputs[0]))
    prior.denoise(noise(1), torch.tensor([500]), Views(turntable(1)), ("negative", "prompt"))
    assert asked["sample"].shape == (2, 8, 8, 8) and (asked["sample"][0, 4:] == 0).all()
    torch.testing.assert_close(asked["sample"][1, 4:], mode[0])


@pytest.mark.parametrize(
    "name,noted,pulled,stable",
    [
        ("any", True, None, True),  # our converter's word counts most
        ("stable-zero123", False, "x/stable-zero123-diffusers", False),
        ("any", None, "ashawkey/stable-zero123-diffusers", True),  # then where it is from
        ("my stable folder", None, "bennyguo/zero123-xl-diffusers", False),
        ("Stable-Zero123", None, None, True),  # then its name
        ("stable-zero123", None, "mine.ckpt", True),
        ("any", None, None, False),
    ],
)
def test_stable_zero123_is_known_by_what_was_noted_of_it(
    name: str, noted, pulled, stable: bool, reference: Reference, tmp_path: Path
) -> None:
    kind = ["clip_camera_projection/zero123", "Zero123Pipeline"]
    folder = write_zero123(tmp_path / name, pipeline=kind)
    if noted is not None:
        write_json(folder / "model_index.json", {"_class_name": kind, "stable_zero123": noted})
    if pulled is not None:
        write_json(folder / "pulled.json", {"repository": pulled})
    prior = load_prior(folder, "", reference=reference)
    assert prior.stable == stable and prior.default_guidance_scale == 5.0 and prior.sees_image


def test_words_beside_the_picture_are_said_to_be_ignored(
    folder: Path, picture: Path, tmp_path: Path
) -> None:
    reference = load_reference(picture)
    prior = load_prior(folder, "a red chair", "a blue chair", reference=reference)
    assert prior.ignored_words == ("a", "red", "chair", "blue")
    assert load_prior(folder, "", reference=reference).ignored_words == ()
    said = _about_ignored(prior)
    assert "reads no words: 'a', 'red', 'chair', 'blue'" in said and "embedded" not in said


def test_what_it_cannot_do_is_said(folder: Path, reference: Reference, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--image"):
        load_prior(folder, "a red chair")
    prior = load_prior(folder, "", reference=reference)
    with pytest.raises(PriorError, match="cameras"):
        prior.denoise(noise(1), torch.tensor([500]), Views(None), ("prompt",))
    broken = write_zero123(tmp_path / "broken")
    (broken / "clip_camera_projection" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(PriorError, match="clip_camera_projection"):
        load_prior(broken, "", reference=reference)


SAYS_WHY = {"sds-bridge": "free text"}


@pytest.mark.parametrize(
    "name", ["x0", "sds", "sjc", "vsd", "csd", "nfsd", "ism", "sdi", "sds-bridge", "rfds"]
)
def test_every_distillation_runs_on_it_or_says_why(
    name: str, folder: Path, reference: Reference
) -> None:
    prior = load_prior(folder, "", reference=reference)
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1)).requires_grad_()
    if name in SAYS_WHY:
        with pytest.raises(InputError, match=SAYS_WHY[name]):
            distil(prior, GuidanceConfig(name))
        return
    guidance = distil(prior, GuidanceConfig(name))
    drawn = torch.Generator().manual_seed(2)
    guidance.loss(images, Views(turntable(2)), 0.5, drawn).backward()
    assert images.grad.isfinite().all() and images.grad.abs().max() > 0


def test_a_picture_alone_becomes_a_prop(folder: Path, picture: Path, tmp_path: Path) -> None:
    config = replace(TINY, gaussians=replace(TINY.gaussians, steps=6))
    job = Job("", prior=str(folder), config=config, image=picture)
    notes: list[str] = []
    context = new_context(job, torch.device("cpu"))
    files = RunFiles(tmp_path / "prop.glb", tmp_path / "checkpoint")
    result = generate(job, files, context, notes.append)
    assert result.files[0].stat().st_size > 1000 and notes == []
    assert "shaded" in context.curves["gaussians"][0]


def test_its_network_is_found_under_the_name_that_it_is_published_by(tmp_path: Path) -> None:
    """bennyguo/zero123-xl-diffusers calls it "fp16_ema"."""
    folder = write_zero123(tmp_path / "prior")
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    reference = load_reference(write_picture(tmp_path / "box.png"))
    plain = load_prior(folder, "", reference=reference)
    file.rename(file.with_name("diffusion_pytorch_model.fp16_ema.safetensors"))
    renamed = load_prior(folder, "", reference=reference)
    for one, other in zip(plain.unet.parameters(), renamed.unet.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_mesh_is_not_refined_by_it_and_that_is_said(tmp_path: Path, capsys) -> None:
    folder = write_zero123(tmp_path / "prior")
    trimesh.creation.icosphere(1).export(tmp_path / "ball.ply")
    command = ["refine", str(tmp_path / "ball.ply"), "a red chair", "--prior", str(folder)]
    command += ["-o", str(tmp_path / "out.ply"), "--checkpoint-dir", str(tmp_path / "run")]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "refined by words" in said and "choose another --prior" in said
    assert "--image" not in said and not (tmp_path / "run").exists()
