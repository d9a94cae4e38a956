"""The table of pairs: every prior with every distillation runs, or says in a sentence why not.

Tiny random models in each official layout; the real ones differ in width alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from backend.cameras import turntable
from backend.cli import main
from backend.errors import InputError
from backend.guidance import perp_neg
from backend.guidance.base import Prior, Views, wants_nearness
from backend.guidance.distil import GuidanceConfig, distil
from backend.guidance.distillations import DISTILLATIONS, TIMESTEPS
from backend.guidance.priors import PRIORS, load_prior
from backend.guidance.schedules import between
from backend.reference.picture import load_reference
from tests.every_prior import CONFIGS, WRITERS
from tests.tiny_zero123 import write_picture

NO_WORDS = "use one of free text"
WHY_NOT = {
    ("embedded", "sds-bridge"): NO_WORDS,
    ("zero123", "sds-bridge"): NO_WORDS,
    ("stable-zero123", "sds-bridge"): NO_WORDS,
}
TOLD_THE_CAMERA = {"embedded", "mvdream", "zero123", "stable-zero123"}  # whatever is asked


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("priors")
    return cache(lambda name: WRITERS[name](root / name))


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_picture(tmp_path_factory.mktemp("picture"))


@pytest.fixture(scope="module")
def prior_of(folder_of, picture: Path) -> Callable[[str], Prior]:
    def load(name: str) -> Prior:
        sees = PRIORS[name].sees_image
        reference = load_reference(picture) if sees else None
        prompt = "" if sees else "a red chair"
        config = CONFIGS.get(name)
        return load_prior(folder_of(name), prompt, config=config, reference=reference)

    return cache(load)


def test_the_table_knows_every_prior() -> None:
    assert set(WRITERS) == set(PRIORS)
    assert {distillation for _, distillation in WHY_NOT} <= set(DISTILLATIONS)


@pytest.mark.parametrize("distillation", DISTILLATIONS)
@pytest.mark.parametrize("name", PRIORS)
def test_a_pair_runs_in_every_domain_or_says_why_not(name: str, distillation: str, prior_of):
    prior, config = prior_of(name), GuidanceConfig(distillation)
    if (name, distillation) in WHY_NOT:
        with pytest.raises(InputError, match=WHY_NOT[name, distillation]):
            distil(prior, config)
        return
    guidance = distil(prior, config)
    for timestep, domain in zip((0.7, 0.3, 0.5, 0.2), prior.domains, strict=False):
        channels = 3 + wants_nearness(prior, domain)
        drawn = torch.Generator().manual_seed(1)
        images = torch.rand(4, channels, 16, 16, generator=drawn).requires_grad_()
        guidance.loss(images, Views(turntable(4), domain), timestep, drawn).backward()
        assert images.grad is not None and images.grad.isfinite().all()
        assert images.grad[:, :3].abs().max() > 0


@pytest.mark.parametrize("name", PRIORS)
def test_perp_neg_is_for_priors_that_read_the_side(name: str, prior_of) -> None:
    config = GuidanceConfig("sds", perp_neg=perp_neg.Config())
    if name in TOLD_THE_CAMERA:
        with pytest.raises(InputError, match="told the camera"):
            distil(prior_of(name), config)
        return
    images = torch.rand(2, 3, 16, 16).requires_grad_()
    drawn = torch.Generator().manual_seed(1)
    distil(prior_of(name), config).loss(images, Views(turntable(2)), 0.5, drawn).backward()
    assert images.grad is not None and images.grad.abs().max() > 0


@pytest.mark.parametrize("name,distillation", WHY_NOT)
def test_the_command_line_says_it_in_a_sentence(
    name: str, distillation: str, folder_of, picture: Path, tmp_path: Path, capsys
) -> None:
    command = ["generate", "a red chair", "-o", str(tmp_path / "prop.glb")]
    command += ["--checkpoint-dir", str(tmp_path / "run"), "--image", str(picture)]
    command += ["--prior", str(folder_of(name)), "--distillation", distillation]
    assert main(command) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert NO_WORDS in said[-1] and not (tmp_path / "prop.glb").exists()


@pytest.mark.parametrize("kind", TIMESTEPS)
def test_noise_levels_come_in_the_order_asked_for(kind: str, prior_of) -> None:
    prior, drawn = prior_of("sd15"), torch.Generator().manual_seed(0)
    found = [between((0.6, 0.1), n / 20, kind, drawn, prior) for n in range(21)]
    assert all(0.1 - 1e-9 <= level <= 0.6 for level in found)
    falling = all(a >= b for a, b in pairwise(found))
    assert falling == (kind != "uniform")
    if falling:
        assert found[0] == pytest.approx(0.6, abs=0.02) and found[-1] == pytest.approx(
            0.1, abs=0.02
        )
    halfway = {"annealed": 0.35, "hifa": 0.6 - 0.5 * 0.5**0.5}
    if kind in halfway:
        assert found[10] == pytest.approx(halfway[kind])


@pytest.mark.parametrize("kind", TIMESTEPS)
def test_timesteps_are_those_of_all_stages(kind: str, capsys) -> None:
    from backend.cli_parser import build_parser
    from backend.request import job_from

    given = ["generate", "a red chair", "-o", "prop.glb", "--timesteps", kind]
    config = job_from(build_parser().parse_args(given)).config
    assert config.gaussians.timesteps.kind == kind
    assert config.mesh.schedule == config.materials.schedule == kind
