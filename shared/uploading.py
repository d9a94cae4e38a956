"""A file's way to the server, in slices: before the job that needs it (PROTOCOL.md, Uploads).

In: a client, and a path or bytes. Out: the SHA-256 that the settings of the job then name.
Each `next()` of the generator is a slice of a few milliseconds; whoever drives it pumps the client.
"""

from __future__ import annotations

import hashlib
import io
from collections import deque
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from .errors import RemoteError
from .messages import MOST_UPLOAD, UPLOAD_CHUNK, Upload

if TYPE_CHECKING:
    from .client import Client

HASHED_AT_ONCE = 2 << 20  # bytes
ON_THEIR_WAY = 4  # pieces
MOST_ROUNDS = 20  # how often the server may set us back before that is no accident any more
Steps = Generator[float, None, Any]


def uploading(client: Client, source: Path | bytes) -> Generator[float, None, str]:
    """Yields the share that the server has, 0 to 1; returns the digest. Closing it gives up.

    Raises RemoteError: `bad_upload` for a file that is empty, too large, or changes meanwhile, and
    the server's noes. Raises OSError where the path can't be read.
    """
    with ExitStack() as held:
        if isinstance(source, bytes):
            file: IO[bytes] = held.enter_context(io.BytesIO(source))
        else:
            file = held.enter_context(open(source, "rb"))
        size = file.seek(0, io.SEEK_END)
        if not 0 < size <= MOST_UPLOAD:
            limit = f"from 1 byte to {MOST_UPLOAD >> 20} MiB can be sent"
            raise RemoteError("bad_upload", f"The file has {size} bytes; {limit}.")
        digest = yield from _digest(file)
        questions = held.enter_context(_Questions(client, file, digest, size))
        for _ in range(MOST_ROUNDS):
            have = yield from questions.ask()
            if have < size:
                have = yield from questions.send(have)
            if have == size:
                return digest
    raise RemoteError("bad_upload", "The server lost what was sent, again and again: see its log.")


def _digest(file: IO[bytes]) -> Generator[float, None, str]:
    file.seek(0)
    digest = hashlib.sha256()
    while data := file.read(HASHED_AT_ONCE):
        digest.update(data)
        yield 0.0
    return digest.hexdigest()


@dataclass
class _Question:
    end: int  # what `have` should be after it
    request: Any = None
    answers: list[Any] = field(default_factory=list)


class _Questions:
    """What is on its way; a context manager that takes back what has no answer yet."""

    def __init__(self, client: Client, file: IO[bytes], digest: str, size: int):
        self.client, self.file, self.digest, self.size = client, file, digest, size
        self._waiting: deque[_Question] = deque()
        self._have = 0

    def __enter__(self) -> _Questions:
        return self

    def __exit__(self, *_: object) -> None:
        for question in self._waiting:
            self.client.drop(question.request)

    def ask(self) -> Steps:
        """How much is there; again while the server reads what it kept."""
        before = 0
        while True:
            self._post(0, b"")
            _, have = yield from self._next()
            if have in (before, self.size):
                return have
            before = have

    def send(self, position: int) -> Steps:
        """Pieces from there on; returns what the server has at the end, or when it was set back."""
        have = position
        while self._waiting or have < self.size:
            while len(self._waiting) < ON_THEIR_WAY and position < self.size:
                position += self._post(position, self._read(position))
            expected, have = yield from self._next()
            if have != expected:
                while self._waiting:
                    _, have = yield from self._next()
                break
        return have

    def _read(self, position: int) -> bytes:
        self.file.seek(position)
        data = self.file.read(min(UPLOAD_CHUNK, self.size - position))
        if not data:
            raise RemoteError("bad_upload", "The file became shorter while it was sent.")
        return data

    def _post(self, position: int, data: bytes) -> int:
        question = _Question(position + len(data))
        message = Upload(self.digest, self.size, position, np.frombuffer(data, "u1"))
        question.request = self.client.send(message, question.answers.append)
        self._waiting.append(question)
        return len(data)

    def _next(self) -> Generator[float, None, tuple[int, int]]:
        """What the oldest question should lead to, and did."""
        question = self._waiting[0]
        while not question.answers:
            yield self._have / self.size
        self._waiting.popleft()
        if isinstance(question.answers[0], RemoteError):
            raise question.answers[0]
        self._have = question.answers[0].have
        return question.end, self._have
