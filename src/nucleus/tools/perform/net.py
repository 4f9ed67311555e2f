"""Fetch and search: GET and HEAD with our own headers, to public addresses, without following anything.

A redirect is an outcome of its own: its URL is decided like any other call. A
body that comes compressed although we asked for none is refused, so no bomb is
ever unpacked.
"""

import errno
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any, Final, final
from urllib.parse import quote, urljoin

from nucleus.gate.effects import Outcome, Permit
from nucleus.policy.addresses import Url, parse_url
from nucleus.tools.perform.exchange import Exchange, Response
from nucleus.tools.perform.outcomes import PermitError, never_raises, text
from nucleus.tools.perform.resolve import Resolver, SystemResolver

METHODS: Final = frozenset(("GET", "HEAD"))
HEADERS: Final[Mapping[str, str]] = {"User-Agent": "nucleus-runtime", "Accept": "*/*"}
"""All that is sent beside the URL: the same for everybody, so it carries nothing."""
KEPT: Final = ("content-type", "content-length", "date", "etag", "last-modified", "link", "retry-after")
"""Headers of a response that are handed on. Cookies are not."""
REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
QUERY_LIMIT: Final = 1024
"""Characters of a search. A longer one is a message, not a question."""
FINDING_LIMIT: Final = 100
"""Results of one search that are returned."""
_CHARSET: Final = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)


@final
class NetPerformer:
    """The effect class ``net``. ``authority``: PEM in place of the system's, from a constructor only."""

    def __init__(self, resolver: Resolver | None = None, authority: bytes | None = None) -> None:
        self._exchange = Exchange(resolver or SystemResolver(), authority)

    @never_raises
    def perform(self, permit: Permit, body: bytes) -> Outcome:
        """Do one fetch or search. Failures are outcomes."""
        if body:
            raise PermitError("a fetch sends no body")
        if permit.kind == "net.fetch":
            return self._fetch(permit)
        if permit.kind == "net.search":
            return self._search(permit)
        raise PermitError(f"{permit.kind!r} is no network operation")

    def _fetch(self, permit: Permit) -> Outcome:
        method = text(permit.args, "method", "GET")
        if method not in METHODS:
            raise ValueError(f"the method {method!r}; a fetch is GET or HEAD")
        url = parse_url(text(permit.args, "url"))
        response = self._exchange.send(url, method, HEADERS, permit.limits)
        return redirected(url, response) or Outcome("ok", described(url, response), response.body)

    def _search(self, permit: Permit) -> Outcome:
        engine = permit.args.get("engine")
        if not isinstance(engine, Mapping):
            raise PermitError("'engine' must be what the policy says of its search engine")
        query = text(permit.args, "q")
        if not query.strip() or len(query) > QUERY_LIMIT:
            raise ValueError(f"a search has 1 to {QUERY_LIMIT} characters")
        template = text(engine, "url")
        if template.count("{q}") != 1:
            raise PermitError("the engine's url has exactly one {q}")
        url = parse_url(template.replace("{q}", quote(query, safe="")))
        response = self._exchange.send(url, "GET", HEADERS, permit.limits)
        moved = redirected(url, response)
        if moved is not None:
            return moved
        if response.status != 200:
            raise OSError(errno.EIO, f"the search engine answered with status {response.status}")
        found = findings(engine, url, response)
        return Outcome("ok", {"url": url.text, "count": len(found)}, json.dumps(found, ensure_ascii=False).encode())


def redirected(url: Url, response: Response) -> Outcome | None:
    """Return the outcome of a redirect, or None. Raises OSError for one without a target."""
    if response.status not in REDIRECTS:
        return None
    target = response.headers.get("location")
    if target is None:
        raise OSError(errno.EPROTO, "a redirect that does not say where to")
    following = urljoin(url.text, target)
    return Outcome("redirect", {"redirect": following, "url": following, "status": response.status})


def described(url: Url, response: Response) -> dict[str, Any]:
    """Return the small facts of a response. Raises OSError for a compressed body."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"} and response.body:
        raise OSError(errno.EPROTO, f"the body is encoded ({encoding[:40]}) although it was asked for plain")
    kind = response.headers.get("content-type", "")
    charset = _CHARSET.search(kind)
    return {
        "url": url.text,
        "status": response.status,
        "reason": response.reason[:100],
        "headers": {name: response.headers[name] for name in KEPT if name in response.headers},
        "charset": charset[1].lower() if charset else "utf-8",
    }


def findings(engine: Mapping[str, Any], url: Url, response: Response) -> list[dict[str, str]]:
    """Return title, url and snippet of each result, as the policy says the engine writes them."""
    page = response.body.decode("utf-8", "replace")
    kind = text(engine, "kind")
    if kind == "html":
        anchors = _Anchors()
        anchors.feed(page)
        anchors.close()
        return [
            {"title": title, "url": urljoin(url.text, link), "snippet": ""} for link, title in anchors.found if title
        ][:FINDING_LIMIT]
    if kind != "json":
        raise PermitError("the engine's kind is json or html")
    try:
        rows = _at(json.loads(page), text(engine, "list"))
    except (ValueError, RecursionError):
        raise OSError(errno.EPROTO, "the search engine did not answer in JSON") from None
    if not isinstance(rows, list):
        raise OSError(errno.EPROTO, "the search engine's answer has no list of results where the policy says")
    names = {"title": text(engine, "title"), "url": text(engine, "link"), "snippet": text(engine, "snippet", "")}
    return [
        {name: str(_at(row, path) or "") if path else "" for name, path in names.items()}
        for row in rows[:FINDING_LIMIT]
    ]


def _at(value: Any, path: str) -> Any:
    """Return what stands at a dotted path of keys, or None."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


@final
class _Anchors(HTMLParser):
    """Collects the links of a page with their text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str]] = []
        self._link: str | None = None
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._end()
            link = dict(attrs).get("href")
            self._link = link if link and not link.startswith(("#", "javascript:")) else None

    def handle_data(self, data: str) -> None:
        if self._link is not None:
            self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end()

    def close(self) -> None:
        """Take in what is left, and a link that the page does not close."""
        super().close()
        self._end()

    def _end(self) -> None:
        if self._link is not None and len(self.found) < FINDING_LIMIT * 10:
            self.found.append((self._link, " ".join("".join(self._words).split())))
        self._link, self._words = None, []
