"""Why a download did not come, in words of ours. No torch.

In: what a hub's client or the standard library raised. Out: half a sentence for the user, the same
whatever the client's version calls its errors: they are known by their names and their statuses.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

NO_ANSWER = {
    "ConnectError", "ConnectTimeout", "ConnectionError", "ReadTimeout", "ReadError", "URLError",
    "RemoteProtocolError", "LocalEntryNotFoundError", "TimeoutException", "TimeoutError",
}  # fmt: skip
OFFLINE = "HF_HUB_OFFLINE"


def is_offline() -> bool:
    return os.environ.get(OFFLINE, "0").upper() in ("1", "TRUE", "YES", "ON")


def reason(error: BaseException, revision: str | None = None) -> str:
    """What was wrong with one place; `revision`: the commit that was asked for."""
    chain = list(_chain(error))
    names = {kind.__name__ for one in chain for kind in type(one).__mro__}
    if any(isinstance(one, OSError) and one.errno == errno.ENOSPC for one in chain) or any(
        f"os error {errno.ENOSPC}" in str(one)
        for one in chain  # as safetensors says it
    ):
        return "the disk is full; make room and pull it again, what has come is kept"
    if is_offline() and not any(isinstance(one, OSError) and one.errno for one in chain):
        return f"{OFFLINE} is set, so nothing is downloaded"
    if "GatedRepoError" in names:
        return "its licence must be accepted on its page on the hub, and you be logged in"
    if "RevisionNotFoundError" in names:
        return f"its commit {(revision or '')[:10]} is gone"
    if "RepositoryNotFoundError" in names or _status(chain) in (401, 404):
        return "it is gone, or not public"
    if "EntryNotFoundError" in names and "LocalEntryNotFoundError" not in names:
        return "a file that is needed is gone"
    if (status := _status(chain)) is not None:
        return f"the hub answered {status}"
    if names & NO_ANSWER:
        return "there is no answer: check the network"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it."""
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        seen.append(one)
        yield one
        one = one.__cause__ or one.__context__


def _status(chain: list[BaseException]) -> int | None:
    """HTTP's, where one of them has an answer."""
    for one in chain:
        answer = getattr(one, "response", None)
        status = getattr(answer, "status_code", None) or getattr(one, "code", None)
        if isinstance(status, int):
            return status
    return None
