"""The Blender extension's zips and repository, without Blender: tests/blender installs them."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import zipfile
from pathlib import Path

import pytest

import backend
from backend import cli
from backend.extension import wheels
from backend.extension.manifest import for_platform, read_manifest, write_toml
from backend.extension.sources import source_files

ROOT = Path(__file__).parents[2]
MANIFEST = "blender_manifest.toml"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with stand-ins for pyzmq's wheels."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    digests = {}
    for python, tag in wheels.DIGESTS:
        content = f"{python} {tag}".encode()
        (folder / wheels.file_name(python, tag)).write_bytes(content)
        digests[python, tag] = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(wheels, "DIGESTS", digests)
    return folder


def build(output: Path, kept: Path, *options: str) -> int:
    return cli.main(["build-extension", "-o", str(output), "--wheels", str(kept), *options])


def test_a_zip_for_each_platform(tmp_path: Path, kept: Path) -> None:
    assert build(tmp_path / "out", kept) == 0
    archives = sorted((tmp_path / "out").glob("*.zip"))
    assert [a.name.split("-")[-1] for a in archives] == [
        "linux_x64.zip",
        "macos_arm64.zip",
        "macos_x64.zip",
        "windows_x64.zip",
    ]
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            manifest = tomllib.loads(archive.read(MANIFEST).decode())
        assert {"__init__.py", MANIFEST, "LICENSE", "shared/client.py"} <= set(names)
        assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
        carried = sorted(name for name in names if name.startswith("wheels/"))
        assert manifest["wheels"] == [f"./{name}" for name in carried]
        assert [re.findall(r"cp\d+", name)[0] for name in carried] == ["cp311", "cp313"]
        assert path.stem.endswith(manifest["platforms"][0].replace("-", "_"))


def test_the_same_sources_make_the_same_bytes(tmp_path: Path, kept: Path) -> None:
    for name in ("one", "two"):
        assert build(tmp_path / name, kept) == 0
    first = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    with zipfile.ZipFile(next((tmp_path / "one").glob("*.zip"))) as archive:
        assert archive.namelist() == sorted(archive.namelist())
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_index_says_what_the_zips_are(
    tmp_path: Path, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert build(out, kept, "--platform", "linux-x64", "--json") == 0
    (printed,) = json.loads(capsys.readouterr().out)["extensions"]
    (entry,) = json.loads((out / "index.json").read_text())["data"]
    archive = out / entry["archive_url"]
    assert archive.samefile(printed)
    content = archive.read_bytes()
    assert entry["archive_size"] == len(content)
    assert entry["archive_hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert entry["python_versions"] == ["3.11", "3.13"]
    assert "wheels" not in entry
    assert f'href="{entry["archive_url"]}?repository=' in (out / "index.html").read_text()


def test_one_zip_without_wheels(tmp_path: Path, kept: Path) -> None:
    """For a Blender whose Python is the system's: Debian's 5.2 runs on 3.14."""
    out = tmp_path / "out"
    assert build(out, kept, "--without-wheels") == 0
    (archive,) = out.glob("*.zip")
    assert archive.name == f"propsmith-{backend.__version__}.zip"
    with zipfile.ZipFile(archive) as opened:
        assert not [name for name in opened.namelist() if name.endswith(".whl")]
        manifest = tomllib.loads(opened.read(MANIFEST).decode())
    assert not {"wheels", "platforms"} & set(manifest)
    (entry,) = json.loads((out / "index.json").read_text())["data"]
    assert not {"python_versions", "platforms"} & set(entry)
    assert f'href="./{archive.name}?repository=' in (out / "index.html").read_text()


def test_manifest_and_product_agree() -> None:
    manifest = read_manifest((ROOT / "blender_addon" / MANIFEST).read_bytes())
    assert manifest["version"] == backend.__version__
    assert manifest["id"] == "propsmith"
    assert "blender" not in manifest["name"].lower()
    for text in (manifest["tagline"], *manifest["permissions"].values()):
        assert len(text) <= 64 and text[-1].isalnum()


def test_what_is_written_is_what_was_meant() -> None:
    manifest = read_manifest(source_files()[MANIFEST])
    manifest["maintainer"] = 'Ann "Nä" O\'Neill\\'
    meant = for_platform(manifest, "linux-x64", ["b.whl", "a.whl"])
    assert tomllib.loads(write_toml(meant).decode()) == meant
    assert meant["wheels"] == ["./wheels/a.whl", "./wheels/b.whl"]


def test_a_damaged_wheel_is_not_packed(
    tmp_path: Path, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = wheels.file_name("3.13", "win_amd64")
    (kept / name).write_bytes(b"something else")
    assert build(tmp_path / "out", kept, "--platform", "windows-x64") == 2
    assert f"{name}' is not the wheel that was published" in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*.zip"))


def test_without_a_network_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert build(tmp_path / "out", tmp_path / "empty", "--platform", "linux-x64") == 2
    said = capsys.readouterr().err
    assert "connect to the network, or name a folder that holds it with --wheels" in said
    assert "pyzmq-26.4.0-cp311-cp311-manylinux_2_28_x86_64.whl" in said
    assert not list((tmp_path / "out").glob("*.zip"))
