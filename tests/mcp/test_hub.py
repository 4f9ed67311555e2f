"""Which answer belongs to which exchange; the mediator is played over its end of the pair."""

import json
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from nucleus.mcp.hub import BACKLOG, Hub
from nucleus.mcp.messages import Notification, Request, Response


class Mediator:
    """The other end."""

    def __init__(self) -> None:
        ours, self.sock = socket.socketpair()
        self.sock.settimeout(30)
        self._file = self.sock.makefile("rb")
        self.hub = Hub(ours, lambda _name: None)

    def heard(self) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(self._file.readline())
        return line

    def say(self, **fields: Any) -> None:
        self.sock.sendall(json.dumps({"jsonrpc": "2.0", **fields}).encode() + b"\n")

    def close(self) -> None:
        self._file.close()
        self.sock.close()


@pytest.fixture
def mediator() -> Iterator[Mediator]:
    one = Mediator()
    yield one
    one.close()
    one.hub.end()


def test_two_clients_may_use_one_id_and_one_token(mediator: Mediator) -> None:
    params = {"_meta": {"progressToken": "t"}}
    first, second = (mediator.hub.ask(Request(1, "tools/call", params)) for _ in range(2))
    one, two = mediator.heard(), mediator.heard()
    assert one["id"] != two["id"]
    assert one["params"]["_meta"]["progressToken"] == one["id"]
    mediator.say(method="notifications/progress", params={"progressToken": two["id"], "progress": 1})
    mediator.say(id=two["id"], result={"n": 2})
    mediator.say(id=one["id"], result={"n": 1})
    progress, last = second.out.get(timeout=30)
    assert isinstance(progress, Notification)
    assert (progress.params["progressToken"], last) == ("t", False)
    assert second.out.get(timeout=30) == (Response(1, {"n": 2}), True)
    assert first.out.get(timeout=30) == (Response(1, {"n": 1}), True)
    assert not mediator.hub.busy


def test_a_subscription_has_the_clients_id_and_its_end_ends_the_stream(mediator: Mediator) -> None:
    key = "io.modelcontextprotocol/subscriptionId"
    asked = mediator.hub.ask(Request("s", "subscriptions/listen"))
    ours = mediator.heard()["id"]
    mediator.say(method="notifications/tools/list_changed", params={"_meta": {key: ours}})
    message, _ = asked.out.get(timeout=30)
    assert isinstance(message, Notification)
    assert message.params["_meta"] == {key: "s"}
    mediator.say(method="notifications/cancelled", params={"requestId": ours})
    assert asked.out.get(timeout=30)[1]


def test_a_cancellation_names_our_id_and_its_answer_goes_nowhere(mediator: Mediator) -> None:
    asked = mediator.hub.ask(Request(7, "tools/call"))
    ours = mediator.heard()["id"]
    mediator.hub.tell(Notification("notifications/cancelled", {"requestId": "7"}))
    mediator.hub.tell(Notification("notifications/cancelled", {"requestId": 7, "reason": "x"}))
    assert mediator.heard()["params"] == {"requestId": ours}
    mediator.say(id=ours, result={})
    mediator.hub.cancel(asked)
    mediator.hub.tell(Response("q", {}))
    assert mediator.heard()["id"] == "q"
    assert asked.out.empty()


def test_what_belongs_to_no_request_waits_for_the_clients_stream(mediator: Mediator) -> None:
    for number in range(BACKLOG + 1):
        mediator.say(method="notifications/message", params={"data": number})
    news = Notification("notifications/message", {"data": BACKLOG})
    while news not in mediator.hub.backlog:
        os.sched_yield()
    stream = mediator.hub.listen()
    assert stream is not None
    assert mediator.hub.listen() is None
    first = stream.get(timeout=30)
    assert isinstance(first, Notification)
    assert first.params["data"] == 1, "the oldest was dropped"
    mediator.say(id="q", method="roots/list")
    for _ in range(BACKLOG - 1):
        stream.get(timeout=30)
    assert stream.get(timeout=30) == Request("q", "roots/list")
    mediator.hub.unlisten()
    assert mediator.hub.listen() is not None


def test_without_a_stream_it_goes_to_the_exchange_that_was_opened_last(mediator: Mediator) -> None:
    mediator.hub.ask(Request(1, "tools/call"))
    second = mediator.hub.ask(Request(2, "tools/call"))
    mediator.heard()
    mediator.say(id="q", method="sampling/createMessage")
    assert second.out.get(timeout=30) == (Request("q", "sampling/createMessage"), False)


def test_everybody_hears_that_it_is_over(mediator: Mediator) -> None:
    asked, stream = mediator.hub.ask(Request(1, "tools/call")), mediator.hub.listen()
    mediator.close()
    message, last = asked.out.get(timeout=30)
    assert isinstance(message, Response)
    assert (message.error["message"], last) == ("the server or the gate is gone", True)
    assert stream is not None
    assert stream.get(timeout=30) is None
    assert mediator.hub.ask(Request(2, "ping")).out.get(timeout=30)[1]
