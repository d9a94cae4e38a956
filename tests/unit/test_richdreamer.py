"""RichDreamer: both published layouts, what each network is told, a whole run on it."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from backend.cameras import orbit, turntable
from backend.errors import PriorError
from backend.guidance import places, pulling
from backend.guidance.base import Views, draw_backgrounds, wants_nearness
from backend.guidance.distil import GuidanceConfig, distil
from backend.guidance.perp_neg import PerpNeg, around
from backend.guidance.priors import load_prior
from backend.guidance.richdreamer import (
    ALBEDO,
    NORMAL,
    PARTS,
    SHADED,
    RichDreamerPrior,
    convert_richdreamer,
)
from backend.guidance.students import compute_blocks_again
from backend.job import Job, RunFiles, new_context
from backend.pipeline import generate
from tests.fake_hub import nothing_listed
from tests.original_layout import PREFIX, write_original
from tests.tiny_job import TINY
from tests.tiny_models import write_stable_diffusion

FILES = ("nd_mv_ema.ckpt", "albedo_mv_ema.ckpt")
HUB: dict[str, dict] = {
    "stable-diffusion-v1-5": {},
    "stable-diffusion-2-1": {"layout": "2.1", "seed": 3},
}
FLIPPED = torch.tensor([-1.0, 1.0, 1.0, 1.0]).view(1, 4, 1, 1)


def write_checkpoints(folder: Path, sd15: Path, sd21: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Both files as published, their tensors below "state_dict"; the networks that they hold."""
    albedo = {"in_channels": 5, "seed": 1}
    networks = {
        NORMAL: write_original(folder / FILES[0], sd15),
        ALBEDO: write_original(folder / FILES[1], sd21, **albedo),
    }
    for file in FILES:
        state = torch.load(folder / file, weights_only=True)
        torch.save({"state_dict": state | {"betas": torch.zeros(3)}}, folder / file)
    return {name: network.state_dict() for name, network in networks.items()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("richdreamer")
    sd15 = write_stable_diffusion(folder / "sd15", **HUB["stable-diffusion-v1-5"])
    sd21 = write_stable_diffusion(folder / "sd21", **HUB["stable-diffusion-2-1"])
    states = write_checkpoints(folder, sd15, sd21)
    convert_richdreamer(folder / FILES[0], folder / FILES[1], sd15, sd21, folder / "out")
    return folder, states


@pytest.fixture(scope="module")
def prior(made: tuple[Path, dict]) -> RichDreamerPrior:
    found = load_prior(made[0] / "out", "a red chair")
    assert isinstance(found, RichDreamerPrior)
    return found


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def views(domain: str, nearness: torch.Tensor | None = None) -> Views:
    return Views(turntable(4), domain, nearness=nearness)


def some_nearness(seed: int = 0) -> torch.Tensor:
    return torch.rand(4, 1, 16, 16, generator=seeded(seed))


def ask(prior, domain: str, nearness=None, scale: float = 1.0) -> torch.Tensor:
    size = 8 if domain == SHADED else 32
    noisy = torch.randn(4, 4, size, size, generator=seeded())
    return prior.predict_x0(noisy, torch.full((4,), 500), views(domain, nearness), scale)


@pytest.mark.parametrize("part", [NORMAL, ALBEDO])
def test_conversion_keeps_every_tensor(made, part: str) -> None:
    folder, states = made
    written = load_file(folder / "out" / part / "unet" / "diffusion_pytorch_model.safetensors")
    assert written.keys() == states[part].keys()
    assert all(torch.equal(written[name], tensor) for name, tensor in states[part].items())


@pytest.mark.parametrize("change", ["missing", "over", "shape", "swapped"])
def test_a_checkpoint_that_does_not_fit_is_refused(made, change: str, tmp_path: Path) -> None:
    folder, _ = made
    state = torch.load(folder / FILES[change == "swapped"], weights_only=True)["state_dict"]
    if change == "missing":
        del state[PREFIX + "camera_embed.2.bias"]
    elif change == "over":
        state[PREFIX + "label_emb.0.0.weight"] = torch.zeros(1)
    elif change == "shape":
        state[PREFIX + "out.2.bias"] = torch.zeros(7)
    torch.save({"state_dict": state}, tmp_path / "bad.ckpt")
    bases = (folder / "sd15", folder / "sd21")
    with pytest.raises(PriorError, match="does not fit"):
        convert_richdreamer(tmp_path / "bad.ckpt", folder / FILES[1], *bases, tmp_path / "out")


class Harmful:
    def __reduce__(self):
        return (print, ("this must not run",))


@pytest.mark.parametrize("damage", ["code", "cut", "empty", "text"])
def test_a_damaged_or_harmful_file_is_one_sentence(
    made, damage: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder, _ = made
    bad = tmp_path / "bad.ckpt"
    if damage == "code":
        torch.save({"state_dict": {}, "more": Harmful()}, bad)
    elif damage == "cut":
        bad.write_bytes((folder / FILES[0]).read_bytes()[:2000])
    else:
        bad.write_bytes(b"" if damage == "empty" else pickle.dumps("no tensors"))
    bases = (folder / "sd15", folder / "sd21")
    with pytest.raises(PriorError, match=r"bad\.ckpt"):
        convert_richdreamer(bad, folder / FILES[1], *bases, tmp_path / "out")
    assert "this must not run" not in capsys.readouterr().out


def test_normals_are_turned_and_nearness_stands_behind_them(prior: RichDreamerPrior) -> None:
    pictures = torch.rand(4, 3, 32, 32, generator=seeded())
    near = torch.rand(4, 1, 32, 32, generator=seeded(1)).requires_grad_()
    latents = prior.encode(pictures, seeded(), views(NORMAL, near))
    plain = torch.cat([pictures, near], 1) * 2 - 1
    torch.testing.assert_close(latents, plain * FLIPPED)
    latents.square().sum().backward()
    assert near.grad is not None and near.grad.abs().max() > 0


def test_every_domain_has_a_network_of_its_own(prior: RichDreamerPrior) -> None:
    assert prior.domains == PARTS and prior.views_together == 4 and len(prior.network) == 3
    near, far = some_nearness(), some_nearness(1)
    assert ask(prior, SHADED).shape[-1] == 8
    assert ask(prior, NORMAL).shape == ask(prior, ALBEDO, near).shape == (4, 4, 32, 32)
    assert not torch.allclose(ask(prior, ALBEDO, near), ask(prior, ALBEDO, far))
    with pytest.raises(PriorError, match="how near"):
        ask(prior, ALBEDO)
    with pytest.raises(PriorError, match="not orm"):
        ask(prior, "orm")


def test_albedo_is_guided_by_ten_at_most(prior: RichDreamerPrior) -> None:
    near = some_nearness()
    assert torch.equal(ask(prior, ALBEDO, near, 50.0), ask(prior, ALBEDO, near, 10.0))
    assert not torch.equal(ask(prior, ALBEDO, near, 5.0), ask(prior, ALBEDO, near, 10.0))
    assert not torch.equal(ask(prior, NORMAL, None, 50.0), ask(prior, NORMAL, None, 10.0))


def test_the_pose_tells_the_distance_within_what_they_trained(prior: RichDreamerPrior) -> None:
    one = torch.ones(4)
    half = torch.tensor([0.5, 0.8, 0.9, 2.0]) / torch.tan(torch.deg2rad(one * 20))
    cameras = orbit(one * 0, one * 0, half, one * 40)
    poses = prior.parts[NORMAL].poses(cameras).reshape(4, 4, 4)  # type: ignore[attr-defined]
    told = torch.tensor([1.6, 1.6, 1.8, 2.0])
    torch.testing.assert_close(poses[:, :3, 3].norm(dim=1), told)
    assert (poses[:, 1, 3] < 0).all()  # in front of a prop that faces -y


def test_depths_beside_the_albedo_are_those_of_pixels_not_means(prior: RichDreamerPrior) -> None:
    asked: dict[str, torch.Tensor] = {}
    part = prior.parts[ALBEDO]
    handle = part.unet.register_forward_pre_hook(lambda _, inputs: asked.update(x=inputs[0]))
    near = (torch.rand(4, 1, 24, 24, generator=seeded()) > 0.5).float()
    noisy = torch.randn(4, 4, 8, 8, generator=seeded(1))
    part.denoise(noisy, torch.full((4,), 500), replace(views(ALBEDO), nearness=near), ("prompt",))
    handle.remove()
    assert set(asked["x"][:, 4].unique().tolist()) == {-1.0, 1.0}


def test_nearness_is_theirs() -> None:
    """(distance + 1.732 - depth) / 3.464, from the paper's code."""
    cameras = turntable(2, elevation_deg=0.0)  # from -y and from +y
    points = torch.tensor([[0.0, -1.0, 0.3], [0.0, 9.0, 0.0], [0.0, 0.0, 0.0]])
    front, back = cameras.nearness(points[None])
    torch.testing.assert_close(front, torch.tensor([0.5 + 1 / 3.4641016, 0.0, 0.5]))
    torch.testing.assert_close(back, torch.tensor([0.5 - 1 / 3.4641016, 1.0, 0.5]))


def test_backgrounds_are_those_of_the_domain(prior: RichDreamerPrior) -> None:
    assert draw_backgrounds(prior, 1, seeded(), NORMAL).tolist() == [[0.5, 0.5, 1.0]]
    assert draw_backgrounds(prior, 1, seeded(), ALBEDO).tolist() == [[1.0, 1.0, 1.0]]
    drawn = torch.rand(1, 3, generator=seeded())
    assert torch.equal(draw_backgrounds(prior, 1, seeded(), SHADED), drawn)
    assert wants_nearness(prior, NORMAL) and not wants_nearness(prior, SHADED)


@pytest.mark.parametrize("domain", PARTS)
def test_vsd_learns_whichever_network_is_asked(made, domain: str) -> None:
    guidance = distil(load_prior(made[0] / "out", "a red chair"), GuidanceConfig("vsd"))
    images = torch.rand(4, 4, 16, 16, generator=seeded()).requires_grad_()
    before = {k: v.clone() for k, v in guidance.state_dict()["adapter"].items()}
    guidance.loss(images, views(domain), 0.5, seeded()).backward()
    assert images.grad is not None and images.grad[:, :3].abs().max() > 0
    after = guidance.state_dict()["adapter"]
    moved = {name for name in after if not torch.equal(before[name], after[name])}
    assert f"cameras.{PARTS.index(domain)}.2.weight" in moved  # it is told where it looks from
    assert {name.split("/")[0].split(".")[1] for name in moved} == {str(PARTS.index(domain))}


def test_vsd_s_student_hears_no_side_where_the_network_is_not_told_the_camera(made) -> None:
    prior = load_prior(made[0] / "out", "a red chair")
    student = distil(prior, GuidanceConfig("vsd")).rule.student
    shown = views(SHADED)
    size = prior.encode(torch.rand(4, 3, 16, 16, generator=seeded()), seeded(), shown).shape
    noisy, t = torch.randn(size, generator=seeded()), torch.full((4,), 500)
    with torch.no_grad():
        learnt = student.predict_x0(noisy, t, shown)
        (plain,) = prior.denoise(noisy, t, replace(shown, cameras=None), ("prompt",))
        (sided,) = prior.denoise(noisy, t, shown, ("prompt",))
    torch.testing.assert_close(learnt, plain)
    assert not torch.allclose(learnt, sided)


def test_each_of_its_networks_can_compute_its_blocks_again(prior: RichDreamerPrior) -> None:
    compute_blocks_again(prior.network, 0)
    assert all(unet.is_gradient_checkpointing for unet in prior.network)


@pytest.mark.parametrize("scale", [1.0, 7.5, 50.0])
def test_perp_neg_is_that_of_the_network_that_reads_sides(made, scale: float) -> None:
    prior = load_prior(made[0] / "out", "a red chair", "blue")
    avoiding = around(prior)
    lonely = ask(PerpNeg(prior.parts[SHADED]), SHADED, scale=scale)
    assert torch.equal(ask(avoiding, SHADED, scale=scale), lonely)
    assert not torch.allclose(lonely, ask(prior, SHADED, scale=scale))
    for domain in (NORMAL, ALBEDO):
        near = some_nearness()
        told = [ask(asked, domain, near, scale) for asked in (prior, avoiding)]
        assert torch.equal(*told)


def test_a_prop_is_made_of_normals_albedo_and_light(made, tmp_path: Path) -> None:
    config = replace(TINY, gaussians=replace(TINY.gaussians, steps=6))
    job = Job("a red chair", prior=str(made[0] / "out"), config=config)
    context = new_context(job, torch.device("cpu"))
    files = RunFiles(tmp_path / "prop.glb", tmp_path / "checkpoint")
    generate(job, files, context, lambda _: None)
    assert files.output.stat().st_size > 1000
    curves = {stage: {n for step in steps for n in step} for stage, steps in context.curves.items()}
    assert {"albedo", "normal"} <= curves["gaussians"]
    assert {"normal", "shaded"} <= curves["mesh"]
    assert curves["materials"] & {"albedo", "shaded"}


def test_pulling_it_pulls_both_bases_and_converts(tmp_path: Path, monkeypatch, made) -> None:
    import huggingface_hub

    monkeypatch.setenv("PROPSMITH_MODELS", str(tmp_path / "models"))

    def snapshot(repository, revision, allow_patterns, local_dir):
        (base,) = (base for name, base in HUB.items() if name in repository)
        write_stable_diffusion(local_dir, **base)

    def download(address, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((made[0] / path.name).read_bytes())

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    monkeypatch.setattr(huggingface_hub, "model_info", nothing_listed)
    monkeypatch.setattr(places, "download", download)
    monkeypatch.setattr(places, "listed", lambda model, revision: dict.fromkeys(FILES, ""))
    folder = pulling.pull("richdreamer")
    assert pulling.faults(folder) == [] and not list(folder.rglob("*.ckpt"))
    assert load_prior("richdreamer", "a red chair").weights_hash == (
        load_prior(made[0] / "out", "a red chair").weights_hash
    )
