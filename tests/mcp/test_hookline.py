"""The line between a hook and the session daemon."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.mcp.hookline import LINE_LIMIT, Asked, Requests, answered

EVENT = {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls\nid"}}
REFUSAL = {"what": "pending", "code": "approval_required", "rules": ["uninhabitable"], "id": "1f3a"}


def test_a_json_line_is_a_request_and_the_connection_stays() -> None:
    requests = Requests()
    line = json.dumps({"client": "claude-code", "event": EVENT}).encode() + b"\n"
    assert list(requests.feed(line[:20])) == []
    assert list(requests.feed(line[20:] + line)) == [Asked("claude-code", EVENT, bare=False)] * 2
    assert list(requests.end()) == []


def test_the_form_for_a_shell_ends_with_its_writing_side() -> None:
    requests = Requests()
    assert list(requests.feed(b"gemini\n" + json.dumps(EVENT, indent=1).encode())) == []
    assert list(requests.end()) == [Asked("gemini", EVENT, bare=True)]


@given(st.binary(max_size=200))
def test_anything_else_is_an_error_and_never_a_request_that_was_not_made(noise: bytes) -> None:
    requests = Requests()
    try:
        found = [*requests.feed(noise), *requests.end()]
    except ValueError:
        return
    for one in found:
        assert one.client.encode() in noise


@pytest.mark.parametrize(
    "line",
    [
        b'{"client": "a", "event": {}, "more": 1}\n',
        b'{"client": "a", "client": "b", "event": {}}\n',
        b'{"client": "../a", "event": {}}\n',
        b'{"client": "a", "event": []}\n',
        b'{"client": "a", "event": {"x": NaN}}\n',
    ],
)
def test_a_request_is_strict(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(Requests().feed(line))


def test_a_line_cut_short_and_an_endless_one_are_errors() -> None:
    cut = Requests()
    assert list(cut.feed(b'{"client": "a", "event": {}}')) == []
    with pytest.raises(ValueError, match="without its end"):
        list(cut.end())
    with pytest.raises(ValueError, match="more than"):
        list(Requests().feed(b"{" + b" " * LINE_LIMIT))
    with pytest.raises(ValueError, match="no event"):
        list((nameless := Requests()).feed(b"claude")) + list(nameless.end())


def test_an_answer_is_nought_or_two_in_the_form_of_its_request() -> None:
    line, shell = Asked("a", {}, bare=False), Asked("a", {}, bare=True)
    assert (answered(line, None), answered(shell, None)) == (b'{"status":0}\n', b"0\n")
    told = json.loads(answered(line, REFUSAL))
    assert (told["status"], told["code"], told["id"]) == (2, "approval_required", "1f3a")
    assert answered(shell, REFUSAL).startswith(b"2 pending, id 1f3a: approval required (uninhabitable)")
    assert answered(None, None, why="no\nrequest") == b"2 no request\n"
