"""ModelScope on this machine: its list of a model's files, a redirection, the files.

In: files by name. Out: an address for backend.guidance.modelscope.SITE, and what was asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class Site(ThreadingHTTPServer):
    """model, revision: the one there is. files: what it sends. told: what its list says instead of
    a file's hash. list: an answer instead of the list. asked: paths."""

    def __init__(self, model: str, revision: str, files: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.model, self.revision = model, revision
        self.files, self.told, self.asked = dict(files), {}, []
        self.list: bytes | None = None

    def listing(self) -> bytes:
        rows = [{"Path": folder, "Type": "tree"} for folder in ("unet", "tokenizer")]
        for name, content in self.files.items():
            hash_ = self.told.get(name, hashlib.sha256(content).hexdigest())
            rows.append({"Path": name, "Type": "blob", "Size": len(content), "Sha256": hash_})
        return json.dumps({"Code": 200, "Data": {"Files": rows}}).encode()


class Answering(BaseHTTPRequestHandler):
    server: Site

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        address, site = urlsplit(self.path), self.server
        self.server.asked.append(address.path)
        if address.path == f"/api/v1/models/{site.model}/repo/files":
            asked = parse_qs(address.query)
            assert asked == {"Revision": [site.revision], "Recursive": ["True"]}
            self.say(200, self.server.list or self.server.listing())
        elif address.path.startswith(begin := f"/models/{site.model}/resolve/{site.revision}/"):
            self.send_response(302)  # to where the bytes lie, with a signature
            self.send_header("Location", f"/store/{address.path.removeprefix(begin)}?signature=1")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            content = self.server.files.get(unquote(address.path.removeprefix("/store/")))
            self.say(404 if content is None else 200, content or b"")

    def say(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
