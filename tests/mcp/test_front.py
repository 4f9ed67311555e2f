"""The HTTP front, asked over real connections; the mediator behind it is played."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nucleus.mcp.front import INTRODUCTIONS, SESSIONS, Front, listen
from nucleus.mcp.hub import Hub
from nucleus.mcp.methods import META_REVISION

TOKEN = "secret"
SQL = {
    "name": "sql",
    "inputSchema": {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}},
}


class Played:
    """A mediator and server in one: answers what it is asked, in a thread."""

    def __init__(self, answer: Callable[["Played", dict[str, Any]], None]) -> None:
        self.opened: list[socket.socket] = []
        self.heard: list[dict[str, Any]] = []
        self._answer = answer

    def open(self) -> Hub:
        ours, theirs = socket.socketpair()
        self.opened.append(theirs)
        threading.Thread(target=self._read, args=(theirs,), daemon=True).start()
        return Hub(ours, lambda name: SQL if name == "sql" else None)

    def say(self, **fields: Any) -> None:
        self.opened[-1].sendall(json.dumps({"jsonrpc": "2.0", **fields}).encode() + b"\n")

    def _read(self, sock: socket.socket) -> None:
        with sock.makefile("rb") as lines:
            for line in lines:
                message = json.loads(line)
                self.heard.append(message)
                self._answer(self, message)
        sock.close()


def ordinary(played: Played, message: dict[str, Any]) -> None:
    match message.get("method"):
        case "initialize":
            played.say(id=message["id"], result={"protocolVersion": "2025-11-25"})
        case "slow":
            progress = {"progressToken": message["params"]["_meta"]["progressToken"], "progress": 1}
            played.say(method="notifications/progress", params=progress)
            played.say(id=message["id"], result={"done": True})
        case "none":
            played.say(id=message["id"], error={"code": -32601, "message": "no"})
        case "never":
            pass
        case _ if "id" in message and "method" in message:
            played.say(id=message["id"], result={"method": message["method"]})


class Served:
    def __init__(self, token: str = TOKEN) -> None:
        self.played = Played(ordinary)
        self.listener = listen("127.0.0.1:0")
        self.front = Front(self.listener, {"/mcp": self.played.open}, token)
        self.port = self.listener.getsockname()[1]
        self._thread = threading.Thread(target=self.front.run, args=(lambda: True,))
        self._thread.start()
        self.session = ""
        self._made: list[http.client.HTTPConnection | http.client.HTTPResponse] = []

    def raw(self, method: str, body: bytes = b"", path: str = "/mcp", **headers: str) -> http.client.HTTPResponse:
        given = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {TOKEN}",
            **({"Mcp-Session-Id": self.session} if self.session else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self._made.append(self.connection)
        self.connection.request(method, path, body, {name: value for name, value in given.items() if value})
        response = self.connection.getresponse()
        self._made.append(response)
        return response

    def ask(self, fields: dict[str, Any], **headers: str) -> tuple[int, Any]:
        response = self.raw("POST", json.dumps({"jsonrpc": "2.0", **fields}).encode(), **headers)
        self.session = response.getheader("mcp-session-id") or self.session
        body = response.read()
        self.connection.close()
        return response.status, json.loads(body) if body.startswith(b"{") else body

    def meet(self, name: str = "c") -> None:
        self.session = ""
        assert self.ask({"id": 1, "method": "initialize", "params": {"clientInfo": {"name": name}}})[0] == 200

    def close(self) -> None:
        for made in self._made:
            made.close()
        self.listener.close()
        self._thread.join(30)
        self.front.end()


@pytest.fixture
def served() -> Iterator[Served]:
    one = Served()
    yield one
    one.close()


def test_a_session_of_the_handshake_begins_goes_on_and_ends(served: Served) -> None:
    served.meet()
    assert served.session
    assert served.ask({"method": "notifications/initialized"}) == (202, b"")
    assert served.ask({"id": "x", "method": "tools/list"}) == (
        200,
        {"jsonrpc": "2.0", "id": "x", "result": {"method": "tools/list"}},
    )
    assert served.ask({"id": 2, "method": "none"})[0] == 200, "404 would end the session for an older client"
    assert served.raw("DELETE").status == 200
    assert served.ask({"id": 3, "method": "tools/list"})[0] == 404


def test_what_comes_before_an_answer_is_streamed(served: Served) -> None:
    served.meet()
    status, body = served.ask({"id": 2, "method": "slow", "params": {"_meta": {"progressToken": "t"}}})
    events = [json.loads(line.removeprefix(b"data: ")) for line in body.splitlines() if line.startswith(b"data: ")]
    assert status == 200
    assert not any(line.startswith((b"id:", b"retry:")) for line in body.splitlines()), "no stream can be resumed"
    assert events[0]["params"]["progressToken"] == "t"
    assert events[1] == {"jsonrpc": "2.0", "id": 2, "result": {"done": True}}


def test_the_clients_own_stream_carries_questions_and_their_answers_come_back(served: Served) -> None:
    served.meet()
    response = served.raw("GET")
    assert response.status == 200
    served.played.say(id="q", method="roots/list")
    assert response.readline() == b"event: message\n"
    assert json.loads(response.readline().removeprefix(b"data: "))["method"] == "roots/list"
    stream = served.connection
    second = served.raw("GET")
    assert second.status == 409
    assert served.ask({"id": "q", "result": {"roots": []}}) == (202, b"")
    stream.close()
    response.close()
    while {"jsonrpc": "2.0", "id": "q", "result": {"roots": []}} not in served.played.heard:
        threading.Event().wait(0.01)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (403, {"Host": "evil.example:80"}),
        (403, {"Host": "127.0.0.1"}),
        (403, {"Origin": "http://evil.example"}),
        (403, {"Origin": "null"}),
        (401, {"Authorization": ""}),
        (401, {"Authorization": "Bearer other"}),
        (415, {"Content_Type": "text/plain"}),
        (406, {"Accept": "application/json"}),
        (400, {"Mcp_Session_Id": ""}),
        (404, {"Mcp_Session_Id": "x"}),
        (400, {"Mcp_Protocol_Version": "2030-01-01"}),
    ],
)
def test_who_may_not_come_in_is_told_so(served: Served, status: int, headers: dict[str, str]) -> None:
    served.meet()
    before = len(served.played.heard)
    assert served.ask({"id": 2, "method": "tools/list"}, **headers)[0] == status
    assert len(served.played.heard) == before
    origin = f"http://localhost:{served.port}"
    assert served.ask({"id": 2, "method": "tools/list"}, Host=f"localhost:{served.port}", Origin=origin)[0] == 200


def test_without_the_checks_a_page_of_another_origin_is_served(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The defence switched off."""
    monkeypatch.setattr(Front, "admitted", lambda _self, asking: asking.target)
    served.meet()
    given = {"Host": "evil.example", "Origin": "http://evil.example", "Authorization": ""}
    assert served.ask({"id": 2, "method": "tools/list"}, **given)[0] == 200


