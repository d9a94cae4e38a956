"""Random messages go through unchanged; random bytes never raise anything but WireError."""

from __future__ import annotations

import hmac
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import checks as c
from shared import messages as m
from shared.checks import checks_of
from shared.codec import FIRST, Envelope, decode, encode, seal
from shared.errors import WireError
from tests.wire.samples import ENVELOPE, KEY, SAMPLES
from tests.wire.test_messages import same

letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
text = st.text(letters)


def values(check: Any, sizes: dict[str, int]) -> st.SearchStrategy[Any]:
    """What a check lets through."""
    match check:
        case c.Text(most, least, of):
            return st.text(of or letters, min_size=least, max_size=max(least, min(most, 40)))
        case c.Whole(low, high):
            return st.integers(low, high)
        case c.Number(low, high):
            return st.floats(low, high)
        case c.Flag():
            return st.booleans()
        case c.OneOf(names):
            return st.sampled_from(names)
        case c.Many(of, most):
            return st.lists(values(of, sizes), max_size=min(most, 3)).map(tuple)
        case c.Ends(low, high):
            inner = st.floats(low + 0.01, high - 0.01)
            return st.tuples(inner, inner).map(lambda p: (min(p), max(p)))
        case c.Pair(first, second):
            return st.tuples(values(first, sizes), values(second, sizes))
        case c.Maybe(of):
            return st.none() | values(of, sizes)
        case c.Record(of):
            return st.builds(of, **{n: values(k, sizes) for n, k in checks_of(of).items()})
        case c.Array(dtypes, shape, _):
            axes = [sizes[a] if isinstance(a, str) else a for a in shape]
            return st.builds(
                lambda d, b: np.resize(np.frombuffer(b, "u1"), axes).astype(c.DTYPES[d]),
                st.sampled_from(dtypes),
                st.binary(min_size=1, max_size=24),
            )
    raise AssertionError(check)


@st.composite
def messages(draw: st.DrawFn) -> Any:
    kind = draw(st.sampled_from(list(m.MESSAGES.values())))
    sizes = {axis: draw(st.integers(0, 5)) for axis in "VFNHW"}
    return kind(**{n: draw(values(k, sizes)) for n, k in checks_of(kind).items()})


@given(messages(), st.integers(0, 2**63 - 1), st.none() | st.integers(0, 2**63 - 1))
@settings(max_examples=300, deadline=None)
def test_any_message_comes_back_as_it_was(message: Any, seq: int, re: int | None) -> None:
    envelope = Envelope(seq, "ab" * 16, re)
    frames = [bytes(frame) for frame in encode(message, envelope, KEY)]
    back, read = decode(frames, KEY)
    assert back == envelope and type(read) is type(message) and same(read, message)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(sorted(m.MESSAGES)) | json_values,
        "seq": st.integers(0, 9) | json_values,
        "session": text | json_values,
        "re": json_values,
        "body": st.dictionaries(
            st.sampled_from(["job", "settings", "serial", "interval", "jobs", "faces"]), json_values
        )
        | json_values,
        "arrays": json_values | st.just([["data", "u1", [3]]]),
    },
)


def finite(value: Any) -> bool:
    return not any(word in json.dumps(value) for word in ("NaN", "Infinity"))


@given(headers.filter(finite), st.lists(st.binary(max_size=8), max_size=3))
@settings(max_examples=500, deadline=None)
def test_an_authentic_sender_can_raise_nothing_but_a_wire_error(
    header: dict[str, Any], buffers: list[bytes]
) -> None:
    try:
        decode(seal(header, KEY, buffers), KEY)
    except WireError as error:
        assert error.code == "bad_message" and error.text


@given(st.lists(st.binary(max_size=64), max_size=14))
@settings(max_examples=300, deadline=None)
def test_bytes_from_anywhere_are_refused(frames: list[bytes]) -> None:
    with pytest.raises(WireError):
        decode(frames, KEY)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_one_flipped_byte_of_the_first_three_frames_is_noticed(data: st.DataObject) -> None:
    message = data.draw(st.sampled_from(SAMPLES))
    frames = [bytearray(bytes(frame)) for frame in encode(message, ENVELOPE, KEY)]
    which = data.draw(st.integers(0, 2))
    at = data.draw(st.integers(0, len(frames[which]) - 1))
    frames[which][at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WireError):
        decode([bytes(frame) for frame in frames], KEY)


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 100_000,
        b"1" * 5000,
        b'{"seq":' + b"9" * 5000 + b"}",
        b"\xff",
        b"",
        b"null",
        b'{"a":NaN}',
    ],
)
def test_headers_made_to_break_the_reader(header: bytes) -> None:
    with pytest.raises(WireError):
        decode([FIRST, hmac.digest(KEY, FIRST + header, "sha256"), header], KEY)
