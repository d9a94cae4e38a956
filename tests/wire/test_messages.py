"""Every message: golden bytes, limits, tolerance of what is new; the page agrees with the code."""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shared
from shared import messages as m
from shared.checks import array_of, checks_of, plain
from shared.codec import FIRST, Envelope, decode, encode, key_for, seal
from shared.errors import WireError
from shared.version import PROTOCOL
from tests.wire.samples import ENVELOPE, GOLDEN, INFO, JOB, KEY, SAMPLES, SETTINGS, frames_of

# As those versions wrote them; never made again.
OLDER = {
    v: json.loads(GOLDEN.with_name(f"golden_{v}.json").read_text()) for v in ("1_0", "1_1", "1_2")
}
PAGE = (Path(shared.__file__).parent / "PROTOCOL.md").read_text()


def name(message: Any) -> str:
    return type(message).__name__


def same(one: Any, other: Any) -> bool:
    known = checks_of(type(one))
    arrays = [n for n, check in known.items() if array_of(check)]
    pairs = [(getattr(one, n), getattr(other, n)) for n in arrays]
    return plain(one) == plain(other) and all(
        (a is None and b is None) or (a.dtype == b.dtype and np.array_equal(a, b)) for a, b in pairs
    )


def test_there_is_a_sample_of_every_message() -> None:
    assert [name(s) for s in SAMPLES] == list(m.MESSAGES)


@pytest.mark.parametrize("message", SAMPLES, ids=name)
def test_the_bytes_are_the_golden_ones(message: Any) -> None:
    assert frames_of(message) == json.loads(GOLDEN.read_text())[name(message)]


@pytest.mark.parametrize("message", SAMPLES, ids=name)
def test_golden_bytes_are_read(message: Any) -> None:
    frames = [bytes.fromhex(frame) for frame in json.loads(GOLDEN.read_text())[name(message)]]
    envelope, read = decode(frames, KEY)
    assert envelope == ENVELOPE
    assert type(read) is type(message) and same(read, message)


@pytest.mark.parametrize(
    ("version", "kind"), [(version, kind) for version, kinds in OLDER.items() for kind in kinds]
)
def test_what_older_versions_send_is_read(version: str, kind: str) -> None:
    envelope, read = decode([bytes.fromhex(frame) for frame in OLDER[version][kind]], KEY)
    assert envelope == ENVELOPE and name(read) == kind
    if kind == "Submit":
        assert read.settings.prompt == SETTINGS.prompt
        assert (read.settings.image_elevation is None) == (version != "1_2")
        assert read.settings.distillation_settings == ()
        assert (read.settings.refine is None) == (version == "1_0")
    if kind == "Welcome" and version == "1_0":
        assert read.presets and read.features == read.distillations == ()


@pytest.mark.parametrize("message", SAMPLES, ids=name)
def test_unknown_fields_are_tolerated(message: Any) -> None:
    frames = encode(message, ENVELOPE, KEY)
    header = json.loads(bytes(frames[2]))
    header["novelty"] = header["body"]["novelty"] = {"from": "1.7"}
    _, read = decode(seal(header, KEY, frames[3:]), KEY)
    assert same(read, message)


def test_a_newer_minor_version_is_read_and_another_major_one_refused_by_both_names() -> None:
    def sent_by(version: bytes) -> list[Any]:
        frames = encode(m.Ping(), ENVELOPE, KEY)
        first = b"propsmith/" + version
        return [first, hmac.digest(KEY, first + bytes(frames[2]), "sha256"), frames[2]]

    assert decode(sent_by(b"1.9"), KEY)[1] == m.Ping()
    with pytest.raises(WireError) as refused:
        decode(sent_by(b"2.0"), KEY)
    assert refused.value.code == "version"
    assert PROTOCOL in refused.value.text and "2.0" in refused.value.text


def test_a_code_fits_one_direction_of_one_socket_and_one_token() -> None:
    frames = encode(m.Ping(), ENVELOPE, KEY)
    others = [
        ("t" * 64, "server", "requests"),
        ("t" * 64, "client", "control"),
        ("u", "client", "requests"),
    ]
    for other in others:
        with pytest.raises(WireError, match="another token"):
            decode(frames, key_for(*other))


