"""The model channel: the owner's key and never the client's, bodies that were judged, answers that stream."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from nucleus.egress.model import models
from nucleus.policy import call as kinds
from tests.egress.world import Box, Echo, boxed, network, serving, whole_request
from tests.tools.conftest import Authority

POLICY = 'profile = "read_only"\n[allow]\nmodel = ["POST https://api.model.example/v1/messages"]\n'
SETTINGS = {
    "wait": 0,
    "models": {"brain": {"upstream": "https://api.model.example", "header": "x-api-key", "scheme": ""}},
}
CREDENTIALS = '[[credential]]\ndestination = "https://api.model.example"\ntoken = "canary-of-the-owner"\n'
HELLO = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]}
ANSWER = {"type": "message", "usage": {"input_tokens": 11, "output_tokens": 7, "cache_read_input_tokens": 3}}
Start = Callable[..., Box]


def whole(sock: socket.socket, echo: Echo) -> None:
    """Read one request as a whole and answer."""
    echo.got.append(whole_request(sock))
    said = json.dumps(ANSWER).encode()
    fields = b"Content-Type: application/json\r\nSet-Cookie: a=b\r\nContent-Length: %d" % len(said)
    sock.sendall(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n%b" % (fields, said))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    authority = Authority()
    with ExitStack() as stack:

        def make(policy: str = POLICY, talk: Any = whole, **more: Any) -> Box:
            site = stack.enter_context(serving(talk, context=authority.context(tmp_path, "api.model.example")))
            usual: dict[str, Any] = {
                "settings": SETTINGS,
                "contained": True,
                "credentials": CREDENTIALS,
            }
            where = network(authority, api_model_example__443=site.port)
            box = stack.enter_context(boxed(tmp_path / "box", policy, network=where, **{**usual, **more}))
            box.site = site
            return box

        yield make


def ask(box: Box, document: Any, path: str = "/model/brain/v1/messages", more: str = "") -> bytes:
    body = json.dumps(document) if not isinstance(document, str) else document
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return box.ask(head + body, box.routes)


def test_the_owners_key_takes_the_place_of_the_clients(start: Start) -> None:
    box = start()
    sent = "X-Api-Key: canary-of-the-box\r\nAuthorization: Bearer canary-of-the-box\r\nCookie: canary-of-the-box\r\n"
    got = ask(box, HELLO, "/model/brain/v1/messages?beta=true&key=canary-of-the-box", sent + "Anthropic-Version: 1\r\n")
    assert got.startswith(b"HTTP/1.1 200 OK")
    assert b"set-cookie" not in got
    (request,) = box.site.got
    assert request.startswith(b"POST /v1/messages?beta=true HTTP/1.1\r\nhost: api.model.example\r\n")
    assert b"x-api-key: canary-of-the-owner" in request
    assert b"canary-of-the-box" not in request
    assert b"anthropic-version: 1" in request
    assert json.loads(request.partition(b"\r\n\r\n")[2]) == HELLO
    assert b"canary" not in (box.state / "traces").joinpath(trace(box)).read_bytes()
    (decision,) = box.records()
    assert (decision["kind"], decision["verdict"], decision["facts"][5]) == (kinds.MODEL, "allow", 0)


@pytest.mark.parametrize(
    "query",
    ["k%65y=stranger", "%4bEY=stranger", "api%2Dkey=stranger", "a=1;key=stranger", "access%5ftoken=stranger", "key"],
)
def test_no_spelling_of_a_credential_in_a_query_reaches_the_provider(start: Start, query: str) -> None:
    """A server decodes a name before it reads it: the box's own account would take what the box sends."""
    box = start()
    assert ask(box, HELLO, f"/model/brain/v1/messages?beta=true&{query}").startswith(b"HTTP/1.1 200 OK")
    (request,) = box.site.got
    line = request.partition(b"\r\n")[0]
    assert b"stranger" not in request
    assert line in {b"POST /v1/messages?beta=true HTTP/1.1", b"POST /v1/messages?beta=true&a=1 HTTP/1.1"}


def trace(box: Box) -> str:
    (path,) = [one.name for one in (box.state / "traces").glob("*.jsonl") if one.name != "ledger.jsonl"]
    return path


def test_a_model_call_costs_no_call_and_shows_nothing_new(start: Start) -> None:
    box = start()
    for _ in range(3):
        ask(box, HELLO)
    states = [one["state"] for one in box.records()]
    assert len({tuple(one) for one in states}) == 1


