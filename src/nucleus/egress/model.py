"""The model channel: ``/model/NAME/...``, the one way to the model that the owner named.

What the client sends as a credential is dropped, and the owner's put in its
place: it never enters the box. The body is read, judged by what of it would
make the provider reach out, and written anew: what was judged is what is
sent. Answers pass as they come, and are metered.
"""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, final
from urllib.parse import unquote_plus

from nucleus.egress.channels import Channel, interrupting
from nucleus.egress.http1 import HttpError, Request, Response
from nucleus.egress.meter import Meter, Usage
from nucleus.egress.provider import family_of, parsed, reaches, written
from nucleus.egress.pump import CONTINUE, Pump, respond
from nucleus.egress.streams import Stream
from nucleus.egress.upstream import PLAIN, Upstream
from nucleus.lean import dataclass, field
from nucleus.policy import call as kinds
from nucleus.policy.addresses import AddressError, Url, parse_url

BODY_LIMIT: Final = 32 << 20
"""Bytes of one request: what providers take."""
CREDENTIALS: Final = frozenset(
    (
        *(
            "authorization",
            "x-api-key",
            "api-key",
            "x-goog-api-key",
            "x-goog-user-project",
            "cookie",
            "openai-organization",
        ),
        *("openai-project", "x-amz-security-token", "x-auth-token", "proxy-authorization", "content-encoding"),
        *("accept-encoding", "user-agent", "origin", "referer"),
    )
)
"""Headers of the client's that say who asks, or how the body is packed."""
KEYS_IN_QUERY: Final = frozenset({"key", "access_token", "oauth_token", "bearer_token", "api_key", "apikey", "token"})
"""Names in a query by which interfaces take a credential, as the server reads them: decoded, ``-`` as ``_``."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


@final
@dataclass(frozen=True, slots=True)
class Model:
    """One model's place, and how the owner's key is shown to it."""

    upstream: Url
    header: str = "authorization"
    scheme: str = "Bearer "
    key: str = field(default="", repr=False)
    """The owner's; "" for the one that the gate has for the URL."""


def models(settings: Mapping[str, Any]) -> dict[str, Model]:
    """Return the models of the settings: name -> ``upstream``, ``header``, ``scheme``, ``key``. Raises ValueError."""
    found = {}
    for name, one in settings.items():
        texts = isinstance(one, Mapping) and all(type(value) is str for value in one.values())
        plain = texts and all(not one.get(key) or _VALUE.fullmatch(one[key].strip()) for key in _SHOWN)
        if not _NAME.fullmatch(name) or not plain or not {"upstream"} <= one.keys() <= {"upstream", *_SHOWN}:
            raise ValueError(f"the model {name} has upstream, header, scheme and key, each a text")
        try:
            upstream = parse_url(one["upstream"])
        except AddressError as error:
            raise ValueError(f"the model {name}: {error}") from None
        found[name] = Model(upstream, **{key: one[key] for key in _SHOWN if key in one})
    return found


_SHOWN: Final = ("header", "scheme", "key")


@final
class ModelChannel:
    """Answers what a client asks its model."""

    def __init__(self, pump: Pump, upstream: Upstream, known: Mapping[str, Model]) -> None:
        self._pump = pump
        self._upstream = upstream
        self._known = known
        self.usage: dict[str, Usage] = {name: Usage() for name in known}

    async def handle(self, request: Request, client: Stream, path: str) -> bool:
        """Answer a request below ``/model/``. Raises HttpError, Refused and what streams raise."""
        name, _, rest = path.partition("/")
        model = self._known.get(name)
        if model is None:
            raise HttpError(404, "no model has this name")
        url = _place(model, rest)
        async with self._pump.bodies:
            body = await self._body(request, client)
            if not body and request.method != "GET":
                raise HttpError(400, "a request to a model has a body")
            reach, sent = _judged(url, body) if body else ([], b"")
        args = {"method": request.method, "url": url.text, "reach": reach}
        channel = await self._pump.channels.begin(kinds.MODEL, args, interrupting(), leaves=len(sent))
        with self._pump.channels.held(channel):
            return await self._carry(request, client, channel, model, url, sent)

    async def _body(self, request: Request, client: Stream) -> bytes:
        """Return the whole body. Raises HttpError for one that is too large, or packed."""
        if (request.head.get("content-encoding") or "identity").lower() != "identity":
            raise HttpError(415, "a body is read here: send it plain")
        if request.length == 0:
            return b""
        if request.waits:
            await client.write(CONTINUE)
        held = bytearray()
        async for piece in client.chunked() if request.length is None else client.exactly(request.length):
            held += piece
            if len(held) > BODY_LIMIT:
                raise HttpError(413, "the body is larger than a model takes")
        return bytes(held)

    async def _carry(
        self, request: Request, client: Stream, channel: Channel, model: Model, url: Url, body: bytes
    ) -> bool:
        key = model.key or channel.permit.credential
        fields = [one for one in request.head.passed_on() if one[0] not in CREDENTIALS | {model.header.lower()}]
        if key:
            fields.append((model.header, f"{model.scheme}{key}"))
        async with self._upstream.asked(channel, url, (*fields, PLAIN), method=request.method, body=body) as (
            response,
            server,
        ):
            self._pump.channels.finish(channel)
            return await self._answer(request, client, channel, response, server, self._usage_of(model))

    async def _answer(
        self, request: Request, client: Stream, channel: Channel, response: Response, server: Stream, usage: Usage
    ) -> bool:
        kind = (response.head.get("content-type") or "").lower()
        meter = Meter(usage, stream="event-stream" in kind)
        fields = [one for one in response.head.passed_on() if one[0] not in {"set-cookie", "alt-svc"}]
        pieces: AsyncIterator[bytes] = self._pump.content(channel, response, server)
        try:
            return await respond(
                client, request, (response.status, response.reason), fields, pieces, response.length, meter.watch
            )
        finally:
            meter.close()

    def _usage_of(self, model: Model) -> Usage:
        return next(self.usage[name] for name, one in self._known.items() if one is model)


def _judged(url: Url, body: bytes) -> tuple[list[str], bytes]:
    """Return what of a body reaches out, and the body written anew. Raises HttpError."""
    try:
        document = parsed(body)
        return reaches(family_of(url.target.partition("?")[0]), document), written(document)
    except RecursionError:
        raise HttpError(400, "the body is nested too deep") from None


def _place(model: Model, rest: str) -> Url:
    """Return the URL of a path below a model's place, without keys that the client wrote into it. Raises HttpError."""
    path, mark, query = rest.partition("?")
    query = "&".join(pair for pair in re.split("[&;]", query) if pair and not _is_key(pair))
    base = model.upstream.text.rstrip("/")
    try:
        return parse_url(f"{base}/{path}{mark if query else ''}{query}")
    except AddressError as error:
        raise HttpError(400, str(error)) from None


def _is_key(pair: str) -> bool:
    """Whether a pair of a query is a credential, however its name is spelled."""
    return unquote_plus(pair.partition("=")[0]).strip().lower().replace("-", "_") in KEYS_IN_QUERY
