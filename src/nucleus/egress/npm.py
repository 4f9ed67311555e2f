"""The route to npm's registry: ``/npm/NAME``, and tarballs below it.

A package document is passed on with each tarball's address leading back
here, and only with versions that have a strong integrity value; of a locked
package, only those that the lock file has. A tarball's bytes are checked on
their way. Nothing is published, and nothing else of a registry is there.
"""

import json
import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final, final
from urllib.parse import quote

from nucleus.egress.http1 import HttpError, Request, Response
from nucleus.egress.indexes import Index
from nucleus.egress.pump import Pump, respond
from nucleus.egress.sets import Grant, Sets
from nucleus.egress.streams import Stream
from nucleus.egress.upstream import PLAIN, Upstream, place_of
from nucleus.egress.verified import verified
from nucleus.policy.addresses import parse_url
from nucleus.policy.locks import integrity

REMEMBERED: Final = 200_000
"""Tarballs whose addresses are known; beyond that the oldest are looked up anew."""
SHORT: Final = "application/vnd.npm.install-v1+json"
_NAME: Final = re.compile(r"(@[a-z0-9._~-]{1,100}/)?[A-Za-z0-9_][A-Za-z0-9._~-]{0,213}")
_TARBALL: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._~+-]{0,254}\.tgz")
_NPM: Final = re.compile(r"npm/(?:[7-9]|[1-9][0-9])\.")
_REQUIRING: Final = ("dependencies", "optionalDependencies", "peerDependencies")


@final
class NodeIndex:
    """Answers what npm and its kind ask a registry."""

    def __init__(self, pump: Pump, upstream: Upstream, sets: Sets, index: Index) -> None:
        self._pump = pump
        self._upstream = upstream
        self._sets = sets
        self._index = index
        self._tarballs: OrderedDict[tuple[str, str], tuple[str, str]] = OrderedDict()
        """Package and tarball -> address and digest, of documents that were read without a lock file."""

    async def handle(self, request: Request, client: Stream, path: str) -> bool:
        """Answer a request below ``/npm/``. Raises HttpError, Refused and what streams raise."""
        if request.method not in {"GET", "HEAD"}:
            raise HttpError(405, "this route only installs: publishing and audits are not done from a box")
        plain = path.replace("%2f", "/").replace("%2F", "/")
        name, dash, file = plain.partition("/-/")
        if plain == "-/ping":
            return await _respond(request, client, {})
        if not _NAME.fullmatch(name):
            raise HttpError(404, "this route has single packages, and their tarballs")
        if not dash:
            return await self._document(request, client, name)
        if not _TARBALL.fullmatch(file):
            raise HttpError(404, "no tarball has this name")
        return await self._tarball(request, client, name, file)

    async def _document(self, request: Request, client: Stream, name: str) -> bool:
        async with self._sets.granted(f"npm:{name}") as grant:
            short = SHORT in (request.head.get("accept") or "")
            document = await self._read(name, grant, short=short)
            self._remember(name, document, grant)
        base = self._shown(request) + f"{name}/-/"
        for version, one in document["versions"].items():
            one["dist"]["tarball"] = base + tarball_of(name, version)
        self._sets.requires(f"npm:{name}", (f"npm:{one}" for one in _required(document)))
        return await _respond(request, client, document, SHORT if short else "application/json")

    def _shown(self, request: Request) -> str:
        """Return the place of the tarballs as this client is told it: here, or the registry's own for npm itself.

        npm writes into its lock file what a document says, and goes to the registry that it was told, whatever
        the document says (npm_config_replace_registry_host): its lock file holds outside of the box too.
        """
        if _NPM.match(request.head.get("user-agent") or ""):
            return self._index.base.text
        return f"http://{request.host or '127.0.0.1'}/npm/"

    async def _read(self, name: str, grant: Grant, *, short: bool) -> dict[str, Any]:
        """Return a package document with the versions that may be served. Raises HttpError."""
        url = parse_url(f"{self._index.base.text}{quote(name, safe='@')}")
        accept = f"{SHORT}; q=1.0, application/json; q=0.8" if short else "application/json"
        response, body = await self._upstream.page(grant.channel, url, (("accept", accept),), hosts=self._index.hosts)
        _require_fine(response)
        try:
            document = json.loads(body)
            versions = document["versions"]
            kept = {version: one for version, one in versions.items() if self._serves(name, version, one, grant)}
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            raise HttpError(502, "not a document of a package") from None
        tags = document.get("dist-tags")
        tags = {tag: one for tag, one in tags.items() if one in kept} if isinstance(tags, dict) else {}
        return {**document, "name": name, "versions": kept, "dist-tags": tags}

    def _serves(self, name: str, version: str, one: Any, grant: Grant) -> bool:
        return bool(_fitting(version, one, grant)) and self._place(name, one) is not None

    def _place(self, name: str, one: Any) -> str | None:
        """Return where a version's tarball is, None if that is not a place of this index."""
        address = one["dist"].get("tarball")
        return address if isinstance(address, str) and _within(address, self._index) and name else None

    async def _tarball(self, request: Request, client: Stream, name: str, file: str) -> bool:
        async with self._sets.granted(f"npm:{name}") as grant:
            address, digest = await self._found(name, file, grant)
            async with self._upstream.asked(grant.channel, place_of(address), (PLAIN,), hosts=self._index.hosts) as (
                response,
                server,
            ):
                _require_fine(response)
                pieces = verified(self._pump.content(grant.channel, response, server), digest)
                fields = [("content-type", "application/octet-stream")]
                return await respond(client, request, (200, "OK"), fields, pieces, response.length)

    async def _found(self, name: str, file: str, grant: Grant) -> tuple[str, str]:
        """Return address and digest of a tarball: the lock file's, or the document's. Raises HttpError."""
        for one in sorted(grant.pinned or ()):
            version, _, digest = one.partition("#")
            if file == tarball_of(name, version):
                return f"{self._index.base.text}{name}/-/{file}", digest
        if (name, file) not in self._tarballs:
            self._remember(name, await self._read(name, grant, short=True), grant)
        found = self._tarballs.get((name, file))
        if found is None or grant.pinned is not None:
            raise HttpError(404, "no version of this package that may be served has this tarball")
        return found

    def _remember(self, name: str, document: dict[str, Any], grant: Grant) -> None:
        """Keep where each version's tarball is, and what it must be."""
        for version, one in document["versions"].items():
            if grant.pinned is None:
                said = (str(one["dist"]["tarball"]), max(_fitting(version, one, grant)))
                self._tarballs[name, tarball_of(name, version)] = said
        while len(self._tarballs) > REMEMBERED:
            self._tarballs.popitem(last=False)


