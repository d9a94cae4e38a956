"""ModelScope, a second hub: which files a model has there, and each one's sha256. No torch.

In: a model's name ("owner/name"), a branch, tag or commit. Out: names with hashes, and addresses
for downloading.py. They are two plain addresses of the site, so its own client is not needed.
"""

from __future__ import annotations

import json
import urllib.request
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlencode

from backend.errors import PriorError
from backend.guidance.downloading import TIMEOUT_S
from backend.guidance.refusals import OFFLINE, is_offline

SITE = "https://www.modelscope.cn"
REFUSED = "ModelScope has no list of its files"


def listed(model: str, revision: str) -> dict[str, str]:
    """The model's files by name, each with its sha256 in hexadecimal digits, "" where none is told.

    Raises PriorError where it has no such model or the answer is not a list, OSError where the
    site does not answer; honours HF_HUB_OFFLINE.
    """
    if is_offline():
        raise PriorError(f"{OFFLINE} is set, so nothing is downloaded")
    query = urlencode({"Revision": revision, "Recursive": "True"})
    address = f"{SITE}/api/v1/models/{model}/repo/files?{query}"
    with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:
        content = answer.read()
    try:
        files = [file for file in json.loads(content)["Data"]["Files"] if file["Type"] == "blob"]
        found = {str(file["Path"]): _hash(file) for file in files}
    except (ValueError, KeyError, TypeError) as error:
        raise PriorError(REFUSED) from error
    if outside := [name for name in found if not _is_inside(name)]:
        raise PriorError(f"{REFUSED}: '{outside[0]}' lies outside")
    return found


def address_of(model: str, revision: str, name: str) -> str:
    return f"{SITE}/models/{model}/resolve/{quote(revision)}/{quote(name)}"


def _hash(file: dict[str, Any]) -> str:
    return str(file.get("Sha256") or "").lower()


def _is_inside(name: str) -> bool:
    """Whether it stays in the folder that it is put into."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and not set(name) & {"\\", ":"}
