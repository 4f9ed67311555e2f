"""A replay's steps: what can follow what, and the kernel's answer in each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import TraceError
from nucleus.kernel.state import State
from nucleus.trace.reader import read_records
from nucleus.trace.steps import Replayed, step
from nucleus.trace.writer import TraceWriter
from tests.trace.example import APPROVED_PUSH, HEADER, NOT_LIVE, PUSH, READ, Clock, Story

WHERE = Path("memory.jsonl")


def change(what: str, args: list[int], state: list[int]) -> dict[str, Any]:
    return {"type": "change", "principal": "main", "what": what, "args": args, "state": state}


def played(tell: Callable[[Story], Any]) -> Replayed:
    story = Story(TraceWriter.in_memory(HEADER, clock=Clock()))
    tell(story)
    found = Replayed()
    for number, record in enumerate(read_records(WHERE, story.writer.lines())):
        step(found, record, number)
    assert all(found.states[name] == state for name, state in story.states.items())
    return found


def diverges(tell: Callable[[Story], Any], why: str) -> None:
    with pytest.raises(TraceError, match=why) as caught:
        played(tell)
    assert caught.value.message.startswith("diverges")


def test_a_whole_session_is_confirmed() -> None:
    found = played(lambda s: s.tell())
    assert set(found.states) == {"main", "main.1"}
    assert found.in_flight == {}


def test_a_decision_without_a_result_is_in_flight() -> None:
    found = played(lambda s: s.decide())
    assert found.in_flight == {b"1": "main"}


@pytest.mark.parametrize(
    "lie",
    [
        {"verdict": "deny"},
        {"verdict": "ask"},
        {"rules": ["scope"]},
        {"state": [0xFFFFFF, 0, 999_999, 1]},
        {"state": [0xFFFFFF, 1, 1_000_000, 1]},
        {"state": [0xFFFFFF, 1, 999_999, 2]},
        {"facts": [0] * 12},
        {"facts": [0, 5, *[0] * 11]},
    ],
)
def test_a_lie_about_a_decision_is_found(lie: dict[str, Any]) -> None:
    def tell(s: Story) -> None:
        s.decide(**lie)
        s.states.clear()

    diverges(tell, "the kernel decides")


def test_a_refusal_of_nobody_is_confirmed() -> None:
    s = Story(TraceWriter.in_memory(HEADER))
    s.states["ghost"] = State(0, 31, 0, (1 << 53) - 1)
    s.decide(READ, "ghost")
    found = Replayed()
    for number, record in enumerate(read_records(WHERE, s.writer.lines())):
        step(found, record, number)
    assert "ghost" not in found.states


@pytest.mark.parametrize(
    ("tell", "why"),
    [
        (lambda s: s.result(9), "no allowed decision"),
        (lambda s: [s.result(s.decide()), s.result(1)], "no allowed decision"),
        (lambda s: s.result(s.decide(NOT_LIVE)), "no allowed decision"),
        (lambda s: s.result(s.decide(), "other"), "no allowed decision"),
        (lambda s: s.result(s.decide(), outcome="maybe"), "outcome"),
        (lambda s: s.decide(APPROVED_PUSH, approval="q"), "not asked for"),
        (lambda s: s.decide(APPROVED_PUSH), "names no approval"),
        (lambda s: [s.ask("q"), s.decide(APPROVED_PUSH, approval="q")], "not given"),
        (lambda s: [s.ask("q"), s.answer("q", "deny"), s.decide(APPROVED_PUSH, approval="q")], "not given"),
        (lambda s: [s.ask("q"), s.answer("q"), *[s.decide(APPROVED_PUSH, approval="q")] * 2], None),
        (lambda s: [s.ask("q"), s.answer("q"), s.decide(APPROVED_PUSH, approval="q", digest="x")], "another call"),
        (lambda s: [s.ask("q"), s.answer("q"), s.decide(READ, approval="q")], "not asked for"),
        (lambda s: [s.ask("q"), s.answer("q"), s.decide(PUSH, approval="q")], "not allowed"),
        (lambda s: [s.ask("q"), s.ask("q")], "used before"),
        (lambda s: s.answer("q"), "no open question"),
        (lambda s: [s.ask("q"), s.answer("q"), s.answer("q")], "no open question"),
        (lambda s: [s.change("lockdown", []), s.decide()], "locked down"),
        (lambda s: s.change("vanish", []), "unknown kind"),
        (
            lambda s: s.writer.append(
                {"type": "change", "principal": "main", "what": "absorb", "args": [], "state": [0]}
            ),
            "0 arg",
        ),
        (lambda s: [s.writer.append({"type": "close", "reason": "x"}), s.decide()], "after the close"),
        (lambda s: s.ask("q", principal="other"), "never made"),
    ],
)
def test_what_can_not_follow_is_found(tell: Callable[[Story], Any], why: str | None) -> None:
    if why is not None:
        diverges(tell, why)


def test_a_used_up_approval_is_found() -> None:
    def tell(s: Story) -> None:
        s.ask("q")
        s.answer("q")
        for _ in range(2):
            s.decide(APPROVED_PUSH, approval="q")

    diverges(tell, "used up")


def test_a_bounded_approval_serves_its_number_of_calls() -> None:
    def tell(s: Story, calls: int = 3) -> None:
        s.ask("q")
        s.answer("q", uses=3)
        for number in range(calls):
            s.decide(APPROVED_PUSH, approval="q", digest=f"{number}")

    assert played(tell).questions["q"].spent == 3
    diverges(lambda s: tell(s, 4), "used up")


@pytest.mark.parametrize(
    ("what", "args", "more"),
    [
        ("absorb", [9], {}),
        ("tighten", [0xFFFF, 10], {}),
        ("delegate", [0xFF, 100], {"child": "c"}),
        ("recover", [], {}),
        ("lockdown", [], {}),
        ("expire", [], {}),
    ],
)
def test_a_change_is_recomputed(what: str, args: list[int], more: dict[str, Any]) -> None:
    def tell(s: Story) -> None:
        s.change(what, args, **more)
        if what == "recover":
            s.states["main"] = State(0xFFFFFF, 31, 1_000_000, 1)
            s.writer = TraceWriter.in_memory(HEADER)
            s.writer.append(
                {"type": "change", "principal": "main", "what": what, "args": [], "state": [0xFFFFFF, 31, 10**6, 1]}
            )

    def lie(s: Story) -> None:
        s.writer.append({**change(what, args, [1, 0, 5, 1]), **more, "child_state": [0xFF, 0, 100, 0]})

    played(tell)
    diverges(lie, "gives")


def test_delegation_never_gives_more_than_there_is() -> None:
    record = {
        "type": "change",
        "principal": "main",
        "what": "delegate",
        "args": [0xFF, 10**7],
        "state": HEADER["state"],
    }
    diverges(
        lambda s: s.writer.append({**record, "child": "c", "child_state": [0xFF, 0, 10**7, 0]}), "could not be made"
    )


def test_a_recovered_principal_begins_with_the_worst_exposure() -> None:
    record = {"type": "change", "principal": "old", "what": "recover", "args": [], "state": [3, 0, 5, 1]}
    diverges(lambda s: s.writer.append(record), "recover gives")
    found = played(lambda s: s.writer.append({**record, "state": [3, 31, 5, 1]}))
    assert found.states["old"] == State(3, 31, 5, 1)


def test_a_trace_begins_with_a_header() -> None:
    with pytest.raises(TraceError, match="before any header"):
        step(Replayed(), {"type": "close", "reason": "x"}, 0)
    with pytest.raises(TraceError, match="invalid"):
        step(Replayed(), {"type": "header", "principal": "p", "state": [2, 0, 0, 0]}, 0)
