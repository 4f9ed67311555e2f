"""The network, mediated: ``from nucleus.tools import net``.

``net.fetch(url)`` asks the gate of the ambient session; ``session.net.fetch(url)``
is its twin. Only GET and HEAD; nothing is sent but the URL and fixed headers.
"""

from collections.abc import Callable
from typing import Any, Final, final

from nucleus.gate.client import Client, current
from nucleus.policy import call
from nucleus.tools.handles import NetResponse, items_of, seen_of

REDIRECT_LIMIT: Final = 5
"""Redirects of one fetch. Each is a call of its own: decided, recorded, and refused like any other."""
Findings = list[dict[str, Any]]


@final
class Net:
    """The network operations of one client."""

    def __init__(self, client_of: Callable[[], Client]) -> None:
        self._client_of = client_of

    def fetch(self, url: str, *, method: str = "GET") -> NetResponse:
        """Return what ``url`` answers, whatever its status (``.status``, ``.ok``).

        Every redirect is decided anew. Raises OSError for a network failure
        or a body beyond the limit, TimeoutError, and ValueError for a URL
        that is not plain http or https to a named host.
        """
        seen, address = seen_of(url, method), str(url)
        for _ in range(REDIRECT_LIMIT + 1):
            args = {"url": address} if method == "GET" else {"url": address, "method": str(method)}
            result = self._client_of().mediate(call.FETCH, args, seen=seen)
            following = result.value.get("redirect")
            if following is None:
                charset = str(result.value.get("charset", "utf-8"))
                return NetResponse(
                    result.body.decode(charset, "replace"),
                    exposure=result.exposure,
                    source=result.source or address,
                    seq=result.seq,
                    details={**result.value, "raw": result.body},
                )
            seen, address = seen | result.exposure, str(following)
        raise OSError(f"more than {REDIRECT_LIMIT} redirects from {url!r}")

    def search(self, q: str) -> Findings:
        """Return what the policy's search engine finds: ``title``, ``url``, ``snippet``."""
        result = self._client_of().mediate(call.SEARCH, {"q": str(q)}, seen=seen_of(q))
        return items_of(result)  # type: ignore[no-any-return]


_AMBIENT: Final = Net(current)
fetch = _AMBIENT.fetch
search = _AMBIENT.search
