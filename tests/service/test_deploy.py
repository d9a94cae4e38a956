"""The unit file, the Containerfile and the page that explains them: they say what is true.

What a build would find late is looked at here; the image itself takes minutes and a network.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from backend import cli_parser
from tests.service.conftest import ROOT

DEPLOY = ROOT / "backend" / "service" / "deploy"
PAGE = (DEPLOY / "README.md").read_text()
CONTAINER = (DEPLOY / "Containerfile").read_text()
UNIT = (DEPLOY / "propsmith.service").read_text()


def commands_of(text: str) -> list[list[str]]:
    """Every `propsmith ...` of a text, as the words after the name."""
    text = text.replace("\\\n", " ")
    found = re.findall(r"[/ `]propsmith ((?:keys|serve|submit) [^`)\n]*)", text)
    return [shlex.split(words.split(" > ")[0].replace("%h", "/home/me")) for words in found]


def test_all_commands_are_ones_that_propsmith_takes() -> None:
    container = re.search(r'CMD \["(.*)"\]', CONTAINER)
    assert container
    commands = [*commands_of(PAGE), *commands_of(UNIT), container[1].split('", "')]
    assert [words[0] for words in commands].count("keys") >= 2
    assert {"serve", "submit"} <= {words[0] for words in commands}
    for words in commands:
        cli_parser.build_parser().parse_args(words)  # exits where it does not know a word


def test_the_container_takes_all_that_the_package_is_made_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    copied = re.findall(r"^COPY (.*) \S+$", CONTAINER, re.M)
    names = {name for line in copied for name in line.split()}
    assert all((ROOT / name).exists() for name in names)
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {name.rstrip("*") for name in packages} | {"pyproject.toml", "LICENSE"} <= names


def test_the_container_is_told_to_stop_as_the_server_expects() -> None:
    assert "STOPSIGNAL SIGTERM" in CONTAINER and "KillSignal=SIGTERM" in UNIT
    assert "KillMode=mixed" in UNIT  # the server first: it lets its workers save
    assert re.search(r"^USER propsmith$", CONTAINER, re.M)  # nobody is root in there


def test_systemd_takes_the_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd here")
    program = tmp_path / "propsmith" / ".venv" / "bin" / "propsmith"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    command = ["systemd-analyze", "--user", "verify", str(DEPLOY / "propsmith.service")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0 and not run.stderr, run.stderr
