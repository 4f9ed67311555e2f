"""The route to the owner's git remotes: ``/git/REMOTE/``, git's smart protocol over HTTP.

A fetch is passed on to the remote, with the owner's credential. A push never
is: its commands and its pack are taken, and the gate judges each ref, checks
the pack, and makes the push itself, with a credential that does not come here.
"""

import base64
import re
import zlib
from collections.abc import AsyncIterator
from typing import Any, Final, final

from nucleus.egress import pktline
from nucleus.egress.channels import Channel, interrupting
from nucleus.egress.http1 import HttpError, Request, Response
from nucleus.egress.pktline import ZERO, Command, Push
from nucleus.egress.pump import CONTINUE, Pump, respond
from nucleus.egress.streams import Stream
from nucleus.egress.upstream import PLAIN, Upstream
from nucleus.errors import Refused
from nucleus.policy import call as kinds
from nucleus.policy.addresses import AddressError, Url, parse_url

NEGOTIATION_LIMIT: Final = 16 << 20
"""Bytes of what a fetch says, unpacked."""
SAID_LIMIT: Final = 8 << 20
"""Bytes that one box says to one remote in fetches. Names of refs and objects are of its choosing, and a fetch is no
sink: so much can be told by them, and no more. A fetch of the largest repositories takes about one million."""
PACK_LIMIT: Final = 60 << 20
"""Bytes of what a push brings: the gate takes them in one piece, to judge what it performs."""
ADVERTISED_LIMIT: Final = 64 << 20
_VERSION: Final = re.compile(r"version=[012]")
_REMOTE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
_FETCH: Final = "application/x-git-upload-pack-request"
_PUSH: Final = "application/x-git-receive-pack-request"
NO_CACHE: Final = ("cache-control", "no-cache, max-age=0, must-revalidate")


@final
class GitRemotes:
    """Answers what git asks a remote."""

    def __init__(self, pump: Pump, upstream: Upstream) -> None:
        self._pump = pump
        self._upstream = upstream
        self.said: dict[str, int] = {}
        """Remote -> bytes that fetches said to it."""

    async def handle(self, request: Request, client: Stream, path: str) -> bool:
        """Answer a request below ``/git/``. Raises HttpError, Refused and what streams raise."""
        remote, _, rest = path.partition("/")
        if not _REMOTE.fullmatch(remote):
            raise HttpError(404, "a remote has a plain name")
        match request.method, rest:
            case "GET", "info/refs?service=git-upload-pack":
                return await self._refs(request, client, remote)
            case "GET", "info/refs?service=git-receive-pack":
                return await self._refs_to_push(request, client, remote)
            case "POST", "git-upload-pack":
                return await self._fetch(request, client, remote)
            case "POST", "git-receive-pack":
                return await self._push(request, client, remote)
        raise HttpError(404, "this route speaks git's smart protocol, and nothing else")

    async def _open(self, remote: str) -> Channel:
        return await self._pump.channels.begin(kinds.PULL, {"remote": remote}, interrupting(), leaves=0)

    async def _refs(self, request: Request, client: Stream, remote: str) -> bool:
        """Pass on what the remote has."""
        channel = await self._open(remote)
        with self._pump.channels.held(channel):
            self._pump.channels.finish(channel)
            url = _below(channel, "info/refs?service=git-upload-pack")
            fields = (*_protocol(request), *_credential(channel), PLAIN)
            async with self._upstream.asked(channel, url, fields) as (response, server):
                _require_git(response, "git-upload-pack-advertisement")
                return await self._pass(request, client, channel, response, server)

    async def _fetch(self, request: Request, client: Stream, remote: str) -> bool:
        """Pass a negotiation on, line by line, and the pack back as it comes."""
        if request.head.get("content-type") != _FETCH:
            raise HttpError(415, "not a request of a fetch")
        async with self._pump.bodies:
            body = pktline.fetch_request(_unpacked(request, await _body(request, client, NEGOTIATION_LIMIT)))
        channel = await self._open(remote)
        with self._pump.channels.held(channel):
            # INVARIANT: counted before it leaves, and only for a remote that is allowed (test_git.py).
            self.said[remote] = self.said.get(remote, 0) + len(body)
            if self.said[remote] > SAID_LIMIT:
                raise HttpError(413, f"fetches of one run say up to {SAID_LIMIT >> 20} MiB to one remote")
            self._pump.channels.finish(channel)
            url = _below(channel, "git-upload-pack")
            fields = (("content-type", _FETCH), *_protocol(request), *_credential(channel), PLAIN)
            async with self._upstream.asked(channel, url, fields, method="POST", body=body) as (response, server):
                _require_git(response, "git-upload-pack-result")
                return await self._pass(request, client, channel, response, server)

    async def _pass(
        self, request: Request, client: Stream, channel: Channel, response: Response, server: Stream
    ) -> bool:
        fields = [("content-type", str(response.head.get("content-type"))), NO_CACHE]
        pieces = self._pump.content(channel, response, server)
        return await respond(client, request, (200, "OK"), fields, pieces, response.length)

    async def _refs_to_push(self, request: Request, client: Stream, remote: str) -> bool:
        """Answer with the remote's branches and tags. Reading them takes no right to push."""
        channel = await self._open(remote)
        with self._pump.channels.held(channel):
            self._pump.channels.finish(channel)
            url = _below(channel, "info/refs?service=git-upload-pack")
            response, body = await self._upstream.page(channel, url, _credential(channel), limit=ADVERTISED_LIMIT)
            _require_git(response, "git-upload-pack-advertisement")
        refs = pktline.refs_of(body)
        said = pktline.advertisement(refs, sha256=b"object-format=sha256" in body[:4096])
        fields = [("content-type", "application/x-git-receive-pack-advertisement"), NO_CACHE]
        return await respond(client, request, (200, "OK"), fields, _once(said), len(said))

    async def _push(self, request: Request, client: Stream, remote: str) -> bool:
        """Have the gate judge and make a push, ref by ref."""
        if request.head.get("content-type") != _PUSH:
            raise HttpError(415, "not a request of a push")
        async with self._pump.bodies:
            body = await _body(request, client, PACK_LIMIT)
            said = b""
            if body != b"0000":  # git asks with nothing first, to learn whether it may
                push = pktline.push_request(body)
                results = [(one.ref, await self._deliver(remote, one, push)) for one in push.commands]
                said = pktline.report(results, banded=push.banded)
        fields = [("content-type", "application/x-git-receive-pack-result"), NO_CACHE]
        return await respond(client, request, (200, "OK"), fields, _once(said), len(said))

    async def _deliver(self, remote: str, command: Command, push: Push) -> str:
        """Return why a ref was not moved, "" where it was."""
        if command.after in ZERO:
            return "deleting is not done from a box"
        if not command.ref.startswith(("refs/heads/", "refs/tags/")):
            return "only branches and tags are pushed"
        args = {"remote": remote, "branch": command.ref.removeprefix("refs/heads/"), "tip": command.after}
        try:
            reply, _ = await self._pump.channels.perform(kinds.DELIVER, args, push.pack)
        except Refused as error:
            return str(error)
        value: dict[str, Any] = reply["value"]
        return "" if reply["status"] == "ok" else str(value.get("message", "the push failed"))


