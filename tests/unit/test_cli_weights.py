"""`propsmith models list --json`, `pull` and `check`, and `doctor`, without a network."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import replace

import pytest

from backend.cli import main
from backend.guidance import pulling
from backend.guidance import shipped as shipping
from backend.guidance.catalogue import SOURCES
from backend.guidance.distillations import DISTILLATIONS
from backend.guidance.priors import PRIORS, find_folder
from tests.fake_hub import nothing_listed
from tests.tiny_models import write_embedded, write_stable_diffusion


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setenv("PROPSMITH_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with one repository; the others are gone. Notes what it was asked."""
    weights, asked = write_stable_diffusion(tmp_path / "published"), []

    def download(repository, revision, allow_patterns, local_dir):
        asked.append((repository, revision))
        assert not any("bin" in p or "ckpt" in p for p in allow_patterns)
        if repository != "Manojb/stable-diffusion-2-1-base":
            raise OSError("404 not found")
        shutil.copytree(weights, local_dir, dirs_exist_ok=True)
        note = local_dir / ".cache/huggingface/download/model_index.json.metadata"
        note.parent.mkdir(parents=True)
        note.write_text("abc123\netag\n")

    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(huggingface_hub, "model_info", nothing_listed)
    return asked


def _json(capsys) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_list_names_priors_and_distillations(models, capsys) -> None:
    assert main(["models", "list", "--json"]) == 0
    found = _json(capsys)
    assert [row["name"] for row in found["priors"]] == list(PRIORS)
    assert found["distillations"] == list(DISTILLATIONS)
    rows = {row["name"]: row for row in found["priors"]}
    assert rows["embedded"]["here"] and not rows["sd15"]["here"]
    assert rows["sdxl"]["licence"] and rows["sdxl"]["download_gb"] > 1