BAD_BODIES = [
    ("Submit", {"job": JOB}, "lacks settings"),
    ("Submit", {"job": JOB, "settings": {}}, "lacks prompt"),
    ("Submit", {"job": JOB.upper(), "settings": {"prompt": "a"}}, "character other than"),
    ("Submit", {"job": JOB, "settings": {"prompt": ""}}, "1 to 2000"),
    ("Submit", {"job": JOB, "settings": {"prompt": "a\0"}}, "not text"),
    ("Submit", {"job": JOB, "settings": {"prompt": "\ud800"}}, "not text"),
    ("Submit", {"job": JOB, "settings": {"prompt": "a", "seed": -1}}, "seed"),
    ("Submit", {"job": JOB, "settings": {"prompt": "a", "seed": True}}, "seed"),
    ("Submit", {"job": JOB, "settings": {"prompt": "a", "seed": 2**63}}, "seed"),
    ("Submit", {"job": JOB, "settings": {"prompt": "a", "height": 1e9}}, "height"),
    ("Submit", {"job": JOB, "settings": {"prompt": "a", "azimuth": [5, -5]}}, "minimum"),
    ("Submit", {"job": JOB, "settings": {"prompt": "a", "fov": [0, 40]}}, "between"),
    ("Submit", {"job": JOB, "settings": {"prompt": "a", "favour": [0, 91]}}, "favour"),
    ("Submit", {"job": JOB, "settings": {"prompt": "a"}, "priority": 101}, "priority"),
    ("Submit", {"job": JOB, "settings": {"prompt": "a", "image": "../a.png"}}, "image"),
    ("Submit", {"job": JOB, "settings": {"prompt": "a", "refine": {"mesh": "2b"}}}, "refine"),
    ("Upload", {"digest": "2b" * 32, "size": 2**28 + 1, "offset": 0}, "lacks data"),
    ("ListJobs", {"states": ["gone"]}, "one of"),
    ("ListJobs", {"states": ["done"] * 7}, "at most 6"),
    ("GetFile", {"job": JOB, "name": "x" * 65}, "name"),
    ("Subscribe", {"jobs": [JOB] * 257}, "at most 256"),
    ("Subscribe", {"interval": "fast"}, "interval"),
    ("Texture", {"serial": 1, "job": JOB, "name": "albedo", "pixels": [1]}, "frame of its own"),
    ("Nonsense", {}, "type is unknown"),
]


@pytest.mark.parametrize(("kind", "body", "words"), BAD_BODIES)
def test_what_breaks_a_limit_is_named(kind: str, body: dict[str, Any], words: str) -> None:
    header = {"type": kind, "seq": 1, "session": "", "re": None, "arrays": []}
    text = json.dumps({**header, "body": body}).encode()  # escapes lone surrogates, as JSON may
    with pytest.raises(WireError, match=words) as refused:
        decode([FIRST, hmac.digest(KEY, FIRST + text, "sha256"), text], KEY)
    assert refused.value.code == "bad_message"


BAD_ARRAYS = [
    (["data", "u1", [4]], "should take 4"),
    (["data", "f8", [1]], "dtype"),
    (["data", "O", [3]], "dtype"),
    (["data", "u1", [3, 1]], "shape"),
    (["data", "u1", [-3]], "shape"),
    (["data", "u1", [3.0]], "shape"),
    (["data", "u1", [2**62, 2**62]], "should take"),
    (["data", "u1", []], "should take 1"),
    (["data", "u2", [1]], "should take 2"),
    ([7, "u1", [3]], "dtype"),
    ("data", "described"),
]


@pytest.mark.parametrize(("described", "words"), BAD_ARRAYS)
def test_arrays_are_what_the_header_says_or_refused(described: Any, words: str) -> None:
    frames = encode(m.FileChunk(3, 0, np.frombuffer(b"abc", "u1")), ENVELOPE, KEY)
    header = json.loads(bytes(frames[2])) | {"arrays": [described]}
    with pytest.raises(WireError, match=words):
        decode(seal(header, KEY, frames[3:]), KEY)


def test_arrays_of_one_mesh_agree() -> None:
    mesh = next(s for s in SAMPLES if isinstance(s, m.Mesh))
    colors = np.zeros((4, 3), "u1")
    with pytest.raises(WireError, match="another array has 3"):
        encode(replace(mesh, colors=colors), ENVELOPE, KEY)


def test_a_message_that_breaks_its_limits_is_not_sent() -> None:
    with pytest.raises(WireError, match="prompt"):
        encode(m.Submit(JOB, replace(SETTINGS, prompt="")), ENVELOPE, KEY)
    with pytest.raises(WireError, match="loss"):
        encode(m.News(1, replace(INFO, loss=float("nan"))), ENVELOPE, KEY)


def test_reading_copies_no_array() -> None:
    pixels = np.zeros((64, 64, 3), "u1")
    frames = encode(m.Texture(1, JOB, "orm", pixels), Envelope(1), KEY)
    assert np.shares_memory(frames[3], pixels)
    assert np.shares_memory(decode(frames, KEY)[1].pixels, pixels)


def test_the_page_has_the_versions_number_and_every_message() -> None:
    assert PAGE.startswith(f"# The protocol, version {PROTOCOL}\n")
    assert f"| {PROTOCOL} |" in PAGE and f"propsmith/{PROTOCOL}\n" in PAGE
    assert not [kind for kind in m.MESSAGES if f"`{kind}`" not in PAGE]


def test_the_page_puts_each_request_on_its_socket() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE, re.M)
    told = {socket: [n for n, s in rows if s == socket] for socket in m.CHANNELS}
    assert told == {s: [kind.__name__ for kind in kinds] for s, kinds in m.CHANNELS.items()}


def test_every_field_says_what_it_may_hold() -> None:
    for kind in m.MESSAGES.values():
        assert list(checks_of(kind)) == [field.name for field in fields(kind)]