def test_other_paths_methods_and_bodies_are_refused(served: Served) -> None:
    assert served.raw("POST", b"{}", "/").status == 404
    assert served.raw("PUT").status == 405
    assert served.raw("POST", b"[]").status == 400
    assert served.raw("POST", b'{"jsonrpc":"2.0","id":1,"id":2,"method":"x"}').status == 400
    with socket.create_connection(("127.0.0.1", served.port)) as sock:
        sock.sendall(b"POST /mcp HTTP/1.1\nHost: x\n\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 400 ")


# ------------------------------------------------------------ 2026-07-28


def stateless(method: str, client: str = "c", **params: Any) -> dict[str, Any]:
    meta = {
        META_REVISION: "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": client},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    return {"id": 1, "method": method, "params": {**params, "_meta": meta}}


def mirror(method: str, **more: str) -> dict[str, str]:
    return {"Mcp_Protocol_Version": "2026-07-28", "Mcp_Method": method, **more}


def test_the_stateless_revision_has_no_sessions(served: Served) -> None:
    for _ in range(2):
        status, answer = served.ask(stateless("tools/list"), **mirror("tools/list"))
        assert (status, answer["result"]["method"]) == (200, "tools/list")
    assert served.session == ""
    assert len(served.played.opened) == 1
    assert served.ask(stateless("none"), **mirror("none"))[0] == 404
    assert served.raw("GET", Mcp_Protocol_Version="2026-07-28").status == 405
    assert served.raw("DELETE", Mcp_Protocol_Version="2026-07-28").status == 405
    assert served.ask({"method": "notifications/x"}, **mirror("notifications/x")) == (202, b"")
    assert served.ask({"id": 1, "result": {}}, **mirror("x"))[0] == 400


