"""A file from an address: resumed where it stopped, whole or absent. No torch.

In: an https address, a path. Out: the file there. For the few priors whose publishers use no hub;
the part that has come lies beside it as NAME.part.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from backend.errors import PriorError
from backend.guidance.refusals import OFFLINE, is_offline

CHUNK = 1 << 20
TIMEOUT_S = 30.0
RANGE_REFUSED = 416  # HTTP: there is nothing behind the part that we have


def download(address: str, path: Path) -> None:
    """Raises PriorError, OSError where the address does not answer; honours HF_HUB_OFFLINE."""
    if path.is_file():
        return
    if is_offline():
        raise PriorError(f"{OFFLINE} is set, so nothing is downloaded")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            resumed = answer.status == 206
            total = int(answer.headers.get("Content-Length") or 0) + have * resumed
            with part.open("ab" if resumed else "wb") as file:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
    except urllib.error.HTTPError as error:
        if error.code != RANGE_REFUSED:
            raise
        total = have
    if total and part.stat().st_size != total:
        raise PriorError(f"it ended after {part.stat().st_size} of {total} bytes; pull it again")
    part.replace(path)
