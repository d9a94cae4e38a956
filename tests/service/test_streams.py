"""Who is sent what, and when: credit, the newest, what has not changed. No sockets here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from backend.service.streams import Streams, Watcher
from shared import messages as m
from shared.errors import WireError
from shared.preview import SCALE, MeshView, dequantise, narrow, quantise, topology_of

JOB, OTHER = "a" * 32, "b" * 32


class Wire:
    """Keeps what was sent; jobs have the state that `states` says."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Any]] = []
        self.states = {JOB: "running", OTHER: "queued"}
        self.rates: list[str] = []
        self.reachable = True
        self.streams = Streams(self.info, self.send, self.rates.append)

    def info(self, job: str) -> m.JobInfo | None:
        state = self.states.get(job)
        return None if state is None else m.JobInfo(job, state, m.Settings("a"))

    def send(self, watcher: Watcher, message: Any) -> bool:
        if self.reachable:
            self.sent.append((watcher.route, message))
        return self.reachable

    def take(self, kind: type) -> list[Any]:
        """Messages of that kind since the last time."""
        taken = [message for _, message in self.sent if isinstance(message, kind)]
        self.sent = [one for one in self.sent if not isinstance(one[1], kind)]
        return taken

    def subscribe(self, *jobs: str, session: str = "s", route: bytes = b"r", **wish: Any) -> None:
        message = m.Subscribe(jobs, **{"interval": 0.5, **wish})
        self.streams.subscribe(session, route, message, list(self.states))


def mesh(step: int = 1, move: float = 0.0, color: int = 9, faces: int = 2) -> m.Mesh:
    positions = np.array([[0, 0, move], [1, 0, 0], [0, 1, 0], [1, 1, 0]], np.float32)
    index = narrow(np.array([[0, 1, 2], [1, 3, 2], [0, 3, 1]])[:faces], 4)
    arrays = (quantise(positions), np.full((4, 3), color, "u1"), index)
    return m.Mesh(0, JOB, "mesh", step, topology_of(index), 4, -1.0, SCALE, 0.0, *arrays)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_one_picture_is_in_flight_and_the_next_is_the_newest(wire: Wire) -> None:
    wire.subscribe(JOB)
    for step in range(100):
        wire.streams.pictured(mesh(step))
    [first] = wire.take(m.Mesh)
    assert first.step == 0
    wire.streams.credit("s", m.Credit(first.serial))
    [last] = wire.take(m.Mesh)
    assert last.step == 99
    wire.streams.credit("s", m.Credit(last.serial))
    assert wire.take(m.Mesh) == []
    wire.streams.pictured(mesh(100))
    assert [p.step for p in wire.take(m.Mesh)] == [100]


def test_who_looks_away_and_back_gets_a_whole_mesh(wire: Wire) -> None:
    wire.subscribe(JOB)
    wire.streams.pictured(mesh(0))
    [first] = wire.take(m.Mesh)
    wire.streams.credit("s", m.Credit(first.serial))
    wire.subscribe()
    wire.subscribe(JOB)
    [again] = wire.take(m.Mesh)
    assert again.faces is not None and again.positions is not None and again.colors is not None


def test_credit_counts_once_and_only_for_what_is_in_flight(wire: Wire) -> None:
    wire.subscribe(JOB)
    wire.streams.pictured(mesh(0))
    [first] = wire.take(m.Mesh)
    wire.streams.pictured(mesh(1))
    for serial in (first.serial + 1, first.serial - 1, 0):
        wire.streams.credit("s", m.Credit(serial))
    assert wire.take(m.Mesh) == []
    wire.streams.credit("s", m.Credit(first.serial))
    wire.streams.pictured(mesh(2))
    wire.streams.credit("s", m.Credit(first.serial))
    assert [p.step for p in wire.take(m.Mesh)] == [1]


