"""``/mcp/NAME``: the MCP servers that the owner named for a run, behind the mediator that stands outside of the box.

Nothing is decided here: the mediator, at the other end of a socket of the
owner's, judges every message as the box's own principal. A request is taken
apart and written anew; its answer passes as it comes, event by event.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, final

from nucleus.egress.http1 import HttpError, Request, serialise
from nucleus.egress.pump import CONTINUE
from nucleus.egress.streams import Stream

BODY_LIMIT: Final = 32 << 20
"""Bytes of one message. What the mediator takes of a line."""
HOST: Final = "mcp"
"""What the mediator is called here. No name that a page could have."""
DROPPED: Final = frozenset(("authorization", "cookie", "origin", "referer"))


@final
class Servers:
    """Carries requests to mediators."""

    def __init__(self, places: Mapping[str, str], idle: float) -> None:
        """Take the name of each server with the path of its mediator's socket. Raises ValueError."""
        if any(type(place) is not str or not place.startswith("/") for place in places.values()):
            raise ValueError("an MCP server has the absolute path of a socket")
        self._places = dict(places)
        self._idle = idle

    async def handle(self, request: Request, client: Stream, rest: str) -> bool:
        """Answer one request. Raises HttpError and what streams raise."""
        name, slash, _ = rest.partition("?")[0].partition("/")
        place = self._places.get(name)
        if place is None or slash:
            raise HttpError(404, "there is no such MCP server")
        if request.method not in {"POST", "GET", "DELETE"}:
            raise HttpError(405, "POST, GET or DELETE")
        body = await self._body(request, client)
        try:
            server = Stream(*await asyncio.open_unix_connection(place), self._idle)
        except OSError as error:
            raise HttpError(502, "the mediator is gone") from error
        try:
            passed = [(key, value) for key, value in request.head.passed_on() if key not in DROPPED]
            fields = [("host", HOST), ("connection", "close"), ("content-length", str(len(body))), *passed]
            await server.write(serialise(f"{request.method} /mcp/{name} HTTP/1.1", fields) + body)
            while data := await server.some(waits=True):
                await client.write(data)
        finally:
            await server.close()
        return False

    async def _body(self, request: Request, client: Stream) -> bytes:
        if request.waits:
            await client.write(CONTINUE)
        body = bytearray()
        pieces = client.chunked() if request.length is None else client.exactly(min(request.length, BODY_LIMIT + 1))
        async for piece in pieces:
            body += piece
            if len(body) > BODY_LIMIT:
                raise HttpError(413, "the message is too large")
        return bytes(body)
