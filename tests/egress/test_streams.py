"""A connection is read by heads and bodies; what ends too early is an error, never a short body."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from nucleus.egress.http1 import HttpError
from nucleus.egress.streams import Stream

T = TypeVar("T")


def with_data(data: bytes, work: Callable[[Stream], Awaitable[T]], *, ends: bool = True, idle: float = 5.0) -> T:
    """Run ``work`` with a stream whose other side said ``data``."""

    async def main() -> T:
        served: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stream = Stream(reader, writer, idle)
            try:
                served.set_result(await work(stream))
            except Exception as error:  # noqa: BLE001  handed to the test
                served.set_exception(error)
            await stream.close()

        server = await asyncio.start_server(each, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(data)
            if ends:
                writer.write_eof()
            try:
                return await served
            finally:
                writer.close()
                await reader.read()

    return asyncio.run(main())


async def both(stream: Stream) -> tuple[bytes, bytes, bytes]:
    return await stream.head(5), await stream.head(5), await stream.head(5)


def test_heads_come_one_by_one_and_nothing_after_the_last() -> None:
    assert with_data(b"A\r\n\r\nB\r\nC\r\n\r\n", both) == (b"A\r\n\r\n", b"B\r\nC\r\n\r\n", b"")


def test_a_connection_that_ends_within_a_head_is_an_error() -> None:
    with pytest.raises(HttpError):
        with_data(b"A\r\n", lambda stream: stream.head(5))


def test_a_head_that_does_not_come_in_time_is_an_error() -> None:
    with pytest.raises(TimeoutError):
        with_data(b"A\r\n", lambda stream: stream.head(0.05), ends=False)


def test_bodies_are_exact_and_leave_what_follows() -> None:
    async def work(stream: Stream) -> tuple[bytes, bytes, bytes]:
        exact = b"".join([piece async for piece in stream.exactly(5)])
        chunked = b"".join([piece async for piece in stream.chunked()])
        return exact, chunked, b"".join([piece async for piece in stream.to_the_end()])

    assert with_data(b"hello3\r\nabc\r\n0\r\n\r\nrest", work) == (b"hello", b"abc", b"rest")


@pytest.mark.parametrize("data", [b"hell", b""])
def test_a_body_that_ends_too_early_is_an_error(data: bytes) -> None:
    async def exact(stream: Stream) -> list[bytes]:
        return [piece async for piece in stream.exactly(5)]

    async def chunked(stream: Stream) -> list[bytes]:
        return [piece async for piece in stream.chunked()]

    with pytest.raises(HttpError):
        with_data(data, exact)
    with pytest.raises(HttpError):
        with_data(b"5\r\n" + data, chunked)


def test_silence_is_an_error_after_a_time() -> None:
    with pytest.raises(TimeoutError):
        with_data(b"", lambda stream: stream.some(), ends=False, idle=0.05)
