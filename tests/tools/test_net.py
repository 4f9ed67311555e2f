"""The network functions as a user calls them, over real servers on loopback."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from nucleus.errors import NoSession
from nucleus.gate.client import ambient
from nucleus.tools import net
from nucleus.tools.handles import Text, label
from nucleus.tools.perform.net import NetPerformer
from nucleus.tools.perform.resolve import StaticResolver


@pytest.fixture
def server(loopback: Callable[..., Any]) -> Any:
    return loopback()


@pytest.fixture
def client(ungated: Callable[..., Any], server: Any) -> Any:
    return ungated(net=NetPerformer(StaticResolver({"example.com": ("127.0.0.1", server.port)})))


def test_outside_of_a_session_every_function_says_so() -> None:
    for attempt in (lambda: net.fetch("https://example.com"), lambda: net.search("x")):
        with pytest.raises(NoSession):
            attempt()


def test_a_page_is_text_with_its_facts_and_exact_bytes(client: Any, server: Any, answer: Callable[..., bytes]) -> None:
    server.answers["/"] = answer(b"caf\xe9", "Content-Type: text/plain; charset=latin-1", "ETag: x")
    with ambient(client):
        page = net.fetch("http://example.com/")
    assert (page, page.content, page.status, page.ok) == ("caf\u00e9", b"caf\xe9", 200, True)
    assert (page.url, page.headers["etag"], label(page)) == ("http://example.com/", "x", 1)


@pytest.mark.parametrize("charset", ["no-such-charset", "zip", "utf-8"])
def test_a_charset_that_is_none_is_read_as_utf8(
    client: Any, server: Any, answer: Callable[..., bytes], charset: str
) -> None:
    server.answers["/"] = answer("\u00e9".encode() + b"\xff", f"Content-Type: text/plain; charset={charset}")
    assert net.Net(lambda: client).fetch("http://example.com/") == "\u00e9\ufffd"


def test_the_label_of_the_url_is_said(client: Any) -> None:
    net.Net(lambda: client).fetch(Text("http://example.com/", exposure=3))
    assert client.calls[-1] == ("net.fetch", {"url": "http://example.com/"}, b"", 3)
    net.Net(lambda: client).fetch("http://example.com/", method="HEAD")
    assert client.calls[-1][1] == {"url": "http://example.com/", "method": "HEAD"}


def test_a_failure_is_the_built_in_exception(client: Any) -> None:
    with pytest.raises(ConnectionError):
        net.Net(lambda: client).fetch("http://other.example/")
    with pytest.raises(ValueError, match="IP literal"):
        net.Net(lambda: client).fetch("http://127.0.0.1/")


def test_a_search_goes_to_the_engine_of_the_policy(client: Any, server: Any, answer: Callable[..., bytes]) -> None:
    engine = {"url": "http://example.com/s?q={q}", "kind": "json", "list": "r", "title": "t", "link": "u"}
    client.resolved["net.search"] = {"engine": engine}
    server.answers["/s?q=words"] = answer(json.dumps({"r": [{"t": "A", "u": "http://a/"}]}).encode())
    found = net.Net(lambda: client).search("words")
    assert found == [{"title": "A", "url": "http://a/", "snippet": ""}]
    assert label(found) == 1
