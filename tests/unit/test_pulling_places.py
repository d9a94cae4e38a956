"""A pull whose first place fails, at any moment: the next one's files come whole, nothing is lost.

Stable Diffusion XL has ModelScope behind the hub, Stable Zero123 its publisher's checkpoint, which
is converted. The hub and ModelScope are servers on this machine.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from backend.cli import main
from backend.guidance import modelscope, places, pulling
from backend.guidance.catalogue import RECORD, SOURCES
from tests.fake_hub import LARGE, Hub, Repository, served
from tests.fake_modelscope import Site

HUB, MIRROR = SOURCES["sdxl"].places
AT_HUB, CHECKPOINT = SOURCES["stable-zero123"].places
FILES = {
    "model_index.json": b"{}",
    "unet/config.json": b'{"from": "the hub"}',
} | {name: os.urandom(LARGE) for name, _ in MIRROR.hashes}
MIRRORED = FILES | {"unet/config.json": b'{"from": "ModelScope"}'}
WEIGHTS = MIRROR.hashes[0][0]


def sha256(content: bytes, path: Path) -> str:
    path.write_bytes(content)
    return places.sha256_of(path)


@pytest.fixture
def models(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("PROPSMITH_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    hashes = tuple((name, sha256(FILES[name], tmp_path / "one")) for name, _ in MIRROR.hashes)
    source = replace(SOURCES["sdxl"], places=(HUB, replace(MIRROR, hashes=hashes)))
    monkeypatch.setitem(SOURCES, "sdxl", source)
    return tmp_path / "models"


@pytest.fixture
def site(monkeypatch) -> Iterator[Site]:
    model = MIRROR.repository.removeprefix(places.MODELSCOPE)
    with Site(model, MIRROR.revision, MIRRORED) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(modelscope, "SITE", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()


@pytest.fixture
def hub(monkeypatch) -> Iterator[Hub]:
    import huggingface_hub
    from huggingface_hub import HfApi, snapshot_download

    with served({}) as hub:
        there = partial(snapshot_download, endpoint=hub.address)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", there)
        monkeypatch.setattr(huggingface_hub, "model_info", HfApi(hub.address).model_info)
        yield hub


def published(**faults) -> dict[str, Repository]:
    return {HUB.repository: Repository(FILES, commit=HUB.revision, **faults)}


def record(models: Path, name: str) -> dict:
    return json.loads((models / name / RECORD).read_text())


def said(capsys) -> str:
    lines = capsys.readouterr().err.splitlines()
    assert not any("Traceback" in line for line in lines)
    return lines[-1]


def test_a_hub_that_fails_half_way_leaves_the_mirror_to_come_whole(
    site, hub, models, capsys
) -> None:
    """Its small files have come by then, and the mirror's are others."""
    hub.repositories |= published(wrong=True)
    assert main(["models", "pull", "sdxl"]) == 0
    told = capsys.readouterr().err.splitlines()
    assert any(f"Trying {MIRROR.repository} instead, about 7.1 GB." in line for line in told)
    assert all((models / "sdxl" / name).read_bytes() == MIRRORED[name] for name in MIRRORED)
    found = record(models, "sdxl")
    assert (found["repository"], found["revision"]) == (MIRROR.repository, MIRROR.revision)
    assert set(found["files"]) == set(MIRRORED)
    assert [path.name for path in models.iterdir()] == ["sdxl"]
    asked = len(site.asked), len(hub.asked)
    assert main(["models", "pull", "sdxl"]) == 0  # whole already
    assert (len(site.asked), len(hub.asked)) == asked
    (models / "sdxl" / WEIGHTS).write_bytes(b"changed")
    hub.repositories.clear()
    assert main(["models", "pull", "sdxl"]) == 0  # mended where it lies
    assert main(["models", "check", "sdxl"]) == 0


def test_what_worked_stays_until_the_new_is_whole(site, hub, models, capsys) -> None:
    hub.repositories |= published()
    assert main(["models", "pull", "sdxl"]) == 0
    older = record(models, "sdxl") | {"revision": "e" * 40}
    (models / "sdxl" / RECORD).write_text(json.dumps(older))
    hub.repositories.clear()
    del site.files[WEIGHTS]
    assert main(["models", "pull", "sdxl"]) == 2
    sentence = said(capsys)
    assert "it is gone, or not public" in sentence and "it has no weights of unet" in sentence
    assert main(["models", "check", "sdxl"]) == 0
    site.files[WEIGHTS] = FILES[WEIGHTS]
    assert main(["models", "pull", "sdxl"]) == 0
    assert record(models, "sdxl")["repository"] == MIRROR.repository


def test_two_at_once_are_told_apart(site, hub, models, capsys) -> None:
    models.mkdir()
    (models / "sdxl.lock").write_text(str(os.getppid()))
    assert main(["models", "pull", "sdxl"]) == 2
    sentence = said(capsys)
    assert "'sdxl' is being pulled or converted by another process" in sentence
    assert f"delete '{models / 'sdxl.lock'}'" in sentence
    (models / "sdxl.lock").write_text("2000000000")  # one that was killed
    hub.repositories |= published()
    assert main(["models", "pull", "sdxl"]) == 0
    assert [path.name for path in models.iterdir()] == ["sdxl"]