def test_list_tells_people_sizes_licences_and_memory(models, capsys) -> None:
    assert main(["models", "list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    for name, source in SOURCES.items():
        assert f"{source.download_gb:g} GB, " in lines[name] and source.licence in lines[name]
        assert f"{source.memory_gb:g} GB of a GPU" in lines[name]
        assert f"propsmith models pull {name}" in lines[name]
        assert ("accepted on the hub" in lines[name]) == source.gated
    assert "in the package" in lines["embedded"]


def test_pull_tells_what_comes_beside_it(models, hub, capsys) -> None:
    assert main(["models", "pull", "mvdream"]) == 2  # its own place is gone from this hub
    said = capsys.readouterr().err.splitlines()[0]
    assert said.startswith("mvdream: about 5.2 GB")
    assert "sd21, which comes first: about 2.6 GB" in said and "RAIL++" in said
    assert (models / "sd21" / pulling.RECORD).is_file()
    main(["models", "pull", "mvdream"])
    assert "sd21" not in capsys.readouterr().err.splitlines()[0]


def test_everything_that_does_not_ship_can_be_pulled() -> None:
    assert set(SOURCES) == {name for name, entry in PRIORS.items() if entry.folder is None}


def test_pull_goes_on_to_a_mirror_and_check_sees_a_changed_byte(models, hub, capsys) -> None:
    assert main(["models", "pull", "sd21"]) == 0
    assert "RAIL" in capsys.readouterr().err
    assert [name for name, _ in hub] == [place.repository for place in SOURCES["sd21"].places]
    record = json.loads((models / "sd21" / pulling.RECORD).read_text())
    assert (
        record["revision"] == SOURCES["sd21"].places[1].revision
        and "unet/config.json" in record["files"]
    )
    assert find_folder("sd21") == models / "sd21"
    assert main(["models", "check", "sd21", "--json"]) == 0
    assert _json(capsys)["whole"] is True
    file = models / "sd21/unet/diffusion_pytorch_model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    (models / "sd21/vae/config.json").unlink()
    assert main(["models", "check", "sd21"]) == 2
    said = capsys.readouterr().err
    assert "diffusion_pytorch_model.safetensors has changed" in said
    assert "vae/config.json is missing" in said


def test_what_cannot_be_pulled_is_one_sentence(models, hub, capsys) -> None:
    assert main(["models", "pull", "sd3"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "404 not found" in said and "licence must be accepted" in said
    assert hub[0][1] == SOURCES["sd3"].places[0].revision
    assert main(["models", "pull", "embedded"]) == 2
    assert "nothing to pull" in capsys.readouterr().err
    assert main(["models", "check", "sd3"]) == 2
    assert "'sd3' is not here: propsmith models pull sd3" in capsys.readouterr().err
    (models / "sd3.pulling").mkdir(parents=True)
    assert main(["models", "check", "sd3"]) == 2
    assert "not completed" in capsys.readouterr().err


def test_the_weights_that_ship_are_checked(models, capsys) -> None:
    assert main(["models", "check", "embedded", "--json"]) == 0
    found = _json(capsys)
    assert found["whole"] is True and len(found["sha256"]) == 64
    assert main(["models", "check", "embedded"]) == 0
    assert found["sha256"] in capsys.readouterr().out


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A tiny prior that ships; its package's RECORD as an installer writes it."""
    folder = write_embedded(tmp_path / "site" / "backend" / "weights" / "embedded")
    site, noted = tmp_path / "site", tmp_path / "site" / "propsmith-1.0.dist-info"
    noted.mkdir()
    (noted / "METADATA").write_text("Metadata-Version: 2.1\nName: propsmith\nVersion: 1.0\n")
    lines = [
        f"{path.relative_to(site)},sha256={shipping._as_noted(path)},{path.stat().st_size}"
        for path in sorted(folder.rglob("*.*"))
        if path.is_file()
    ]
    (noted / "RECORD").write_text("\n".join(lines) + "\n")
    distribution = shipping.metadata.PathDistribution(noted)
    monkeypatch.setattr(shipping.metadata, "distribution", lambda _: distribution)
    monkeypatch.setitem(PRIORS, "embedded", replace(PRIORS["embedded"], folder=folder))
    return folder


def test_files_that_ship_are_compared_with_what_was_installed(models, shipped, capsys) -> None:
    assert main(["models", "check", "embedded", "--json"]) == 0
    count = len([path for path in shipped.rglob("*.*") if path.is_file()])
    assert _json(capsys)["compared"] == count
    config = shipped / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text() + "\n")
    assert main(["models", "check", "embedded"]) == 2
    assert "scheduler_config.json has changed" in capsys.readouterr().err


def test_a_shipped_file_cut_short_is_found_without_a_record(
    models, shipped, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(shipping, "installed_hashes", lambda _: {})
    (file,) = (shipped / "unet").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-8])
    assert main(["models", "check", "embedded"]) == 2
    assert "can't be loaded" in capsys.readouterr().err


def test_a_name_that_is_not_here_says_how_to_fetch_it(models, tmp_path, capsys) -> None:
    output = str(tmp_path / "chair.glb")
    assert main(["generate", "a chair", "-o", output, "--prior", "sdxl"]) == 2
    assert "propsmith models pull sdxl" in capsys.readouterr().err


def test_doctor_says_what_fits(models, capsys) -> None:
    assert main(["doctor", "--json"]) == 0
    found = _json(capsys)
    assert found["models"] == str(models) and found["missing"] == []
    assert set(found["priors"]) == set(PRIORS) and found["priors"]["embedded"]["fits"]
    assert main(["doctor"]) == 0
    assert "prior sdxl" in capsys.readouterr().out


@pytest.mark.parametrize("there, installed", [("0.18.0", True), ("1.0", True), ("0.9.2", False)])
def test_doctor_names_a_peft_that_is_too_old(
    models, monkeypatch, capsys, there: str, installed: bool
) -> None:
    from backend.guidance import distillations

    monkeypatch.setattr(distillations, "version", lambda name: there)
    assert main(["doctor", "--json"]) == 0
    assert _json(capsys)["optional"]["peft"] == installed
    assert main(["doctor"]) == 0
    said = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("peft:"))
    assert ("install Propsmith again" in said) != installed


def test_doctor_weighs_the_memory_there_is() -> None:
    from backend.cli_doctor import _fit

    assert _fit(12.0, {"memory_gb": 24.0}, 8.0)["fits"]
    assert "hours" in _fit(12.0, {"memory_gb": 8.0}, 32.0)["why"]
    assert not _fit(12.0, None, 16.0)["fits"]
    small = {"memory_gb": 8.0}
    assert "one by one" in _fit(12.0, small, 32.0, streamed=7.0)["why"]
    assert not _fit(12.0, small, 16.0, streamed=9.0)["fits"]


def test_doctor_weighs_main_memory_beside_the_gpu() -> None:
    from backend.cli_doctor import _fit

    large, small = {"memory_gb": 24.0}, {"memory_gb": 8.0}
    assert _fit(16.0, large, 16.0, streamed=6.0, host=16.0)["fits"]
    short = _fit(16.0, large, 8.0, streamed=6.0, host=16.0)
    assert not short["fits"] and "16 GB of main memory" in short["why"]
    streamed = _fit(12.0, small, 8.0, streamed=7.0, host=6.0)
    assert not streamed["fits"] and "12 GB of main memory" in streamed["why"]
    assert _fit(16.0, large, None, host=16.0)["fits"]
    assert "GPU with" in _fit(16.0, small, 16.0, streamed=9.0, host=6.0)["why"]


def test_doctor_does_not_count_on_a_gpu_that_gsplat_is_absent_for(models, monkeypatch, capsys):
    """Jobs of `--device auto` run on the CPU there."""
    from backend import cli_doctor

    monkeypatch.setattr(cli_doctor, "_gpu", lambda: {"name": "A card", "memory_gb": 80.0})
    find, why = importlib.util.find_spec, {}
    for there in (True, False):
        monkeypatch.setattr(
            cli_doctor.importlib.util,
            "find_spec",
            lambda name, there=there: there or None if name == "gsplat" else find(name),
        )
        assert main(["doctor", "--json"]) == 0
        why[there] = _json(capsys)["priors"]["sdxl"]["why"]
        assert main(["doctor"]) == 0
        said = capsys.readouterr().out
        assert ("so the GPU is not used: pip install 'propsmith[cuda]'" in said) != there
    assert "of the GPU's memory" in why[True] and "of the GPU's memory" not in why[False]
