"""Weights pulled by huggingface_hub itself from a hub on this machine, which fails on demand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from backend.cli import main
from backend.guidance import pulling
from backend.guidance.catalogue import SOURCES
from tests.fake_hub import LARGE, Hub, Repository, served

FIRST, SECOND = (place for place in SOURCES["sd21"].places)
WEIGHTS = "unet/diffusion_pytorch_model.fp16.safetensors"
FILES = {
    "model_index.json": b'{"_class_name": "StableDiffusionPipeline"}',
    "unet/config.json": b"{}",
    WEIGHTS: os.urandom(4 * LARGE),
    "vae/diffusion_pytorch_model.fp16.safetensors": os.urandom(2 * LARGE),
    "text_encoder/model.fp16.safetensors": os.urandom(LARGE),
    "tokenizer/vocab.json": b"{}",
    "unet/diffusion_pytorch_model.bin": b"a pickle, which nobody asks for",
}


@pytest.fixture
def models(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("PROPSMITH_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    return tmp_path / "models"


@pytest.fixture
def hub(models: Path, monkeypatch) -> Iterator[Hub]:
    """Empty; nothing but this machine is asked."""
    with served({}) as hub:
        ask(hub.address, monkeypatch)
        yield hub


def ask(address: str, monkeypatch) -> None:
    """huggingface_hub's own functions at another address; by $HF_ENDPOINT it is read but once."""
    import huggingface_hub
    from huggingface_hub import HfApi, snapshot_download

    there = partial(snapshot_download, endpoint=address)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", there)
    monkeypatch.setattr(huggingface_hub, "model_info", HfApi(address).model_info)


def whole(place=FIRST, **faults) -> dict[str, Repository]:
    return {place.repository: Repository(FILES, commit=place.revision, **faults)}


def refused(capsys, name: str = "sd21") -> str:
    """The one sentence, or two, of a pull that fails."""
    assert main(["models", "pull", name]) == 2
    lines = capsys.readouterr().err.splitlines()
    said = lines[-1]
    assert said.startswith("propsmith: ") and "http:" not in said and "Traceback" not in said
    return said


def test_every_place_on_the_hub_is_pinned_to_a_commit_or_to_the_content_of_its_files() -> None:
    places = [place for source in SOURCES.values() for place in source.places]
    for place in places:
        if not place.repository.startswith(("https://", "modelscope:")):
            pinned = place.revision is not None and len(place.revision) == 40
            assert pinned or set(dict(place.hashes)) == set(place.files) != set(), place
        assert all(len(hash_) == 64 for _, hash_ in place.hashes)


def test_what_is_pulled_is_what_is_asked_for_and_is_pulled_once(hub, models, capsys) -> None:
    hub.repositories |= whole()
    assert main(["models", "pull", "sd21"]) == 0
    assert (models / "sd21" / WEIGHTS).read_bytes() == FILES[WEIGHTS]
    assert not list(models.rglob("*.bin"))
    record = json.loads((models / "sd21" / pulling.RECORD).read_text())
    assert (record["repository"], record["revision"]) == (FIRST.repository, FIRST.revision)
    assert main(["models", "check", "sd21"]) == 0
    asked = len(hub.asked)
    assert main(["models", "pull", "sd21"]) == 0  # whole already
    assert len(hub.asked) == asked
    (models / "sd21" / "vae/diffusion_pytorch_model.fp16.safetensors").unlink()
    assert main(["models", "pull", "sd21"]) == 0  # what is missing comes again, nothing else
    assert hub.sent[WEIGHTS] == len(FILES[WEIGHTS])
    assert main(["models", "check", "sd21"]) == 0


def test_weights_of_another_source_do_not_stay_beside_what_is_pulled(hub, models) -> None:
    """On a CPU the plain file would be preferred to the half-precision one."""
    hub.repositories |= whole()
    left = [
        models / "sd21" / "unet" / name
        for name in (
            "diffusion_pytorch_model.safetensors",
            "diffusion_pytorch_model.safetensors.index.json",
        )
    ]
    left[0].parent.mkdir(parents=True)
    for path in left:
        path.write_bytes(b"converted once")
    assert main(["models", "pull", "sd21"]) == 0
    assert not any(path.exists() for path in left)
    assert (models / "sd21" / WEIGHTS).read_bytes() == FILES[WEIGHTS]


def test_offline_once_pulled_and_in_words_before(hub, models, monkeypatch, capsys) -> None:
    from huggingface_hub import constants

    hub.repositories |= whole()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in refused(capsys) and hub.asked == []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert main(["models", "pull", "sd21"]) == 0
    asked = len(hub.asked)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for action in ("pull", "check"):
        assert main(["models", action, "sd21"]) == 0
    assert len(hub.asked) == asked


