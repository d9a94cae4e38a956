"""The commands as users type them, each in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import ROOT, Served

Serve = Callable[..., Served]


def propsmith(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """folder: of the test, where its connection file is."""
    where = ["--connection-file", str(folder / "connection.json")] if folder else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "backend.cli", *words, *where]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )


def lines(run: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_submit_watch_and_fetch(serve: Serve, tmp_path: Path) -> None:
    serve()
    [submitted] = lines(propsmith("submit", "steps=40 pause=0.01", "--json", folder=tmp_path))
    assert list(submitted) == ["job"]
    output = tmp_path / "chair.glb"
    watch = ("watch", submitted["job"], "--json", "-o", str(output))
    seen = lines(propsmith(*watch, folder=tmp_path))
    assert seen[-1]["state"] == "done" and seen[-1]["job"] == submitted["job"]
    assert {line["state"] for line in seen} <= {"queued", "running", "done"}
    assert output.read_bytes() == b"steps=40 p"
    [listed] = lines(propsmith("jobs", "--json", folder=tmp_path))
    assert listed == seen[-1]


def test_pause_resume_and_cancel_by_number(serve: Serve, tmp_path: Path) -> None:
    serve(cancel_seconds=0.2)
    options = ("--priority", "3", "--seed", "7", "--elevation", "-10:50", "--height", "0.5")
    run = propsmith("submit", "hang=0", *options, folder=tmp_path)
    assert run.stdout.startswith("Job 1: "), run.stderr
    second = propsmith("submit", "steps=2", folder=tmp_path).stdout.split()[-1]
    [paused] = lines(propsmith("pause", second[:8], "--json", folder=tmp_path))
    assert paused["state"] == "paused"  # it waits behind the first, which hangs
    [cancelled] = lines(propsmith("cancel", "1", "--json", folder=tmp_path))
    assert cancelled["wanted"] == "cancelled" or cancelled["state"] == "cancelled"
    settings = cancelled["settings"]
    assert (settings["seed"], settings["height"]) == (7, 0.5)
    assert settings["elevation"] == [-10, 50] and cancelled["priority"] == 3
    watched = propsmith("watch", "1", "--json", folder=tmp_path)
    assert watched.returncode == 1
    assert json.loads(watched.stdout.splitlines()[-1])["state"] == "cancelled"
    [resumed] = lines(propsmith("resume", second, "--json", folder=tmp_path))
    assert resumed["state"] in ("queued", "running")
    assert propsmith("watch", second, folder=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("jobs",), "There is no connection file"),
        (("submit", "a chair"), "propsmith serve"),
        (("submit", "a chair", "--priority", "1000"), "-100 to 100"),
        (("submit", "a chair", "--remesh"), "--mesh"),
        (("submit",), "a picture"),
        (("submit", "a chair", "--image-elevation", "10"), "--image"),
        (("submit", "a chair", "--mesh", "absent.glb"), "no file 'absent.glb'"),
        (("submit", "a chair", "--mesh", "a.glb", "--strength", "2"), "0 to 1"),
        (("priority", "1", "200"), "-100 to 100"),
        (("serve", "--bind", "0.0.0.0"), "needs keys"),
        (("serve", "--bind", "not-an-address"), "needs keys"),
        (("serve", "--device", "gpu"), "'gpu' is not auto"),
        (("serve", "--port", "0"), "port"),
        (("serve", "--prior", "a=/nowhere"), "NAME=PATH"),
        (("serve", "--data-limit", "-1"), "gigabytes"),
    ],
)
def test_what_is_wrong_is_one_sentence(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data")) if words[0] == "serve" else ()
    run = propsmith(*words, *data, folder=tmp_path)
    assert run.returncode == 2 and run.stdout == ""
    assert len(run.stderr.splitlines()) == 1 and said in run.stderr, run.stderr


def test_priority_delete_and_status(serve: Serve, tmp_path: Path) -> None:
    serve(features=("upload",), cancel_seconds=0.2)
    propsmith("submit", "hang=0", "--distillation", "csd", "--perp-neg", folder=tmp_path)
    propsmith("submit", "steps=2", folder=tmp_path)
    [raised] = lines(propsmith("priority", "2", "-7", "--json", folder=tmp_path))
    assert (raised["priority"], raised["state"]) == (-7, "queued")
    [status] = lines(propsmith("status", "--json", folder=tmp_path))
    assert status["queued"] + status["running"] == 2
    assert "worker   0 on cpu" in propsmith("status", folder=tmp_path).stdout
    [deleted] = lines(propsmith("delete", "2", "--json", folder=tmp_path))
    assert deleted == {"job": raised["job"], "deleted": True}
    [left] = lines(propsmith("jobs", "--json", folder=tmp_path))
    assert (left["settings"]["distillation"], left["settings"]["perp_neg"]) == ("csd", True)


def test_files_go_ahead_of_a_job_and_its_files_come_back(serve: Serve, tmp_path: Path) -> None:
    serve(features=("upload", "image", "refine"))
    picture, mesh = tmp_path / "a.png", tmp_path / "a.npz"
    picture.write_bytes(b"a picture")
    mesh.write_bytes(b"a mesh")
    words = ("--image", str(picture), "--mesh", str(mesh), "--keep-topology", "--masked")
    [job] = lines(propsmith("submit", "steps=1", *words, "--json", folder=tmp_path))
    folder = tmp_path / "files"
    seen = lines(propsmith("watch", job["job"], "--json", "--folder", str(folder), folder=tmp_path))
    refine = seen[-1]["settings"]["refine"]
    assert (refine["mode"], refine["masked"], refine["strength"]) == ("keep-topology", True, 0.3)
    assert (folder / "upload-0").read_bytes() == b"a picture"
    assert (folder / "upload-1").read_bytes() == b"a mesh"
    run = propsmith("watch", job["job"], "-o", str(tmp_path / "prop.obj"), folder=tmp_path)
    assert run.returncode == 2 and "prop.glb, upload-0" in run.stderr


def test_a_picture_needs_no_prompt_where_the_server_knows_that(
    serve: Serve, tmp_path: Path
) -> None:
    served = serve()
    picture = tmp_path / "a.png"
    picture.write_bytes(b"a picture")
    words = ("submit", "--image", str(picture), "--image-elevation", "12.5", "--json")
    [job] = lines(propsmith(*words, folder=tmp_path))
    [info] = lines(propsmith("jobs", "--json", folder=tmp_path))
    assert info["job"] == job["job"]
    settings = info["settings"]
    assert settings["prompt"].strip() == "" and settings["image_elevation"] == 12.5
    assert "(a picture)" in propsmith("jobs", folder=tmp_path).stdout
    served.stop()
    served.options["features"] = ("upload", "image")
    served.start()
    run = propsmith(*words, folder=tmp_path)
    assert run.returncode == 2 and "needs a PROMPT" in run.stderr


def test_a_distillation_s_settings_are_sent_where_the_server_takes_them(
    serve: Serve, tmp_path: Path
) -> None:
    served = serve()
    words = ("submit", "steps=1", "--distillation", "vsd", "--set", "particles=2", "--json")
    lines(propsmith(*words, folder=tmp_path))
    [info] = lines(propsmith("jobs", "--json", folder=tmp_path))
    assert info["settings"]["distillation_settings"] == ["particles=2"]
    served.stop()
    served.options["features"] = ("upload", "image")
    served.start()
    run = propsmith(*words, folder=tmp_path)
    assert run.returncode == 2 and "can't take --set" in run.stderr


def test_the_file_of_a_dead_server_is_told_at_once(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    served.kill()
    assert served.file.exists()
    for words in (("jobs",), ("submit", "a chair"), ("status", "--json")):
        run = propsmith(*words, folder=tmp_path)
        assert run.returncode == 2 and run.stdout == ""
        assert len(run.stderr.splitlines()) == 1 and "No server listens" in run.stderr


def test_the_pages_client_runs_as_it_stands(serve: Serve, tmp_path: Path) -> None:
    serve()
    page = (ROOT / "shared" / "PROTOCOL.md").read_text()
    [code] = re.findall(r"```python\n(.*?)```", page, re.S)
    (tmp_path / "propsmith").mkdir(mode=0o700)
    (tmp_path / "propsmith" / "connection.json").symlink_to(tmp_path / "connection.json")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=120)
    assert (tmp_path / "prop.glb").read_bytes() == b"a red wood"


def test_unknown_jobs(serve: Serve, tmp_path: Path) -> None:
    serve()
    for job in ("77", "abcdef", "0" * 32):
        run = propsmith("cancel", job, folder=tmp_path)
        assert run.returncode == 2 and len(run.stderr.splitlines()) == 1, run.stderr
