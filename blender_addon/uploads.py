"""Files on their way to the server: pictures as prompts, meshes to refine.

In: a path, or bytes. Out: the digest that a job's settings then name. It waits for a connection as
long as that takes, and begins again where the user has connected anew meanwhile.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from . import session

sources: dict[str, str] = {}  # digest -> the file that was sent, as far as this Blender remembers


def send(source: Path | bytes) -> Generator[Any, None, str]:
    """For `later`. Raises RemoteError for a no, OSError for a file that can't be read."""
    digest = ""
    while not digest:
        while not session.is_up():
            yield session.WAITING
        digest = yield from _over(session.now.client, source)
    if isinstance(source, Path):
        sources[digest] = str(source)
    return digest


def _over(client: Any, source: Path | bytes) -> Generator[Any, None, str]:
    """By this client, which lives through a restart of its server; "" once it has been closed."""
    steps = client.uploading(source)
    while session.now.client is client:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        yield session.WAITING
    steps.close()
    return ""
