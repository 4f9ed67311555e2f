"""Replay at speed: decisions and results of the usual shape are read by their place in the line.

``steps`` says what a replay is. Here a line is compared with the bytes that the
writer would have written for the recomputed answer; where they are the same,
nothing needs to be parsed. Any other line goes to the strict parser and to
``steps``, which names what is wrong.

INVARIANT (tests/trace/test_replay.py, on generated and mutated traces):

- The fast path takes a line only if type, principal, facts, verdict, rules,
  state and approval, at their canonical places, are what ``steps`` accepts.
- ``_Answer``: the kernel's answer depends on the budget only by ``cost >
  budget``, on the version only by its limit. So it is computed by ``admit``
  once for each (authority, exposure, facts), and moved along for other
  budgets and versions.

What is not done: the arguments of such a line are not parsed. A line with a
second "facts" further on has no canonical form and every reader refuses it;
no writer signs it, and lines without a signature are parsed by ``verify``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

from nucleus.kernel.boundary import FACTS, admit, unpack
from nucleus.kernel.decide import ALLOW
from nucleus.kernel.state import VERSION_LIMIT, State, valid
from nucleus.lean import dataclass, field
from nucleus.trace.canonical import TIME_LIMIT
from nucleus.trace.reader import parse_record
from nucleus.trace.record import VERDICTS, rule_names
from nucleus.trace.steps import Replayed, step
from nucleus.trace.verify import Held, Verified, verify

_DECISION: Final = b',"type":"decision","principal":"'
_RESULT: Final = b',"type":"result","principal":"'
_OUTCOMES: Final = (b',"outcome":"ok","bytes":', b',"outcome":"failed","bytes":', b',"outcome":"unknown","bytes":')
_KEPT: Final = 1 << 16
"""Answers that one replay remembers."""
_DIGITS: Final = b"0123456789-"

_SEQ: Final = 81
"""Where the digits of "seq" begin in every line."""
_TIME_FIRST: Final = b"1" + b"0" * 18
_TIME_LAST: Final = b"%d" % TIME_LIMIT
"""Times of nineteen digits, 2001 to 2262: these are canonical. Others go to the parser."""

Table = dict[bytes, "_Answer"]


def replay(
    path: Path, held: Held | None = None, *, data: bytes | None = None, torn_end: bool = False
) -> tuple[Verified, Replayed]:
    """Verify the trace at ``path`` (or in ``data``) and recompute it, in one pass.

    ``torn_end`` is for recovery: a torn last record counts as absent.
    Raises ``TraceError`` at the first record that is not what was written, or
    that the kernel does not confirm; FileNotFoundError if there is no file.
    """
    player = Player()
    verified = verify(path, held, data=data, on_block=player.take, torn_end=torn_end)
    player.settle()
    return verified, player.found


@final
@dataclass(slots=True)
class _Answer:
    """What the kernel answers to one set of facts at one authority and exposure."""

    cost: int
    spent: int
    """Budget that it takes: the cost, or 0 for a refusal."""
    moved: int
    """Versions that it adds: 0 or 1."""
    exposure: int
    allowed: bool
    written: bytes
    """The line from the end of the facts on, with places for budget and version."""


@final
@dataclass(slots=True)
class _Seat:
    """A principal that the fast path can serve, its state unpacked."""

    name: str
    decision: bytes
    """How its decisions go on after the time."""
    result: bytes
    authority: int
    exposure: int
    budget: int
    version: int
    table: Table


@final
@dataclass(slots=True)
class _Tables:
    """Answers by authority and exposure."""

    by_state: dict[tuple[int, int], Table] = field(default_factory=dict)
    kept: int = 0

    def at(self, authority: int, exposure: int) -> Table:
        return self.by_state.setdefault((authority, exposure), {})


class Player:
    """Takes blocks of lines in order. After ``settle``, ``found`` is what they add up to."""

    __slots__ = ("_seats", "_tables", "found")

    def __init__(self) -> None:
        self.found = Replayed()
        self._seats: dict[bytes, _Seat] = {}
        self._tables = _Tables()

    def take(self, lines: Sequence[bytes], start: int) -> None:  # noqa: C901  the hot loop is one function
        """Replay ``lines``, whose chain was verified and the first of which is record ``start``.

        Raises ``TraceError`` at the first that the kernel does not confirm.
        """
        flight = self.found.in_flight
        seat: _Seat | None = None
        place, decided = 112, 0
        for number, line in enumerate(lines, start):
            # INVARIANT: the chain has checked all up to "time_ns":, so digits follow from there to ``place``.
            digits = line.find(b",", _SEQ)
            if not line.startswith(b',"type":"', place):
                place = line.find(b',"type":"', digits + 11)
            stamp = line[digits + 11 : place]
            if len(stamp) == 19 and stamp.isdigit() and _TIME_FIRST <= stamp <= _TIME_LAST:
                if seat is None or not line.startswith((seat.decision, seat.result), place):
                    seat = self._seat(line, place)
                if seat is not None and line.startswith(seat.decision, place):
                    first = place + len(seat.decision)
                    end = line.find(b"]", first)
                    answer = seat.table.get(line[first:end]) or self._answer(seat, line[first:end])
                    if answer is not None and answer.cost <= seat.budget:
                        budget, version = seat.budget - answer.spent, seat.version + answer.moved
                        if line.startswith(answer.written % (budget, version), end):
                            seat.budget, seat.version = budget, version
                            if answer.exposure != seat.exposure:
                                seat.exposure = answer.exposure
                                seat.table = self._tables.at(seat.authority, seat.exposure)
                            if answer.allowed:
                                flight[line[_SEQ:digits]] = seat.name
                            decided += 1
                            continue
                elif seat is not None and line.startswith(seat.result, place):
                    first = place + len(seat.result)
                    end = line.find(b",", first)
                    of = line[first:end]
                    if flight.get(of) == seat.name and line.startswith(_OUTCOMES, end):
                        del flight[of]
                        continue
            self.settle()
            seat = None
            step(self.found, parse_record(line, number), number)
        self.found.decisions += decided

    def settle(self) -> None:
        """Bring the states of the fast path into ``found``; it starts over from there."""
        for seat in self._seats.values():
            self.found.states[seat.name] = State(seat.authority, seat.exposure, seat.budget, seat.version)
        self._seats.clear()

    def _seat(self, line: bytes, place: int) -> _Seat | None:
        """Return the seat of the principal that ``line`` names, None if the fast path can't serve it."""
        opening = next((text for text in (_DECISION, _RESULT) if line.startswith(text, place)), b"")
        if not opening:
            return None
        first = place + len(opening)
        who = line[first : line.find(b'"', first)]
        seat = self._seats.get(who)
        if seat is not None or b"\\" in who or not who.isascii():
            return seat
        name = who.decode("ascii")
        state = self.found.states.get(name)
        # Near the limit of the version its place in the answer moves: leave that to the slow path.
        if state is None or name in self.found.locked or self.found.ended or not valid(state):
            return None
        if state.version >= VERSION_LIMIT >> 1:
            return None
        seat = _Seat(
            name,
            _DECISION + who + b'","facts":[',
            _RESULT + who + b'","of":',
            state.authority,
            state.exposure,
            state.budget,
            state.version,
            self._tables.at(state.authority, state.exposure),
        )
        self._seats[who] = seat
        return seat

    def _answer(self, seat: _Seat, facts: bytes) -> _Answer | None:
        """Ask the kernel. None, and nothing is remembered, where the answer can't be moved along."""
        fields = [int(part) for part in facts.split(b",")] if _are_ints(facts) else []
        if len(fields) != len(FACTS):
            return None
        request = unpack(fields)
        if request.approved != 0 or request.cost < 0 or request.cost > seat.budget:
            return None
        verdict, rules, after = admit(State(seat.authority, seat.exposure, seat.budget, seat.version), request)
        names = ",".join(f'"{name}"' for name in rule_names(rules))
        written = (
            f'],"verdict":"{VERDICTS[verdict]}","rules":[{names}],"state":[{after.authority},{after.exposure},'
            '%d,%d],"approval":null,"args":{'
        )
        answer = _Answer(
            request.cost,
            seat.budget - after.budget,
            after.version - seat.version,
            after.exposure,
            verdict == ALLOW,
            written.encode("ascii"),
        )
        if self._tables.kept < _KEPT:
            self._tables.kept += 1
            seat.table[facts] = answer
        return answer


def _are_ints(text: bytes) -> bool:
    """Whether ``text`` is ints, separated by commas, in the one spelling that the writer uses."""
    if len(text) > 400 or text.strip(_DIGITS + b","):
        return False
    try:
        return b",".join(b"%d" % int(part) for part in text.split(b",")) == text
    except ValueError:
        return False