def test_a_repository_that_is_gone_leaves_the_mirror(hub, models) -> None:
    hub.repositories |= whole(SECOND)
    assert main(["models", "pull", "sd21"]) == 0
    record = json.loads((models / "sd21" / pulling.RECORD).read_text())
    assert record["repository"] == SECOND.repository


def test_bytes_that_are_not_the_hub_s_own_are_deleted_and_the_mirror_asked(
    hub, models, capsys
) -> None:
    hub.repositories |= whole(wrong=True)
    said = refused(capsys)
    assert "came damaged and is deleted" in said and "it is gone, or not public" in said
    damaged = {name for name in FILES if not (models / "sd21" / name).exists()}
    assert damaged & {name for name, content in FILES.items() if len(content) >= LARGE}
    assert main(["models", "check", "sd21"]) == 2
    hub.repositories |= whole(SECOND)
    assert main(["models", "pull", "sd21"]) == 0
    assert pulling.faults(models / "sd21") == []
    assert all((models / "sd21" / n).read_bytes() == c for n, c in FILES.items() if ".bin" not in n)


def test_half_a_download_is_not_whole_when_no_place_answers_any_more(hub, models, capsys) -> None:
    """huggingface_hub takes a folder that is there for the snapshot where it can't ask."""
    hub.repositories |= whole()
    assert main(["models", "pull", "sd21"]) == 0
    for name in (pulling.RECORD, "vae/diffusion_pytorch_model.fp16.safetensors"):
        (models / "sd21" / name).unlink()
    hub.repositories.clear()
    assert refused(capsys).count("it is gone, or not public") == 2
    assert main(["models", "check", "sd21"]) == 2


def test_a_commit_that_is_gone_is_said_by_its_number(hub, models, capsys) -> None:
    hub.repositories[FIRST.repository] = Repository(FILES, commit="d" * 40)
    assert f"its commit {FIRST.revision[:10]} is gone" in refused(capsys)


def test_a_gated_repository_says_where_to_accept_its_licence(hub, models, capsys) -> None:
    place = SOURCES["sd3"].places[0]
    hub.repositories[place.repository] = Repository(FILES, commit=place.revision, gated=True)
    said = refused(capsys, "sd3")
    assert (
        "licence must be accepted" in said and f"https://huggingface.co/{place.repository}" in said
    )


def test_no_network_is_said(models, monkeypatch, capsys) -> None:
    ask("http://127.0.0.1:9", monkeypatch)
    assert "there is no answer: check the network" in refused(capsys)


def test_a_full_disk_is_told_before_and_in_the_middle(hub, models, monkeypatch, capsys) -> None:
    hub.repositories |= whole()
    usage = pulling.shutil.disk_usage
    small = usage(models.parent)._replace(free=1_000_000_000)
    monkeypatch.setattr(pulling.shutil, "disk_usage", lambda _: small)
    said = refused(capsys)
    assert "needs about 2.6 GB" in said and "PROPSMITH_MODELS" in said and hub.asked == []
    monkeypatch.setattr(pulling.shutil, "disk_usage", usage)
    import huggingface_hub

    def full(*_, **__) -> None:
        raise RuntimeError("writing") from OSError(28, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    assert "the disk is full" in refused(capsys)


def test_a_repository_without_weights_is_no_prior(hub, models, capsys) -> None:
    files = {name: content for name, content in FILES.items() if name != WEIGHTS}
    hub.repositories[FIRST.repository] = Repository(files, commit=FIRST.revision)
    assert "it has no weights of unet" in refused(capsys)
    assert main(["models", "check", "sd21"]) == 2


def test_killed_in_the_middle_it_goes_on_where_it_was(hub, models) -> None:
    """kill -9 while the weights come, then the same command."""
    hub.repositories |= whole(slow=0.4)
    environment = os.environ | {"HF_ENDPOINT": hub.address, "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-m", "backend.cli", "models", "pull", "sd21"]
    child = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while hub.sent.get(WEIGHTS, 0) < 2 * 65536 and time.monotonic() < deadline:
        time.sleep(0.05)
    child.kill()
    child.wait()
    assert main(["models", "check", "sd21"]) == 2
    before = hub.sent[WEIGHTS]
    hub.repositories[FIRST.repository].slow = 0.0
    assert 0 < before < len(FILES[WEIGHTS])
    assert main(["models", "pull", "sd21"]) == 0
    assert main(["models", "check", "sd21"]) == 0
    assert (models / "sd21" / WEIGHTS).read_bytes() == FILES[WEIGHTS]
