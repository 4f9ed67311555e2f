"""The proxy: CONNECT to exact names, and requests for a whole URL.

Each is one call of the gate (``net.tunnel``, ``net.request``), made before a
name is looked up. What is asked for must be what is said: the one ``Host``
header equals the target, and the client's TLS hello names the tunnel's host.
"""

import re
from typing import Final, final

from nucleus.egress.channels import Channel, interrupting
from nucleus.egress.clienthello import HelloError
from nucleus.egress.dial import Dialer
from nucleus.egress.http1 import HttpError, Request, serialise
from nucleus.egress.limits import FIRST_LEASE
from nucleus.egress.pump import Pump
from nucleus.egress.streams import Stream
from nucleus.errors import Refused
from nucleus.policy import call as kinds
from nucleus.policy.addresses import DEFAULT_PORTS, AddressError, Url, parse_url

ESTABLISHED: Final = b"HTTP/1.1 200 Connection Established\r\n\r\n"
WENT_AWAY: Final = (OSError, TimeoutError)
REFUSED: Final = (HelloError, HttpError, Refused)
"""What a tunnel ends with, but for both sides being done."""
_AUTHORITY: Final = re.compile(r"(\[[^\]]{1,60}\]|[^:\[\]]{1,255}):([0-9]{1,5})")


@final
class Proxy:
    """Answers what a client of a proxy asks."""

    def __init__(self, pump: Pump, dialer: Dialer) -> None:
        self._pump = pump
        self._dialer = dialer

    async def handle(self, request: Request, client: Stream) -> bool:
        """Answer one request. Raises HttpError, Refused and what streams raise."""
        if request.method == "CONNECT":
            await self._tunnel(request, client)
            return False
        return await self._forward(request, client)

    async def _tunnel(self, request: Request, client: Stream) -> None:
        target = _AUTHORITY.fullmatch(request.target)
        if target is None or request.length != 0:
            raise HttpError(400, "a tunnel is asked for as CONNECT host:port, without a body")
        if request.host is not None and not same_place(request.host, request.target, "https"):
            raise HttpError(400, "the Host header is not where the tunnel goes")
        args = {"host": target[1], "port": int(target[2])}
        with self._pump.channels.held(
            await self._open(kinds.TUNNEL, args, leaves=FIRST_LEASE, unbounded=True)
        ) as channel:
            host, port = str(channel.permit.resolved["host"]), int(channel.permit.resolved["port"])
            inside = channel.permit.resolved.get("inside") is True
            server = await self._dialer.connect(host, port, tls=False, inside=inside)
            try:
                await client.write(ESTABLISHED)
                await self._carry(channel, client, server, host)
            finally:
                server.cut()

    async def _carry(self, channel: Channel, client: Stream, server: Stream, host: str) -> None:
        """Carry a tunnel to its end. Once it is open nothing can be said in it: what goes wrong cuts it.

        Raises ConnectionAbortedError where it was cut, not where a side merely went away.
        """
        try:
            await self._pump.tunnel(channel, client, server, host)
        except (*WENT_AWAY, *REFUSED) as error:
            client.cut()
            if isinstance(error, REFUSED):
                raise ConnectionAbortedError from None
        except ExceptionGroup as group:
            client.cut()
            _, rest = group.split(WENT_AWAY)
            _, defect = (None, None) if rest is None else rest.split(REFUSED)
            if defect is not None:
                raise defect from None
            if rest is not None:
                raise ConnectionAbortedError from None

    async def _forward(self, request: Request, client: Stream) -> bool:
        try:
            url = forwarded_url(request)
        except AddressError as error:
            # The gate refuses it too, and so it is on record.
            await self._open(kinds.REQUEST, {"method": request.method, "url": request.target}, leaves=0)
            raise HttpError(400, str(error)) from None
        args = {"method": request.method, "url": url.text, "body": request.length != 0}
        leaves = len(request.target) + sum(len(a) + len(b) for a, b in request.head.fields)
        leaves += FIRST_LEASE if request.length is None else request.length
        with self._pump.channels.held(
            await self._open(kinds.REQUEST, args, leaves=leaves, unbounded=request.length is None)
        ) as channel:
            resolved = channel.permit.resolved
            url = parse_url(str(resolved["url"]))
            inside = resolved.get("inside") is True
            server = await self._dialer.connect(url.host, url.port, tls=url.scheme == "https", inside=inside)
            try:
                head = request_head(request.method, url, request.head.passed_on(), request.length)
                response = await self._pump.send(channel, request, client, server, head)
                stays = await self._pump.answer(channel, request, response, client, server)
                return stays and request.length == 0
            finally:
                server.cut()

    async def _open(self, kind: str, args: dict[str, object], *, leaves: int, unbounded: bool = False) -> Channel:
        return await self._pump.channels.begin(kind, args, interrupting(), leaves=leaves, unbounded=unbounded)


def forwarded_url(request: Request) -> Url:
    """Return the URL of a request to a proxy. Raises AddressError, and HttpError where Host is not the URL's."""
    if "://" not in request.target:
        raise HttpError(400, "this is a proxy: ask for a whole URL, or for a tunnel")
    url = parse_url(request.target)
    if request.host is None or not same_place(request.host, url.place, url.scheme):
        raise HttpError(400, "the Host header is not the host of the URL")
    return url


def request_head(method: str, url: Url, fields: tuple[tuple[str, str], ...], length: int | None) -> bytes:
    """Return the head of a request to the server of a URL: one connection, one request."""
    place = url.text.split("/", 3)[2]
    framing = [] if length == 0 else [("transfer-encoding", "chunked")]
    if length or (length == 0 and method in {"POST", "PUT", "PATCH"}):
        framing = [("content-length", str(length))]
    return serialise(f"{method} {url.target} HTTP/1.1", [("host", place), *fields, *framing, ("connection", "close")])


def same_place(one: str, other: str, scheme: str) -> bool:
    """Whether two spellings are one host and port."""
    return _place(one, scheme) == _place(other, scheme)


def _place(text: str, scheme: str) -> tuple[str, str]:
    host, colon, port = text.lower().rpartition(":")
    if not colon or not port.isdigit():
        host, port = text.lower(), str(DEFAULT_PORTS[scheme])
    return host.removesuffix("."), port.lstrip("0")
