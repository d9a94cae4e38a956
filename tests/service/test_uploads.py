"""Files ahead of jobs: whole or absent, resumed after kills, within limits, gone when unneeded."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.service.uploads import LEAST_COUNTED, READ_AT_ONCE, Config, Uploads
from shared import messages as m
from shared.client import Client
from shared.errors import RemoteError
from tests.service.conftest import DEADLINE, Served, finish, submit

Serve, Connect = Callable[..., Served], Callable[..., Client]
ALL = ("upload", "image", "refine")
EMPTY = np.zeros(0, "u1")


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def piece(content: bytes, start: int, end: int) -> m.Upload:
    data = np.frombuffer(content[start:end], "u1")
    return m.Upload(digest_of(content), len(content), start, data)


def ask(content: bytes) -> m.Upload:
    return m.Upload(digest_of(content), len(content), 0, EMPTY)


class Store:
    """Uploads in a folder, with a clock and needs that a test sets."""

    def __init__(self, folder: Path, **config: Any):
        self.now, self.needed = 0.0, set[Path]()
        self.folder, self.config = folder, Config(**config)
        self.restart()

    def restart(self) -> None:
        self.uploads = Uploads(self.folder, lambda: self.needed, self.config, lambda: self.now)

    def put(self, content: bytes, client: str = "a") -> Path:
        for start in range(0, len(content), m.UPLOAD_CHUNK):
            end = start + m.UPLOAD_CHUNK
            self.uploads.take(client, piece(content, start, end))
        return self.uploads.path(client, digest_of(content))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "uploads")


def test_pieces_count_from_where_they_continue(store: Store) -> None:
    content = secrets.token_bytes(1000)
    take = store.uploads.take
    assert take("a", ask(content)) == 0
    assert take("a", piece(content, 0, 400)) == 400
    assert take("a", piece(content, 0, 400)) == 400  # again
    assert take("a", piece(content, 600, 900)) == 400  # too far
    assert take("a", piece(content, 400, 1000)) == 1000
    assert store.uploads.path("a", digest_of(content)).read_bytes() == content
    assert take("a", ask(content)) == 1000
    assert take("b", ask(content)) == 0  # another client has its own


def test_what_came_survives_the_server_and_is_read_again_in_slices(store: Store) -> None:
    content = secrets.token_bytes(2 * READ_AT_ONCE + 5)
    for start in range(0, 2 * READ_AT_ONCE, m.UPLOAD_CHUNK):
        store.uploads.take("a", piece(content, start, start + m.UPLOAD_CHUNK))
    store.restart()
    heads = [store.uploads.take("a", ask(content)) for _ in range(3)]
    assert heads == [READ_AT_ONCE, 2 * READ_AT_ONCE, 2 * READ_AT_ONCE]
    assert store.uploads.take("a", piece(content, len(content) - 5, len(content))) == len(content)


def test_killed_between_the_last_byte_and_its_name_it_is_finished_by_asking(store: Store) -> None:
    content = b"all of it"
    path = store.uploads.path("a", digest_of(content))
    path.parent.mkdir(parents=True)
    path.with_name(f"{path.name}.{len(content)}.part").write_bytes(content)
    assert store.uploads.take("a", ask(content)) == len(content)
    assert path.read_bytes() == content


def test_a_lie_about_the_content_is_found_and_leaves_nothing(store: Store) -> None:
    wish = m.Upload("0" * 64, 3, 0, np.frombuffer(b"abc", "u1"))
    with pytest.raises(RemoteError) as refused:
        store.uploads.take("a", wish)
    assert refused.value.code == "bad_upload"
    assert not [path for path in store.folder.rglob("*") if path.is_file()]
    store.put(b"true")
    for wrong in (m.Upload(digest_of(b"true"), 9, 0, EMPTY), piece(b"else", 0, 9)):
        bad = m.Upload(wrong.digest, 2, 0, np.zeros(3, "u1")) if len(wrong.data) else wrong
        with pytest.raises(RemoteError, match="bytes"):
            store.uploads.take("a", bad)


def test_a_clients_share_is_kept_and_needed_files_stay(tmp_path: Path) -> None:
    store = Store(tmp_path, most=2 * LEAST_COUNTED)
    store.now = 1.0
    old = store.put(b"old")
    store.now = 2.0
    new = store.put(b"new")
    third = store.put(b"third")
    assert [path.is_file() for path in (old, new, third)] == [False, True, True]
    store.needed = {new, third}
    with pytest.raises(RemoteError) as refused:
        store.put(b"fourth")
    assert refused.value.code == "too_many"
    assert store.put(b"fourth", client="b").is_file()


def test_what_no_job_needs_goes_after_an_hour_and_sooner_on_a_full_disk(store: Store) -> None:
    needed, unneeded, partial = store.put(b"1"), store.put(b"2"), b"3" * 9
    store.uploads.take("a", piece(partial, 0, 4))
    store.needed = {needed}
    store.now = 100.0
    store.uploads.sweep()
    assert unneeded.is_file()
    store.now = 3500.0
    store.uploads.take("a", piece(partial, 4, 5))
    store.now = 3601.0
    store.uploads.sweep()
    assert needed.is_file() and not unneeded.exists()
    assert store.uploads.take("a", ask(partial)) == 5
    store.now = 3700.0
    store.uploads.sweep(hurry=True)
    assert [path for path in store.folder.rglob("*") if path.is_file()] == [needed]


def test_an_uploaded_file_reaches_the_worker(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    serve(features=ALL)
    client = connect()
    picture, mesh = secrets.token_bytes(3_000_001), b"a mesh"
    (tmp_path / "picture.png").write_bytes(picture)
    image = client.upload(tmp_path / "picture.png")
    refine = m.Refine(client.upload(mesh), "keep-topology")
    assert image == digest_of(picture)
    info = finish(client, submit(client, image=image, refine=refine))
    assert info.state == "done" and info.settings.refine == refine
    files = {f.name: b"".join(client.fetch(info.job, f.name)) for f in info.files[1:]}
    assert files == {"upload-0": picture, "upload-1": mesh}


def test_a_kill_half_way_costs_no_byte_and_the_client_goes_on(
    serve: Serve, connect: Connect
) -> None:
    served = serve(features=ALL)
    client = connect()
    content = secrets.token_bytes(20 << 20)
    steps = client.uploading(content)
    killed = False
    try:
        while True:
            share = next(steps)
            if share > 0.3 and not killed:
                served.kill()
                served.start()
                killed = True
            client.pump(0.01 if share else 0.0)
    except StopIteration as end:
        image = end.value
    assert killed and image == digest_of(content)
    info = finish(client, submit(client, image=image))
    assert b"".join(client.fetch(info.job, "upload-0")) == content


def test_giving_up_half_way_leaves_no_request(serve: Serve, connect: Connect) -> None:
    serve()
    client = connect()
    steps = client.uploading(bytes(4 << 20))
    while next(steps) < 0.2:
        client.pump(0.01)
    steps.close()
    assert client._requests == []
    assert client.call(m.GetStatus(), DEADLINE)


@pytest.mark.parametrize(
    ("settings", "features", "code"),
    [
        ({"image": "0" * 64}, ("upload",), "unsupported"),
        ({"refine": m.Refine("0" * 64, "auto")}, ("upload", "image"), "unsupported"),
        ({"image": "0" * 64}, ALL, "unknown_upload"),
        ({"distillation": "magic"}, ALL, "bad_settings"),
        ({"timesteps": "backwards"}, ALL, "bad_settings"),
    ],
)
def test_settings_that_cannot_be_met(
    serve: Serve, connect: Connect, settings: dict[str, Any], features: tuple[str, ...], code: str
) -> None:
    serve(features=features)
    client = connect()
    with pytest.raises(RemoteError) as refused:
        submit(client, **settings)
    assert refused.value.code == code
    assert client.welcome is not None and client.welcome.features == features
    assert "x0" in client.welcome.distillations and "uniform" in client.welcome.timesteps


def test_what_cannot_be_sent_is_said_before_anything_is(tmp_path: Path) -> None:
    client = Client(tmp_path / "none.json")
    with client:
        for source in (b"", tmp_path / "absent.png"):
            with pytest.raises((RemoteError, OSError)):
                next(client.uploading(source))
