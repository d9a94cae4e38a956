"""One place's files of a prior, each compared with the hash that is told of it. No torch.

In: a `Published` place, patterns of names, a folder. Out: the files there. From a hub the download
is huggingface_hub's, which resumes, shows its progress and honours HF_HUB_OFFLINE; ModelScope and
plain addresses are downloading.py's.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from backend.errors import PriorError
from backend.guidance.catalogue import Published
from backend.guidance.downloading import download
from backend.guidance.modelscope import address_of, listed

log = logging.getLogger(__name__)
INDEX = "model_index.json"
NOTED = Path(".cache", "huggingface", "download")  # where the hub's client notes commit and hash
MODELSCOPE, ADDRESS = "modelscope:", "https://"  # how such places begin


def come(place: Published, files: Sequence[str], folder: Path) -> None:
    """files: patterns, but where the place has its own. What is whole already is not fetched again.
    Raises PriorError where something is missing, is not what is known of it, or came damaged, and
    deletes the latter."""
    files = place.files or files
    if not is_pinned(place):
        log.warning(
            "Nobody has pinned what %s holds: it is taken as it comes today, and `propsmith models "
            "check` compares with that.", place.repository,
        )  # fmt: skip
    if place.repository.startswith(ADDRESS):
        for file in files:
            download(f"{place.repository}/{file}", folder / file)
    elif place.repository.startswith(MODELSCOPE):
        _from_modelscope(place, files, folder)
    else:
        _from_hub(place, files, folder)
    for wanted in dict(place.hashes):
        if not (folder / wanted).is_file():
            raise PriorError(f"it has no {wanted}")
    _compare(folder, dict(place.hashes))


def is_pinned(place: Published) -> bool:
    """Whether later pulls bring the same: a commit is named, or the hashes of the weights."""
    return bool(place.hashes) or len(place.revision or "") == 40


def sha256_of(path: Path) -> str:
    return _hashed(path, hashlib.sha256())


def commit_of(folder: Path) -> str | None:
    """The commit that huggingface_hub noted beside what it downloaded."""
    for note in (folder / NOTED).glob("*.metadata"):
        return note.read_text().split("\n")[0].strip()
    return None


def _check_known(place: Published, told: Mapping[str, str]) -> None:
    """Before anything comes: whether the place has the files that are known of it."""
    for name, hash_ in place.hashes:
        if told.get(name) not in (hash_, None, ""):
            raise PriorError(f"its {name} is not the known one")


def _from_modelscope(place: Published, files: Sequence[str], folder: Path) -> None:
    """Each file is compared when it comes; one that is there and differs is fetched anew."""
    model, revision = place.repository.removeprefix(MODELSCOPE), place.revision or "master"
    told = listed(model, revision)
    _check_known(place, told)
    needed = {name: told[name] for name in sorted(told) if any(fnmatch(name, p) for p in files)}
    hashes = needed | {name: hash_ for name, hash_ in place.hashes if name in needed}
    for name, hash_ in hashes.items():
        if (path := folder / name).is_file() and hash_ and sha256_of(path) != hash_:
            path.unlink()
        download(address_of(model, revision, name), path)
        _compare(folder, {name: hash_})
    if silent := [name for name, hash_ in hashes.items() if not hash_]:
        log.warning("ModelScope told no hash of %s, taken as it came", ", ".join(silent))
    _check_whole(place, files, folder, needed)


def _from_hub(place: Published, files: Sequence[str], folder: Path) -> None:
    from huggingface_hub import model_info, snapshot_download

    # Asked first: a snapshot takes a folder that is there for whole where the hub can't be asked.
    # This call is not tried again for half a minute where there is no network.
    asks = bool(place.hashes)
    told = model_info(place.repository, revision=place.revision, files_metadata=asks)
    about = told.siblings or ()
    large = {file.rfilename: file.lfs["sha256"] for file in about if asks and file.lfs}
    _check_known(place, large)
    names = [file.rfilename for file in about]
    needed = {name for name in names if any(fnmatch(name, p) for p in files)}
    with suppress(PriorError):  # what has changed here is deleted, and so comes again
        _compare_with_hub(folder)
    snapshot_download(
        place.repository,
        revision=place.revision,
        allow_patterns=list(files),
        local_dir=folder,
    )
    _check_whole(place, files, folder, needed)
    _compare_with_hub(folder)


def _check_whole(
    place: Published, files: Sequence[str], folder: Path, needed: Iterable[str]
) -> None:
    for wanted in (*(place.checkpoints or (INDEX,)), *sorted(needed)):
        if not (folder / wanted).is_file():
            raise PriorError(f"it has no {wanted}")
    for pattern in files:
        place_of, _, last = pattern.rpartition("/")
        if last.endswith(".safetensors") and not any(folder.glob(f"{place_of}/*.safetensors")):
            raise PriorError(f"it has no weights of {place_of}")


def _compare_with_hub(folder: Path) -> None:
    """Every file against the hash that the hub told of it before it came: a sha256 of large ones, a
    git blob's sha1 of small ones. Raises PriorError, and deletes what came wrong."""
    noted, told, notes = folder / NOTED, {}, {}
    for note in sorted(noted.rglob("*.metadata")):
        path = folder / note.relative_to(noted).with_suffix("")
        name = _name(path, folder)
        told[name], notes[name] = [*note.read_text().split("\n"), ""][1].strip(), note
    _compare(folder, told, notes)


def _compare(
    folder: Path, told: Mapping[str, str], notes: Mapping[str, Path] | None = None
) -> None:
    """told: each file's hash. notes: what goes with a file that came wrong."""
    damaged = []
    for name, hash_ in told.items():
        path = folder / name
        if path.is_file() and hash_ != (_hash_like(path, hash_) or hash_):
            path.unlink()
            if notes:
                notes[name].unlink()
            damaged.append(name)
    if damaged:
        more = f" (and {len(damaged) - 1} more)" if len(damaged) > 1 else ""
        raise PriorError(f"{damaged[0]}{more} came damaged and is deleted; pull it again")


def _hash_like(path: Path, told: str) -> str | None:
    """The file's hash of as many hexadecimal digits; None for a length that says nothing."""
    if len(told) not in (40, 64):
        return None
    digest = hashlib.sha256() if len(told) == 64 else hashlib.sha1(usedforsecurity=False)
    if len(told) == 40:
        digest.update(f"blob {path.stat().st_size}\0".encode())
    return _hashed(path, digest)


def _hashed(path: Path, digest: Any) -> str:
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            digest.update(chunk)
    return digest.hexdigest()


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
