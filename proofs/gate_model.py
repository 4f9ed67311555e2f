"""The gate's core, the function that production runs, explored exhaustively to a stated depth.

The world: one owner, a principal ``p`` with two clients, which may bear a
child ``c``. The clients read, fetch, and ask to push two different things; the
owner says yes, yes twice, no, or locks everything; callers give up, workers
finish, time passes, things are seen outside of calls, and the gate crashes
and is started again. Every order of these events up to ``WIDE`` is tried, and
of those about one principal's approvals up to ``DEEP`` (states that differ in
nothing but numbering are one state); each step is judged by a monitor that
keeps books of its own.

A crash loses what was not synced. The restart is modelled as the design says
and ``trace.recovery`` does: all approvals and questions are void, and every
principal has seen everything. That the shell appends, syncs, and only then
performs is ``board``'s; its order is written down here once more (``durable``)
and the ninth negative control shows what another order loses.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from typing import Any, Final

from nucleus.gate.core import Gate, step
from nucleus.gate.events import (
    Abandoned,
    Absorbed,
    Answered,
    Closed,
    Declassified,
    Delegated,
    Done,
    Effect,
    Event,
    LockedDown,
    Opened,
    Perform,
    Record,
    Reply,
    Submit,
    Tick,
)
from nucleus.kernel.exposure import ALL_SEEN, FOREIGN, PRIVATE
from nucleus.kernel.facts import floored
from nucleus.kernel.state import Request
from nucleus.policy.call import Classified
from proofs.gate_monitor import Books, judge

WIDE: Final = 5
"""Depth to which every order of all events is tried."""
DEEP: Final = 8
"""Depth to which every order of the events about one principal's approvals is tried."""
NOW: Final = 1_000
LATER: Final = 10**15
"""After every question and approval expired."""
DEADLINE: Final = 10**18
EGRESS: Final = 100
P, C = "p", "c"
ASIDE: Final = ("bears", "post", "closes", "locks", "rest", "fetch", "opened")
"""Words of the events that the deep exploration leaves out."""


def _facts(op: int, legs: int, sink: int, *, fixed: int = 0, destination: str = "") -> Classified:
    return Classified(op, legs, 0, sink, 2, 0, 0, 0, 0, fixed, destination=destination)


CALLS: Final = {
    "read": _facts(0, PRIVATE, 0),
    "fetch": _facts(7, 2, 0, fixed=1),
    "push": _facts(9, 0, 3, destination="remote main"),
    "post": _facts(10, 0, 3, destination="remote main"),
}
"""Digest -> facts. ``read`` and ``fetch`` are silent, ``push`` and ``post`` ask."""
BYTES: Final = {"read": 0, "fetch": 0, "push": 30, "post": 30}


@dataclass(frozen=True)
class World:
    """The gate, the monitor's books, and whether time passed."""

    gate: Gate
    books: Books
    now: int = NOW
    crashes: int = 0


@dataclass
class Explored:
    """What an exploration found."""

    depth: str
    states: int = 0
    steps: int = 0
    controls: int = 0
    problems: list[str] = field(default_factory=list)


def start() -> World:
    """Return the world in which ``p`` was just opened."""
    gate, _, _ = step(Gate(), Opened(P, 0xFFFFFF, 0, 1_000, DEADLINE, EGRESS, NOW))
    return World(gate, Books())


