"""`propsmith generate --prior X --distillation Y` for every X and Y: a prop, or a sentence.

Tiny random models in each official layout and as few steps as there can be; slow for their number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import pytest

from backend import request
from backend.cli import main
from backend.guidance import sd3
from backend.guidance.distillations import DISTILLATIONS
from backend.guidance.priors import PRIORS
from tests.tiny_job import TINY
from tests.tiny_zero123 import write_picture
from tests.unit.test_pairs import WHY_NOT, WRITERS


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("priors")
    return cache(lambda name: WRITERS[name](root / name))


@pytest.fixture
def small(monkeypatch) -> None:
    """Two steps a stage; Stable Diffusion 3, which takes any size, at that of the others."""
    few = {
        name: replace(getattr(TINY, name), steps=2) for name in ("gaussians", "mesh", "materials")
    }
    monkeypatch.setattr(request, "PRESETS", {"draft": replace(TINY, **few)})
    monkeypatch.setattr(sd3, "SD3Config", partial(sd3.SD3Config, image_size=16))


@pytest.mark.slow
@pytest.mark.parametrize("distillation", DISTILLATIONS)
@pytest.mark.parametrize("name", PRIORS)
def test_a_pair_makes_a_prop_or_says_why_not(
    name: str, distillation: str, folder_of, small, tmp_path: Path, capsys
) -> None:
    output = tmp_path / "prop.glb"
    command = ["generate", "a red chair", "-o", str(output), "--preset", "draft"]
    command += ["--prior", str(folder_of(name)), "--distillation", distillation]
    command += ["--checkpoint-dir", str(tmp_path / "run")]
    if PRIORS[name].sees_image:
        command += ["--image", str(write_picture(tmp_path))]
    code = main(command)
    said = capsys.readouterr().err.strip().splitlines()
    if (name, distillation) in WHY_NOT:
        assert code == 2 and WHY_NOT[name, distillation] in said[-1] and not output.exists()
    else:
        assert code == 0 and output.read_bytes()[:4] == b"glTF", said