@pytest.mark.parametrize(
    "headers",
    [
        mirror("tools/list", Mcp_Name="sql", Mcp_Param_Region="eu"),
        mirror("tools/call", Mcp_Param_Region="eu"),
        mirror("tools/call", Mcp_Name="other", Mcp_Param_Region="eu"),
        mirror("tools/call", Mcp_Name="sql"),
        mirror("tools/call", Mcp_Name="sql", Mcp_Param_Region="us"),
        {**mirror("tools/call", Mcp_Name="sql", Mcp_Param_Region="eu"), "Mcp_Protocol_Version": "2025-11-25"},
        {**mirror("tools/call", Mcp_Name="sql", Mcp_Param_Region="eu"), "Mcp_Protocol_Version": ""},
    ],
)
def test_headers_and_message_say_the_same_or_it_is_refused(served: Served, headers: dict[str, str]) -> None:
    call = stateless("tools/call", name="sql", arguments={"region": "eu"})
    status, answer = served.ask(call, **headers)
    assert (status, answer["error"]["code"]) == (400, -32020)
    assert not [one for one in served.played.heard if one["method"] == "tools/call"]
    right = mirror("tools/call", Mcp_Name="sql", Mcp_Param_Region="eu")
    assert served.ask(call, **right) == (200, {"jsonrpc": "2.0", "id": 1, "result": {"method": "tools/call"}})


def test_an_unknown_revision_is_told_which_there_are(served: Served) -> None:
    call = stateless("tools/list")
    call["params"]["_meta"][META_REVISION] = "1900-01-01"
    status, answer = served.ask(call, Mcp_Protocol_Version="1900-01-01", Mcp_Method="tools/list")
    assert (status, answer["error"]["code"]) == (400, -32022)
    assert "2026-07-28" in answer["error"]["data"]["supported"]


def test_a_client_that_leaves_cancels_its_request(served: Served) -> None:
    body = json.dumps({"jsonrpc": "2.0", **stateless("never")}).encode()
    with socket.create_connection(("127.0.0.1", served.port)) as sock:
        head = (
            f"POST /mcp HTTP/1.1\r\nHost: localhost:{served.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
            "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
            f"MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: never\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        sock.sendall(head.encode() + body)
        while not any(one["method"] == "never" for one in served.played.heard):
            threading.Event().wait(0.01)
    while not any(one["method"] == "notifications/cancelled" for one in served.played.heard):
        threading.Event().wait(0.01)


# ------------------------------------------------------------------ bounds


def test_introductions_are_bounded_because_each_is_a_few_words_that_nobody_judges(served: Served) -> None:
    for number in range(INTRODUCTIONS):
        served.meet(str(number))
    served.meet("0")
    served.session = ""
    canary = {"id": 1, "method": "initialize", "params": {"clientInfo": {"name": "one too many"}}}
    assert served.ask(canary)[0] == 403
    assert served.ask(stateless("tools/list", client="another"), **mirror("tools/list"))[0] == 403


def test_the_oldest_idle_session_makes_room(served: Served) -> None:
    served.meet()
    first = served.session
    for _ in range(SESSIONS):
        served.meet()
    assert served.ask({"id": 2, "method": "tools/list"})[0] == 200
    served.session = first
    assert served.ask({"id": 2, "method": "tools/list"})[0] == 404


@pytest.mark.parametrize(
    "place", ["0.0.0.0:0", "192.168.0.1:80", "127.0.0.1", ":99999", "example.org:80", "127.0.0.1:x"]
)
def test_only_the_loopback_interface_is_listened_at(place: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        listen(place).close()


def test_the_loopback_interface_has_three_names() -> None:
    for place in ("localhost:0", "127.0.0.1:0", ":0"):
        sock = listen(place)
        assert sock.getsockname()[0] == "127.0.0.1"
        sock.close()
