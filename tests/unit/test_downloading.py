"""A file from an address without a hub: gone on with, begun anew, or refused."""

from __future__ import annotations

import base64
import hashlib
import io
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError

import pytest

from backend.errors import PriorError
from backend.guidance import downloading


class Answer(io.BytesIO):
    """What urlopen gives back."""

    def __init__(self, content: bytes, status: int, **headers: str):
        super().__init__(content)
        self.status, self.headers = status, Message()
        for name, value in headers.items():
            self.headers[name.replace("_", "-")] = value


class Publisher:
    """A server of one file that may change or break off; what it was asked for."""

    def __init__(self, content: bytes):
        self.content, self.tag, self.breaks_after = content, '"one"', None
        self.md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
        self.asked: list[tuple[str | None, str | None]] = []
        self.conditions = True  # whether it knows If-Range
        self.says_tag = True

    def __call__(self, request, timeout):
        wanted, only = request.get_header("Range"), request.get_header("If-range")
        self.asked.append((wanted, only))
        may = wanted and (only == self.tag or not self.conditions)
        start, size = int(wanted.split("=")[1][:-1]) if may else 0, len(self.content)
        told = {"ETag": self.tag} if self.says_tag or not start else {}
        if start >= size:
            raise HTTPError(request.full_url, 416, "Range Not Satisfiable", Message(), None)
        if start:
            told["Content_Range"] = f"bytes {start}-{size - 1}/{size}"
        told |= {"Content_MD5": self.md5, "Content_Length": str(size - start)}
        return Answer(self.content[start : self.breaks_after], 206 if start else 200, **told)


@pytest.fixture
def publisher(monkeypatch) -> Publisher:
    server = Publisher(bytes(range(200)))
    monkeypatch.setattr(downloading.urllib.request, "urlopen", server)
    return server


def fetch(path: Path, address: str = "https://example.org/file") -> None:
    downloading.download(address, path)


def begun(folder: Path, publisher) -> Path:
    """50 of 200 bytes have come."""
    file, publisher.breaks_after = folder / "file", 50
    with pytest.raises(PriorError):
        fetch(file)
    return file


def test_a_download_goes_on_where_it_stopped(tmp_path: Path, monkeypatch, publisher) -> None:
    file, publisher.breaks_after = tmp_path / "file", 50
    with pytest.raises(PriorError, match="it ended after 50 of 200 bytes; pull it again"):
        fetch(file)
    publisher.breaks_after = None
    fetch(file)
    fetch(file)  # here already
    assert publisher.asked == [(None, None), ("bytes=50-", '"one"')]
    assert file.read_bytes() == publisher.content and list(tmp_path.iterdir()) == [file]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(PriorError, match="HF_HUB_OFFLINE"):
        fetch(tmp_path / "third")


class Bar:
    """Stands for the hub's, which other tests in this process may have silenced for good."""

    def __init__(self, part: Path, told: dict[str, str], have: int):
        self.total, self.shown = told["size"], [have]

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def update(self, count: int) -> None:
        self.shown.append(self.shown[-1] + count)


def test_progress_is_shown_from_where_it_stopped(tmp_path: Path, publisher, monkeypatch) -> None:
    made: list[Bar] = []
    real = downloading._bar

    def bar(*said):
        real(*said).close()
        made.append(Bar(*said))
        return made[-1]

    monkeypatch.setattr(downloading, "_bar", bar)
    monkeypatch.setattr(downloading, "CHUNK", 60)
    file = begun(tmp_path, publisher)
    publisher.breaks_after = None
    fetch(file)
    assert [bar.shown for bar in made] == [[0, 50], [50, 110, 170, 200]]
    assert all(bar.total == "200" and bar.closed for bar in made)


def test_another_file_under_the_same_address_is_fetched_from_its_beginning(
    tmp_path: Path, publisher
) -> None:
    file = begun(tmp_path, publisher)
    publisher.__init__(bytes(reversed(range(180))))
    publisher.tag = '"two"'
    fetch(file)
    assert publisher.asked == [("bytes=50-", '"one"')]
    assert file.read_bytes() == publisher.content


@pytest.mark.parametrize("size, says_tag", [(200, True), (180, True), (180, False), (30, True)])
def test_a_server_that_goes_on_with_another_file_is_asked_anew(
    tmp_path: Path, publisher, size: int, says_tag: bool
) -> None:
    """It knows Range, but not If-Range; without MD5 nothing else would tell."""
    file = begun(tmp_path, publisher)
    publisher.__init__(bytes(reversed(range(size))))
    publisher.conditions, publisher.says_tag, publisher.tag = False, says_tag, '"two"'
    publisher.md5 = ""
    fetch(file)
    assert publisher.asked == [("bytes=50-", '"one"'), (None, None)]
    assert file.read_bytes() == publisher.content and list(tmp_path.iterdir()) == [file]


def test_what_comes_from_another_place_than_asked_is_not_appended(
    tmp_path: Path, publisher
) -> None:
    file = begun(tmp_path, publisher)
    publisher.__init__(bytes(reversed(range(200))))
    publisher.conditions, whole = False, publisher.__call__
    publisher.md5 = ""

    def from_its_beginning(request, timeout):
        answer = whole(request, timeout)
        if request.get_header("Range"):
            del answer.headers["Content-Range"]
            answer.headers["Content-Range"] = "bytes 40-199/200"
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(downloading.urllib.request, "urlopen", from_its_beginning)
        fetch(file)
    assert file.read_bytes() == publisher.content


def test_a_part_from_one_address_is_not_gone_on_with_from_another(
    tmp_path: Path, publisher
) -> None:
    """Even where both call their files the same."""
    file = begun(tmp_path, publisher)
    publisher.__init__(bytes(reversed(range(200))))
    fetch(file, "https://example.com/file")
    assert publisher.asked == [(None, None)]
    assert file.read_bytes() == publisher.content


def test_a_part_of_which_nothing_is_known_is_not_gone_on_with(tmp_path: Path, publisher) -> None:
    (tmp_path / "file.part").write_bytes(b"of some other file")
    fetch(tmp_path / "file")
    assert publisher.asked == [(None, None)]
    assert (tmp_path / "file").read_bytes() == publisher.content


def test_bytes_that_are_not_the_told_ones_are_deleted(tmp_path: Path, publisher) -> None:
    publisher.content = bytes(200)
    with pytest.raises(PriorError, match="came damaged and is deleted"):
        fetch(tmp_path / "file")
    assert not (tmp_path / "file").exists() and not (tmp_path / "file.part").exists()
