"""A server behind a URL, played by a script, and what the mediator's end of the pair gets to read."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nucleus.mcp.bridge import Bridge
from nucleus.mcp.methods import META_REVISION
from nucleus.mcp.wire import Exchange, address_of
from tests.mcp.webserver import Reply, Seen, Web, as_json, result, stream

META = {META_REVISION: "2026-07-28", "io.modelcontextprotocol/clientInfo": {"name": "c"}}
Play = Callable[..., "Pair"]


class Pair:
    def __init__(self, script: Callable[[Seen], Reply], definition: dict[str, Any] | None) -> None:
        self.web = Web(script)
        address = address_of(self.web.url)
        self.bridge = Bridge(
            address, {"authorization": "Bearer x"}, lambda: Exchange(address, None), lambda _name: definition
        )
        self.bridge.start()
        self.bridge.ours.settimeout(30)
        self._file = self.bridge.ours.makefile("rb")

    def say(self, **fields: Any) -> None:
        self.bridge.ours.sendall(json.dumps({"jsonrpc": "2.0", **fields}).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        heard: dict[str, Any] = json.loads(self._file.readline())
        return heard

    def ask(self, number: int, method: str, **params: Any) -> dict[str, Any]:
        self.say(id=number, method=method, params=params)
        return self.hear()

    def close(self) -> None:
        self._file.close()
        self.bridge.end()
        self.web.close()


@pytest.fixture
def play() -> Iterator[Play]:
    pairs: list[Pair] = []

    def one(script: Callable[[Seen], Reply], definition: dict[str, Any] | None = None) -> Pair:
        pairs.append(Pair(script, definition))
        return pairs[-1]

    yield one
    for pair in pairs:
        pair.close()


def event(data: bytes, number: str = "") -> bytes:
    return (f"id: {number}\n".encode() if number else b"") + b"data: " + data + b"\n\n"


def handshake(seen: Seen) -> Reply:
    reply = as_json(seen, protocolVersion="2025-11-25", capabilities={})
    reply.headers["Mcp-Session-Id"] = "s-1"
    return reply


def test_a_session_is_kept_and_ended_and_every_request_names_it(play: Play) -> None:
    def script(seen: Seen) -> Reply:
        if seen.method != "POST":
            return Reply(405)
        if seen.message.get("method") == "initialize":
            return handshake(seen)
        return as_json(seen, tools=[]) if "id" in seen.message else Reply(202)

    pair = play(script)
    assert pair.ask(1, "initialize")["result"]["protocolVersion"] == "2025-11-25"
    pair.say(method="notifications/initialized")
    assert pair.ask(2, "tools/list")["result"] == {"tools": []}
    pair.bridge.end()
    first, *rest = pair.web.seen
    assert first.headers["authorization"] == "Bearer x"
    assert "mcp-session-id" not in first.headers
    assert {seen.headers["mcp-session-id"] for seen in rest} == {"s-1"}
    assert {seen.headers["mcp-protocol-version"] for seen in rest} == {"2025-11-25"}
    assert pair.web.seen[-1].method == "DELETE"


def test_a_stream_is_handed_on_event_by_event(play: Play) -> None:
    ready = threading.Event()

    def script(seen: Seen) -> Reply:
        def pieces() -> Iterator[bytes]:
            yield event(b'{"jsonrpc":"2.0","method":"notifications/progress",\ndata: "params":{"progressToken":1}}')
            ready.wait(30)
            yield event(result(seen, done=True))

        return Reply(200, b"", {"Content-Type": "text/event-stream; charset=utf-8"}, pieces())

    pair = play(script)
    assert pair.ask(1, "tools/call")["method"] == "notifications/progress"
    ready.set()
    assert pair.hear()["result"] == {"done": True}


def test_a_stream_that_breaks_is_taken_up_after_its_last_event(play: Play) -> None:
    def script(seen: Seen) -> Reply:
        if seen.method == "POST":
            return stream(b"retry: 1\n", event(b'{"jsonrpc":"2.0","method":"notifications/message"}', "e7"))
        assert seen.headers["last-event-id"] == "e7"
        return stream(event(b'{"jsonrpc":"2.0","id":1,"result":{"late":true}}'))

    pair = play(script)
    assert pair.ask(1, "tools/call")["method"] == "notifications/message"
    assert pair.hear()["result"] == {"late": True}


def test_a_stream_that_can_not_be_taken_up_is_an_error_and_the_stateless_revision_takes_none_up(play: Play) -> None:
    pair = play(lambda _seen: stream(b"retry: 1\n", b"data: {}\n\n"))
    assert pair.ask(1, "tools/call") == {}
    assert "ended before the answer" in pair.hear()["error"]["message"]
    stateless = play(lambda _seen: stream(b"retry: 1\n", event(b"{}", "e1")))
    stateless.ask(1, "tools/list", _meta=META)
    assert "ended before the answer" in stateless.hear()["error"]["message"]
    assert [seen.method for seen in stateless.web.seen] == ["POST"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(play: Play, status: int) -> None:
    elsewhere = play(as_json)
    pair = play(lambda _seen: Reply(status, b"", {"Location": elsewhere.web.url}))
    assert "redirects" in pair.ask(1, "tools/list")["error"]["message"]
    assert elsewhere.web.seen == []


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(401), "--header"),
        (Reply(404), "no such address or session"),
        (Reply(500, b"{}", {"Content-Type": "application/json"}), "status 500"),
        (Reply(200, b"hello", {"Content-Type": "text/html"}), "neither JSON nor a stream"),
    ],
)
def test_whatever_goes_wrong_is_the_answer_to_the_request_that_it_happened_to(
    play: Play, reply: Reply, why: str
) -> None:
    assert why in play(lambda _seen: reply).ask(3, "tools/list")["error"]["message"]


def test_an_error_with_a_status_is_the_servers_own_where_it_answers_the_request(play: Play) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}'
    pair = play(lambda _seen: Reply(404, body, {"Content-Type": "application/json"}))
    assert pair.ask(1, "tools/list")["error"]["code"] == -32601


def test_the_servers_own_stream_is_opened_after_the_handshake_and_answers_go_back(play: Play) -> None:
    def script(seen: Seen) -> Reply:
        if seen.method == "GET":
            return stream(event(b'{"jsonrpc":"2.0","id":"q","method":"roots/list"}'), b": wait\n")
        return handshake(seen) if seen.message.get("method") == "initialize" else Reply(202)

    pair = play(script)
    pair.ask(1, "initialize")
    pair.say(method="notifications/initialized")
    assert pair.hear()["method"] == "roots/list"
    pair.say(id="q", result={"roots": []})
    while not any(seen.message.get("id") == "q" for seen in pair.web.seen):
        threading.Event().wait(0.01)


def test_headers_repeat_the_message_from_the_stateless_revision_on(play: Play) -> None:
    schema = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
    pair = play(lambda seen: as_json(seen, resultType="complete"), {"name": "sql", "inputSchema": schema})
    pair.ask(1, "tools/call", name="sql", arguments={"region": "eu"}, _meta=META)
    headers = pair.web.seen[0].headers
    assert (headers["mcp-method"], headers["mcp-name"], headers["mcp-param-region"]) == ("tools/call", "sql", "eu")
    assert headers["mcp-protocol-version"] == "2026-07-28"


def test_a_cancellation_of_the_stateless_revision_closes_the_stream(play: Play) -> None:
    began, over = threading.Event(), threading.Event()

    def script(_seen: Seen) -> Reply:
        def pieces() -> Iterator[bytes]:
            began.set()
            try:
                while True:
                    yield b": still here" + b" " * 4096 + b"\n"
            finally:
                over.set()

        return Reply(200, b"", {"Content-Type": "text/event-stream"}, pieces())

    pair = play(script)
    pair.say(id=1, method="subscriptions/listen", params={"_meta": META})
    assert began.wait(30)
    pair.say(method="notifications/cancelled", params={"requestId": 1})
    assert over.wait(30)
    assert len(pair.web.seen) == 1


def test_the_end_of_a_subscriptions_stream_is_said_in_lines(play: Play) -> None:
    acknowledged = b'{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{}}'
    pair = play(lambda _seen: stream(event(acknowledged)))
    assert pair.ask(1, "subscriptions/listen", _meta=META)["method"] == "notifications/subscriptions/acknowledged"
    assert pair.hear() == {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    assert "error" in play(lambda _seen: Reply(500)).ask(1, "subscriptions/listen", _meta=META)
