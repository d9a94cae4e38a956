"""The socket between server and workers: nothing of it is left, however servers end."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import zmq

from backend.service.meeting import bind_workers
from shared.client import Client
from tests.service.conftest import Served, finish, submit

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a port on loopback has no file")
LONG = "a-data-folder-with-a-very-long-name-" * 4


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's runtime folder, for servers that this test starts; short, as such are."""
    folder = tmp_path_factory.mktemp("rt")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def router() -> Any:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        yield socket


def left_in(runtime: Path) -> list[Path]:
    """Folders of servers, alive or not."""
    return [path for path in runtime.glob("propsmith-*/*") if path.is_dir()]


def test_a_killed_server_leaves_nothing_outside_its_data(
    serve: Callable[..., Served], connect: Callable[..., Client], runtime: Path
) -> None:
    served = serve()
    for _ in range(3):
        served.kill()
        served.start()
    assert finish(connect(), submit(connect())).state == "done"
    served.kill()
    assert list(runtime.iterdir()) == []
    served.start()
    assert served.stop() == 0
    assert list((served.folder / "data" / "run").iterdir()) == []


def test_behind_a_long_path_the_next_start_takes_away_what_kills_left(
    tmp_path: Path, runtime: Path
) -> None:
    first, second = (Served(tmp_path / f"{n}-{LONG}") for n in range(2))
    for served in (first, second):
        served.folder.mkdir()
        served.start()
    kept = left_in(runtime)
    assert len(kept) == 2
    for _ in range(3):
        first.kill()
        first.start()
    assert len(left_in(runtime)) == 2 and len(set(left_in(runtime)) & set(kept)) == 1
    for served in (first, second):  # the sweep has not touched the one that lives
        with Client(served.file) as client:
            assert finish(client, submit(client)).state == "done"
        assert served.stop() == 0
    assert left_in(runtime) == []


def test_only_this_user_may_enter(tmp_path: Path, runtime: Path, router: Any) -> None:
    with ExitStack() as held:
        path = Path(bind_workers(router, tmp_path, held).removeprefix("ipc://"))
        assert stat.S_ISSOCK(path.stat().st_mode) and path.parent.stat().st_mode & 0o077 == 0
        assert path.is_relative_to(tmp_path)
    assert not path.exists()


def test_a_runtime_folder_that_others_could_have_made_is_not_used(
    tmp_path: Path, runtime: Path, router: Any
) -> None:
    (runtime / f"propsmith-{os.getuid()}").mkdir()
    (runtime / f"propsmith-{os.getuid()}").chmod(0o777)
    (tmp_path / LONG).mkdir()
    with ExitStack() as held:
        assert bind_workers(router, tmp_path / LONG, held).startswith("tcp://127.0.0.1:")