def _below(channel: Channel, rest: str) -> Url:
    """Return a place below the remote's URL. Raises HttpError for a remote that is not reached by https."""
    base = str(channel.permit.resolved.get("url", "")).rstrip("/")
    try:
        url = parse_url(f"{base}/{rest}")
    except AddressError:
        raise HttpError(404, "this remote has no https address, so there is no route to it") from None
    if url.scheme != "https":
        raise HttpError(404, "this remote has no https address, so there is no route to it")
    return url


def _credential(channel: Channel) -> tuple[tuple[str, str], ...]:
    """Return the owner's credential as a header, if there is one: a token, or ``user:password``."""
    secret = channel.permit.credential
    if not secret:
        return ()
    pair = secret if ":" in secret else f"x-access-token:{secret}"
    return (("authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"),)


def _protocol(request: Request) -> tuple[tuple[str, str], ...]:
    said = request.head.get("git-protocol")
    return (("git-protocol", said),) if said is not None and _VERSION.fullmatch(said) else ()


def _require_git(response: Response, kind: str) -> None:
    """Raise HttpError unless the remote answered in git's protocol."""
    if response.status in {401, 403, 404}:
        raise HttpError(404, "the remote does not exist, or the owner has no credential for it")
    if response.status != 200 or response.head.get("content-type") != f"application/x-{kind}":
        raise HttpError(502, f"the remote answered with status {response.status}, and not in git's protocol")


async def _body(request: Request, client: Stream, limit: int) -> bytes:
    """Return a whole body. Raises HttpError."""
    if request.waits:
        await client.write(CONTINUE)
    held = bytearray()
    async for piece in client.chunked() if request.length is None else client.exactly(request.length):
        held += piece
        if len(held) > limit:
            raise HttpError(413, f"more than {limit >> 20} MiB in one push or fetch: push in smaller steps")
    return bytes(held)


def _unpacked(request: Request, body: bytes) -> bytes:
    """Return what a fetch says, unpacked. Raises HttpError for other encodings, and for a bomb."""
    encoding = (request.head.get("content-encoding") or "identity").lower()
    if encoding == "identity":
        return body
    if encoding not in {"gzip", "x-gzip"}:
        raise HttpError(415, "a body is plain, or packed by gzip")
    unpacking = zlib.decompressobj(31)
    try:
        plain = unpacking.decompress(body, NEGOTIATION_LIMIT)
    except zlib.error:
        raise HttpError(400, "not gzip") from None
    if not unpacking.eof or unpacking.unused_data:
        raise HttpError(413, "what a fetch says is too large, or not whole")
    return plain


async def _once(content: bytes) -> AsyncIterator[bytes]:
    if content:
        yield content
