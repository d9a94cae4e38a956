"""What a server does not send, and how much it keeps of clients that come and never go."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from backend.service.book import JobBook
from backend.service.config import ServeConfig
from backend.service.folder import DataFolder
from backend.service.requests import Handlers
from backend.service.server import Server
from backend.service.sessions import Session, Sessions
from backend.service.store import JobStore
from shared import messages as m
from shared.codec import Envelope, decode, encode, key_for

TOKEN = "t" * 64


def config(folder: Path, **options: Any) -> ServeConfig:
    return ServeConfig(folder / "data", folder / "connection.json", **options)


class Scheduler:
    def __init__(self, book: JobBook):
        self.book, self.info_of = book, book.info


def test_a_page_of_long_jobs_fits_into_one_header(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    book = JobBook(config(tmp_path), folder, JobStore(tmp_path / "jobs.sqlite"))
    handlers = Handlers.__new__(Handlers)
    handlers.book, handlers.scheduler = book, Scheduler(book)  # type: ignore[assignment]
    long = m.Settings("ä" * 2000, negative="\u0001" * 2000)
    jobs = [secrets.token_hex(16) for _ in range(60)]
    for job in jobs:
        book.store.add(job, "tests", long, 0)
    found, before = [], None
    while True:
        page = handlers._list(Session("s", "tests", 0.0), m.ListJobs(before=before))
        encode(page, Envelope(1), b"k" * 32)
        found += [info.job for info in page.jobs]
        if not page.more:
            break
        before = page.jobs[-1].number
    assert found == jobs[::-1]


def test_hellos_without_end_take_no_memory(tmp_path: Path) -> None:
    sessions = Sessions(config(tmp_path, max_sessions=8), TOKEN)
    key = key_for(TOKEN, "client", "requests")
    made = set()
    for number in range(200):
        frames = encode(m.Hello("flood", secrets.token_hex(16)), Envelope(number), key)
        call = sessions.read("requests", frames)
        assert call is not None and call.session is not None
        made.add(call.session.id)
        assert len(sessions) <= 16
    ended = sessions.forget_silent()
    assert len(sessions) == 8 and len(ended) == len(set(ended)) == 192 and made > set(ended)


class Socket:
    def __init__(self) -> None:
        self.sent: list[list[Any]] = []

    def send_multipart(self, frames: list[Any], *_: Any, **__: Any) -> None:
        self.sent.append(frames)


@pytest.mark.parametrize(("re", "sent"), [(7, True), (None, False)])
def test_an_answer_that_breaks_its_limits_is_an_error_and_no_end(
    re: int | None, sent: bool, tmp_path: Path
) -> None:
    server, socket = Server.__new__(Server), Socket()
    server.sessions = Sessions(config(tmp_path), TOKEN)
    server.sockets = type("Sockets", (), {"clients": {"requests": socket}})()  # type: ignore[assignment]
    server._seq = iter(range(9))  # type: ignore[assignment]
    broken = m.Job(m.JobInfo("a" * 32, "done", m.Settings("a"), created=-5.0))
    assert server._send("requests", b"r", broken, "5e" * 16, re) is sent
    if sent:
        _, message = decode(socket.sent[0][1:], key_for(TOKEN, "server", "requests"))
        assert message.code == "internal"