def events(world: World) -> Iterator[tuple[str, Event]]:
    """Yield everything that can happen next, with a name for it."""
    gate, now = world.gate, world.now
    for principal in gate.principals:
        for digest in CALLS:
            yield f"{principal} asks {digest}", _submit(gate, principal, digest, now, ref=1, wait=False)
        yield f"{principal} asks push and waits", _submit(gate, principal, "push", now, ref=2, wait=True)
        yield f"{principal} closes", Closed(principal, now)
    yield "p sees foreign things", Absorbed(P, PRIVATE | FOREIGN, now)
    if P in gate.principals:
        yield "p is opened again", Opened(P, 0xFFFFFF, 0, 1_000, DEADLINE, EGRESS, now)
    if C in gate.principals and gate.principals[C].quarantined:
        yield "c hands out 64 bits", Declassified(C, 1, "schema", 64, now)
        yield "c hands out 65 bits", Declassified(C, 1, "schema", 65, now)
    if C not in gate.principals:
        yield "p bears c", Delegated(P, C, 0xFFFFFF, 400, DEADLINE, 1, now)
        yield "p bears c in quarantine", Delegated(P, C, 0xFFFFFF, 400, DEADLINE, 1, now, quarantined=True)
    for id_ in gate.questions:
        yield f"owner: yes to {id_}", Answered((id_,), True, "owner", now)
        yield f"owner: twice to {id_}", Answered((id_, id_), True, "owner", now, uses=2, egress_bytes=60)
        yield f"owner: no to {id_}", Answered((id_,), False, "owner", now)
        yield f"owner: no to {id_} and the rest", Answered((id_,), False, "owner", now, rest_of_session=True)
    for number in gate.in_flight:
        yield "a worker finishes", Done(number, "ok", 3, "d", "", now, seen=PRIVATE)
        break
    if any(question.waiting for question in gate.questions.values()):
        yield "the waiting caller leaves", Abandoned(2, now)
    yield "the owner locks all", LockedDown("owner", now)
    if now == NOW and (gate.questions or gate.granted):
        yield "time passes", Tick(LATER)


def _submit(gate: Gate, principal: str, digest: str, now: int, *, ref: int, wait: bool) -> Submit:
    # Ids come from the shell and are fresh; here they are the least that is not in use.
    used = {*gate.questions, *gate.granted}
    id_ = next(f"{principal}-{digest}-{n}" for n in range(9) if f"{principal}-{digest}-{n}" not in used)
    return Submit(principal, ref, id_, digest, {}, digest, CALLS[digest], 10, BYTES[digest], now, wait=wait)


def run(wide: int = WIDE, deep: int = DEEP) -> Explored:
    """Explore all events to depth ``wide`` and those about one principal's approvals to ``deep``, side by side."""
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        parts = list(pool.map(_explore, (wide, deep), (False, True)))
    found = Explored(f"{wide} (all events), {deep} (approvals)")
    for part in parts:
        found.states += part.states
        found.steps += part.steps
        found.problems += part.problems
    found.controls = len(CONTROLS)
    found.problems += [f"control not refuted: {name}" for name, refuted in CONTROLS.items() if not refuted()]
    return found


def _explore(depth: int, narrow: bool) -> Explored:  # noqa: FBT001  one of two worlds
    """Try every order of events up to ``depth``, breadth first, crashes included."""
    found = Explored(str(depth))
    frontier: list[tuple[World, tuple[str, ...]]] = [(start(), ())]
    seen = {_key(frontier[0][0])}
    for _ in range(depth):
        reached: list[tuple[World, tuple[str, ...]]] = []
        for world, path in frontier:
            for name, after, problems in successors(world, narrow=narrow):
                found.steps += 1
                found.problems += [f"{problem}: {' / '.join((*path, name))}" for problem in problems]
                key = _key(after)
                if key not in seen:
                    seen.add(key)
                    reached.append((after, (*path, name)))
        frontier = reached
        if found.problems:
            break
    found.states = len(seen)
    return found


def successors(world: World, *, narrow: bool = False) -> Iterator[tuple[str, World, list[str]]]:
    """Yield what each event leads to, and what the monitor says of it; and a crash."""
    for name, event in events(world):
        if narrow and any(word in name for word in ASIDE):
            continue
        gate, effects, records = step(world.gate, event)
        books, problems = judge(world.books, world.gate, event, gate, effects, records)
        problems += durable(effects, records)
        yield name, World(gate, books, max(world.now, event.now), world.crashes), problems
    if world.crashes == 0:
        yield "crash and restart", restarted(world), []


def restarted(world: World) -> World:
    """Return the world after a crash: everything seen, nothing approved; what children had is gone with them."""
    gate = Gate(recorded=world.gate.recorded)
    for id_, principal in world.gate.principals.items():
        if not principal.closed and not principal.parent and not world.gate.locked:
            state = principal.state
            opened = Opened(
                id_, state.authority, ALL_SEEN, state.budget, principal.deadline, principal.egress_left, world.now
            )
            gate = step(gate, opened)[0]
    return World(gate, world.books.after_crash(frozenset(gate.principals)), world.now, world.crashes + 1)