def test_what_has_not_changed_is_left_out_and_the_view_is_whole(wire: Wire) -> None:
    wire.subscribe(JOB)
    view, carried = MeshView(), []
    changes = [
        *(mesh(1), mesh(2, move=0.5), mesh(3, move=0.5, color=10), mesh(4, move=0.5, color=10)),
        mesh(5, faces=3),
    ]
    for picture in changes:
        wire.streams.pictured(picture)
        [sent] = wire.take(m.Mesh)
        carried.append(
            [n for n in ("positions", "colors", "faces") if getattr(sent, n) is not None]
        )
        view.apply(sent)
        assert np.array_equal(view.faces, picture.faces)
        assert np.array_equal(view.colors, picture.colors)
        assert np.array_equal(view.positions, dequantise(picture.positions, -1.0, SCALE))
        wire.streams.credit("s", m.Credit(sent.serial))
    whole = ["positions", "colors", "faces"]
    assert carried == [whole, ["positions"], ["colors"], [], whole]


def test_what_a_slow_client_missed_is_counted_from_what_it_has(wire: Wire) -> None:
    wire.subscribe(JOB)
    wire.streams.pictured(mesh(1))
    [first] = wire.take(m.Mesh)
    view = MeshView()
    view.apply(first)
    wire.streams.pictured(mesh(2, move=0.5, faces=3))  # never sent
    wire.streams.pictured(mesh(3, move=0.7))
    wire.streams.credit("s", m.Credit(first.serial))
    [newest] = wire.take(m.Mesh)
    view.apply(newest)
    assert np.array_equal(view.positions, dequantise(mesh(3, move=0.7).positions, -1.0, SCALE))
    assert len(view.faces) == 2


def test_a_new_connection_gets_everything_whole_again(wire: Wire) -> None:
    wire.subscribe(JOB)
    wire.streams.pictured(mesh(1))
    assert wire.take(m.Mesh)[0].faces is not None
    wire.subscribe(JOB, route=b"another")
    [again] = wire.take(m.Mesh)
    assert again.faces is not None and again.step == 1
    wire.subscribe(JOB, route=b"another")  # the heartbeat of the same one
    assert wire.take(m.Mesh) == []


def test_the_mesh_goes_before_its_textures(wire: Wire) -> None:
    wire.subscribe(JOB)
    wire.streams.pictured(mesh(1))
    [first] = wire.take(m.Mesh)
    wire.streams.pictured(replace(mesh(2, move=0.1), stage="bake"))
    for name in ("albedo", "orm", "normal"):
        wire.streams.pictured(m.Texture(0, JOB, name, np.zeros((2, 2, 3), "u1")))
    serial, order = first.serial, []
    for _ in range(4):
        wire.streams.credit("s", m.Credit(serial))
        [sent] = wire.take(m.Mesh) + wire.take(m.Texture)
        order.append(getattr(sent, "name", "mesh"))
        serial = sent.serial
    assert order == ["mesh", "albedo", "orm", "normal"]


def texture(value: int) -> m.Texture:
    return m.Texture(0, JOB, "albedo", np.full((2, 2, 3), value, "u1"))


def test_a_texture_goes_once_and_again_only_when_it_is_another(wire: Wire) -> None:
    wire.subscribe(JOB)
    for value, expected in ((1, 1), (1, 0), (2, 1)):
        wire.streams.pictured(texture(value))
        sent = wire.take(m.Texture)
        assert len(sent) == expected
        for one in sent:
            wire.streams.credit("s", m.Credit(one.serial))
    wire.subscribe(JOB, session="later", route=b"l")
    assert [one.pixels[0, 0, 0] for one in wire.take(m.Texture)] == [2]


def test_who_begins_to_look_gets_what_there_is(wire: Wire) -> None:
    wire.subscribe(JOB, interval=0.0)
    wire.streams.pictured(texture(1))
    assert wire.take(m.Texture) == []
    wire.subscribe(JOB)
    assert len(wire.take(m.Texture)) == 1


