"""Weights from ModelScope, a second hub: its list of files and hashes, and what comes damaged.

A server on this machine answers as the site does: a list in JSON, files by name, a redirection.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from backend.cli import main
from backend.errors import PriorError
from backend.guidance import modelscope, places
from backend.guidance.catalogue import SOURCES, Published

(PLACE,) = (p for p in SOURCES["sdxl"].places if p.repository.startswith(places.MODELSCOPE))
MODEL = PLACE.repository.removeprefix(places.MODELSCOPE)
FILES = {
    "model_index.json": b"{}",
    "unet/config.json": b'{"_class_name": "UNet2DConditionModel"}',
    "tokenizer/a name with a space.txt": b"words",
    "README.md": b"nobody asks for it",
} | {name: os.urandom(3000) for name, _ in PLACE.hashes}
WEIGHTS = PLACE.hashes[0][0]


class Site(ThreadingHTTPServer):
    """files: what it sends. told: what its list says instead of a file's hash. asked: paths."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.files, self.told, self.asked = dict(FILES), {}, []
        self.list: bytes | None = None

    def listing(self) -> bytes:
        rows = [{"Path": folder, "Type": "tree"} for folder in ("unet", "tokenizer")]
        for name, content in self.files.items():
            hash_ = self.told.get(name, hashlib.sha256(content).hexdigest())
            rows.append({"Path": name, "Type": "blob", "Size": len(content), "Sha256": hash_})
        return json.dumps({"Code": 200, "Data": {"Files": rows}}).encode()


class Answering(BaseHTTPRequestHandler):
    server: Site

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        self.server.asked.append(address.path)
        if address.path == f"/api/v1/models/{MODEL}/repo/files":
            asked = parse_qs(address.query)
            assert asked == {"Revision": [PLACE.revision], "Recursive": ["True"]}
            self.say(200, self.server.list or self.server.listing())
        elif address.path.startswith(begin := f"/models/{MODEL}/resolve/{PLACE.revision}/"):
            self.send_response(302)  # to where the bytes lie, with a signature
            self.send_header("Location", f"/store/{address.path.removeprefix(begin)}?signature=1")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            content = self.server.files.get(unquote(address.path.removeprefix("/store/")))
            self.say(404 if content is None else 200, content or b"")

    def say(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def site(monkeypatch) -> Iterator[Site]:
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    with Site() as server:
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


@pytest.mark.parametrize("where", ["the site's list", "the catalogue"])
def test_a_file_that_is_not_the_one_told_of_is_deleted_and_named(site, tmp_path, where) -> None:
    if where == "the catalogue":
        site.files[WEIGHTS] = os.urandom(3000)
    else:
        site.told[WEIGHTS] = "0" * 64
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


def test_weights_of_another_place_do_not_stay(site, tmp_path: Path) -> None:
    former = tmp_path / "unet" / "diffusion_pytorch_model.safetensors"
    former.parent.mkdir()
    former.write_bytes(b"in another precision")
    come(tmp_path)
    assert not former.exists()


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


def test_pull_goes_on_to_it_when_the_hub_fails(site, tmp_path, monkeypatch, capsys) -> None:
    import huggingface_hub

    def gone(*_, **__) -> None:
        raise ConnectionError("no route")

    monkeypatch.setenv("PROPSMITH_MODELS", str(tmp_path))
    monkeypatch.setattr(huggingface_hub, "model_info", gone)
    site.files[WEIGHTS] = os.urandom(3000)  # not SDXL's: the catalogue knows its hash
    assert main(["models", "pull", "sdxl"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "no answer" in said and f"{PLACE.repository}: " in said and "came damaged" in said
    assert not (tmp_path / "sdxl" / WEIGHTS).exists()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    site.asked.clear()
    assert main(["models", "pull", "sdxl"]) == 2
    assert site.asked == []
