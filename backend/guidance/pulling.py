"""Downloads a prior's weights by the user's wish, or converts checkpoints. No torch.

In: a name from catalogue.SOURCES. Out: a folder in diffusers' layout with pulled.json beside its
files (pull_records.py). Each place's files (places.py) come into a folder of their own below
NAME.pulling, where they stay if it fails, and what was there before is replaced by the whole.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from backend.errors import InputError, PriorError, PropsmithError
from backend.guidance.catalogue import (
    CONVERTERS,
    RECORD,
    SOURCES,
    Converter,
    Published,
    Source,
    models_folder,
)
from backend.guidance.places import ADDRESS, come, commit_of
from backend.guidance.pull_folders import (
    alone,
    begun_beside,
    former_of,
    put_in_place,
    recover,
    tidy,
)
from backend.guidance.pull_records import faults, origin, write_record
from backend.guidance.refusals import reason

log = logging.getLogger(__name__)


def source_of(name: str) -> Source:
    if name not in SOURCES:
        raise InputError(f"There is nothing to pull for '{name}'; there are {', '.join(SOURCES)}.")
    return SOURCES[name]


class Unconverted(PriorError):
    """Another place's files would fail alike."""


def pull(name: str, tell: Callable[[str], None] = log.info) -> Path:
    """Tries each place in turn; raises PriorError with what each one said. What is whole already
    is not asked for again. tell: gets a sentence when it goes on to the next place."""
    source, folder = source_of(name), (models_folder() / name).resolve()
    begun = begun_beside(folder)
    if _is_newest(folder, source):
        if begun.exists():  # killed while it tidied up
            with alone(folder):
                tidy(folder)
        return folder
    least = min(_room_gb(place, source) for place in source.places)
    mended = any(_is_of(place, folder) for place in source.places)
    _check_room(name, least, [begun, folder] if mended else [begun])
    bases = _bases(name, tell) if any(place.checkpoints for place in source.places) else []
    with alone(folder):
        recover(folder)
        if not _is_newest(folder, source):  # or another process was faster
            whole = _fetched(folder, source, bases, tell)
            if whole != folder:
                put_in_place(folder, whole)
        tidy(folder)
    return folder


def _fetched(
    folder: Path, source: Source, bases: Sequence[Path], tell: Callable[[str], None]
) -> Path:
    """Where all has come: the prior's own folder if only some of its files had gone, whose place
    is then asked first."""
    said: list[str] = []
    for place in sorted(source.places, key=lambda place: not _is_of(place, folder)):
        if said:
            size = f"about {_gigabytes(place, source):g} GB"
            tell(f"{said[-1]}. Trying {place.repository} instead, {size}.")
        try:
            return _from(place, folder, source, bases)
        except Unconverted:
            raise
        except Exception as error:  # the hub's errors have no common base but Exception
            said.append(f"{place.repository}: {reason(error, place.revision).rstrip('.')}")
            log.debug("pulling %s failed", place.repository, exc_info=True)
    raise PriorError(
        f"'{folder.name}' could not be pulled ({'; '.join(said)}).{_advice(folder.name, source)}"
    )


def _from(place: Published, folder: Path, source: Source, bases: Sequence[Path]) -> Path:
    """Everything from one place, with its record."""
    mark = f"{place.repository}@{place.revision}".encode()
    begun = begun_beside(folder) / hashlib.sha256(mark).hexdigest()[:12]
    whole = files = begun / "whole"
    if not place.checkpoints and _is_of(place, folder):
        whole = files = folder
    elif not faults(whole):
        return whole  # killed just before it took its place
    elif place.checkpoints:
        shutil.rmtree(whole, ignore_errors=True)
        files = begun / "original"
    try:
        _check_room(folder.name, _room_gb(place, source), [files])
    except PriorError:
        for other in set(begun_beside(folder).iterdir()) - {begun}:  # of places that failed
            shutil.rmtree(other)
        _check_room(folder.name, _room_gb(place, source), [files])
    come(place, source.files, files)
    if place.checkpoints:
        _convert_pulled(place, folder.name, files, bases, whole)
    for left in [*whole.rglob("*.part"), *whole.rglob("*.part.json")]:
        left.unlink()
    write_record(whole, place.repository, place.revision or commit_of(files))
    return whole


def _convert_pulled(
    place: Published, name: str, files: Path, bases: Sequence[Path], whole: Path
) -> None:
    """Raises PriorError, for the next place, where the files may have come wrong, as nothing told
    their hashes: they are deleted; else Unconverted."""
    try:
        _converter(CONVERTERS[name])(*(files / n for n in place.checkpoints), *bases, whole)
    except Exception as error:
        cause = error.__cause__ or error
        ours = isinstance(cause, OSError | MemoryError) or "allocate" in str(cause)
        if place.repository.startswith(ADDRESS) and isinstance(error, PriorError) and not ours:
            shutil.rmtree(files)
            raise
        raise Unconverted(
            f"'{name}' came from {place.repository} and could not be converted: "
            f"{reason(error).rstrip('.')}."
        ) from error


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
    return any(_is_of(place, folder) for place in source.places) and not faults(folder)


def _is_of(place: Published, folder: Path) -> bool:
    repository, revision = origin(folder) or ("", None)
    return repository == place.repository and (place.revision or revision) == revision


def _gigabytes(place: Published, source: Source) -> float:
    return place.download_gb or source.download_gb


def _room_gb(place: Published, source: Source) -> float:
    """A checkpoint is converted beside itself."""
    return _gigabytes(place, source) * (2 if place.checkpoints else 1)


def _check_room(name: str, gigabytes: float, places: Sequence[Path]) -> None:
    """Raises PriorError where the disk is too small for what is still to come, beside what lies in
    `places` already."""
    folder = models_folder()
    existing = next(p for p in [folder, *folder.absolute().parents] if p.exists())
    files = [p for place in places for p in place.rglob("*") if p.is_file()]
    here = sum(p.stat().st_size for p in files) / 1e9
    free, needed = shutil.disk_usage(existing).free / 1e9, gigabytes - here
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
    above = {parent for path in checkpoints for parent in path.resolve().parents}
    if inside := above & {folder, begun_beside(folder), former_of(folder)}:
        raise InputError(f"Move the checkpoint out of '{inside.pop()}' first: it is replaced.")
    bases, fresh = _bases(name), begun_beside(folder) / "converted"
    with alone(folder):
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            _converter(converter)(*checkpoints, *bases, fresh)
            write_record(fresh, ", ".join(path.name for path in checkpoints), None)
        except BaseException as error:
            shutil.rmtree(fresh, ignore_errors=True)
            if isinstance(error, PropsmithError) or not isinstance(error, Exception):
                raise
            # Of the disk, mostly; what writes tensors has an error of its own for that.
            raise PriorError(f"'{name}' could not be converted: {reason(error)}.") from error
        put_in_place(folder, fresh)
        tidy(folder)
    return folder


def absent_bases(name: str) -> list[str]:
    """Priors that `pull` fetches beside this one, as it shares parts with them: those not here."""
    bases = CONVERTERS[name].bases if name in CONVERTERS else ()
    return [base for base in bases if not (models_folder() / base / RECORD).is_file()]


def _bases(name: str, tell: Callable[[str], None] = log.info) -> list[Path]:
    """Folders of the priors that lend parts, pulled where they are not whole."""
    folders = [(base, models_folder() / base) for base in CONVERTERS[name].bases]
    return [pull(base, tell) if faults(folder) else folder for base, folder in folders]


def _converter(converter: Converter) -> Callable[..., None]:
    module, function = converter.function.split(":")
    return getattr(importlib.import_module(module), function)
