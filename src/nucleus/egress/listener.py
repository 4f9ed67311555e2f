"""Clients of one listening socket: their requests one after the other, and refusals in words that they can show."""

import asyncio
import contextlib
from typing import Final, final

from nucleus.egress.http1 import HttpError, Request, parse_request, serialise
from nucleus.egress.limits import Limits
from nucleus.egress.pump import Handler
from nucleus.egress.streams import Stream
from nucleus.errors import Refused

REASONS: Final = {
    400: "Bad Request",
    403: "Refused by Nucleus",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


@final
class Listener:
    """Serves the clients of one socket with one handler."""

    def __init__(self, handler: Handler, limits: Limits) -> None:
        self._handler = handler
        self._limits = limits
        self._clients: set[asyncio.Task[None]] = set()

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it leaves, or until an answer says that it was the last."""
        stream = Stream(reader, writer, self._limits.idle_seconds)
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a client is served by a task")
        self._clients.add(task)
        try:
            if len(self._clients) > self._limits.connections:
                await refuse(stream, 503, "too many connections are open")
            else:
                await self._requests(stream)
        except (OSError, TimeoutError):
            stream.cut()  # it is gone, or says nothing any more
        except asyncio.CancelledError:
            stream.cut()  # what was allowed is not allowed any more
        finally:
            self._clients.discard(task)
            await asyncio.shield(stream.close())

    async def _requests(self, stream: Stream) -> None:
        while True:
            try:
                head = await stream.head(self._limits.head_seconds)
                if not head:
                    return
                request = parse_request(head)
            except HttpError as error:
                await refuse(stream, error.status, str(error))
                return
            if not await self._served(request, stream):
                return

    async def _served(self, request: Request, stream: Stream) -> bool:
        try:
            return await self._handler(request, stream)
        except HttpError as error:
            await refuse(stream, error.status, str(error))
        except Refused as error:
            await refuse(stream, 403, str(error), code=error.code)
        return False

    async def end(self) -> None:
        """Cut every client."""
        for task in list(self._clients):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._clients, return_exceptions=True)


async def refuse(stream: Stream, status: int, why: str, *, code: str = "") -> None:
    """Answer with an error, in words; nothing of what the server said, nothing of what a policy hides."""
    body = f"{why}\n".encode()
    fields = [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", str(len(body))),
        ("cache-control", "no-store"),
        ("connection", "close"),
    ]
    if code:
        fields.append(("nucleus-refusal", code))
    reason = REASONS.get(status, "Error")
    await stream.write(serialise(f"HTTP/1.1 {status} {reason}", fields) + body)
