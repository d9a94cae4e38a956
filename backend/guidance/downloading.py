"""A file from an address: resumed where it stopped, whole or absent. No torch.

In: an https address, a path. Out: the file there. For the few priors whose publishers use no hub.
The part that has come lies beside it as NAME.part, and as NAME.part.json what the server called
that file: it is asked to go on only with the very same one (If-Range, RFC 9110 section 13.1.5),
and sends another one from its beginning. Some servers go on with whatever they have, so what comes
is compared with the notes, too; and a part from one address is not gone on with from another.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from pathlib import Path
from typing import Any

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
    known = told.get("address") == address and _validator(told)
    have = part.stat().st_size if known and part.exists() else 0
    if not _fetch(address, part, notes, have):
        part.unlink()
        _fetch(address, part, notes, 0)
    told = _told(notes)
    size, total = part.stat().st_size, int(told.get("size") or 0)
    if size < total:
        raise PriorError(f"it ended after {size} of {total} bytes; pull it again")
    if (total and size > total) or told.get("md5", "") not in ("", _md5(part)):
        part.unlink()
        raise PriorError("it came damaged and is deleted; pull it again")
    part.replace(path)
    notes.unlink(missing_ok=True)


def _fetch(address: str, part: Path, notes: Path, have: int) -> bool:
    """Writes what comes behind the bytes that we have; False where that is of another file."""
    told = _told(notes)
    headers = {"Range": f"bytes={have}-", "If-Range": _validator(told)} if have else {}
    try:
        request = urllib.request.Request(address, headers=headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            resumed = have > 0 and answer.status == 206
            if resumed and not _is_rest(answer.headers, told, have):
                return False
            if not resumed:
                part.unlink(missing_ok=True)  # before the notes, which are not of this part
                told = {name: answer.headers[key] or "" for key, name in TOLD.items()}
                notes.write_text(json.dumps({**told, "address": address}), encoding="utf-8")
            had = have if resumed else 0
            with part.open("ab" if resumed else "wb") as file, _bar(part, told, had) as bar:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
    except urllib.error.HTTPError as error:
        if not have or error.code != RANGE_REFUSED:
            raise
        return told.get("size") == str(have)
    return True


def _bar(part: Path, told: Mapping[str, str], have: int) -> Any:
    """The hub's own progress bar, so that all downloads look alike."""
    from huggingface_hub.utils import tqdm

    size = int(told.get("size") or 0) or None
    name = part.name.removesuffix(".part")
    return tqdm(desc=name, total=size, initial=have, unit="B", unit_scale=True)


def _is_rest(headers: Message, told: Mapping[str, str], have: int) -> bool:
    """Whether an answer to a Range is of the file that we have the first bytes of."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers["Content-Range"] or "")
    if found is None or int(found[1]) != have:
        return False
    pairs = [(headers[key], told.get(TOLD[key])) for key in ("ETag", "Last-Modified")]
    if found[2] != "*":
        pairs.append((found[2], told.get("size")))
    return all(said == noted for said, noted in pairs if said and noted)


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