def test_news_are_the_newest_state_and_of_those_jobs_only(wire: Wire) -> None:
    wire.subscribe(JOB)
    [first] = wire.take(m.News)
    assert first.info.state == "running"
    for _ in range(10):
        wire.streams.changed(JOB)
        wire.streams.changed(OTHER)
    wire.states[JOB] = "done"
    wire.streams.credit("s", m.Credit(first.serial))
    [last] = wire.take(m.News)
    assert (last.info.job, last.info.state) == (JOB, "done")
    del wire.states[JOB]
    wire.streams.changed(JOB)
    wire.streams.credit("s", m.Credit(last.serial))
    assert [gone.job for gone in wire.take(m.Gone)] == [JOB]


def test_a_list_hears_of_all_jobs_without_pictures(wire: Wire) -> None:
    wire.subscribe(everything=True)
    seen = set()
    while news := wire.take(m.News):
        seen.add(news[0].info.job)
        wire.streams.credit("s", m.Credit(news[0].serial))
    assert seen == {JOB, OTHER}
    wire.streams.pictured(mesh())
    assert wire.take(m.Mesh) == []


def test_the_worker_is_told_the_shortest_interval_and_when_nobody_looks(wire: Wire) -> None:
    wire.subscribe(JOB, session="one", interval=2.0)
    wire.subscribe(JOB, session="two", interval=0.5)
    wire.subscribe(JOB, session="three", interval=0)
    assert wire.streams.interval(JOB) == 0.5
    wire.streams.forget("two")
    assert wire.streams.interval(JOB) == 2.0
    wire.subscribe(session="one")
    assert wire.streams.interval(JOB) == 0.0
    assert set(wire.rates) == {JOB} and len(wire.rates) == 5


def test_a_client_that_is_gone_is_forgotten(wire: Wire) -> None:
    wire.subscribe(JOB)
    wire.take(m.News)
    wire.reachable = False
    wire.streams.pictured(mesh())
    assert wire.streams.interval(JOB) == 0.0
    wire.streams.credit("s", m.Credit(1))


def test_pictures_are_let_go_when_a_job_is_over_and_nobody_waits(wire: Wire) -> None:
    wire.subscribe(JOB)
    wire.streams.pictured(mesh(1))
    wire.streams.pictured(mesh(2))
    [first] = wire.take(m.Mesh)
    wire.streams.drop_pictures(set())
    wire.streams.credit("s", m.Credit(first.serial))  # one still waited for it
    assert [p.step for p in wire.take(m.Mesh)] == [2]
    wire.streams.drop_pictures({JOB})
    wire.subscribe(JOB, session="late", route=b"l")
    assert len(wire.take(m.Mesh)) == 1
    wire.streams.drop_pictures(set())
    wire.subscribe(JOB, session="later", route=b"m")
    assert wire.take(m.Mesh) == []


def test_quantising_moves_nothing_that_can_be_seen() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (1000, 3)).astype(np.float32)
    steps = quantise(points)
    assert np.abs(dequantise(steps, -1.0, SCALE) - points).max() <= SCALE / 2 + 1e-7
    wild = quantise(np.array([[2, -2, np.nan], [np.inf, 0, 0]]))
    assert wild.max() == 65535 and wild.min() == 0


@pytest.mark.parametrize(
    "broken",
    [
        {"faces": np.array([[0, 1, 4]], "<u2")},
        {"faces": None},
        {"positions": None},
        {"vertices": 3},
    ],
)
def test_a_mesh_that_does_not_fit_together_changes_no_view(broken: dict[str, Any]) -> None:
    view = MeshView()
    view.apply(mesh(1))
    faces, positions = view.faces, view.positions
    with pytest.raises(WireError):
        view.apply(replace(mesh(2, move=0.4), topology="0" * 16, **broken))
    assert view.faces is faces and view.positions is positions