def tarball_of(name: str, version: str) -> str:
    """Return the name of a version's tarball, as registries write it."""
    return f"{name.rpartition('/')[2]}-{version}.tgz"


def _fitting(version: str, one: Any, grant: Grant) -> set[str]:
    """Return the digests of a version that may be served, ``sha512:hex``."""
    found = set(integrity(one["dist"].get("integrity")))
    if grant.pinned is None:
        return found
    return {digest for digest in found if f"{version}#{digest}" in grant.pinned}


def _within(address: str, index: Index) -> bool:
    try:
        return place_of(address).place in index.hosts
    except HttpError:
        return False


def _required(document: dict[str, Any]) -> Iterator[str]:
    """Yield the names that some version requires, whatever the conditions."""
    for one in document["versions"].values():
        for key in _REQUIRING:
            section = one.get(key)
            yield from (name for name in (section if isinstance(section, dict) else ()) if _NAME.fullmatch(name))


def _require_fine(response: Response) -> None:
    """Raise HttpError unless the registry answered with what was asked for. Another one is never asked."""
    if response.status == 404:
        raise HttpError(404, "the registry has no such package")
    if response.status != 200:
        raise HttpError(502, f"the registry answered with status {response.status}")


async def _respond(request: Request, client: Stream, document: Any, kind: str = "application/json") -> bool:
    content = json.dumps(document, separators=(",", ":")).encode()

    async def once() -> Any:
        yield content

    return await respond(client, request, (200, "OK"), [("content-type", kind)], once(), len(content))
