"""Messages <-> frames. Opens no socket.

    frame 0   b"propsmith/MAJOR.MINOR"
    frame 1   HMAC-SHA256 of frames 0 and 2 under the key of this socket and direction
    frame 2   the header: one JSON object, with sizes and types of
    frame 3.. the arrays' raw bytes, C order, little-endian

JSON and not msgpack: Blender has no msgpack, a second compiled wheel for each of its Pythons and
platforms is a second way to break, and headers are small. Arrays never pass through it.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .checks import DTYPES, array_of, checked, checks_of, plain
from .errors import WireError, bad
from .messages import MESSAGES
from .version import MAJOR, PREFIX, PROTOCOL

MOST_HEADER = 256 << 10  # bytes
MOST_ARRAYS = 8
FIRST = PREFIX + PROTOCOL.encode()
Buffer = Any  # whatever has the buffer protocol: bytes, memoryview, array, a frame of zmq


@dataclass(frozen=True)
class Envelope:
    """What a header holds beside the message."""

    seq: int  # rises with every message of a session on one socket in one direction
    session: str = ""
    re: int | None = None  # seq of the request that this answers


def key_for(token: str, sender: str, channel: str) -> bytes:
    """The key of one direction of one socket: a message recorded on one fits no other."""
    return hmac.digest(token.encode(), f"{sender}/{channel}".encode(), "sha256")


def encode(message: Any, envelope: Envelope, key: bytes) -> list[Buffer]:
    """Frames to send. Raises WireError for a message that breaks its own limits."""
    body, arrays = check(message)
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    header = {
        "type": type(message).__name__,
        "seq": envelope.seq,
        "session": envelope.session,
        "re": envelope.re,
        "body": body,
        "arrays": [[n, _dtype_name(a), list(a.shape)] for n, a in contiguous.items()],
    }
    frames = seal(header, key, list(contiguous.values()))
    if len(frames[2]) > MOST_HEADER:
        raise bad(f"The header of {header['type']} is longer than {MOST_HEADER} bytes.")
    return frames


def check(message: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The body and the arrays. Raises WireError for a message that breaks its own limits."""
    kind = type(message)
    body, known = plain(message), checks_of(kind)
    arrays = {
        n: a for n, c in known.items() if array_of(c) and (a := getattr(message, n)) is not None
    }
    checked(kind, {**body, **arrays}, kind.__name__)
    return body, arrays


def seal(header: Mapping[str, Any], key: bytes, buffers: Sequence[Buffer]) -> list[Buffer]:
    text = json.dumps(header, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    data = text.encode()
    return [FIRST, hmac.digest(key, FIRST + data, "sha256"), data, *buffers]


def authenticate(frames: Sequence[Buffer], key: bytes) -> bytes:
    """The header's bytes. Raises WireError where the key is wrong or the shape of the frames is:
    such a sender gets no answer."""
    if len(frames) < 3 or len(frames) > 3 + MOST_ARRAYS:
        raise bad("A message has 3 frames and up to 8 arrays.")
    first, code, data = (bytes(frame) for frame in frames[:3])
    if not first.startswith(PREFIX) or len(first) > 32 or len(data) > MOST_HEADER:
        raise bad("That is no message of Propsmith, or its header is too long.")
    if not hmac.compare_digest(code, hmac.digest(key, first + data, "sha256")):
        raise bad("The message's code is wrong: the sender has another token.")
    return data


def decode(
    frames: Sequence[Buffer], key: bytes, messages: Mapping[str, type] = MESSAGES
) -> tuple[Envelope, Any]:
    """The envelope and the message. Raises WireError; arrays are views of the frames."""
    header = open_header(frames, key)
    return envelope_of(header), message_of(header, frames, messages)


def open_header(frames: Sequence[Buffer], key: bytes) -> dict[str, Any]:
    """The header of an authentic message of our major version."""
    data = authenticate(frames, key)
    check_version(bytes(frames[0]))
    try:
        header = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise bad(f"The header is no JSON: {error}.") from None
    if not isinstance(header, dict):
        raise bad("The header is no object.")
    return header


def check_version(first: bytes) -> None:
    """Raises WireError with code `version`, naming both sides, for another major version."""
    theirs = first.removeprefix(PREFIX).decode("ascii", "replace")
    if theirs.split(".")[0] != str(MAJOR):
        text = f"This side speaks protocol {PROTOCOL} and the other one {theirs}: update the older."
        raise WireError("version", text)


def envelope_of(header: Mapping[str, Any]) -> Envelope:
    seq, session, re = header.get("seq"), header.get("session", ""), header.get("re")
    if not _is_count(seq) or not (re is None or _is_count(re)):
        raise bad("The header's seq or re is no whole number from 0.")
    if not isinstance(session, str) or len(session) > 32:
        raise bad("The header's session is no short text.")
    return Envelope(int(seq), session, re)  # type: ignore[arg-type]


def message_of(
    header: Mapping[str, Any], frames: Sequence[Buffer], messages: Mapping[str, type] = MESSAGES
) -> Any:
    """The message itself, all its limits checked."""
    name, body = header.get("type"), header.get("body", {})
    kind = messages.get(name) if isinstance(name, str) else None
    if kind is None or not isinstance(body, dict):
        raise bad("The header's type is unknown, or its body no object.")
    arrays = _arrays(header.get("arrays", []), frames[3:])
    holders = {n for n, check in checks_of(kind).items() if array_of(check)}
    if any(name in holders and value is not None for name, value in body.items()):
        raise bad("An array stands in the body; it belongs into a frame of its own.")
    return kind(**checked(kind, {**body, **arrays}, kind.__name__))


def _arrays(described: Any, frames: Sequence[Buffer]) -> dict[str, np.ndarray]:
    if not isinstance(described, list) or len(described) != len(frames):
        raise bad(f"{len(frames)} arrays came, and the header tells of another number.")
    return dict(_array(one, frame) for one, frame in zip(described, frames, strict=True))


def _array(described: Any, frame: Buffer) -> tuple[str, np.ndarray]:
    """Sizes are compared before anything is made of them."""
    if not isinstance(described, list) or len(described) != 3:
        raise bad("An array is described by its name, dtype and shape.")
    name, dtype, shape = described
    if not isinstance(name, str) or not isinstance(dtype, str) or dtype not in DTYPES:
        raise bad(f"An array has a dtype that is not one of {', '.join(DTYPES)}.")
    if not isinstance(shape, list) or len(shape) > 4 or not all(_is_count(n) for n in shape):
        raise bad(f"The shape of array {name[:64]} is not up to 4 whole numbers.")
    size = DTYPES[dtype].itemsize
    for axis in shape:
        size *= axis
    buffer = frame if isinstance(frame, bytes) else memoryview(frame).cast("B")
    if size != len(buffer):
        raise bad(f"Array {name[:64]} should take {size} bytes and takes {len(buffer)}.")
    return name, np.frombuffer(buffer, DTYPES[dtype]).reshape(shape)


def _dtype_name(array: np.ndarray) -> str:
    return next(name for name, dtype in DTYPES.items() if dtype == array.dtype)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
