"""What stands at the second port: routes that see more than a proxy, by the first step of the path."""

from collections.abc import Awaitable, Callable, Mapping
from typing import final

from nucleus.egress.http1 import HttpError, Request
from nucleus.egress.streams import Stream
from nucleus.policy.addresses import AddressError, parse_url

Route = Callable[[Request, Stream, str], Awaitable[bool]]
"""Answers a request for a path below a route; returns whether the connection can be used again."""


@final
class Routes:
    """Hands each request to its route."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self._routes = routes

    async def handle(self, request: Request, client: Stream) -> bool:
        """Answer one request. Raises HttpError, Refused and what streams raise."""
        name, _, rest = target_of(request).removeprefix("/").partition("/")
        if request.method in {"GET", "HEAD"} and request.length != 0:
            raise HttpError(400, "nothing here is asked for with a body")
        route = self._routes.get(name)
        if route is None:
            raise HttpError(404, f"there is no such route; routes: {', '.join(sorted(self._routes))}")
        return await route(request, client, rest)


def target_of(request: Request) -> str:
    """Return path and query in canonical form. Raises HttpError for what is no path, or climbs."""
    if not request.target.startswith("/"):
        raise HttpError(400, "a route is asked for by its path")
    try:
        return parse_url(f"http://routes.invalid{request.target}").target
    except AddressError as error:
        raise HttpError(400, str(error)) from None
