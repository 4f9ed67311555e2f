"""The net performer against real servers on loopback: what reaches them, and what they can do to it."""

import gzip
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from nucleus.gate.effects import Limits, Outcome
from nucleus.tools.perform.net import NetPerformer
from nucleus.tools.perform.resolve import StaticResolver, SystemResolver

Do = Callable[..., Outcome]
Make = Callable[..., Any]


@pytest.fixture
def server(loopback: Make) -> Any:
    return loopback()


@pytest.fixture
def net(server: Any) -> NetPerformer:
    return NetPerformer(StaticResolver({"example.com:80": ("127.0.0.1", server.port)}))


def fails(outcome: Outcome) -> str:
    assert outcome.status == "failed", outcome
    return f"{outcome.value['type']}: {outcome.value['message']}"


class TestFetch:
    def test_the_body_comes_with_its_small_facts(
        self, perform: Do, net: NetPerformer, server: Any, answer: Make
    ) -> None:
        server.answers["/a?b=c"] = answer(b"hello", "Content-Type: text/html; charset=ISO-8859-1", "Set-Cookie: a=b")
        outcome = perform(net, "net.fetch", url="http://example.com/a?b=c#part")
        assert outcome.body == b"hello"
        assert (outcome.value["status"], outcome.value["charset"]) == (200, "iso-8859-1")
        assert "set-cookie" not in outcome.value["headers"]

    def test_the_request_carries_the_url_and_fixed_headers_only(
        self, perform: Do, net: NetPerformer, server: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        perform(net, "net.fetch", url="http://example.com/x", headers={"Cookie": "a"}, credential=b"token")
        expected = (
            b"GET /x HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\nAccept-Encoding: identity\r\n"
            b"User-Agent: nucleus-runtime\r\nAccept: */*\r\n\r\n"
        )
        assert server.requests == [expected]

    def test_other_statuses_are_answers(self, perform: Do, net: NetPerformer) -> None:
        assert perform(net, "net.fetch", url="http://example.com/none").value["status"] == 404

    def test_head_has_no_body_and_other_methods_are_refused(self, perform: Do, net: NetPerformer, server: Any) -> None:
        server.answers["HEAD /a"] = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"
        outcome = perform(net, "net.fetch", url="http://example.com/a", method="HEAD")
        assert (outcome.status, outcome.body) == ("ok", b"")
        for method in ("POST", "DELETE", "get", "GET / HTTP/1.1\r\nX: y"):
            assert "ValueError" in fails(perform(net, "net.fetch", url="http://example.com/a", method=method))
        assert len(server.requests) == 1

    def test_a_body_in_the_permit_is_refused(self, perform: Do, net: NetPerformer, server: Any) -> None:
        fails(perform(net, "net.fetch", b"payload", url="http://example.com/a"))
        assert server.requests == []

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(
        self, perform: Do, net: NetPerformer, server: Any, loopback: Make, status: int
    ) -> None:
        canary = loopback()
        target = f"http://127.0.0.1:{canary.port}/metadata"
        server.answers["/a"] = f"HTTP/1.1 {status} Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
        outcome = perform(net, "net.fetch", url="http://example.com/a")
        assert (outcome.status, outcome.value["redirect"]) == ("redirect", target)
        assert canary.connections == 0

    def test_a_relative_redirect_is_made_absolute_and_one_without_target_fails(
        self, perform: Do, net: NetPerformer, server: Any
    ) -> None:
        server.answers["/a/b"] = b"HTTP/1.1 302 Found\r\nLocation: ../c?d\r\nContent-Length: 0\r\n\r\n"
        server.answers["/x"] = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"
        assert perform(net, "net.fetch", url="http://example.com/a/b").value["redirect"] == "http://example.com/c?d"
        fails(perform(net, "net.fetch", url="http://example.com/x"))

    @pytest.mark.parametrize(
        "head",
        [
            b"Content-Length: 1000\r\n\r\n",
            b"\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n",
        ],
    )
    def test_a_body_beyond_the_limit_is_an_error(
        self, perform: Do, net: NetPerformer, server: Any, head: bytes
    ) -> None:
        server.answers["/a"] = b"HTTP/1.1 200 OK\r\n" + head + b"x" * 1000 + b"\r\n0\r\n\r\n"
        outcome = perform(net, "net.fetch", url="http://example.com/a", limits=Limits(bytes=999))
        assert "larger than the limit of 999 bytes" in fails(outcome)

    def test_a_chunked_body_is_put_together(self, perform: Do, net: NetPerformer, server: Any) -> None:
        server.answers["/a"] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"
        assert perform(net, "net.fetch", url="http://example.com/a").body == b"abcde"

    @pytest.mark.parametrize(
        "answer_",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            b"SSH-2.0-OpenSSH\r\n\r\n",
            b"",
            b"HTTP/1.1 999999 Odd\r\n\r\n",
        ],
    )
    def test_a_broken_response_is_an_error(self, perform: Do, net: NetPerformer, server: Any, answer_: bytes) -> None:
        server.answers["/a"] = answer_
        assert "ConnectionError" in fails(perform(net, "net.fetch", url="http://example.com/a"))

    @pytest.mark.parametrize("line", [b"X: y\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"a" * 1000])
    def test_a_head_without_end_is_an_error(self, perform: Do, net: NetPerformer, server: Any, line: bytes) -> None:
        def endless(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" if line.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\n")
            for _ in range(100_000):
                connection.sendall(line * 10)

        server.answers["/a"] = endless
        fails(perform(net, "net.fetch", url="http://example.com/a"))

    def test_a_server_that_drips_is_ended_by_the_total_time(self, perform: Do, net: NetPerformer, server: Any) -> None:
        """Each byte comes in time, the whole does not: a limit for each read would never end it."""

        def drip(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(1000):
                connection.sendall(b"x")
                time.sleep(0.02)

        server.answers["/a"] = drip
        assert "TimeoutError" in fails(
            perform(net, "net.fetch", url="http://example.com/a", limits=Limits(seconds=0.3))
        )

    def test_a_bomb_is_not_unpacked(self, perform: Do, net: NetPerformer, server: Any, answer: Make) -> None:
        server.answers["/a"] = answer(gzip.compress(b"\0" * 10_000_000), "Content-Encoding: gzip")
        assert "encoded" in fails(perform(net, "net.fetch", url="http://example.com/a"))


SPELLINGS = [
    "http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/",
    "http://0177.0.0.1:{port}/", "http://0x7f.0.0.1:{port}/", "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/", "http://127.0.0.1.:{port}/", "http://localhost:{port}/", "http://LOCALHOST.:{port}/",
    "http://\u2460\u2461\u2466.0.0.1:{port}/", "http://127\u30020\u30020\u30021:{port}/", "http://0:{port}/", "http://0.0.0.0:{port}/",
    "http://example.com@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\@example.com/", "http://example.com:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@example.com/", "http:127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http://%31%32%37.0.0.1:{port}/",
    "http://127.0.0.1%00.example.com:{port}/", "http://127.0.0.1\t:{port}/", " http://127.0.0.1:{port}/", "http://[fe80::1%25lo]:{port}/",
    "ftp://127.0.0.1:{port}/", "file:///etc/passwd", "gopher://127.0.0.1:{port}/_x", "http://ip6-localhost:{port}/",
    "http://127.0.0.1:{port}\r\nHost: example.com/", "http://169.254.169.254/latest/", "http://[64:ff9b::7f00:1]:{port}/",
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_a_local_address_reaches_the_canary(perform: Do, loopback: Make, spelling: str) -> None:
    canary = loopback()
    outcome = perform(NetPerformer(SystemResolver()), "net.fetch", url=spelling.format(port=canary.port))
    fails(outcome)
    assert canary.connections == 0


def test_a_name_that_points_at_the_canary_does_not_reach_it(perform: Do, loopback: Make) -> None:
    """The resolver's answer is judged, whatever the name looks like."""
    canary = loopback()

    def lookup(_host: str, port: int, *_: int) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    url = f"http://rebind.example:{canary.port}/"
    assert "not public" in fails(perform(NetPerformer(SystemResolver(lookup)), "net.fetch", url=url))
    assert canary.connections == 0


def test_without_the_judgement_the_canary_is_reached(perform: Do, loopback: Make, answer: Make) -> None:
    """The same call through a resolver that vouches for loopback: the defence is the judgement."""
    canary = loopback()
    canary.answers["/"] = answer(b"canary")
    resolver = StaticResolver({f"rebind.example:{canary.port}": ("127.0.0.1", canary.port)})
    outcome = perform(NetPerformer(resolver), "net.fetch", url=f"http://rebind.example:{canary.port}/")
    assert outcome.body == b"canary"


def test_a_name_is_resolved_once(perform: Do, server: Any, answer: Make) -> None:
    """A resolver that would answer otherwise the second time is never asked again."""
    server.answers["/"] = answer(b"first")
    asked: list[str] = []

    class Rebinding:
        def resolve(self, host: str, _port: int) -> tuple[tuple[str, int], ...]:
            asked.append(host)
            return (("127.0.0.1", server.port if len(asked) == 1 else 1),)

    assert perform(NetPerformer(Rebinding()), "net.fetch", url="http://example.com/").body == b"first"
    assert asked == ["example.com"]


class TestTls:
    def reach(self, perform: Do, server: Any, name: str, pem: bytes | None) -> Outcome:
        resolver = StaticResolver({name: ("127.0.0.1", server.port)})
        limits = Limits(seconds=5 if server.secured else 0.5)
        return perform(NetPerformer(resolver, pem), "net.fetch", url=f"https://{name}/", limits=limits)

    def test_a_certificate_for_the_name_under_the_authority_is_accepted(
        self, perform: Do, loopback: Make, authority: Any, answer: Make, tmp_path: Path
    ) -> None:
        server = loopback(authority.context(tmp_path, "example.com"))
        server.answers["/"] = answer(b"secure")
        assert self.reach(perform, server, "example.com", authority.pem).body == b"secure"

    def test_another_name_an_unknown_authority_and_no_tls_are_refused(
        self, perform: Do, loopback: Make, authority: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = loopback(authority.context(tmp_path, "example.com"))
        assert "not valid" in fails(self.reach(perform, server, "other.example", authority.pem))
        bundle = tmp_path / "bundle.pem"
        bundle.write_bytes(authority.pem)
        monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
        monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
        assert "not valid" in fails(self.reach(perform, server, "example.com", None))
        assert not (tmp_path / "keys").exists()
        fails(self.reach(perform, loopback(), "example.com", authority.pem))
        assert server.requests == []


class TestSearch:
    engine: ClassVar = {
        "name": "local", "url": "http://example.com/s?q={q}&n=5", "kind": "json",
        "list": "web.results", "title": "title", "link": "url", "snippet": "text.short",
    }  # fmt: skip

    def test_json_results_are_read_where_the_policy_says(
        self, perform: Do, net: NetPerformer, server: Any, answer: Make
    ) -> None:
        rows = [{"title": "A", "url": "http://a/", "text": {"short": "s"}}, {"title": None}]
        server.answers["/s?q=a%26n%3D9%20b&n=5"] = answer(json.dumps({"web": {"results": rows}}).encode())
        outcome = perform(net, "net.search", q="a&n=9 b", engine=self.engine)
        assert json.loads(outcome.body) == [
            {"title": "A", "url": "http://a/", "snippet": "s"},
            {"title": "", "url": "", "snippet": ""},
        ]

    def test_html_results_are_the_links_with_words(
        self, perform: Do, net: NetPerformer, server: Any, answer: Make
    ) -> None:
        page = (
            b"<a href='/x'>Some <b>words</b></a><a href='#top'>no</a><a href='javascript:x'>no</a><a href=http://b/>B"
        )
        server.answers["/s?q=x"] = answer(page)
        engine = {"url": "http://example.com/s?q={q}", "kind": "html"}
        found = json.loads(perform(net, "net.search", q="x", engine=engine).body)
        assert [(each["title"], each["url"]) for each in found] == [
            ("Some words", "http://example.com/x"),
            ("B", "http://b/"),
        ]

    @pytest.mark.parametrize("body", [b"no json", b"[]", b'{"web": {"results": 3}}', b"[" * 100_000])
    def test_an_odd_answer_is_an_error(
        self, perform: Do, net: NetPerformer, server: Any, answer: Make, body: bytes
    ) -> None:
        server.answers["/s?q=x&n=5"] = answer(body)
        fails(perform(net, "net.search", q="x", engine=self.engine))

    def test_without_an_engine_of_the_policy_nothing_is_sent(self, perform: Do, net: NetPerformer, server: Any) -> None:
        for args in ({}, {"engine": "http://example.com"}, {"engine": {**self.engine, "url": "http://example.com/"}}):
            fails(perform(net, "net.search", q="x", **args))
        for query in ("", " ", "x" * 2000):
            fails(perform(net, "net.search", q=query, engine=self.engine))
        assert server.requests == []
