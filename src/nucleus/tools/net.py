"""The network, mediated: ``from nucleus.tools import net``.

``net.fetch(url)`` asks the gate of the ambient session; ``session.net.fetch(url)``
is its twin. Only GET and HEAD; nothing is sent but the URL and fixed headers.
"""

from collections.abc import Callable
from typing import Any, Final, final

from nucleus.gate.client import Client, current
from nucleus.policy import call
from nucleus.tools.handles import NetResponse, items_of, seen_of

Findings = list[dict[str, Any]]


@final
class Net:
    """The network operations of one client."""

    def __init__(self, client_of: Callable[[], Client]) -> None:
        self._client_of = client_of

    def fetch(self, url: str, *, method: str = "GET") -> NetResponse:
        """Return what ``url`` answers, whatever its status (``.status``, ``.ok``).

        A redirect is followed by the gate alone, which decides it like a new
        call. Raises OSError for a network failure
        or a body beyond the limit, TimeoutError, and ValueError for a URL
        that is not plain http or https to a named host.
        """
        args = {"url": str(url)} if method == "GET" else {"url": str(url), "method": str(method)}
        result = self._client_of().mediate(call.FETCH, args, seen=seen_of(url, method))
        return NetResponse(
            _decoded(result.body, str(result.value.get("charset", "utf-8"))),
            exposure=result.exposure,
            source=result.source or str(url),
            seq=result.seq,
            details={**result.value, "raw": result.body},
        )

    def search(self, q: str) -> Findings:
        """Return what the policy's search engine finds: ``title``, ``url``, ``snippet``."""
        result = self._client_of().mediate(call.SEARCH, {"q": str(q)}, seen=seen_of(q))
        return items_of(result)  # type: ignore[no-any-return]


def _decoded(body: bytes, charset: str) -> str:
    """Return the text, as UTF-8 where the server's charset is none that this Python knows."""
    try:
        return body.decode(charset, "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


_AMBIENT: Final = Net(current)
fetch = _AMBIENT.fetch
search = _AMBIENT.search
