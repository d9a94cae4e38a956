"""A hub on this machine that speaks as much of the hub's API as a snapshot's download needs.

In: repositories as dicts of files. Out: an address for HF_ENDPOINT, and faults on demand: refused,
gone, cut off in the middle, wrong bytes. huggingface_hub itself is what talks to it.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

LARGE = 100_000  # bytes from which a file is kept aside, its sha256 for an etag, as on the hub


def nothing_listed(*_: Any, **__: Any) -> SimpleNamespace:
    """For huggingface_hub.model_info: a repository that tells no names of files."""
    return SimpleNamespace(siblings=[])


@dataclass
class Repository:
    """files: by name. gated: 401 and 403 as the hub has them. cut: bytes after which a large
    file's answer ends, once. slow: seconds between pieces of it. wrong: bytes differ from the
    hash that is told."""

    files: dict[str, bytes]
    commit: str = "c" * 40
    gated: bool = False
    cut: int | None = None
    slow: float = 0.0
    wrong: bool = False


@dataclass
class Hub:
    repositories: dict[str, Repository]
    address: str = ""
    asked: list[str] = field(default_factory=list)  # "GET path", in order
    sent: dict[str, int] = field(default_factory=dict)  # bytes of each file


def etag(content: bytes) -> str:
    if len(content) >= LARGE:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def large(content: bytes) -> dict[str, Any]:
    """What a listing tells of a file that is kept aside, besides."""
    if len(content) < LARGE:
        return {}
    told = {"size": len(content), "sha256": etag(content), "oid": etag(content)}
    return {"lfs": told | {"pointerSize": 134}}


class Answering(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(False)

    def do_GET(self) -> None:
        self.answer(True)

    def answer(self, whole: bool) -> None:
        path = self.path.split("?")[0].strip("/")
        self.hub.asked.append(f"{self.command} {path}")
        parts = path.removeprefix("api/models/").split("/")
        name = "/".join(parts[:2])
        found = self.hub.repositories.get(name)
        if found is None:
            self.say(401, {"X-Error-Message": "Invalid username or password."})
        elif found.gated and "resolve" in parts:
            told = {"X-Error-Code": "GatedRepo", "X-Error-Message": f"Access to {name} is gated."}
            self.say(403 if "Authorization" in self.headers else 401, told)
        elif len(parts) > 3 and parts[3] not in (found.commit, "main"):
            told = {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"}
            self.say(404, told)
        elif path.startswith("api/"):
            self.about(name, found, parts)
        else:
            self.file(found, "/".join(parts[4:]), whole)

    def about(self, name: str, found: Repository, parts: list[str]) -> None:
        listed = [
            {"type": "file", "path": f, "rfilename": f, "size": len(c), "oid": etag(c)} | large(c)
            for f, c in found.files.items()
        ]
        if "tree" in parts:
            self.say(200, {"Content-Type": "application/json"}, json.dumps(listed).encode())
            return
        told = {"id": name, "sha": found.commit, "private": False, "siblings": listed}
        self.say(200, {"Content-Type": "application/json"}, json.dumps(told).encode())

    def file(self, found: Repository, name: str, whole: bool) -> None:
        if name not in found.files:
            self.say(404, {"X-Error-Code": "EntryNotFound"})
            return
        content = found.files[name]
        told = {"ETag": f'"{etag(content)}"', "X-Repo-Commit": found.commit}
        told["Accept-Ranges"] = "bytes"
        begin = 0
        if asked := self.headers.get("Range"):
            begin = int(asked.removeprefix("bytes=").split("-")[0])
            told["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        if found.wrong and len(content) >= LARGE:
            content = content[:-1] + bytes([content[-1] ^ 1])
        self.send_response(206 if asked else 200)
        for key, value in told.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        if whole:
            self.pieces(found, name, content[begin:])

    def pieces(self, found: Repository, name: str, content: bytes) -> None:
        large = len(found.files[name]) >= LARGE
        if large and found.cut is not None:
            content, found.cut = content[: found.cut], None
            self.close_connection = True
        for at in range(0, len(content), 1 << 16):
            piece = content[at : at + (1 << 16)]
            self.wfile.write(piece)
            self.hub.sent[name] = self.hub.sent.get(name, 0) + len(piece)
            if large and found.slow:
                time.sleep(found.slow)

    def say(self, status: int, told: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for key, value in told.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def served(repositories: dict[str, Repository]) -> Iterator[Hub]:
    """A hub that runs while this is open."""
    hub = Hub(repositories)
    handler = type("Handler", (Answering,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
