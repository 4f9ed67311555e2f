"""A route is found by the first step of a path that climbs nowhere."""

import asyncio
from typing import Any

import pytest

from nucleus.egress.http1 import HttpError, parse_request
from nucleus.egress.routes import Routes


def routed(target: str) -> list[str]:
    """Return what the route ``a`` was asked for."""
    got: list[str] = []

    async def route(_request: Any, _client: Any, rest: str) -> bool:
        got.append(rest)
        return True

    request = parse_request(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    asyncio.run(Routes({"a": route}).handle(request, None))  # type: ignore[arg-type]  # no route here writes
    return got


@pytest.mark.parametrize(
    ("target", "rest"), [("/a/b/c?d", "b/c?d"), ("/a", ""), ("/a/./b", "b"), ("/x/../a/b", "b"), ("/a/b%2Fc", "b%2Fc")]
)
def test_a_route_gets_the_rest_of_the_path(target: str, rest: str) -> None:
    assert routed(target) == [rest]


@pytest.mark.parametrize(
    "target", ["/", "/b/c", "http://127.0.0.1/a/b", "/a/%252e%252e/x", "//a/b", "*", "/a\\b", "/a/%zz"]
)
def test_anything_else_is_refused(target: str) -> None:
    with pytest.raises(HttpError) as refused:
        routed(target)
    assert refused.value.status in {400, 404}
