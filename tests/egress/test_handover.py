"""The supervisor hands over settings and three sockets, or nothing is served."""

import socket

import pytest

from nucleus.egress.handover import SIZE, hand_over, say, take_over


def test_what_is_handed_over_arrives() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.socket() as proxy, socket.socket() as routes, socket.socket() as gate:
        hand_over(ours, {"wait": 3, "long": "x" * 200_000}, proxy, routes, gate)
        handed = take_over(theirs)
        with handed.proxy, handed.routes, handed.gate:
            assert (handed.settings["wait"], len(handed.settings["long"])) == (3, 200_000)
            assert handed.proxy.fileno() != proxy.fileno()
        say(theirs, {"ready": True})
        assert ours.recv(100) == b'{"ready": true}\n'


@pytest.mark.parametrize("text", [b"{", b"[]", b"1", b"", b'"x"'])
def test_anything_else_is_refused(text: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.socket() as one:
        socket.send_fds(ours, [SIZE.pack(len(text)) + text], [one.fileno()] * 3)
        with pytest.raises(ValueError, match="three sockets"):
            take_over(theirs)


def test_fewer_sockets_are_refused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.socket() as one:
        socket.send_fds(ours, [SIZE.pack(2) + b"{}"], [one.fileno()] * 2)
        with pytest.raises(ValueError, match="three sockets"):
            take_over(theirs)


def test_a_supervisor_that_leaves_in_the_middle_hands_over_nothing() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(SIZE.pack(100) + b"{")
        ours.close()
        with pytest.raises(ValueError, match="three sockets"):
            take_over(theirs)
