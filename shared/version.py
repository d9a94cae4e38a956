"""The protocol's number, the only one. PROTOCOL.md says what a change of either part means."""

from __future__ import annotations

MAJOR = 1
MINOR = 3
PROTOCOL = f"{MAJOR}.{MINOR}"
PREFIX = b"propsmith/"  # of a message's first frame, in every version
