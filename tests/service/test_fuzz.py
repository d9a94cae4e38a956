"""10,000 messages that are malformed, truncated, oversized or replayed, from an authorised and from
an unknown client: the server answers as the protocol says, or not at all, and goes on."""

from __future__ import annotations

import hmac
import json
import random
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq

from shared import messages as m
from shared.client import Client
from shared.codec import Envelope, decode, encode, key_for, seal
from shared.connection import read_connection
from shared.version import PROTOCOL
from tests.service.conftest import Served, finish, submit
from tests.wire.samples import SAMPLES

Serve, Connect = Callable[..., Served], Callable[..., Client]
COUNT = 10_000
MOST_GROWTH = 24 << 20  # bytes: allocators keep some; a leak of each message would be far more


class Raw:
    """Bare sockets, with the token or without."""

    def __init__(self, served: Served, token: str | None = None):
        connection = read_connection(served.file)
        self.token = token or connection.token
        self.context: zmq.Context[Any] = zmq.Context()
        self.sockets: dict[str, Any] = {}
        for name, address in connection.addresses.items():
            self.sockets[name] = self.context.socket(zmq.DEALER)
            self.sockets[name].setsockopt(zmq.LINGER, 0)
            self.sockets[name].setsockopt(zmq.SNDTIMEO, 20_000)
            self.sockets[name].connect(address)

    def key(self, channel: str, sender: str = "client") -> bytes:
        return key_for(self.token, sender, channel)

    def send(self, channel: str, frames: list[Any]) -> None:
        self.sockets[channel].send_multipart(frames)

    def hello(self) -> str:
        hello = m.Hello("raw", secrets.token_hex(16))
        self.send("requests", encode(hello, Envelope(1), self.key("requests")))
        while not isinstance(answer := self.answer("requests"), m.Welcome):
            pass  # what it was told of earlier messages
        return answer.session

    def answer(self, channel: str) -> Any:
        assert self.sockets[channel].poll(20_000)
        return self.read(channel)

    def read(self, channel: str) -> Any:
        frames = self.sockets[channel].recv_multipart()
        return decode(frames, self.key(channel, "server"))[1]

    def drain(self) -> list[Any]:
        """All answers that have come."""
        found = []
        for name in self.sockets:
            while self.sockets[name].poll(0):
                found.append(self.read(name))
        return found


@pytest.fixture
def raw() -> Iterator[Callable[..., Raw]]:
    made: list[Raw] = []

    def make(served: Served, token: str | None = None) -> Raw:
        made.append(Raw(served, token))
        return made[-1]

    yield make
    for one in made:
        one.context.destroy(linger=0)


def attack(random_: random.Random, key: bytes, session: str, seq: int) -> list[Any]:
    """One broken message, of a kind drawn at random."""
    good = [bytes(f) for f in encode(random_.choice(SAMPLES), Envelope(seq, session), key)]
    match random_.randrange(8):
        case 0:  # truncated in the middle of a frame
            which = random_.randrange(len(good))
            good[which] = good[which][: random_.randrange(len(good[which]))]
        case 1:  # frames lost
            good = good[: random_.randrange(len(good))] or [b""]
        case 2:  # a byte flipped
            which = random_.randrange(3)
            at = random_.randrange(len(good[which]))
            flipped = good[which][at] ^ random_.randrange(1, 256)
            good[which] = good[which][:at] + bytes([flipped]) + good[which][at + 1 :]
        case 3:  # bytes
            sizes = [random_.randrange(200) for _ in range(random_.randrange(1, 9))]
            good = [random_.randbytes(size) for size in sizes]
        case 4:  # a good code over nonsense
            return nonsense(random_, key, session, seq)
        case 5:  # too many frames
            good += [b"x"] * random_.randrange(9, 30)
        case 6:  # too long a header, well sealed
            return seal({"type": "Ping", "seq": seq, "body": {"x": "y" * 300_000}}, key, [])
        case _:  # of a type, a version or a socket that is not for here
            good[0] = random_.choice([b"propsmith/9.0", b"propsmith/", b"other/1.0"])
    return good


def nonsense(random_: random.Random, key: bytes, session: str, seq: int) -> list[Any]:
    values = [None, -1, 2**70, 1.5, "x", "\ud800", [], {}, [[]], True, "a" * 5000, {"job": 7}]
    header = {
        name: random_.choice(values)
        for name in ("type", "body", "arrays", "re", "seq", "session")
        if random_.random() < 0.5
    }
    usual = {"type": random_.choice([*m.MESSAGES]), "seq": seq, "session": session, "body": {}}
    whole = {**usual, "arrays": [], **header}
    if "\ud800" in json.dumps(whole, ensure_ascii=False):
        whole = {**usual, "arrays": [["data", "u1", [2**40, 2**40]]]}
    return seal(whole, key, [random_.randbytes(5)] * random_.randrange(3))


