"""The only door to `shared`, and so to the server: `from .wire import messages, preview, ...`.

In the extension's zip `shared` lies inside this package; in the source tree beside it. `client` is
None where pyzmq can't be loaded: then `ZMQ_PROBLEM` is the sentence for the user, and everything
but the connection works.
"""

from __future__ import annotations

from types import ModuleType

try:
    from .shared import (
        checks,
        connection,
        conventions,
        errors,
        mesh_file,
        messages,
        preview,
        processes,
        version,
    )
except ModuleNotFoundError as missing:
    if missing.name != f"{__package__}.shared":
        raise
    from shared import (
        checks,
        connection,
        conventions,
        errors,
        mesh_file,
        messages,
        preview,
        processes,
        version,
    )

client: ModuleType | None
ZMQ_PROBLEM = ""
try:
    try:
        from .shared import client, uploading
    except ModuleNotFoundError as missing:
        if missing.name != f"{__package__}.shared":
            raise
        from shared import client, uploading
except ImportError as problem:  # another extension's older pyzmq, or a wheel of another Python
    client = uploading = None
    ZMQ_PROBLEM = (
        f"Propsmith's network library can't be loaded ({problem}): reinstall the extension, and "
        "switch off other extensions that bring pyzmq."
    )

__all__ = [
    "ZMQ_PROBLEM",
    "checks",
    "client",
    "connection",
    "conventions",
    "errors",
    "mesh_file",
    "messages",
    "preview",
    "processes",
    "uploading",
    "version",
]
