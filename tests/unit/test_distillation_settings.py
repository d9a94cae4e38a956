"""--set NAME=VALUE: every distillation's own settings, read, refused, listed, part of the job."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest

from backend import request
from backend.checkpoint import CheckpointFolder
from backend.cli import main
from backend.cli_checks import default_checkpoint_dir
from backend.cli_parser import build_parser
from backend.errors import CheckpointError, InputError
from backend.guidance import csd, distillations, sdi, vsd, x0
from backend.guidance.distil import GuidanceConfig, choose, settings_of
from backend.guidance.distillations import DISTILLATIONS
from backend.guidance.priors import load_prior
from backend.guidance.students import StudentConfig
from backend.job import Job
from backend.request import job_from
from shared.messages import Settings
from tests.tiny_job import TINY
from tests.tiny_models import write_embedded


def settings(name: str, *asked: str):
    return choose(GuidanceConfig(), name, None, asked).settings


def test_values_are_read_by_their_types() -> None:
    asked = ("particles=3", "student.rank = 8", "student.t_range=0.1:0.9", "weighting=uniform")
    found = settings("vsd", *asked, "guidance_scale=none")
    assert found == vsd.Config(None, "uniform", 3, StudentConfig(rank=8, t_range=(0.1, 0.9)))
    assert settings("csd", "negative_weight=5e-1") == csd.Config(negative_weight=0.5)
    assert settings("sdi", "inversion_scale=-3") == sdi.Config(inversion_scale=-3.0)
    assert settings("sjc", "variance_reduction=off").variance_reduction is False
    kept = choose(GuidanceConfig(settings=x0.Config(rescale=0.5)), None, 3.0, ["rescale=0.25"])
    assert kept.settings == x0.Config(3.0, 0.25)


REFUSED = {
    ("vsd", "particels=2"): "--distillation vsd has no setting 'particels'; it has guidance_scale",
    ("vsd", "particles=two"): "particles must be a whole number from 1 to 16, not 'two'",
    ("vsd", "particles=17"): "particles must be a whole number from 1 to 16",
    ("vsd", "particles=2.0"): "a whole number",
    ("vsd", "student.learning_rate=nan"): "a number from 1e-08 to 1",
    ("vsd", "student.t_range=0.5"): "MIN:MAX, both from 0 to 1",
    ("vsd", "student.t_range=0.9:0.1"): "MIN:MAX",
    ("vsd", "student=4"): "no setting 'student'",
    ("csd", "weighting=heavy"): "one of dreamfusion, uniform, fantasia, x0",
    ("sds", "rescale=1.5"): "a number from 0 to 1",
    ("sjc", "variance_reduction=2"): "true or false",
    ("x0", "particles=2"): "--distillation x0 has no setting 'particles'",
}


@pytest.mark.parametrize("name,asked", REFUSED)
def test_what_cannot_be_set_is_said_in_a_sentence(name: str, asked: str) -> None:
    with pytest.raises(InputError) as caught:
        settings(name, asked)
    said = str(caught.value)
    assert REFUSED[name, asked] in said and said.count(". ") == 0 and said.endswith(".")


def test_a_setting_twice_is_refused() -> None:
    with pytest.raises(InputError, match="given twice"):
        settings("vsd", "particles=2", "particles=3")


@pytest.mark.parametrize("name", DISTILLATIONS)
def test_each_one_is_listed_and_takes_its_own_default(name: str, capsys) -> None:
    listed = settings_of(name)
    assert listed[0].name == "guidance_scale" and all(one.about for one in listed)
    plain = settings(name, "guidance_scale=none")
    for one in listed:
        value = one.default
        text = (
            "none"
            if value is None
            else ":".join(map(str, value))
            if type(value) is tuple
            else value
        )
        assert settings(name, f"{one.name}={text}") == plain, one.name
    assert main(["models", "show", name]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n{one.name} " in shown for one in listed)
    assert main(["models", "show", name, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["settings"]
    assert [row["name"] for row in rows] == [one.name for one in listed]


def test_the_command_line_and_the_wire_make_the_same_job() -> None:
    words = ["generate", "p", "-o", "x.glb", "--distillation", "vsd"]
    words += ["--set", "particles=2", "--set", "student.rank=8"]
    here = job_from(build_parser().parse_args(words))
    sent = Settings(
        "p", distillation="vsd", distillation_settings=("particles=2", "student.rank=8")
    )
    assert here == job_from(sent)
    assert here.config.guidance.settings == vsd.Config(particles=2, student=StudentConfig(rank=8))
    assert here != job_from(build_parser().parse_args(words[:-2]))
    dirs = {default_checkpoint_dir(build_parser().parse_args(words[:n])) for n in (6, 8, 10)}
    assert len(dirs) == 3  # --resume finds each one's own


@pytest.mark.skipif(sys.platform == "win32", reason="the path is a POSIX one")
def test_a_job_without_settings_keeps_its_checkpoint_folder() -> None:
    """The name is what commit 5220817, which had no --set, makes of this request."""
    asked = Namespace(
        output=Path("/nowhere/chair.glb"), prompt="a red chair", seed=3, preset="draft"
    )
    asked.distillation_settings = None
    assert default_checkpoint_dir(asked).name == "013a8fdddf0c1960"
    asked.distillation_settings = ["particles=2"]
    assert default_checkpoint_dir(asked).name != "013a8fdddf0c1960"


@pytest.mark.parametrize("name", ["csd", "ism", "sdi", "sds-bridge"])
def test_a_checkpoint_of_an_older_formula_is_not_gone_on_with(
    name: str, tmp_path: Path, monkeypatch
) -> None:
    config = replace(TINY, guidance=GuidanceConfig(name))
    folder = write_embedded(tmp_path / "prior")
    job, prior = Job("a red chair", prior=str(folder), config=config), load_prior(folder, "a chair")
    with monkeypatch.context() as older:
        older.delitem(distillations.REVISIONS, name)
        with CheckpointFolder(tmp_path / "run", job.identity(prior)) as begun:
            begun.save("gaussians", {"step": 1})
    with pytest.raises(CheckpointError, match=r"of another job \(revision"):
        CheckpointFolder(tmp_path / "run", job.identity(prior), resume=True).__enter__()
    assert "revision" not in replace(job, config=TINY).identity(prior)


def test_it_is_part_of_the_job(tmp_path: Path, monkeypatch, capsys) -> None:
    """Refused before anything is written; the same setting makes the same file, another another."""
    monkeypatch.setattr(
        request, "PRESETS", {"draft": replace(TINY, gaussians=replace(TINY.gaussians, steps=2))}
    )
    prior = write_embedded(tmp_path / "prior")
    output, run = tmp_path / "prop.glb", tmp_path / "run"
    command = ["generate", "a red chair", "-o", str(output), "--prior", str(prior)]
    command += ["--checkpoint-dir", str(run), "--distillation", "vsd"]
    assert main([*command, "--set", "particles=0"]) == 2
    assert "particles must be" in capsys.readouterr().err
    assert main([*command, "--set", "particles"]) == 2
    assert "'particles' is not NAME=VALUE" in capsys.readouterr().err
    assert not output.exists() and not run.exists()
    assert main([*command, "--set", "student.rank=2"]) == 0
    first = output.read_bytes()
    assert main([*command, "--set", "student.rank=2"]) == 0 and output.read_bytes() == first
    assert main([*command, "--set", "student.learning_rate=0.1"]) == 0
    assert output.read_bytes() != first