REACHING: list[dict[str, Any]] = [
    {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    {"tools": [{"type": "code_execution_20250522", "name": "x"}]},
    {"mcp_servers": [{"type": "url", "url": "https://evil.example/mcp", "name": "x"}]},
    {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://e.x/"}}]}]},
]


def test_what_the_provider_would_fetch_or_run_is_egress_to_a_stranger(start: Start) -> None:
    box = start(POLICY.replace("read_only", "safe_pr_fixer"))
    for reaching in REACHING:
        got = ask(box, {**HELLO, **reaching})
        assert got.startswith(b"HTTP/1.1 403 ")
        assert b"approval required" in got
    assert box.site.got == []
    assert all(set(one["rules"]) >= {"scope", "destination"} for one in box.records())
    assert len(box.records()) == len(REACHING)


def test_where_reaching_is_not_looked_for_the_provider_is_told_to_fetch(start: Start) -> None:
    """The same attack with the look at the body switched off."""
    box = start(weakened="import nucleus.egress.model as m\nm.reaches = lambda family, document: []\n")
    tools = [{"type": "web_fetch_20250910", "name": "web_fetch"}]
    assert ask(box, {**HELLO, "tools": tools}).startswith(b"HTTP/1.1 200 ")
    assert b"web_fetch" in box.site.got[0]


def test_only_what_the_owner_allowed_is_asked_of_the_model(start: Start) -> None:
    box = start()
    for path in (
        "/model/brain/v1/files",
        "/model/brain/v1/messages/../files",
        "/model/other/v1/messages",
        "/model/brain/",
    ):
        assert ask(box, HELLO, path)[:12] in {b"HTTP/1.1 403", b"HTTP/1.1 404"}, path
    assert box.site.got == []


def test_a_body_that_two_readers_could_read_differently_is_refused(start: Start) -> None:
    box = start()
    for body in ("", "[]", "{", '{"a":1,"a":2}', '{"a":NaN}', "\xff", '{"model":"m"}{"x":1}', "[" * 5000):
        assert ask(box, body).startswith(b"HTTP/1.1 400 "), body[:20]
    assert ask(box, HELLO, more="Content-Encoding: gzip\r\n").startswith(b"HTTP/1.1 415 ")
    assert box.site.got == []


def test_the_models_host_is_reached_by_no_other_way(start: Start) -> None:
    box = start(POLICY.replace("read_only", "safe_pr_fixer") + 'fetch = ["api.model.example"]\n')
    with pytest.raises(ConnectionError, match="denied"):
        box.tunnel("api.model.example")


def test_events_pass_as_they_come_and_are_counted(start: Start) -> None:
    step = threading.Event()

    def events(sock: ssl.SSLSocket, _echo: Echo) -> None:
        data = b""
        while b"hello" not in data:
            data += sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        first = {"type": "message_start", "message": {"usage": {"input_tokens": 20, "output_tokens": 1}}}
        sock.sendall(f"event: message_start\ndata: {json.dumps(first)}\n\n".encode())
        assert step.wait(10)
        sock.sendall(b'data: {"type":"message_delta","usage":{"output_tokens":42}}\n\ndata: [DONE]\n\n')

    box = start(talk=events)
    body = json.dumps({**HELLO, "stream": True})
    with box.connect(box.routes) as sock:
        head = f"POST /model/brain/v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
        sock.sendall(f"{head}{body}".encode())
        got = b""
        while b"message_start" not in got:
            got += sock.recv(4096)
        assert b"message_delta" not in got
        step.set()
        while b"message_delta" not in got:
            got += sock.recv(4096)
    box.process.sock.shutdown(socket.SHUT_WR)
    with box.process.sock.makefile("rb") as lines:
        usage = json.loads(lines.readline())["models"]["brain"]
    assert (usage["requests"], usage["input_tokens"], usage["output_tokens"]) == (1, 20, 42)


def test_models_are_read_strictly() -> None:
    known = models({"a": {"upstream": "https://x.example", "key": "k"}})
    assert (known["a"].header, known["a"].scheme, known["a"].upstream.host) == ("authorization", "Bearer ", "x.example")
    assert "k" not in repr(known["a"]).replace("key", "")[-10:]
    for bad in ({"upstream": "file:///x"}, {"upstream": 1}, {}, {"upstream": "https://x.example", "other": "x"}, 1):
        with pytest.raises(ValueError, match="model"):
            models({"a": bad})
    with pytest.raises(ValueError, match="model"):
        models({"a/b": {"upstream": "https://x.example"}})
