"""A file from an address: resumed where it stopped, whole or absent. No torch.

In: an https address, a path. Out: the file there. For the few priors whose publishers use no hub.
The part that has come lies beside it as NAME.part, and as NAME.part.json what the server called
that file: it is asked to go on only with the very same one (If-Range, RFC 9110 section 13.1.5),
and sends another one from its beginning.
"""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from backend.errors import PriorError
from backend.guidance.refusals import OFFLINE, is_offline

CHUNK = 1 << 20
TIMEOUT_S = 30.0
RANGE_REFUSED = 416  # HTTP: there is nothing behind the part that we have
TOLD = {  # an answer's headers, and as what we note them
    "Content-Length": "size",
    "Content-MD5": "md5",
    "ETag": "tag",
    "Last-Modified": "modified",
}


def download(address: str, path: Path) -> None:
    """Raises PriorError where less or something else came than the server told, OSError where the
    address does not answer; honours HF_HUB_OFFLINE."""
    if path.is_file():
        return
    if is_offline():
        raise PriorError(f"{OFFLINE} is set, so nothing is downloaded")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    notes = part.with_name(part.name + ".json")
    told = _told(notes)
    have = part.stat().st_size if part.exists() and _validator(told) else 0
    headers = {"Range": f"bytes={have}-", "If-Range": _validator(told)} if have else {}
    try:
        request = urllib.request.Request(address, headers=headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            resumed = answer.status == 206
            if not resumed:
                told = {name: answer.headers[key] or "" for key, name in TOLD.items()}
                notes.write_text(json.dumps(told), encoding="utf-8")
            with part.open("ab" if resumed else "wb") as file:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
    except urllib.error.HTTPError as error:
        if error.code != RANGE_REFUSED:
            raise
    size, total = part.stat().st_size, int(told.get("size") or 0)
    if size < total:
        raise PriorError(f"it ended after {size} of {total} bytes; pull it again")
    if (total and size > total) or told.get("md5", "") not in ("", _md5(part)):
        part.unlink()
        raise PriorError("it came damaged and is deleted; pull it again")
    part.replace(path)
    notes.unlink(missing_ok=True)


def _told(notes: Path) -> dict[str, str]:
    """What the server said of the file that the part is of; nothing where that is not known."""
    try:
        return {str(k): str(v) for k, v in json.loads(notes.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _validator(told: Mapping[str, str]) -> str:
    """For If-Range: a strong entity tag, or else a date."""
    tag = told.get("tag", "")
    return tag if tag and not tag.startswith("W/") else told.get("modified", "")


def _md5(part: Path) -> str:
    """As Content-MD5 has it."""
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
    return base64.b64encode(digest).decode()
