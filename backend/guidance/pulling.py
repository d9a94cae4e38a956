"""Downloads a prior's weights by the user's wish, and checks them later. No torch.

In: a name from catalogue.SOURCES. Out: a folder in diffusers' layout with pulled.json beside its
files: where they are from, the commit, and each one's size and sha256. The download itself is
huggingface_hub's, which resumes, shows its progress and honours HF_HUB_OFFLINE.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from backend.errors import InputError, PriorError
from backend.files import replace_atomically
from backend.guidance.catalogue import (
    CONVERTERS,
    SOURCES,
    Converter,
    Published,
    Source,
    models_folder,
)
from backend.guidance.downloading import download

log = logging.getLogger(__name__)
RECORD = "pulled.json"
INDEX = "model_index.json"
ORIGINAL = "original"  # where a checkpoint lies until it is converted
_OWN = {RECORD, ".cache", ORIGINAL}  # not part of the weights


def source_of(name: str) -> Source:
    if name not in SOURCES:
        raise InputError(f"There is nothing to pull for '{name}'; there are {', '.join(SOURCES)}.")
    return SOURCES[name]


def pull(name: str) -> Path:
    """Tries each place in turn; raises PriorError with what each one said."""
    source, folder, said = source_of(name), models_folder() / name, []
    bases = _bases(name) if source.checkpoints else []
    for place in source.places:
        try:
            _download(place, source, folder / ORIGINAL if source.checkpoints else folder)
        except Exception as error:  # the hub's errors have no common base but Exception
            said.append(f"{place.repository}: {_sentence(error)}")
            log.debug("pulling %s failed", place.repository, exc_info=True)
            continue
        if source.checkpoints:
            originals = [folder / ORIGINAL / file for file in source.checkpoints]
            _converter(CONVERTERS[name])(*originals, *bases, folder)
            for original in originals:  # they go once their tensors are written anew
                original.unlink()
        _write_record(folder, place.repository, place.revision or _commit(folder))
        return folder
    gated = " Its licence must be accepted on the hub first, and you be logged in." * source.gated
    raise PriorError(f"'{name}' could not be pulled ({'; '.join(said)}).{gated}")


def convert(name: str, checkpoints: Sequence[Path]) -> Path:
    """Checkpoints that the user has, in the order of the converter's -> the prior's folder; what
    they share with other priors is pulled if it isn't here."""
    if name not in CONVERTERS:
        known = ", ".join(sorted(CONVERTERS))
        raise InputError(f"There are no checkpoints to convert for '{name}'; there are {known}.")
    converter, folder = CONVERTERS[name], models_folder() / name
    if len(checkpoints) != len(converter.checkpoints):
        wanted = " and ".join(converter.checkpoints)
        raise InputError(f"'{name}' is made of {wanted}; {len(checkpoints)} files were given.")
    if absent := [str(path) for path in checkpoints if not path.is_file()]:
        raise InputError(f"There is no checkpoint '{absent[0]}': check its path.")
    function = _converter(converter)
    function(*checkpoints, *_bases(name), folder)
    _write_record(folder, ", ".join(path.name for path in checkpoints), None)
    return folder


def _bases(name: str) -> list[Path]:
    """Folders of the priors that lend parts, pulled where they are not whole."""
    folders = [(base, models_folder() / base) for base in CONVERTERS[name].bases]
    return [pull(base) if faults(folder) else folder for base, folder in folders]


def _converter(converter: Converter) -> Callable[..., None]:
    module, function = converter.function.split(":")
    return getattr(importlib.import_module(module), function)


def _download(place: Published, source: Source, folder: Path) -> None:
    if place.repository.startswith("https://"):
        for file in source.files:
            download(f"{place.repository}/{file}", folder / file)
        return
    from huggingface_hub import snapshot_download

    snapshot_download(
        place.repository,
        revision=place.revision,
        allow_patterns=list(source.files),
        local_dir=folder,
    )
    for wanted in source.checkpoints or (INDEX,):
        if not (folder / wanted).is_file():
            raise PriorError(f"it has no {wanted}")


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."


def _write_record(folder: Path, repository: str, revision: str | None) -> None:
    record = {
        "repository": repository,
        "revision": revision,
        "files": {name: _facts(folder / name) for name in _files(folder)},
    }
    content = (json.dumps(record, indent=1) + "\n").encode()
    replace_atomically(folder / RECORD, lambda file: file.write(content))


def _commit(folder: Path) -> str | None:
    """The commit that huggingface_hub noted beside the index it downloaded."""
    noted = Path(".cache", "huggingface", "download")
    for note in (
        *(folder / noted).glob("*.metadata"),
        *(folder / ORIGINAL / noted).glob("*.metadata"),
    ):
        return note.read_text().split("\n")[0].strip()
    return None


def _files(folder: Path) -> list[str]:
    paths = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    return [path.as_posix() for path in paths if path.parts[0] not in _OWN]


def _facts(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            digest.update(chunk)
    return {"size": path.stat().st_size, "sha256": digest.hexdigest()}


def faults(folder: Path) -> list[str]:
    """What is wrong with a pulled folder, file by file; empty where all is as it was pulled."""
    if not (folder / RECORD).is_file():
        return [f"{RECORD} is missing: the download was not completed; pull it again"]
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
    except (ValueError, KeyError, TypeError):
        return [f"{RECORD} can't be read; pull it again"]
    found = []
    for name, facts in record.items():
        path = folder / name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif path.stat().st_size != facts["size"] or _facts(path) != facts:
            found.append(f"{name} has changed")
    return found
