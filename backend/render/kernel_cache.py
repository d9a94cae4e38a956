"""What compiled kernels are called on disk: by a hash of all that they were compiled from.

In: a function that numba is to compile. Out: its numba dispatcher, with a cache.

numba's own cache looks at a function's file alone, but what the function calls in other files is
compiled into it. Here the names of cached files end with a hash of the function's file and of those
with kernels that it imports from, and so on: a changed helper has its callers compiled again, and
two versions, of which one may still be running, never share a file. Those of older versions stay.

Only lines `from backend... import NAME` are followed, and only to files with kernels: a kernel may
use a constant or a helper of another file if it comes that way (tests/unit/test_kernel_cache.py).
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numba.core import caching

_OPTIONS = Path(__file__).with_name("kernels.py")  # how all of them are compiled
_ROOT = Path(__file__).parents[2]
_HAS_KERNELS = b"\nfrom backend.render.kernels import"
_IMPORTED = re.compile(rb"^from (backend[.\w]+) import", re.MULTILINE)


def cached_njit(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """As numba.njit(cache=True, **options)."""
    compiled = njit(**options)(function)
    if compiled is not function:  # as with NUMBA_DISABLE_JIT
        compiled._cache = _Cache(function)  # where numba puts its own
    return compiled


def sources(file: Path) -> dict[Path, bytes]:
    """The file and those with kernels that it imports from, and so on; none where it can't be
    read."""
    found: dict[Path, bytes] = {}
    ahead = [file]
    while ahead:
        path = ahead.pop()
        if path in found or not path.is_file():
            continue
        text = path.read_bytes()
        if path in (file, _OPTIONS) or _HAS_KERNELS in text:
            found[path] = text
            names = (name.decode() for name in _IMPORTED.findall(text))
            ahead += [_ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in names]
    return found


@functools.cache
def version(file: Path) -> str:
    """A hash of `sources`."""
    texts = sources(file)
    whole = b"\0".join(texts[path] for path in sorted(texts))
    return hashlib.blake2b(whole, digest_size=6).hexdigest()


class _Names(caching.CompileResultCacheImpl):
    def __init__(self, function: Callable[..., Any]) -> None:
        self.version = version(Path(inspect.getfile(function)))
        super().__init__(function)

    def get_filename_base(self, fullname: str, abiflags: str) -> str:
        return f"{super().get_filename_base(fullname, abiflags)}-{self.version}"


class _Cache(caching.FunctionCache):
    _impl_class = _Names
