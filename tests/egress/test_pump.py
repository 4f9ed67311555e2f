"""Bodies pass as they come, in both directions, with an end to what is held."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.egress.world import Box, Echo, boxed, everything, network, serving
from tests.tools.conftest import Authority

PLAIN = 'profile = "safe_pr_fixer"\n[allow]\nfetch = ["http://plain.example"]\n'
GET = "GET http://plain.example/{} HTTP/1.1\r\nHost: plain.example\r\nConnection: close\r\n\r\n"
Start = Callable[..., Box]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def make(talk: Any, **settings: Any) -> Box:
            site = stack.enter_context(serving(talk))
            where = network(Authority(), plain_example__80=site.port)
            more: dict[str, Any] = {"answers": {"*": True}, "settings": {"wait": 20, **settings}}
            return stack.enter_context(boxed(tmp_path / "box", PLAIN, network=where, **more))

        yield make


def head_of(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(1)
        if not piece:
            raise ConnectionError(data)
        data += piece
    return data


def test_events_pass_one_by_one_while_the_answer_goes_on(start: Start) -> None:
    step = threading.Event()

    def events(sock: socket.socket, _echo: Echo) -> None:
        head_of(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for word in (b"one", b"two"):
            sock.sendall(b"%x\r\ndata: %b\n\n\r\n" % (len(word) + 8, word))
            assert step.wait(10)
            step.clear()
        sock.sendall(b"0\r\n\r\n")

    box = start(events)
    with box.connect() as sock:
        sock.sendall(GET.format("events").encode())
        assert b"text/event-stream" in head_of(sock)
        assert sock.recv(100) == b"b\r\ndata: one\n\n\r\n"
        step.set()
        assert sock.recv(100) == b"b\r\ndata: two\n\n\r\n"
        step.set()
        assert everything(sock) == b"0\r\n\r\n"


def test_an_answer_that_ends_with_its_connection_is_whole_or_cut_for_the_client_too(start: Start) -> None:
    def until_the_end(sock: socket.socket, _echo: Echo) -> None:
        whole = b"/whole" in head_of(sock)
        sock.sendall(b"HTTP/1.0 200 OK\r\n\r\nabc" if whole else b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")

    box = start(until_the_end)
    assert box.ask(GET.format("whole")).endswith(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    short = box.ask(GET.format("short"))
    assert b"content-length: 9" in short
    assert short.endswith(b"\r\n\r\nabc")


def test_a_chunked_upload_is_sent_in_chunks_and_charged_as_it_grows(start: Start) -> None:
    got: list[bytes] = []

    def keep(sock: socket.socket, _echo: Echo) -> None:
        got.append(head_of(sock))
        body = b""
        while not body.endswith(b"0\r\n\r\n"):
            body += sock.recv(65536)
        got.append(body)
        sock.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

    box = start(keep)
    piece = b"%x\r\n%b\r\n" % (50_000, b"z" * 50_000)
    with box.connect() as sock:
        sock.sendall(
            b"POST http://plain.example/up HTTP/1.1\r\nHost: plain.example\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        sock.sendall(piece * 30 + b"0\r\n\r\n")
        assert head_of(sock).startswith(b"HTTP/1.1 201 ")
    assert b"transfer-encoding: chunked" in got[0]
    assert b"expect" not in got[0]
    assert got[1].count(b"z") == 1_500_000
    assert len(box.records()) > 2


def test_a_client_that_waits_is_told_to_go_on_only_when_the_request_is_allowed(start: Start) -> None:
    def keep(sock: socket.socket, echo: Echo) -> None:
        echo.got.append(head_of(sock) + sock.recv(5))
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    box = start(keep)
    request = "PUT http://{}/ HTTP/1.1\r\nHost: {}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    with box.connect() as sock:
        sock.sendall(request.format("plain.example", "plain.example").encode())
        assert head_of(sock) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hello")
        assert head_of(sock).startswith(b"HTTP/1.1 200 ")
    assert box.ask(request.format("127.0.0.1", "127.0.0.1")).startswith(b"HTTP/1.1 403 ")


def test_an_answer_before_the_end_of_the_upload_ends_it(start: Start) -> None:
    def refuse(sock: socket.socket, _echo: Echo) -> None:
        head_of(sock)
        sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope")
        time.sleep(0.3)

    box = start(refuse)
    with box.connect() as sock:
        sock.sendall(
            b"POST http://plain.example/ HTTP/1.1\r\nHost: plain.example\r\nContent-Length: 1000000\r\n\r\nabc"
        )
        assert everything(sock).endswith(b"nope")


def test_a_reader_that_does_not_read_holds_the_server_up(start: Start) -> None:
    """Back-pressure: what lies between both is bounded, whatever the answer's size."""
    sent = [0]

    def pour(sock: socket.socket, _echo: Echo) -> None:
        head_of(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
        sock.settimeout(1.0)
        try:
            while True:
                sent[0] += sock.send(bytes(1 << 16))
        except TimeoutError:
            return

    box = start(pour)
    with box.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        sock.sendall(GET.format("big").encode())
        head_of(sock)
        before = -1
        while before != sent[0]:
            before = sent[0]
            time.sleep(0.3)
    assert sent[0] < 32_000_000


def test_an_answer_or_a_body_over_its_bound_is_cut(start: Start) -> None:
    def large(sock: socket.socket, echo: Echo) -> None:
        echo.got.append(head_of(sock))
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + bytes(5000))

    box = start(large, limits={"response_bytes": 1000, "request_bytes": 1000})
    answer = box.ask(GET.format("large"))
    assert len(answer.partition(b"\r\n\r\n")[2]) < 5000
    with box.connect() as sock:
        sock.sendall(
            b"POST http://plain.example/ HTTP/1.1\r\nHost: plain.example\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        sock.sendall(b"7d0\r\n" + bytes(2000) + b"\r\n0\r\n\r\n")
        assert everything(sock).startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 200 "))


def test_an_answer_that_changes_the_protocol_or_never_begins_is_refused(start: Start) -> None:
    def odd(sock: socket.socket, _echo: Echo) -> None:
        head = head_of(sock)
        if b"/upgrade" in head:
            sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nraw")
        elif b"/interim" in head:
            sock.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 9)
        elif b"/double" in head:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")

    box = start(odd)
    for path in ("upgrade", "interim", "double", "nothing"):
        assert box.ask(GET.format(path)).startswith(b"HTTP/1.1 502 "), path


def test_two_requests_share_one_connection_of_the_client(start: Start) -> None:
    def one(sock: socket.socket, _echo: Echo) -> None:
        head_of(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAlt-Svc: h3=x\r\n\r\nok")

    box = start(one)
    request = GET.format("").replace("Connection: close\r\n", "").encode()
    with box.connect() as sock:
        for _ in range(2):
            sock.sendall(request)
            head = head_of(sock)
            assert b"connection: keep-alive" in head
            assert b"alt-svc" not in head
            assert sock.recv(2) == b"ok"
