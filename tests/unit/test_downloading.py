"""A file from an address without a hub: gone on with, begun anew, or refused."""

from __future__ import annotations

import base64
import hashlib
import io
from email.message import Message
from pathlib import Path

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

    def __call__(self, request, timeout):
        wanted, only = request.get_header("Range"), request.get_header("If-range")
        self.asked.append((wanted, only))
        start = int(wanted.split("=")[1][:-1]) if wanted and only == self.tag else 0
        told = {"ETag": self.tag, "Content_MD5": self.md5}
        told["Content_Length"] = str(len(self.content) - start)
        return Answer(self.content[start : self.breaks_after], 206 if start else 200, **told)


@pytest.fixture
def publisher(monkeypatch) -> Publisher:
    server = Publisher(bytes(range(200)))
    monkeypatch.setattr(downloading.urllib.request, "urlopen", server)
    return server


def fetch(path: Path) -> None:
    downloading.download("https://example.org/file", path)


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


def test_another_file_under_the_same_address_is_fetched_from_its_beginning(
    tmp_path: Path, publisher
) -> None:
    file, publisher.breaks_after = tmp_path / "file", 50
    with pytest.raises(PriorError):
        fetch(file)
    publisher.__init__(bytes(reversed(range(180))))
    publisher.tag = '"two"'
    fetch(file)
    assert publisher.asked == [("bytes=50-", '"one"')]
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
