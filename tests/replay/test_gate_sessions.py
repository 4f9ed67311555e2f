"""Whatever the gate's core does, its records replay: to the very states that it holds, through writer and verifier."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nucleus.gate import core
from nucleus.gate.events import (
    Absorbed,
    Answered,
    Closed,
    Declassified,
    Delegated,
    Done,
    Event,
    LockedDown,
    Opened,
    Perform,
    Submit,
    Tick,
    Tightened,
)
from nucleus.kernel.capability import EVERYTHING
from nucleus.policy.call import Classified
from nucleus.trace.replay import replay
from nucleus.trace.writer import TraceWriter
from tests.gate.scenes import DEADLINE, FETCH, HIDDEN, READ, SECOND, STEER
from tests.trace.example import HEADER, Clock

PRINCIPALS = ("main", "a", "b", "c")
STEPS = st.one_of(
    st.tuples(st.just("call"), st.sampled_from(PRINCIPALS), st.sampled_from([READ, HIDDEN, FETCH, STEER])),
    st.tuples(st.just("done"), st.sampled_from(["ok", "failed", "unknown"]), st.sampled_from([0, 2, 9, 31])),
    st.tuples(st.just("answer"), st.booleans(), st.integers(1, 3)),
    st.tuples(st.just("delegate"), st.sampled_from(PRINCIPALS), st.sampled_from(PRINCIPALS)),
    st.tuples(st.just("absorb"), st.sampled_from(PRINCIPALS), st.sampled_from([1, 2, 9, 17])),
    st.tuples(st.just("tighten"), st.sampled_from(PRINCIPALS), st.sampled_from([0, 3, 0xFFF, EVERYTHING])),
    st.tuples(st.just("declassify"), st.sampled_from(PRINCIPALS), st.integers(0, 70)),
    st.tuples(st.sampled_from(["close", "lockdown", "tick", "checkpoint"]), st.sampled_from(PRINCIPALS), st.just(0)),
)


class Session:
    """A gate's core beside a writer, joined as the gate's shell joins them."""

    def __init__(self) -> None:
        self.writer = TraceWriter.in_memory(HEADER | {"state": [EVERYTHING, 0, 50, 0]}, clock=Clock())
        self.gate = core.Gate()
        self.flying: list[int] = []
        self.now = 0
        self.step(Opened("main", EVERYTHING, 0, 50, DEADLINE, 10_000, 0))

    def step(self, event: Event) -> None:
        """Step, and append what is to be recorded."""
        gate = replace(self.gate, recorded=self.writer.next_seq)
        self.gate, effects, records = core.step(gate, event)
        self.writer.append_all([record.fields for record in records])
        self.flying += [effect.number for effect in effects if isinstance(effect, Perform)]

    def act(self, kind: str, one: Any, two: Any) -> None:
        """Turn a drawn step into an event."""
        self.now += SECOND
        if kind == "checkpoint":
            self.writer.checkpoint()
        elif kind == "done":
            if self.flying:
                self.step(Done(self.flying.pop(), one, 5, "d", "", self.now, two))
        elif (event := self.event(kind, one, two)) is not None:
            self.step(event)

    def event(self, kind: str, one: Any, two: Any) -> Event | None:  # noqa: PLR0911  one return for each kind
        """Return the event of a step that needs nothing in flight."""
        now = self.now
        match kind:
            case "call":
                return self.call(one, two)
            case "answer":
                return Answered(tuple(self.gate.questions), one, "terminal", now, two, 1000)
            case "delegate":
                return Delegated(one, two, 0xFFF, 5, DEADLINE, 0, now, quarantined=two == "c")
            case "absorb":
                return Absorbed(one, two, now)
            case "tighten":
                return Tightened(one, two, 20, DEADLINE, now)
            case "declassify":
                return Declassified(one, 0, "schema", two, now)
            case "close":
                return Closed(one, now)
            case "lockdown":
                return LockedDown("owner", now)
            case _:
                return Tick(now)

    def call(self, principal: str, facts: Classified) -> Submit:
        """Return a call with a cost."""
        digest = f"digest of {facts.destination}"
        id_, args = f"n{self.now}", {"path": "a"}
        return Submit(principal, 1, id_, "fs.read", args, digest, facts, 1, 0, self.now, facts.destination)


@settings(max_examples=300)
@given(st.lists(STEPS, max_size=40))
def test_every_session_of_the_core_replays_to_its_states(steps: list[tuple[str, Any, Any]]) -> None:
    session = Session()
    for step in steps:
        session.act(*step)
    session.writer.close("done")
    verified, found = replay(Path("memory.jsonl"), data=session.writer.lines())
    assert verified.ending == "closed"
    assert found.states == {name: principal.state for name, principal in session.gate.principals.items()}
    assert {int(number) for number in found.in_flight} == set(session.gate.in_flight)