def test_a_replacement_that_fails_or_is_cut_off_leaves_what_worked(
    site, hub, models, monkeypatch, capsys
) -> None:
    hub.repositories |= published()
    assert main(["models", "pull", "sdxl"]) == 0
    older = record(models, "sdxl") | {"revision": "e" * 40}
    (models / "sdxl" / RECORD).write_text(json.dumps(older))
    rename = Path.rename

    def held(path: Path, target: Path) -> Path:
        if path.name == "whole":
            raise PermissionError(13, "a scanner reads it")
        return rename(path, target)

    with monkeypatch.context() as now:
        now.setattr(Path, "rename", held)
        for _ in range(2):
            assert main(["models", "pull", "sdxl"]) == 2
            assert "could not be replaced" in said(capsys)
            assert main(["models", "check", "sdxl"]) == 0
    (models / "sdxl").rename(models / "sdxl.replaced")  # killed between the two
    sent = dict(hub.sent)
    assert main(["models", "pull", "sdxl"]) == 0
    assert hub.sent == sent and record(models, "sdxl")["revision"] == HUB.revision
    assert [path.name for path in models.iterdir()] == ["sdxl"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PROPSMITH_MODELS", str(tmp_path / "file" / "models"))
    for command in (["pull", "sd21"], ["convert", "zero123", str(tmp_path / "file")]):
        assert main(["models", *command]) == 2
        assert "propsmith: " in said(capsys)


@pytest.fixture
def checkpoint(hub, models, monkeypatch, tmp_path) -> Path:
    """The hub's diffusers folder of Stable Zero123 is gone; the publisher's checkpoint is there."""
    file = tmp_path / "stable_zero123.ckpt"
    torch.save({"state_dict": {"one": torch.rand(LARGE)}}, file)
    (name,) = CHECKPOINT.checkpoints
    place = replace(CHECKPOINT, hashes=((name, places.sha256_of(file)),))
    source = replace(SOURCES["stable-zero123"], places=(AT_HUB, place))
    monkeypatch.setitem(SOURCES, "stable-zero123", source)
    hub.repositories[place.repository] = Repository({name: file.read_bytes()})
    monkeypatch.setattr(pulling, "_converter", lambda _: converted)
    return file


def converted(file: Path, out: Path) -> None:
    (out / "unet").mkdir(parents=True)
    (out / "unet" / "model.safetensors").write_bytes(file.read_bytes())


PULL = ["models", "pull", "stable-zero123"]


def test_the_publisher_s_checkpoint_is_converted(hub, checkpoint, models, capsys) -> None:
    assert main(PULL) == 0
    assert f"Trying {CHECKPOINT.repository} instead, about 8.6 GB." in capsys.readouterr().err
    assert [path.name for path in models.iterdir()] == ["stable-zero123"]
    assert not list(models.rglob("*.ckpt"))
    found = record(models, "stable-zero123")
    assert (found["repository"], found["revision"]) == (CHECKPOINT.repository, "c" * 40)
    asked = len(hub.asked)
    assert main(PULL) == 0
    assert len(hub.asked) == asked


def test_another_checkpoint_than_the_known_one_does_not_come(hub, checkpoint, capsys) -> None:
    (name,) = CHECKPOINT.checkpoints
    hub.repositories[CHECKPOINT.repository].files[name] = os.urandom(LARGE)
    assert main(PULL) == 2
    assert f"its {name} is not the known one" in said(capsys) and name not in hub.sent


@pytest.mark.parametrize("when", ["converting", "recording"])
def test_a_full_disk_or_a_kill_costs_no_second_download(
    hub, checkpoint, models, monkeypatch, capsys, when: str
) -> None:
    def full(*_) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    def killed(*_) -> None:
        raise KeyboardInterrupt

    if when == "converting":
        monkeypatch.setattr(pulling, "_converter", lambda _: full)
        assert main(PULL) == 2
        assert "the disk is full; make room and pull it again" in said(capsys)
        monkeypatch.setattr(pulling, "_converter", lambda _: converted)
    else:
        with monkeypatch.context() as now:
            now.setattr(pulling, "write_record", killed)
            with pytest.raises(KeyboardInterrupt):
                pulling.pull("stable-zero123")
    sent = dict(hub.sent)
    assert sent[checkpoint.name] == checkpoint.stat().st_size
    assert main(PULL) == 0
    assert hub.sent == sent


def test_converting_on_a_full_disk_is_one_sentence(checkpoint, models, monkeypatch, capsys) -> None:
    def full(*_) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pulling, "_converter", lambda _: full)
    assert main(["models", "convert", "stable-zero123", str(checkpoint)]) == 2
    assert "could not be converted: the disk is full" in said(capsys)
    assert not list(models.glob("stable-zero123*"))