def durable(effects: tuple[Effect, ...], records: tuple[Record, ...], *, group: bool = False) -> list[str]:
    """Return the effects with a sink or an approval that could happen although a crash loses their record.

    The shell appends all records of a step, syncs if one of them says so, and
    performs after that. ``group`` is the order that it must not have: perform
    first and let a later group commit sync.
    """
    on_disk = any(record.sync for record in records) and not group
    decided = [record.fields for record in records if record.fields["type"] == "decision"]
    lost = []
    for effect in effects:
        if isinstance(effect, Perform):
            own = decided[-1] if decided else None
            if own is None:
                lost.append("an effect without any record")
            elif not on_disk and (floored(Request(*own["facts"]))[2] != 0 or own["approval"] is not None):
                lost.append("an effect with a sink before its record is on disk")
        elif isinstance(effect, Reply) and effect.what == "released" and not records:
            lost.append("a released result without a record")
    return lost


def _key(world: World) -> Any:
    """Return what makes two worlds different: no versions, no times of questions, no sequence numbers."""
    gate = world.gate
    principals = tuple(
        (
            *(id_, p.state.authority, p.state.exposure, p.state.budget),
            *(p.egress_left, p.parent, p.closed, p.quarantined, p.asks_refused, p.declassified),
        )
        for id_, p in gate.principals.items()
    )
    questions = tuple(sorted((q.id, q.rules, q.exposure, q.submit.ref, q.waiting) for q in gate.questions.values()))
    granted = tuple(sorted((a.question, a.rules, a.exposure, a.uses, a.egress_bytes) for a in gate.granted.values()))
    flights = tuple(sorted((s.principal, s.digest) for s in gate.in_flight.values()))
    rest = (gate.refused, gate.locked, world.now, world.crashes, world.books.key())
    return principals, questions, granted, flights, rest


def _group_sync() -> bool:
    """Whether syncing in groups on a sink loses a record: push, yes, and a crash before the group commit."""
    world = start()
    gate, _, _ = step(world.gate, _submit(world.gate, P, "push", NOW, ref=1, wait=False))
    gate, _, _ = step(gate, Answered(tuple(gate.questions), allow=True, by="owner", now=NOW))
    _, effects, records = step(gate, _submit(gate, P, "push", NOW, ref=1, wait=False))
    performed = any(isinstance(effect, Perform) for effect in effects)
    return performed and not durable(effects, records) and bool(durable(effects, records, group=True))


def _forgotten_join() -> bool:
    """Whether the monitor notices a child whose exposure does not reach its parent."""
    world = start()
    gate = step(world.gate, Delegated(P, C, 0xFFFFFF, 400, DEADLINE, 1, NOW))[0]
    event = _submit(gate, C, "read", NOW, ref=1, wait=False)
    after, effects, records = step(gate, event)
    forgot = replace(after, principals={**after.principals, P: gate.principals[P]})
    return bool(judge(Books(), gate, event, forgot, effects, records)[1])


def _double_spend() -> bool:
    """Whether the monitor notices an approval that is still there after it was spent."""
    world = start()
    books, gate = world.books, world.gate
    script: list[Event] = [_submit(gate, P, "push", NOW, ref=1, wait=False)]
    for _ in range(3):
        event = script.pop()
        after, effects, records = step(gate, event)
        kept = gate.granted or after.granted
        books, problems = judge(books, gate, event, after, effects, records)
        if problems:
            return True
        gate = replace(after, granted=kept)
        answer = Answered(tuple(gate.questions), allow=True, by="owner", now=NOW)
        script = [answer if gate.questions else _submit(gate, P, "push", NOW, ref=1, wait=False)]
    after, effects, records = step(gate, script.pop())
    return bool(judge(books, gate, _submit(gate, P, "push", NOW, ref=1, wait=False), after, effects, records)[1])


CONTROLS: Final = {
    "group-sync-on-sinks": _group_sync,
    "child-exposure-not-joined": _forgotten_join,
    "approval-kept-after-use": _double_spend,
}
"""The ninth required control, and two broken gates that the monitor has to notice."""
