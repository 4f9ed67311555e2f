"""Bytes on their way: both directions of a tunnel, and one request with its answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final, final

from nucleus.egress.channels import Channel, Channels
from nucleus.egress.clienthello import HelloError, HelloGuard
from nucleus.egress.http1 import HttpError, Request, Response, parse_response, serialise
from nucleus.egress.limits import Limits, Pace
from nucleus.egress.streams import INTERIM_LIMIT, Stream
from nucleus.errors import Refused

DROPPED: Final = frozenset(("alt-svc", "nucleus-refusal"))
"""Headers of an answer that are not passed on: they would lead around the proxy, or speak for it."""
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
Watch = Callable[[bytes], None]
"""Is shown the content of an answer as it passes."""


def unwatched(piece: bytes) -> None:
    """Look at nothing."""
    del piece


@final
class Pump:
    """What all connections of one box share: their channels, their bounds and their pace."""

    def __init__(self, channels: Channels, limits: Limits, pace: Pace) -> None:
        self.channels = channels
        self.limits = limits
        self.pace = pace
        self.bodies = asyncio.Semaphore(limits.bodies)
        """Held by whoever reads a body as a whole: a box can't fill the memory that is not its own."""

    async def tunnel(self, channel: Channel, client: Stream, server: Stream, host: str) -> None:
        """Carry both directions until both ended. Raises HelloError, Refused, HttpError, OSError, TimeoutError."""
        guard = HelloGuard(host)
        async with asyncio.timeout(self.limits.head_seconds):
            while not guard.greeted:
                data = await client.some()
                if not data:
                    raise HelloError("the client left before its hello")
                await self._out(channel, server, guard.feed(data))
        async with asyncio.TaskGroup() as group:
            both = [
                group.create_task(self._outward(channel, client, server, guard)),
                group.create_task(self._inward(channel, client, server)),
            ]
            watch = group.create_task(self._until_idle(channel))
            await asyncio.wait(both)
            watch.cancel()

    async def _until_idle(self, channel: Channel) -> None:
        """Wait until nothing passed in either direction for too long. Raises TimeoutError then."""
        before = -1
        while before != channel.sent + channel.received:
            before = channel.sent + channel.received
            await asyncio.sleep(self.limits.idle_seconds)
        raise TimeoutError

    async def _outward(self, channel: Channel, client: Stream, server: Stream, guard: HelloGuard) -> None:
        while data := await client.some(waits=True):
            await self._out(channel, server, guard.feed(data))
        self.channels.finish(channel)
        server.finish()

    async def _inward(self, channel: Channel, client: Stream, server: Stream) -> None:
        while data := await server.some(waits=True):
            channel.received += len(data)
            await client.write(data)
        client.finish()

    async def _out(self, channel: Channel, server: Stream, data: bytes) -> None:
        """Send bytes that are paid for, at the pace that is kept."""
        if data:
            await self.channels.spend(channel, len(data))
            await self.pace.take(len(data))
            await server.write(data)

    async def send(self, channel: Channel, request: Request, client: Stream, server: Stream, head: bytes) -> Response:
        """Send a request with the body that the client sends, and return the head of the answer.

        An answer that comes before the body is sent ends the sending. Raises
        Refused, HttpError, OSError, TimeoutError.
        """
        await server.write(head)
        if request.length == 0:
            self.channels.finish(channel)
            return await self.answered(server, request.method)
        if request.waits:
            await client.write(CONTINUE)
        upload = asyncio.create_task(self._upload(channel, request, client, server))
        answer = asyncio.create_task(self.answered(server, request.method))
        try:
            await asyncio.wait({upload, answer}, return_when=asyncio.FIRST_COMPLETED)
            if upload.done() and upload.exception() is not None and not answer.done():
                upload.result()
            return await answer
        finally:
            self.channels.finish(channel)
            for task in (upload, answer):
                task.cancel()
                with suppress(asyncio.CancelledError, HttpError, Refused, OSError, TimeoutError):
                    await task

    async def _upload(self, channel: Channel, request: Request, client: Stream, server: Stream) -> None:
        pieces = client.chunked() if request.length is None else client.exactly(request.length)
        sent = 0
        async for piece in pieces:
            sent += len(piece)
            if sent > self.limits.request_bytes:
                raise HttpError(413, "the body is larger than this box may send")
            data = piece if request.length is not None else b"%x\r\n%b\r\n" % (len(piece), piece)
            await self._out(channel, server, data)
        if request.length is None:
            await self._out(channel, server, b"0\r\n\r\n")

    async def answered(self, server: Stream, method: str) -> Response:
        """Return the head of the final answer. Raises HttpError, OSError, TimeoutError."""
        for _ in range(INTERIM_LIMIT):
            head = await server.head(self.limits.idle_seconds)
            if not head:
                raise HttpError(502, "the server closed the connection without an answer")
            response = parse_response(head, method)
            if response.status == 101:
                raise HttpError(502, "the server changed the protocol, which nobody asked for")
            if response.status >= 200:
                return response
        raise HttpError(502, "the server sends interim answers only")

    def content(self, channel: Channel, response: Response, server: Stream) -> AsyncIterator[bytes]:
        """Yield the content of an answer. Raises HttpError where it is larger than allowed."""
        if response.framing == "chunked":
            pieces = server.chunked()
        elif response.framing == "close":
            pieces = server.to_the_end()
        else:
            pieces = server.exactly(response.length or 0)
        return self._bounded(channel, pieces)

    async def _bounded(self, channel: Channel, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            channel.received += len(piece)
            if channel.received > self.limits.response_bytes:
                raise HttpError(502, "the answer is larger than this box may get")
            yield piece

    async def answer(
        self,
        channel: Channel,
        request: Request,
        response: Response,
        client: Stream,
        server: Stream,
        watch: Watch = unwatched,
    ) -> bool:
        """Pass an answer on as it comes; return whether the client's connection can be used again."""
        fields = [(name, value) for name, value in response.head.passed_on() if name not in DROPPED]
        pieces = self.content(channel, response, server)
        return await respond(
            client, request, (response.status, response.reason), fields, pieces, response.length, watch
        )


async def respond(
    client: Stream,
    request: Request,
    status: tuple[int, str],
    fields: list[tuple[str, str]],
    pieces: AsyncIterator[bytes],
    length: int | None,
    watch: Watch = unwatched,
) -> bool:
    """Write an answer whose content comes in pieces; return whether the connection can be used again."""
    bodiless = request.method == "HEAD" or status[0] in {204, 304}
    chunked = length is None and not bodiless and request.minor == 1
    stays = not request.closes and (chunked or bodiless or length is not None)
    if chunked:
        fields = [*fields, ("transfer-encoding", "chunked")]
    elif length is not None and not (bodiless and length == 0):
        fields = [*fields, ("content-length", str(length))]
    fields = [*fields, ("connection", "keep-alive" if stays else "close")]
    await client.write(serialise(f"HTTP/1.1 {status[0]} {status[1]}".rstrip(), fields))
    if bodiless:
        return stays
    try:
        async for piece in pieces:
            watch(piece)
            await client.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
    except HttpError as error:
        # The answer has begun: all that can still be said is that it is not whole.
        raise ConnectionAbortedError(str(error)) from None
    if chunked:
        await client.write(b"0\r\n\r\n")
    return stays


Handler = Callable[[Request, Stream], Awaitable[bool]]
"""Answers one request; returns whether the connection can be used again."""
