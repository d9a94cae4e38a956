"""Downloads a prior's weights by the user's wish, and checks them later. No torch.

In: a name from catalogue.SOURCES. Out: a folder in diffusers' layout with pulled.json beside its
files: where they are from, the commit, and each one's size and sha256. places.py fetches.
"""

from __future__ import annotations

import importlib
import json
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from backend.errors import InputError, PriorError
from backend.files import replace_atomically
from backend.guidance.catalogue import (
    CONVERTERS,
    RECORD,
    SOURCES,
    Converter,
    Published,
    Source,
    models_folder,
    weights_in,
)
from backend.guidance.places import NOTED, come, sha256_of
from backend.guidance.refusals import reason

log = logging.getLogger(__name__)
ORIGINAL = "original"  # where a checkpoint lies until it is converted
_OWN = {RECORD, ".cache", ORIGINAL}  # not part of the weights


def source_of(name: str) -> Source:
    if name not in SOURCES:
        raise InputError(f"There is nothing to pull for '{name}'; there are {', '.join(SOURCES)}.")
    return SOURCES[name]


def pull(name: str) -> Path:
    """Tries each place in turn; raises PriorError with what each one said. What is whole already
    is not asked for again."""
    source, folder, said = source_of(name), models_folder() / name, []
    if _is_newest(folder, source):
        return folder
    bases = _bases(name) if any(place.checkpoints for place in source.places) else []
    _check_room(name, source, folder)
    for place in source.places:
        there = folder / ORIGINAL if place.checkpoints else folder
        try:
            come(place, source.files, there)
        except Exception as error:  # the hub's errors have no common base but Exception
            said.append(f"{place.repository}: {reason(error, place.revision)}")
            log.debug("pulling %s failed", place.repository, exc_info=True)
            continue
        if place.checkpoints:
            _convert_pulled(name, place, bases, folder)
        _write_record(folder, place.repository, place.revision or _commit(there))
        return folder
    raise PriorError(f"'{name}' could not be pulled ({'; '.join(said)}).{_advice(name, source)}")


def _convert_pulled(name: str, place: Published, bases: Sequence[Path], folder: Path) -> None:
    """The checkpoints that have come -> the prior's folder. They go once it has their tensors."""
    originals = [folder / ORIGINAL / file for file in place.checkpoints]
    for path in weights_in(folder):  # of a place that failed: they would be taken for these
        if path.relative_to(folder).parts[0] not in _OWN:
            path.unlink()
    _converter(CONVERTERS[name])(*originals, *bases, folder)
    for original in originals:
        original.unlink()


def _advice(name: str, source: Source) -> str:
    """What else there is to do."""
    page = source.places[0].repository
    if source.gated:
        return (
            f" Its licence must be accepted first, on https://huggingface.co/{page}, and you be "
            "logged in: 'hf auth login'."
        )
    if name in CONVERTERS:
        return f" A checkpoint that you have already: 'propsmith models convert {name} FILE'."
    return " A folder that you have already will do as well: --prior FOLDER."


def _is_newest(folder: Path, source: Source) -> bool:
    """Whether all is here, from one of the commits that are pinned."""
    if faults(folder):
        return False
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    repository, revision = record.get("repository"), record.get("revision")
    return any(
        repository == place.repository and (place.revision or revision) == revision
        for place in source.places
    )


def _check_room(name: str, source: Source, folder: Path) -> None:
    """Raises PriorError where the disk is too small for what is still to come."""
    existing = next(p for p in [folder, *folder.absolute().parents] if p.exists())
    here = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e9
    copies = 2 if source.places[0].checkpoints else 1  # converted beside itself
    free, needed = shutil.disk_usage(existing).free / 1e9, source.download_gb * copies - here
    if free < needed:
        raise PriorError(
            f"'{name}' needs about {needed:.1f} GB more in '{folder}', where {free:.1f} GB are "
            "free: make room, or set PROPSMITH_MODELS to a folder on a larger disk."
        )


def convert(name: str, checkpoints: Sequence[Path]) -> Path:
    """Checkpoints that the user has, in the order of the converter's -> the prior's folder; what
    they share with other priors is pulled if it isn't here."""
    if name not in CONVERTERS:
        known = ", ".join(sorted(CONVERTERS))
        raise InputError(f"There are no checkpoints to convert for '{name}'; there are {known}.")
    converter, folder = CONVERTERS[name], (models_folder() / name).resolve()
    if len(checkpoints) != len(converter.checkpoints):
        wanted = " and ".join(converter.checkpoints)
        raise InputError(f"'{name}' is made of {wanted}; {len(checkpoints)} files were given.")
    if absent := [str(path) for path in checkpoints if not path.is_file()]:
        raise InputError(f"There is no checkpoint '{absent[0]}': check its path.")
    fresh, former = (folder.with_name(f"{name}.{end}") for end in ("unfinished", "replaced"))
    places = {parent for path in checkpoints for parent in path.resolve().parents}
    if inside := places & {folder, fresh, former}:
        raise InputError(f"Move the checkpoint out of '{inside.pop()}' first: it is replaced.")
    for left in (fresh, former):
        shutil.rmtree(left, ignore_errors=True)
    try:
        _converter(converter)(*checkpoints, *_bases(name), fresh)
        _write_record(fresh, ", ".join(path.name for path in checkpoints), None)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    if folder.exists():
        folder.rename(former)
    fresh.rename(folder)
    shutil.rmtree(former, ignore_errors=True)
    return folder


def absent_bases(name: str) -> list[str]:
    """Priors that `pull` fetches beside this one, as it shares parts with them: those not here."""
    bases = CONVERTERS[name].bases if SOURCES[name].places[0].checkpoints else ()
    return [base for base in bases if not (models_folder() / base / RECORD).is_file()]


def _bases(name: str) -> list[Path]:
    """Folders of the priors that lend parts, pulled where they are not whole."""
    folders = [(base, models_folder() / base) for base in CONVERTERS[name].bases]
    return [pull(base) if faults(folder) else folder for base, folder in folders]


def _converter(converter: Converter) -> Callable[..., None]:
    module, function = converter.function.split(":")
    return getattr(importlib.import_module(module), function)


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
    for note in (folder / NOTED).glob("*.metadata"):
        return note.read_text().split("\n")[0].strip()
    return None


def _files(folder: Path) -> list[str]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [_name(p, folder) for p in paths if p.relative_to(folder).parts[0] not in _OWN]


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _facts(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": sha256_of(path)}


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
