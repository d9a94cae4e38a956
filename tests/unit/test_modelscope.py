"""Weights from ModelScope, a second hub: its list of files and hashes, and what comes damaged."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.errors import PriorError
from backend.guidance import modelscope, places
from backend.guidance.catalogue import SOURCES, Published
from tests.fake_modelscope import Site

(PLACE,) = (p for p in SOURCES["sdxl"].places if p.repository.startswith(places.MODELSCOPE))
MODEL = PLACE.repository.removeprefix(places.MODELSCOPE)
FILES = {
    "model_index.json": b"{}",
    "unet/config.json": b'{"_class_name": "UNet2DConditionModel"}',
    "tokenizer/a name with a space.txt": b"words",
    "README.md": b"nobody asks for it",
} | {name: os.urandom(3000) for name, _ in PLACE.hashes}
WEIGHTS = PLACE.hashes[0][0]


@pytest.fixture
def site(monkeypatch) -> Iterator[Site]:
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    with Site(MODEL, PLACE.revision, FILES) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(modelscope, "SITE", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()


def published(**changes) -> Published:
    """The place, pinned to what this site has."""
    hashes = tuple((name, hashlib.sha256(FILES[name]).hexdigest()) for name, _ in PLACE.hashes)
    return Published(**{**vars(PLACE), "hashes": hashes, **changes})


def come(folder: Path, **changes) -> None:
    places.come(published(**changes), SOURCES["sdxl"].files, folder)


def test_what_the_patterns_name_comes_and_nothing_else(site, tmp_path: Path) -> None:
    come(tmp_path)
    came = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert came == set(FILES) - {"README.md"}
    assert all((tmp_path / name).read_bytes() == FILES[name] for name in came)
    site.asked.clear()
    come(tmp_path)
    assert len(site.asked) == 1  # the list alone: all is here


def test_a_place_that_nothing_pins_is_told_of(site, tmp_path: Path, caplog) -> None:
    come(tmp_path / "pinned")
    assert not caplog.records
    come(tmp_path / "free", hashes=())
    assert "Nobody has pinned" in caplog.text and MODEL in caplog.text


def test_only_richdreamer_is_pinned_by_nothing() -> None:
    free = {n for n, s in SOURCES.items() if not all(places.is_pinned(p) for p in s.places)}
    assert free == {"richdreamer"}


def test_a_file_that_is_not_the_one_told_of_is_deleted_and_named(site, tmp_path) -> None:
    site.told[WEIGHTS] = hashlib.sha256(FILES[WEIGHTS]).hexdigest()
    site.files[WEIGHTS] = os.urandom(3000)
    with pytest.raises(PriorError, match=rf"{WEIGHTS} came damaged and is deleted; pull it again"):
        come(tmp_path)
    assert not (tmp_path / WEIGHTS).exists() and (tmp_path / "unet" / "config.json").exists()


def test_a_list_without_hashes_will_do_where_the_catalogue_has_them(site, tmp_path) -> None:
    site.told = dict.fromkeys(FILES, None)
    come(tmp_path)
    (tmp_path / WEIGHTS).unlink()
    site.files[WEIGHTS] = b"another"
    with pytest.raises(PriorError, match="came damaged"):
        come(tmp_path)


def test_a_file_of_another_place_is_replaced(site, tmp_path: Path) -> None:
    for name in ("unet/config.json", WEIGHTS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"as it is elsewhere")
    come(tmp_path)
    assert all((tmp_path / name).read_bytes() == FILES[name] for name in FILES if "/" in name)


def test_what_is_not_the_known_file_does_not_come_at_all(site, tmp_path: Path) -> None:
    site.files[WEIGHTS] = os.urandom(3000)
    with pytest.raises(PriorError, match=f"its {WEIGHTS} is not the known one"):
        come(tmp_path)
    assert len(site.asked) == 1 and not list(tmp_path.iterdir())


def test_a_known_file_that_is_missing_is_said(site, tmp_path: Path) -> None:
    del site.files["text_encoder_2/model.fp16.safetensors"]
    with pytest.raises(PriorError, match=r"it has no text_encoder_2/model\.fp16"):
        come(tmp_path)


@pytest.mark.parametrize("name", ["../out.json", "/out.json", "C:out.json", "..\\out.json"])
def test_a_list_that_leads_out_of_the_folder_is_refused(site, tmp_path, name: str) -> None:
    site.files[name] = b"{}"
    with pytest.raises(PriorError, match="lies outside"):
        come(tmp_path / "models")
    assert not list(tmp_path.rglob("*out.json"))


@pytest.mark.parametrize("content", [b"<html>", b'{"Code": 10010, "Data": null}', b"[]"])
def test_an_answer_that_is_no_list_is_said(site, tmp_path: Path, content: bytes) -> None:
    site.list = content
    with pytest.raises(PriorError, match="ModelScope has no list of its files"):
        come(tmp_path)


def test_a_place_without_weights_is_no_prior(site, tmp_path: Path) -> None:
    del site.files[WEIGHTS]
    with pytest.raises(PriorError, match="it has no weights of unet"):
        come(tmp_path)
