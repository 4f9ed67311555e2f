"""Requests of our own to a server that a permit names: what the routes do in the agent's place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, final

from nucleus.egress.channels import Channel
from nucleus.egress.dial import Dialer
from nucleus.egress.http1 import HttpError, Response, serialise
from nucleus.egress.pump import Pump
from nucleus.egress.streams import Stream
from nucleus.policy.addresses import AddressError, Url, parse_url, private_host

AGENT: Final = ("user-agent", "nucleus-runtime")
PLAIN: Final = ("accept-encoding", "identity")
"""What is looked at is asked for as it is: nothing is unpacked here."""
REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
HOPS: Final = 3
PAGE_LIMIT: Final = 64 << 20
"""Bytes of one page of an index. The largest are about thirty million."""


@final
class Upstream:
    """Makes requests for routes, each on a connection of its own."""

    def __init__(self, pump: Pump, dialer: Dialer) -> None:
        self._pump = pump
        self._dialer = dialer

    @asynccontextmanager
    async def asked(
        self,
        channel: Channel,
        url: Url,
        fields: tuple[tuple[str, str], ...] = (),
        *,
        method: str = "GET",
        body: bytes = b"",
        hosts: frozenset[str] = frozenset(),
    ) -> AsyncIterator[tuple[Response, Stream]]:
        """Hold the answer to a request: its head, and the connection that its content comes from.

        A redirect is followed to ``hosts`` only, and never with a body. Raises
        HttpError, Refused, OSError, TimeoutError.
        """
        for _ in range(HOPS):
            # Where a route goes, the owner named: a name of the owner's network may have a private address.
            server = await self._dialer.connect(
                url.host, url.port, tls=url.scheme == "https", inside=private_host(url.host)
            )
            try:
                await server.write(_head(method, url, fields, body))
                if body:
                    await self._pump.channels.spend(channel, 0)
                    await self._pump.pace.take(len(body))
                    channel.sent += len(body)
                    await server.write(body)
                response = await self._pump.answered(server, method)
                if response.status not in REDIRECTS or body:
                    yield response, server
                    return
                url = _following(url, response, hosts)
            finally:
                server.cut()
        raise HttpError(502, "the server redirects again and again")

    async def page(
        self,
        channel: Channel,
        url: Url,
        fields: tuple[tuple[str, str], ...] = (),
        *,
        hosts: frozenset[str] = frozenset(),
        limit: int = PAGE_LIMIT,
    ) -> tuple[Response, bytes]:
        """Return an answer as a whole. Raises HttpError for one that is encoded or too large."""
        async with self.asked(channel, url, (*fields, PLAIN), hosts=hosts) as (response, server):
            if (response.head.get("content-encoding") or "identity").lower() != "identity":
                raise HttpError(502, "the server sends an encoding that was not asked for")
            held = bytearray()
            async for piece in self._pump.content(channel, response, server):
                held += piece
                if len(held) > limit:
                    raise HttpError(502, "the server's answer is too large")
            return response, bytes(held)


def place_of(text: str) -> Url:
    """Return a URL that a server names. Raises HttpError."""
    try:
        return parse_url(text)
    except AddressError as error:
        raise HttpError(502, f"the server names a place that is refused: {error}") from None


def _head(method: str, url: Url, fields: tuple[tuple[str, str], ...], body: bytes) -> bytes:
    place = url.text.split("/", 3)[2]
    own = [("host", place), *([] if any(name == "user-agent" for name, _ in fields) else [AGENT])]
    length = [("content-length", str(len(body)))] if body or method in {"POST", "PUT", "PATCH"} else []
    return serialise(f"{method} {url.target} HTTP/1.1", [*own, *fields, *length, ("connection", "close")])


def _following(url: Url, response: Response, hosts: frozenset[str]) -> Url:
    """Return where a redirect leads. Raises HttpError for a place that is not of this route."""
    target = response.head.get("location") or ""
    if target.startswith("/") and not target.startswith("//"):
        target = f"{url.scheme}://{url.text.split('/', 3)[2]}{target}"
    following = place_of(target)
    if following.scheme != "https" or following.place not in hosts | {url.place}:
        raise HttpError(502, "the server redirects to another one")
    return following