def memory(client: Client) -> int:
    return client.call(m.GetStatus(), 60).memory


def test_an_authorised_client_breaks_nothing(
    serve: Serve, connect: Connect, raw: Callable[..., Raw]
) -> None:
    served, client = serve(), connect()
    attacker = raw(served)
    random_, session = random.Random(0), attacker.hello()
    job = submit(client, "steps=1")
    finish(client, job)
    before = 0
    answers = 0
    for number in range(COUNT):
        channel = random_.choice(list(m.CHANNELS))
        frames = attack(random_, attacker.key(channel), session, number + 10)
        attacker.send(channel, frames)
        if number % 50 == 49:
            wait_for_all(attacker)
            answers += len(attacker.drain())
        if number == COUNT // 5:
            before = memory(client)
    assert answers > 0  # it was told of its faults
    assert memory(client) - before < MOST_GROWTH
    assert client.call(m.GetJob(job)).info.state == "done"
    assert finish(client, submit(client, "steps=1")).state == "done"
    assert served.process is not None and served.process.poll() is None


def wait_for_all(attacker: Raw) -> None:
    """A good message to each socket, answered: all before it has been read."""
    attacker_session = attacker.hello()
    key = attacker.key("control")
    attacker.send("control", encode(m.Ping(), Envelope(1, attacker_session), key))
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if isinstance(attacker.answer("control"), m.Pong):
            return
    raise AssertionError("no answer to a ping")


def test_an_unknown_client_gets_nothing_and_breaks_nothing(
    serve: Serve, connect: Connect, raw: Callable[..., Raw]
) -> None:
    served, client = serve(), connect()
    stranger, random_ = raw(served, token="0" * 64), random.Random(1)
    client.call(m.GetStatus())
    before = 0
    for number in range(COUNT):
        channel = random_.choice(list(m.CHANNELS))
        stranger.send(channel, attack(random_, stranger.key(channel), "", number))
        if number == COUNT // 5:
            before = memory(client)
    expected = COUNT
    deadline = time.monotonic() + 60
    while client.call(m.GetStatus(), 60).refused < expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert client.call(m.GetStatus()).refused >= expected
    assert stranger.drain() == []
    assert memory(client) - before < MOST_GROWTH
    assert finish(client, submit(client, "steps=1")).state == "done"


def test_what_was_recorded_does_nothing_a_second_time(
    serve: Serve, raw: Callable[..., Raw]
) -> None:
    served = serve()
    sender, thief = raw(served), raw(served)
    hello = encode(m.Hello("raw", secrets.token_hex(16)), Envelope(1), sender.key("requests"))
    sender.send("requests", hello)
    session = sender.answer("requests").session
    job = "ab" * 16
    recorded = [
        encode(m.Submit(job, m.Settings("steps=1")), Envelope(2, session), sender.key("requests")),
        encode(m.Delete(job), Envelope(9, session), sender.key("requests")),
    ]
    sender.send("requests", recorded[0])
    assert isinstance(sender.answer("requests"), m.Job)
    for frames in (hello, recorded[0]):
        for one in (sender, thief):
            one.send("requests", frames)
    sender.send("control", recorded[1])  # of another socket
    sender.send("requests", encode(m.GetJob(job), Envelope(3, session), sender.key("requests")))
    assert isinstance(sender.answer("requests"), m.Job)
    assert sender.drain() == [] and thief.drain() == []


def test_oversized_frames_end_the_connection_and_no_more(
    serve: Serve, connect: Connect, raw: Callable[..., Raw]
) -> None:
    served, client = serve(), connect()
    before = memory(client)
    for _ in range(20):
        raw(served).send("requests", [b"x" * (8 << 20)])
    assert finish(client, submit(client, "steps=1")).state == "done"
    assert memory(client) - before < MOST_GROWTH


def test_another_major_version_is_told_both(serve: Serve, raw: Callable[..., Raw]) -> None:
    other = raw(serve())
    data = b'{"anything":"of that version"}'
    first = b"propsmith/2.0"
    code = hmac.digest(other.key("requests"), first + data, "sha256")
    other.send("requests", [first, code, data])
    answer = other.answer("requests")
    assert isinstance(answer, m.Error) and answer.code == "version"
    assert PROTOCOL in answer.text and "2.0" in answer.text


def test_a_plain_tcp_client_that_says_nothing_or_nonsense(serve: Serve, connect: Connect) -> None:
    served, client = serve(), connect()
    address = read_connection(served.file).addresses["requests"].removeprefix("tcp://")
    host, port = address.rsplit(":", 1)
    open_ones = [socket.create_connection((host, int(port))) for _ in range(20)]
    for one in open_ones[:10]:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert finish(client, submit(client, "steps=1")).state == "done"
    for one in open_ones:
        one.close()
