"""A name is resolved once, and the address that was looked at is the one that is dialled."""

import asyncio
import errno
import socket
import ssl
from pathlib import Path

import pytest

from nucleus.egress.dial import Dialer
from nucleus.egress.http1 import HttpError
from nucleus.egress.limits import Limits
from tests.egress.world import HOST, serving
from tests.tools.conftest import Authority


class Table:
    """A resolver that counts how often it is asked."""

    def __init__(self, *endpoints: tuple[str, int], problem: OSError | None = None) -> None:
        self.asked: list[tuple[str, int]] = []
        self._endpoints = endpoints
        self._problem = problem

    def resolve(self, host: str, port: int) -> tuple[tuple[str, int], ...]:
        self.asked.append((host, port))
        if self._problem is not None:
            raise self._problem
        return self._endpoints


def dial(public: Table, inside: Table, authority: Authority, *, tls: bool, wants_inside: bool = False) -> bytes:
    async def main() -> bytes:
        def trust() -> ssl.SSLContext:
            return ssl.create_default_context(cadata=authority.pem.decode())

        dialer = Dialer(public, inside, trust, Limits(connect_seconds=1))
        stream = await dialer.connect(HOST, 443, tls=tls, inside=wants_inside)
        await stream.write(b"GET / HTTP/1.1\r\n\r\n")
        answer = await stream.some()
        await stream.close()
        return answer

    return asyncio.run(main())


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def test_each_connection_asks_once_and_tries_what_came_back_in_order(authority: Authority) -> None:
    with serving() as site:
        public, inside = Table(("127.0.0.1", free_port()), ("127.0.0.1", site.port)), Table()
        assert dial(public, inside, authority, tls=False).startswith(b"HTTP/1.1 200 ")
        assert (public.asked, inside.asked) == ([(HOST, 443)], [])


def test_a_name_of_the_owners_network_is_asked_of_the_other_resolver(authority: Authority) -> None:
    with serving() as site:
        public, inside = Table(), Table(("127.0.0.1", site.port))
        dial(public, inside, authority, tls=False, wants_inside=True)
        assert (public.asked, inside.asked) == ([], [(HOST, 443)])


def test_the_certificate_is_of_the_name(tmp_path: Path, authority: Authority) -> None:
    with serving(context=authority.context(tmp_path, HOST)) as site:
        assert dial(Table(("127.0.0.1", site.port)), Table(), authority, tls=True).startswith(b"HTTP/1.1 200 ")
    with (
        serving(context=authority.context(tmp_path, "evil.example")) as site,
        pytest.raises(HttpError, match="not valid"),
    ):
        dial(Table(("127.0.0.1", site.port)), Table(), authority, tls=True)
    other = Authority()
    with serving(context=other.context(tmp_path, HOST)) as site, pytest.raises(HttpError, match="not valid"):
        dial(Table(("127.0.0.1", site.port)), Table(), authority, tls=True)
    with serving() as site, pytest.raises(HttpError, match="TLS"):
        dial(Table(("127.0.0.1", site.port)), Table(), authority, tls=True)


@pytest.mark.parametrize(
    ("table", "status"),
    [
        (Table(problem=PermissionError(errno.EACCES, "not public")), 502),
        (Table(problem=ConnectionError(errno.EHOSTUNREACH, "does not resolve")), 502),
        (Table(), 502),
    ],
)
def test_what_can_not_be_reached_is_said_without_an_address(table: Table, status: int, authority: Authority) -> None:
    with pytest.raises(HttpError) as refused:
        dial(table, Table(), authority, tls=False)
    assert refused.value.status == status
    assert "127." not in str(refused.value)
