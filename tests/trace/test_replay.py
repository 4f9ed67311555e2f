"""The fast replay agrees with the slow one, on whole traces and on damaged ones."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nucleus.errors import TraceError
from nucleus.kernel import capability, exposure
from nucleus.kernel.boundary import admit
from nucleus.kernel.state import Request, State
from nucleus.trace import replay as fast
from nucleus.trace.reader import parse_record
from nucleus.trace.replay import Player, replay
from nucleus.trace.steps import Replayed, step
from nucleus.trace.writer import TraceWriter
from tests.trace.example import APPROVED_PUSH, FETCH, HEADER, NOT_LIVE, PUSH, READ, Clock, Story, in_memory, on_disk

WHERE = Path("memory.jsonl")
LINES = in_memory(4).split(b"\n")[:-1]


def slowly(lines: list[bytes]) -> Replayed:
    found = Replayed()
    for number, line in enumerate(lines):
        step(found, parse_record(line, number), number)
    return found


def quickly(lines: list[bytes]) -> Replayed:
    player = Player()
    player.take(lines, 0)
    player.settle()
    return player.found


def test_a_whole_trace_is_replayed(tmp_path: Path) -> None:
    verified, found = replay(on_disk(tmp_path).path)
    assert (verified.ending, found.decisions) == ("closed", 9)
    assert found.in_flight == {}


def test_both_ways_arrive_at_the_same() -> None:
    assert slowly(LINES) == quickly(LINES)


def test_most_of_an_ordinary_trace_goes_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = in_memory(400).split(b"\n")[:-1]
    slow: list[int] = []

    def counted(found: Replayed, record: dict[str, Any], number: int) -> None:
        slow.append(number)
        step(found, record, number)

    monkeypatch.setattr(fast, "step", counted)
    quickly(lines)
    assert len(slow) < 20


STEPS = st.sampled_from(
    ["read", "fetch", "push", "approved", "dead", "result", "absorb", "tighten", "delegate", "child"]
)


def told(steps: list[str], budget: int) -> list[bytes]:  # noqa: C901  one arm for each step
    header = HEADER | {"state": [0xFFFFFF, 0, budget, 0]}
    story = Story(TraceWriter.in_memory(header, clock=Clock()))
    story.states["main"] = State(0xFFFFFF, 0, budget, 0)
    flying: list[tuple[int, str]] = []
    for number, name in enumerate(steps):
        who = "main" if name != "child" else next((c for c in story.states if c != "main"), "main")
        before = story.states[who]
        request = {"fetch": FETCH, "push": PUSH, "dead": NOT_LIVE, "approved": APPROVED_PUSH}.get(name, READ)
        if name == "result":
            if flying:
                story.result(*flying.pop())
        elif name == "absorb":
            story.change("absorb", [9])
        elif name == "tighten":
            story.change("tighten", [0x3FFFFF, 90])
        elif name == "delegate":
            if story.states["main"].budget >= 3:
                story.change("delegate", [0xFFF, 3], child=f"c{number}")
        else:
            more: dict[str, Any] = {}
            if name == "approved":
                story.ask(f"q{number}")
                story.answer(f"q{number}")
                more = {"approval": f"q{number}"}
                if admit(before, request)[0] != 2:
                    continue
            seq = story.decide(request, who, **more)
            if admit(before, request)[0] == 2:
                flying.append((seq, who))
    return story.writer.lines().split(b"\n")[:-1]


@given(st.lists(STEPS, max_size=30), st.integers(0, 40))
def test_both_ways_agree_on_any_session(steps: list[str], budget: int) -> None:
    lines = told(steps, budget)
    assert slowly(lines) == quickly(lines)


@settings(max_examples=400)
@given(st.data())
def test_both_ways_agree_on_damaged_lines(data: st.DataObject) -> None:
    """The chain is not looked at here: whatever the bytes say, fast accepts only what slow accepts."""
    lines = list(LINES)
    index = data.draw(st.integers(0, len(lines) - 1))
    line = bytearray(lines[index])
    first = line.index(b'"time_ns":')
    # Up to the arguments: what lies beyond is bound by chain and signatures, and parsed by every reader.
    last = line.find(b'"args"') if b'"decision"' in line else len(line)
    place = data.draw(st.integers(first + 10, (last if last > 0 else len(line)) - 1))
    if data.draw(st.booleans()):
        line[place] ^= data.draw(st.integers(1, 255))
    else:
        line[place:place] = data.draw(st.sampled_from([b"0", b" ", b"-", b"1", b",", b'"', b"\\", b"]"]))
    if b'"result"' in line and place > line.find(b'"outcome"') > 0:
        return
    lines[index] = bytes(line)
    try:
        quick = quickly(lines)
    except TraceError:
        with pytest.raises(TraceError):
            slowly(lines)
        return
    assert slowly(lines) == quick


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=20))
def test_both_ways_agree_on_lines_in_any_order(lines: list[bytes]) -> None:
    try:
        quick = quickly(lines)
    except TraceError:
        with pytest.raises(TraceError):
            slowly(lines)
        return
    assert slowly(lines) == quick


FACTS = st.builds(
    Request,
    st.integers(-1, 12),
    st.integers(0, 60),
    st.integers(0, 2),
    st.integers(0, 32),
    st.integers(0, 31),
    st.integers(0, 8),
    st.integers(0, 3),
    st.integers(0, 3),
    *[st.integers(0, 1)] * 4,
    st.just(0),
)


@given(
    st.integers(0, 0xFFFFFF).map(lambda a: a & (capability.LOW_BITS | (a << 1 & capability.HIGH_BITS))),
    st.integers(0, 31).filter(exposure.valid),
    FACTS,
    st.tuples(st.integers(0, 100), st.integers(0, 1000)),
    st.tuples(st.integers(0, 100), st.integers(0, 1000)),
)
def test_an_answer_moves_along_with_budget_and_version(
    a: int, e: int, request: Request, one: tuple[int, int], two: tuple[int, int]
) -> None:
    """What is remembered for one budget and version is what the kernel says at another."""
    if request.cost > min(one[0], two[0]):
        return
    verdict, rules, after = admit(State(a, e, *one), request)
    moved = State(after.authority, after.exposure, two[0] - one[0] + after.budget, two[1] - one[1] + after.version)
    assert admit(State(a, e, *two), request) == (verdict, rules, moved)


def test_the_first_divergence_is_raised_with_its_place(tmp_path: Path) -> None:
    writer = TraceWriter.create(tmp_path, HEADER)
    story = Story(writer)
    story.decide()
    story.decide(verdict="deny")
    story.decide(verdict="ask")
    writer.close("x")
    with pytest.raises(TraceError, match="diverges") as caught:
        replay(writer.path)
    assert (caught.value.record, caught.value.path) == (2, str(writer.path))


def test_tampering_is_found_before_anything_is_replayed(tmp_path: Path) -> None:
    path = on_disk(tmp_path).path
    path.write_bytes(path.read_bytes().replace(b'"outcome":"ok"', b'"outcome":"no"', 1))
    with pytest.raises(TraceError, match="edited"):
        replay(path)
