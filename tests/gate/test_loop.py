"""The loop: many sockets, one thread, bounds on what waits."""

import socket
import threading
from collections.abc import Iterator

import pytest

from nucleus.gate.loop import OUTGOING_LIMIT, Link, Loop
from nucleus.gate.protocol import BODY_LIMIT, encode, receive, send


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(10)
        yield ours, theirs


class Owner:
    """Keeps what the loop told it."""

    def __init__(self) -> None:
        self.frames: list[tuple[dict[str, object], bytes]] = []
        self.ends: list[str] = []

    def frame(self, _: Link, fields: dict[str, object], body: bytes) -> None:
        self.frames.append((fields, body))

    def end(self, _: Link, why: str) -> None:
        self.ends.append(why)


def test_frames_come_in_and_go_out(pair: tuple[socket.socket, socket.socket]) -> None:
    owner, loop = Owner(), Loop(lambda: 0)
    link = loop.add(pair[0], owner.frame, owner.end)
    send(pair[1], {"a": 1}, b"x")
    loop.turn()
    assert owner.frames == [({"a": 1}, b"x")]
    link.send({"b": 2}, b"y")
    assert receive(pair[1]) == ({"b": 2}, b"y")


def test_a_large_answer_is_written_as_the_reader_takes_it(pair: tuple[socket.socket, socket.socket]) -> None:
    now = [0]
    owner, loop = Owner(), Loop(lambda: now[0])
    link = loop.add(pair[0], owner.frame, owner.end)
    body = b"z" * (4 << 20)
    link.send({}, body)
    found: list[tuple[dict[str, object], bytes]] = []
    reader = threading.Thread(target=lambda: found.append(receive(pair[1])))
    reader.start()
    while reader.is_alive():
        now[0] += 1
        loop.at(now[0], lambda: None)  # so that a turn never waits for long
        loop.turn()
    assert found == [({}, body)]


def test_a_reader_that_does_not_read_is_given_up(pair: tuple[socket.socket, socket.socket]) -> None:
    owner, loop = Owner(), Loop(lambda: 0)
    link = loop.add(pair[0], owner.frame, owner.end)
    body = bytes(BODY_LIMIT)
    for _ in range(OUTGOING_LIMIT // BODY_LIMIT + 2):
        link.send({}, body)
    assert owner.ends == ["the reader does not read"]
    link.send({})
    assert owner.ends == ["the reader does not read"], "an ended link ends once"


@pytest.mark.parametrize("garbage", [b"\xff" * 8, b"\x00\x00\x00\x02\x00\x00\x00\x00[]"])
def test_garbage_ends_the_connection(pair: tuple[socket.socket, socket.socket], garbage: bytes) -> None:
    owner, loop = Owner(), Loop(lambda: 0)
    loop.add(pair[0], owner.frame, owner.end)
    pair[1].sendall(garbage)
    loop.turn()
    assert len(owner.ends) == 1
    assert owner.frames == []


def test_a_cut_frame_is_told_from_a_clean_end(pair: tuple[socket.socket, socket.socket]) -> None:
    owner, loop = Owner(), Loop(lambda: 0)
    loop.add(pair[0], owner.frame, owner.end)
    pair[1].sendall(encode({"a": 1})[:-1])
    pair[1].shutdown(socket.SHUT_WR)
    loop.turn()
    loop.turn()
    assert owner.ends == ["closed within a frame"]


def test_timers_run_in_order_once_they_are_due() -> None:
    now = [0]
    loop = Loop(lambda: now[0])
    ran: list[str] = []
    loop.at(20, lambda: ran.append("b"))
    loop.at(10, lambda: ran.append("a"))
    loop.at(10, lambda: ran.append("a2"))
    now[0] = 15
    loop.turn()
    assert ran == ["a", "a2"]
    now[0] = 1 << 40
    loop.turn()
    assert ran == ["a", "a2", "b"]
