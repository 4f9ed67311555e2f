"""The client's end: which reply is which error, and what is said when the gate is gone."""

import socket
import threading

import pytest

from nucleus.errors import ApprovalRequired, BudgetExceeded, CannotEnforce, PolicyDenied, StateBlocked
from nucleus.gate.connection import AHEAD, PATIENCE, Connection, failure, patience, refusal
from nucleus.gate.protocol import receive, send


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ({"what": "denied", "code": "scope", "rules": ["scope"]}, PolicyDenied),
        ({"what": "denied", "code": "capability", "rules": ["capability"]}, PolicyDenied),
        ({"what": "denied", "code": "refused_by_owner", "rules": ["destination"]}, PolicyDenied),
        ({"what": "denied", "code": "something new", "rules": []}, PolicyDenied),
        ({"what": "pending", "code": "approval_required", "rules": ["destination"], "id": "ab"}, ApprovalRequired),
        ({"what": "denied", "code": "budget", "rules": ["budget"]}, BudgetExceeded),
        ({"what": "denied", "code": "session", "rules": ["session"]}, StateBlocked),
        ({"what": "denied", "code": "locked_down", "rules": ["session"]}, StateBlocked),
        ({"what": "denied", "code": "trace", "rules": ["session"]}, StateBlocked),
        ({"what": "denied", "code": "gate", "rules": ["session"]}, StateBlocked),
    ],
)
def test_each_refusal_is_its_error(reply: dict[str, object], kind: type[Exception]) -> None:
    error = refusal(reply)
    assert type(error) is kind
    assert "\n" not in str(error)


def test_what_could_not_be_opened_is_not_a_refusal() -> None:
    place = {"message": "unknown key", "path": "p.toml", "line": 3, "fix": "f"}
    assert str(refusal({"what": "cannot", "kind": "PolicyError", **place})) == "p.toml:3: unknown key"
    error = refusal({"what": "cannot", "kind": "CannotEnforce", "message": "m", "why": "w", "fix": "f"})
    assert isinstance(error, CannotEnforce)


def test_the_agent_is_told_not_to_retry_and_never_why_or_where() -> None:
    error = refusal(
        {"what": "denied", "code": "scope", "rules": ["scope"], "why": "secrets/ is denied", "where": "p:1"}
    )
    assert str(error) == "denied (scope): do not retry"


def test_a_question_is_pending_with_its_id_and_how_a_person_answers_it() -> None:
    asked = {"what": "pending", "code": "approval_required", "rules": ["destination", "secret"], "id": "1f3a"}
    said = str(refusal({**asked, "why": "#team is not named"}))
    assert said.startswith("pending, id 1f3a: approval required (destination, secret).")
    assert "nucleus approve 1f3a" in said
    assert "#team" not in said
    assert str(refusal({**asked, "code": "expired"})).startswith("expired, id 1f3a: ")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"type": "FileNotFoundError", "message": "gone", "errno": 2}, FileNotFoundError),
        ({"type": "TimeoutError", "message": "late", "errno": 110}, TimeoutError),
        ({"type": "ValueError", "message": "odd", "errno": 0}, ValueError),
        ({"type": "KeyboardInterrupt", "message": "x", "errno": 0}, OSError),
        ({"type": "NoSuchError", "message": "x", "errno": "x"}, OSError),
        ({"type": "UnicodeDecodeError", "message": "x", "errno": 0}, ValueError),
        ({}, OSError),
    ],
)
def test_a_failed_effect_is_a_built_in_exception(value: dict[str, object], kind: type[Exception]) -> None:
    assert isinstance(failure(value), kind)


def test_a_gate_that_is_gone_blocks_every_request() -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    theirs.close()
    for _ in range(2):
        with pytest.raises(StateBlocked, match="the gate is gone"):
            connection.request({"do": "status"})
    with pytest.raises(StateBlocked, match="the gate is gone"):
        connection.branch({"do": "attach"})
    connection.close()


def test_arguments_that_no_frame_can_hold_are_the_callers_error() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ValueError, match="JSON"):
        Connection(ours).request({"a": object()})


def test_patience_is_the_longer_of_the_connections_and_the_contexts() -> None:
    assert patience(1.0) == 1.0
    token = PATIENCE.set(5.0)
    assert patience(1.0) == 5.0
    PATIENCE.reset(token)


def test_an_answer_can_be_waited_for_later_and_a_gate_that_is_gone_blocks() -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    later = connection.ahead({"do": "plan"})
    assert receive(theirs)[0] == {"do": "plan"}
    send(theirs, {"what": "planned"})
    assert later() == {"what": "planned"}
    late = connection.ahead({"do": "plan"})
    theirs.close()
    with pytest.raises(StateBlocked, match="the gate is gone"):
        late()
    with pytest.raises(StateBlocked, match="the gate is gone"):
        connection.ahead({"do": "plan"})
    connection.close()


def test_several_frames_are_answered_in_order_and_a_gate_that_is_gone_blocks() -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)

    def gate() -> None:
        for _ in range(2 * AHEAD + 1):
            send(theirs, receive(theirs)[0])

    served = threading.Thread(target=gate)
    served.start()
    asked = [{"at": at} for at in range(2 * AHEAD + 1)]
    assert connection.several(asked) == asked
    assert connection.several([]) == []
    served.join()
    theirs.close()
    with pytest.raises(StateBlocked):
        connection.several(asked)
    with pytest.raises(ValueError, match="JSON"):
        connection.several([{"a": {1}}])
    ours.close()
