"""The order of effects, and who hears which answer of the gate."""

import pytest

from nucleus.mcp.messages import Notification
from nucleus.mcp.out import RECORDED, UNREAD, Out
from nucleus.mcp.steps import Note, ToClient, ToGate, ToServer
from nucleus.policy.call import MCP, Call
from tests.mcp.world import met


def test_effects_are_taken_once_and_in_order() -> None:
    out = Out("notes")
    out.to_server(Notification("a"))
    out.to_client(Notification("b"))
    out.tell("two\nlines")
    kinds = [type(effect) for effect in out.take()]
    assert kinds == [ToServer, ToClient, Note]
    assert out.take() == []


def test_answers_go_to_whoever_asked_in_order_and_no_further() -> None:
    out, heard = Out("notes"), []
    out.ask({"do": "one"}, lambda reply: heard.append((1, reply)))
    out.ask({"do": "two"}, lambda reply: heard.append((2, reply)))
    out.answered({"a": 1})
    out.answered({"b": 2})
    assert heard == [(1, {"a": 1}), (2, {"b": 2})]
    with pytest.raises(IndexError):
        out.answered({})


def test_what_waits_for_the_gates_socket_goes_on_once_and_only_then() -> None:
    out, heard = Out("notes"), []
    out.done(1, ok=True, then=lambda: heard.append(1))
    out.done(2, ok=False)
    assert heard == []
    assert out.unwritten
    out.written()
    out.written()
    assert heard == [1]
    out.done(3, ok=True, then=lambda: heard.append(3))
    out.withheld()
    out.written()
    assert heard == [1]


def test_an_answer_to_what_is_done_is_read_with_one_that_somebody_needs_or_when_there_are_many() -> None:
    out = Out("notes")
    for number in range(UNREAD):
        out.done(number, ok=True)
    seen = [out.listens]
    out.done(UNREAD, ok=True)
    seen.append(out.listens)
    out.answered({"what": "released"})
    seen.append(out.listens)
    out.ask({"do": "asked"}, lambda _reply: None)
    seen.append(out.listens)
    assert seen == [False, True, False, True]
    assert out.owed == UNREAD + 1


@pytest.mark.parametrize(
    ("args", "what", "joined"),
    [
        ({"op": "read_files"}, "perform", True),
        ({"op": "read_files", "echoes": False}, "perform", False),
        ({}, "perform", True),
        ({"op": "read_files"}, "denied", False),
    ],
)
def test_exposure_has_joined_once_content_was_allowed(args: dict[str, object], what: str, *, joined: bool) -> None:
    out = Out("notes")
    out.judge(Call(MCP, args), lambda _reply: None)
    out.answered({"what": what})
    assert out.joined is joined


def test_violations_are_recorded_up_to_a_bound_and_counted_beyond() -> None:
    out = Out("notes")
    for _ in range(RECORDED + 5):
        out.violated("server", "noise: \u202e")
    frames = [effect for effect in out.take() if isinstance(effect, ToGate)]
    assert (len(frames), out.violations) == (RECORDED, RECORDED + 5)
    assert frames[0].fields["args"]["label"] == "noise---"
    out.violated("session", "told only", stopped=False)
    assert out.violations == RECORDED + 5


@pytest.mark.parametrize("waits", [True, False])
def test_a_result_that_the_gate_was_not_told_of_is_released_by_nothing(
    monkeypatch: pytest.MonkeyPatch, *, waits: bool
) -> None:
    """The other way round: without the wait the client has a result of which the gate never hears."""
    if not waits:
        told = Out.done
        monkeypatch.setattr(Out, "done", lambda out, number, *, ok, then: (told(out, number, ok=ok), then()))
    world = met()
    world.full = True
    world.from_client(id="c", method="tools/call", params={"name": "echo", "arguments": {}})
    world.from_server(id=world.server[0]["id"], result={"secret": 1})
    world.end("the gate is gone")
    world.taken()
    assert [one.get("result") for one in world.client] == ([None] if waits else [{"secret": 1}])
    if waits:
        assert world.client[0]["error"]["message"] == "the gate is gone"


def test_a_result_that_can_not_be_recorded_is_told_to_a_person() -> None:
    world = met()
    world.unrecorded = "the trace can't be written"
    world.from_client(id="c", method="tools/call", params={"name": "echo", "arguments": {}})
    world.from_server(id=world.server[0]["id"], result={"secret": 1})
    assert world.notes == ["notes: a result is not on record: the trace can't be written"]


def test_a_call_that_is_given_up_while_the_gate_takes_nothing_is_done_once() -> None:
    world = met()
    world.full = True
    world.from_client(id="c", method="tools/call", params={"name": "echo", "arguments": {}})
    world.from_server(id=world.server[0]["id"], result={"secret": 1})
    world.from_client(method="notifications/cancelled", params={"requestId": "c"})
    world.taken()
    assert world.client == []
    assert world.order.count("gate done") == 1
