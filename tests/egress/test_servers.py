"""The route to MCP servers: what reaches a mediator's socket, and what comes back."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nucleus.egress.limits import Limits
from nucleus.egress.listener import Listener
from nucleus.egress.routes import Routes
from nucleus.egress.servers import Servers

POST = (
    b"POST /mcp/%s HTTP/1.1\r\nHost: 127.0.0.1:3129\r\nOrigin: http://evil.example\r\nAuthorization: Bearer x\r\n"
    b"Mcp-Session-Id: s1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
)


class Mediator:
    """Takes one request after another, keeps it, answers in two pieces."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.got: list[bytes] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(place))
        self._listener.listen(8)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with sock:
                data = b""
                while b"\r\n\r\n" not in data or not data.endswith(b"{}"):
                    data += sock.recv(4096)
                self.got.append(data)
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
                sock.sendall(b"data: 1\n\n")

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def mediator(tmp_path: Path) -> Iterator[Mediator]:
    one = Mediator(tmp_path / "m.sock")
    yield one
    one.close()


def asked(request: bytes, places: dict[str, str]) -> bytes:
    """Return what a client in the box gets for one request."""

    async def talk() -> bytes:
        routes = Routes({"mcp": Servers(places, 30).handle})
        listener = Listener(routes.handle, Limits())
        server = await asyncio.start_server(listener.client, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        server.close()
        await listener.end()
        return answer

    return asyncio.run(talk())


def test_a_request_reaches_its_mediator_under_another_name_and_without_what_is_the_clients(mediator: Mediator) -> None:
    answer = asked(POST % b"t", {"t": str(mediator.place)})
    assert answer.endswith(b"\r\n\r\ndata: 1\n\n")
    [got] = mediator.got
    assert got.startswith(b"POST /mcp/t HTTP/1.1\r\nhost: mcp\r\n")
    assert b"mcp-session-id: s1\r\n" in got
    assert b"evil" not in got
    assert b"Bearer" not in got


def test_a_chunked_body_is_sent_whole(mediator: Mediator) -> None:
    request = (POST % b"t").replace(b"Content-Length: 2\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n")
    asked(request + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", {"t": str(mediator.place)})
    assert mediator.got[0].endswith(b"\r\n\r\n{}")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (POST % b"other", b"404"),
        (POST % b"t/more", b"404"),
        (POST % b"", b"404"),
        ((POST % b"t").replace(b"POST", b"PUT"), b"405"),
        (POST % b"gone", b"502"),
    ],
)
def test_anything_else_is_refused(mediator: Mediator, request_: bytes, status: bytes) -> None:
    places = {"t": str(mediator.place), "gone": str(mediator.place) + ".not"}
    assert asked(request_, places).startswith(b"HTTP/1.1 " + status)
    assert mediator.got == []


def test_a_place_is_an_absolute_path() -> None:
    with pytest.raises(ValueError, match="absolute"):
        Servers({"t": "m.sock"}, 30)
