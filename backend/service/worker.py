"""The worker: a child of the server, one for each device, that runs one job after the other.

In: on stdin one line of JSON (where to connect, the key, the device), then the server's messages.
Out: signs of life, progress, pictures, how each job ended. Standard input stays open while the
server lives: when it closes, this process ends at once, and its next life finds the checkpoint.

The main thread runs the job and never waits for a socket: a thread of its own, `Line`, owns that.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq

from backend.service.folder import open_locked
from backend.service.link import TO_WORKER, Beat, Ended, Quit, Ready, Run, Stop, Taken, Watch
from shared.codec import Envelope, decode, encode, key_for
from shared.errors import WireError

log = logging.getLogger(__name__)
BEAT_SECONDS = 1.0
NEWS_SECONDS = 0.1  # between two beats that tell of steps


@dataclass(frozen=True)
class Start:
    """The line on stdin."""

    address: str
    key: str
    device: str
    lock: str  # held while this process lives: two workers of one name never run at once


@dataclass
class Desk:
    """What both threads look at; single attributes, each written by one of them."""

    beat: Beat = field(default_factory=Beat)  # main
    memory: Callable[[], int] = lambda: 0  # main; asked by the line
    stop_job: str = ""  # line
    interval: float = 0.0  # line
    in_flight: int = 0  # pictures; both, and harmless when they race: one more or less
    orders: queue.SimpleQueue[Any] = field(default_factory=queue.SimpleQueue)


# Runs one job; says how it ended.
RunJob = Callable[[Run, "Hooks"], Ended]


class Hooks:
    """The main thread's view: a runner tells progress, offers pictures, asks whether to stop."""

    def __init__(self, job: str, desk: Desk, send: Callable[[Any], None]):
        self.job, self._desk, self._send = job, desk, send
        self._count = 0

    def progress(
        self, stage: str, step: int, steps: int, seconds_left: float, loss: float | None
    ) -> None:
        self._count += 1
        left = min(max(seconds_left, 0.0), 1e9)
        self._desk.beat = Beat(self.job, stage, step, steps, left, loss, 0, self._count)

    def stop_requested(self) -> bool:
        return self._desk.stop_job == self.job

    @property
    def interval(self) -> float:
        """Seconds between previews; 0: none are wanted."""
        return self._desk.interval

    @property
    def picture_in_flight(self) -> bool:
        return self._desk.in_flight > 0

    def send_picture(self, picture: Any) -> None:
        self._desk.in_flight += 1
        self._send(picture)

    def use_memory_gauge(self, gauge: Callable[[], int]) -> None:
        self._desk.memory = gauge


class Line(threading.Thread):
    """Owns the socket to the server."""

    def __init__(self, start: Start, desk: Desk):
        super().__init__(name="line", daemon=True)
        self.desk = desk
        self._ours = key_for(start.key, "worker", "link")
        self._theirs = key_for(start.key, "server", "link")
        self._context: zmq.Context[Any] = zmq.Context()
        self._socket = self._connect(start)
        # The main thread's own: a picture that had to wait for this one to wake would come late.
        self._pictures = self._connect(start)
        self._inner = self._context.socket(zmq.PULL)
        self._inner.bind("inproc://out")
        self._outer = self._context.socket(zmq.PUSH)
        self._outer.connect("inproc://out")
        self._seq = 0
        self._told, self._told_at = Beat(), 0.0

    def _connect(self, start: Start) -> Any:
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 2000)
        socket.connect(start.address)
        return socket

    def send(self, message: Any) -> None:
        """From the main thread."""
        self._outer.send_multipart(encode(message, self._envelope(), self._ours), copy=False)

    def send_picture(self, picture: Any) -> None:
        """From the main thread; dropped where the socket takes no more: a newer one comes."""
        frames = encode(picture, self._envelope(), self._ours)
        try:
            self._pictures.send_multipart(frames, zmq.NOBLOCK, copy=False)
        except zmq.Again:
            self.desk.in_flight = 0

    def _envelope(self) -> Envelope:
        self._seq += 1
        return Envelope(self._seq)

    def run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._inner, zmq.POLLIN)
        while True:
            ready = dict(poller.poll(int(NEWS_SECONDS * 1000)))
            if self._inner in ready:
                self._socket.send_multipart(self._inner.recv_multipart(copy=False), copy=False)
            if self._socket in ready:
                self._read()
            self._tell()

    def _read(self) -> None:
        try:
            _, message = decode(self._socket.recv_multipart(), self._theirs, TO_WORKER)
        except WireError as error:
            log.warning("a message of the server can't be read: %s", error)
            return
        if isinstance(message, Stop):
            self.desk.stop_job = message.job
        elif isinstance(message, Watch):
            self.desk.interval = message.interval
        elif isinstance(message, Taken):
            self.desk.in_flight = 0
        else:
            if isinstance(message, Run):  # here and not in the other thread: a Stop may follow
                self.desk.stop_job, self.desk.in_flight = "", 0
            self.desk.orders.put(message)

    def _tell(self) -> None:
        """A beat when a second has passed, or earlier when there is a step to tell of."""
        now, beat = time.monotonic(), self.desk.beat
        fresh = beat.count != self._told.count or beat.job != self._told.job
        if now - self._told_at < (NEWS_SECONDS if fresh else BEAT_SECONDS):
            return
        values = {**vars(beat), "memory": self.desk.memory()}
        frames = encode(Beat(**values), Envelope(0), self._ours)
        self._socket.send_multipart(frames, copy=False)
        self._told, self._told_at = beat, now


def main(load: Callable[[str], tuple[str, RunJob]] | None = None) -> int:
    """load: takes the device's name, loads what a job needs, returns the device and the runner."""
    start = Start(**json.loads(sys.stdin.buffer.readline()))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server asks
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    faulthandler.enable()
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    with open_locked(Path(start.lock)):
        return _work(start, load or _load)


def _work(start: Start, load: Callable[[str], tuple[str, RunJob]]) -> int:
    device, run_job = load(start.device)
    desk = Desk()
    line = Line(start, desk)
    line.start()
    line.send(Ready(os.getpid(), device))
    while not isinstance(order := desk.orders.get(), Quit):
        if isinstance(order, Run):
            ended = run_job(order, Hooks(order.job, desk, line.send_picture))
            desk.beat = Beat()
            line.send(ended)
    return 0


def _load(device: str) -> tuple[str, RunJob]:
    from backend.service.run import load

    return load(device)


def _end_with_the_server() -> None:
    """The pipe closes when the server ends, however it ends."""
    while os.read(0, 4096):
        pass
    os._exit(3)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # threads and libraries have nothing to save; outcome and messages are out
