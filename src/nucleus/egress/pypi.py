"""The route to Python's package index: ``/pypi/simple/NAME/``, and files by addresses of ours.

Pages are read and written anew, so that every address on them leads back
here, and only files with a strong digest stand there; of a locked package,
only the files that the lock file has. A file's bytes are checked on their way.
Nothing is published.
"""

import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Final, final

from nucleus.egress.http1 import HttpError, Request, Response
from nucleus.egress.indexes import Index
from nucleus.egress.pump import Pump, respond
from nucleus.egress.sets import Grant, Sets
from nucleus.egress.simple import (
    ACCEPT,
    HTML,
    JSON,
    File,
    PageError,
    good_name,
    page_html,
    page_json,
    parse_page,
    requirements,
)
from nucleus.egress.streams import Stream
from nucleus.egress.upstream import PLAIN, Upstream, place_of
from nucleus.egress.verified import verified
from nucleus.lean import dataclass
from nucleus.policy.addresses import parse_url
from nucleus.policy.packages import canonical

REMEMBERED: Final = 200_000
"""Files whose addresses are known. Beyond that the oldest is forgotten, and its page has to be read again."""
METADATA: Final = ".metadata"


@final
@dataclass(frozen=True, slots=True)
class _Known:
    """A file that a page led to."""

    package: str
    file: File
    digest: str
    """The one that its bytes are checked against."""


@final
class PythonIndex:
    """Answers what pip and its kind ask an index."""

    def __init__(self, pump: Pump, upstream: Upstream, sets: Sets, index: Index) -> None:
        self._pump = pump
        self._upstream = upstream
        self._sets = sets
        self._index = index
        self._files: OrderedDict[str, _Known] = OrderedDict()

    async def handle(self, request: Request, client: Stream, path: str) -> bool:
        """Answer a request below ``/pypi/``. Raises HttpError, Refused and what streams raise."""
        if request.method not in {"GET", "HEAD"}:
            raise HttpError(405, "this route only installs: publishing is not done from a box")
        match path.split("/"):
            case ["simple", name, ""] if good_name(name):
                return await self._page(request, client, name)
            case ["simple", name] if good_name(name):
                fields = [("location", f"/pypi/simple/{name}/"), ("content-length", "0")]
                return await respond(client, request, (301, "Moved Permanently"), fields, _nothing(), None)
            case ["files", token, name]:
                return await self._file(request, client, token, name)
        raise HttpError(404, "this route has pages of single packages, and their files")

    async def _page(self, request: Request, client: Stream, name: str) -> bool:
        package = canonical(f"pypi:{name}")
        plain = package.partition(":")[2]
        async with self._sets.granted(package) as grant:
            url = parse_url(f"{self._index.base.text}{plain}/")
            response, body = await self._upstream.page(
                grant.channel, url, (("accept", ACCEPT),), hosts=self._index.hosts
            )
            _require_fine(response, "package")
            try:
                files = parse_page(body, response.head.get("content-type") or "", url.text)
            except PageError as error:
                raise HttpError(502, str(error)) from None
        shown = [known for one in files if (known := self._known(package, one, grant)) is not None]
        accepts = request.head.get("accept") or ""
        as_json = JSON in accepts
        write = page_json if as_json else page_html
        content = write(plain, [one.file for one in shown], self._address)
        kind = JSON if as_json else HTML if HTML in accepts else "text/html; charset=utf-8"
        fields = [("content-type", kind), ("cache-control", "no-cache"), ("vary", "accept")]
        return await respond(client, request, (200, "OK"), fields, _once(content), len(content))

    def _known(self, package: str, file: File, grant: Grant) -> _Known | None:
        """Return a file that may be served, with the digest that counts; None for one that is not pinned."""
        pinned = None if grant.pinned is None else {one.partition("#")[2] for one in grant.pinned}
        fitting = sorted(file.digests if pinned is None else file.digests & pinned)
        if not fitting or place_of(file.url).place not in self._index.hosts:
            return None
        known = _Known(package, file, fitting[-1])
        token = _token(file)
        self._files[token] = known
        self._files.move_to_end(token)
        if len(self._files) > REMEMBERED:
            self._files.popitem(last=False)
        return known

    @staticmethod
    def _address(file: File) -> str:
        return f"/pypi/files/{_token(file)}/{file.name}"

    async def _file(self, request: Request, client: Stream, token: str, name: str) -> bool:
        known = self._files.get(token)
        if known is None or name not in {known.file.name, known.file.name + METADATA}:
            raise HttpError(404, "no page that was read here has this file")
        async with self._sets.granted(known.package) as grant:
            if grant.pinned is not None and known.digest not in {one.partition("#")[2] for one in grant.pinned}:
                raise HttpError(403, "the lock file does not have this file")
            if name.endswith(METADATA):
                return await self._metadata(request, client, known, grant)
            url = place_of(known.file.url)
            async with self._upstream.asked(grant.channel, url, (PLAIN,), hosts=self._index.hosts) as (answer, server):
                _require_fine(answer, "file")
                pieces = verified(self._pump.content(grant.channel, answer, server), known.digest)
                fields = [("content-type", "application/octet-stream")]
                return await respond(client, request, (200, "OK"), fields, pieces, answer.length)

    async def _metadata(self, request: Request, client: Stream, known: _Known, grant: Grant) -> bool:
        """Answer with the core metadata of a file; what it requires belongs to the set."""
        url = place_of(known.file.url + METADATA)
        response, body = await self._upstream.page(grant.channel, url, hosts=self._index.hosts)
        _require_fine(response, "metadata")
        said = known.file.metadata
        if isinstance(said, frozenset):
            body = b"".join([piece async for piece in verified(_once(body), max(said))])
        self._sets.requires(known.package, (f"pypi:{one}" for one in requirements(body)))
        fields = [("content-type", "text/plain; charset=utf-8")]
        return await respond(client, request, (200, "OK"), fields, _once(body), len(body))


def _token(file: File) -> str:
    return hashlib.sha256(file.url.encode()).hexdigest()[:32]


def _require_fine(response: Response, what: str) -> None:
    """Raise HttpError unless the index answered with what was asked for. Another index is never asked."""
    if response.status == 404:
        raise HttpError(404, f"the index has no such {what}")
    if response.status != 200:
        raise HttpError(502, f"the index answered with status {response.status}")


async def _once(content: bytes) -> AsyncIterator[bytes]:
    if content:
        yield content


async def _nothing() -> AsyncIterator[bytes]:
    empty: tuple[bytes, ...] = ()
    for piece in empty:
        yield piece
