"""pulled.json: what was pulled or converted, from where, each file's size and sha256. No torch.

In: a prior's folder whose files have all come. Out: the record beside them, by which a folder is
known to be whole, and later what has changed in it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from backend.files import replace_atomically
from backend.guidance.catalogue import RECORD
from backend.guidance.places import sha256_of

_OWN = {RECORD, ".cache"}  # not part of the weights


def write_record(folder: Path, repository: str, revision: str | None) -> None:
    record = {
        "repository": repository,
        "revision": revision,
        "files": {name: _facts(folder / name) for name in _files(folder)},
    }
    content = (json.dumps(record, indent=1) + "\n").encode()
    replace_atomically(folder / RECORD, lambda file: file.write(content))


def origin(folder: Path) -> tuple[Any, Any] | None:
    """The repository and the commit that the record names; None without a record."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return record["repository"], record["revision"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def faults(folder: Path) -> list[str]:
    """What is wrong with a pulled folder, file by file; empty where all is as it was pulled."""
    if not (folder / RECORD).is_file():
        return [f"{RECORD} is missing: the download was not completed; pull it again"]
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        return [fault for name in record if (fault := _fault(folder / name, name, record[name]))]
    except (OSError, ValueError, KeyError, TypeError) as error:
        name = getattr(error, "filename", None) or RECORD
        return [f"{Path(name).name} can't be read; pull it again"]


def _fault(path: Path, name: str, facts: dict[str, Any]) -> str | None:
    if not path.is_file():
        return f"{name} is missing"
    changed = path.stat().st_size != facts["size"] or _facts(path) != facts
    return f"{name} has changed" if changed else None


def _files(folder: Path) -> list[str]:
    paths = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path.as_posix() for path in paths if path.parts[0] not in _OWN]


def _facts(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": sha256_of(path)}
