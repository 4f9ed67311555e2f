"""The gate's core: ``step(state, event) -> (state, effects, records)``, without IO.

The shell (``server``) turns sockets, workers and clocks into events, appends
the records, and only then performs the effects. A crash is any prefix of
that list, so: every effect stands behind its record, and every release of a
result behind the join of what it shows.

INVARIANT (model-checked in proofs/):
- an approval is spent at most as often as it was given;
- it is spent only while exposure and reasons are within what was shown;
- no ``Perform`` without a decision record of verdict allow in the same step;
- no ``Reply`` "released" before the exposure of the result is joined to the
  principal and, for a child, to every ancestor outside of a quarantine;
- after ``LockedDown`` or ``Closed`` nothing is performed for that principal.

The same functions run in production and in the model check.
"""

from typing import Final, final

from nucleus.gate import approvals
from nucleus.gate.approvals import Approval, Question
from nucleus.gate.events import (
    Abandoned,
    Absorbed,
    Answered,
    Ask,
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
    Tightened,
)
from nucleus.gate.flights import Flights
from nucleus.gate.records import change, decision, ints, pending_fields, refusal
from nucleus.kernel.boundary import admit
from nucleus.kernel.decide import ALLOW, ASK
from nucleus.kernel.delegate import absorb, delegate, tighten
from nucleus.kernel.exposure import ALL_SEEN
from nucleus.kernel.facts import SCOPE_DENY, floored
from nucleus.kernel.state import BUDGET_LIMIT, VERSION_LIMIT, Request, State
from nucleus.lean import dataclass, field, replace
from nucleus.policy.quarantine import CALL_BITS, SESSION_BITS
from nucleus.trace.record import rule_names

NOBODY: Final = State(0, ALL_SEEN, 0, VERSION_LIMIT)
"""The state of a principal that does not exist: every request is refused."""


@final
@dataclass(frozen=True, slots=True)
class Principal:
    """One process tree, box or agent session; exposure and budget belong to it."""

    state: State
    deadline: int
    egress_left: int
    parent: str = ""
    closed: bool = False
    quarantined: bool = False
    declassified: int = 0
    """Of the first of a line: bits that quarantines have handed to the line."""
    asks_refused: bool = False
    """Of the first of a line: the owner said to deny whatever the line asks, for the rest of the session."""
    asked_at: tuple[int, ...] = ()
    """Of the first of a line: times of the line's questions of the last minute."""


@final
@dataclass(slots=True, unsafe_hash=True)
class Gate:
    """Everything the gate remembers. Never changed in place."""

    principals: Final[dict[str, Principal]] = field(default_factory=dict)
    questions: Final[dict[str, Question]] = field(default_factory=dict)
    granted: Final[dict[str, Approval]] = field(default_factory=dict)
    refused: Final[frozenset[tuple[str, str]]] = frozenset()
    """(first principal of a line, essence of a call) that a person denied: they stay denied to the whole line."""
    in_flight: Final[Flights] = field(default_factory=Flights)
    recorded: Final[int] = 0
    """Records made so far: the sequence number of the next one, given a fresh trace."""
    locked: Final[bool] = False


Step = tuple[Gate, tuple[Effect, ...], tuple[Record, ...]]


def step(gate: Gate, event: Event) -> Step:  # noqa: C901, PLR0911  one arm for each event
    """Return what the gate becomes, what it wants done, and what must be recorded first."""
    match event:
        case Submit():
            return _submit(gate, event)
        case Answered():
            return _answered(gate, event)
        case Done():
            return _done(gate, event)
        case Opened():
            return _opened(gate, event)
        case Delegated():
            return _delegated(gate, event)
        case Tightened():
            return _tightened(gate, event)
        case Declassified():
            return _declassified(gate, event)
        case Absorbed():
            return _absorbed(gate, event)
        case Closed():
            return _closed(gate, event)
        case LockedDown():
            return _locked_down(gate, event)
        case Tick():
            return _tick(gate, event)
        case Abandoned():
            return _abandoned(gate, event)


def request_of(gate: Gate, event: Submit, *, approved: bool) -> Request:
    """Return the kernel's request for a submitted call: clock, cost and approval are added here."""
    principal = gate.principals.get(event.principal)
    live = principal is not None and not principal.closed and not gate.locked and event.now < principal.deadline
    stale = principal is not None and event.version not in {-1, principal.state.version}
    spent = any(event.egress_bytes > gate.principals[id_].egress_left for id_ in _line(gate, event.principal))
    f = event.facts
    request = Request(
        op=f.op,
        cost=BUDGET_LIMIT if spent else event.cost,
        live=1 if live and not stale else 0,
        legs=f.legs,
        carried=f.carried,
        sink=f.sink,
        scope=f.scope,
        trusted=f.trusted,
        home=f.home,
        attested=f.attested,
        public=f.public,
        fixed=f.fixed,
        approved=1 if approved else 0,
    )
    if principal is not None and principal.quarantined and floored(request)[2] != 0:
        # INVARIANT: a quarantine has no sinks; what it saw leaves it through a declared schema or not at all.
        return replace(request, scope=SCOPE_DENY)
    return request


def _submit(gate: Gate, event: Submit) -> Step:
    principal = gate.principals.get(event.principal)
    state = NOBODY if principal is None else principal.state
    request = request_of(gate, event, approved=False)
    verdict, rules, after = admit(state, request)
    approval = None
    if verdict == ASK and not _denied(gate, event):
        approval = approvals.match(gate.granted, event, rules, state.exposure)
        if approval is not None:
            request = request_of(gate, event, approved=True)
            verdict, rules, after = admit(state, request)
    decided = decision(event, request, verdict, rules, after, approval)
    if verdict == ALLOW and principal is not None:
        return _allow(gate, event, after, approval, decided)
    if verdict == ASK and principal is not None:
        return _ask(gate, principal, event, rules, decided)
    return _noted(gate, (Reply(event.ref, "denied", refusal(event, rules, state)),), decided)


def _allow(gate: Gate, event: Submit, after: State, approval: Approval | None, decided: Record) -> Step:
    principals = dict(gate.principals)
    principals[event.principal] = replace(principals[event.principal], state=after)
    for id_ in _line(gate, event.principal):  # what a child sends, its parent has sent
        left = principals[id_].egress_left - event.egress_bytes
        principals[id_] = replace(principals[id_], egress_left=left)
    number = gate.recorded
    granted = gate.granted if approval is None else approvals.spend(gate.granted, approval, event)
    # The parent absorbs at the decision, not at the result: a child of the same process
    # could show it what it reads before any message of ours arrives.
    joined = _join_ancestors(principals, event.principal, after.exposure)
    gate = replace(gate, principals=principals, granted=granted, in_flight=gate.in_flight.plus(number, event))
    return _noted(gate, (Perform(event.ref, number),), decided, *joined)


def _ask(gate: Gate, principal: Principal, event: Submit, rules: int, decided: Record) -> Step:
    root = _line(gate, event.principal)[-1]
    if _denied(gate, event) or gate.principals[root].asks_refused:
        fields = refusal(event, rules, principal.state) | {"code": "refused_by_owner"}
        return _noted(gate, (Reply(event.ref, "denied", fields),), decided)
    if not event.showable:
        fields = refusal(event, rules, principal.state) | {"code": "too_large_to_show"}
        return _noted(gate, (Reply(event.ref, "denied", fields),), decided)
    known = approvals.same_question(gate.questions, event, rules, principal.state.exposure)
    if known is not None:
        gate, waiting = _wait_on(gate, known, event)
        pending = () if waiting else (Reply(event.ref, "pending", pending_fields(event, known, rules)),)
        return _noted(gate, pending, decided)
    adds = floored(request_of(gate, event, approved=False))[0]
    # One person answers for the whole line: children don't multiply what may be asked of them.
    recent = approvals.recent(gate.principals[root].asked_at, event.now)
    if approvals.too_many(recent, len(gate.questions)):
        fields = refusal(event, rules, principal.state) | {"code": "too_many_questions"}
        return _noted(gate, (Reply(event.ref, "denied", fields),), decided)
    question = approvals.raise_question(event, rules, principal.state.exposure, adds)
    gate = replace(
        gate,
        principals={**gate.principals, root: replace(gate.principals[root], asked_at=(*recent, event.now))},
        questions={**gate.questions, question.id: question},
    )
    asked = Record(
        {
            "type": "question",
            "principal": event.principal,
            "id": question.id,
            "digest": event.digest,
            "reasons": rule_names(rules),
            "destination": event.destination,
            "expires_ns": question.expires,
        }
    )
    ask: tuple[Effect, ...] = (Ask(question.id),)
    if not event.wait:
        ask = (*ask, Reply(event.ref, "pending", pending_fields(event, question, rules)))
    return _noted(gate, ask, decided, asked)


def _denied(gate: Gate, event: Submit) -> bool:
    """Whether a person denied this very call to the line: no parent, child or sibling can ask it again."""
    line = _line(gate, event.principal)
    return bool(line) and (line[-1], event.essence or event.digest) in gate.refused


def _line(gate: Gate, id_: str) -> tuple[str, ...]:
    """Return a principal and its ancestors, itself first."""
    line: tuple[str, ...] = ()
    while id_ in gate.principals:
        line = (*line, id_)
        id_ = gate.principals[id_].parent
    return line


def _wait_on(gate: Gate, question: Question, event: Submit) -> tuple[Gate, bool]:
    """Let a caller wait on a question that is already open; the latest waiter is the one answered."""
    if not event.wait or question.waiting:
        return gate, False
    waiting = replace(question, submit=event, waiting=True)
    return replace(gate, questions={**gate.questions, question.id: waiting}), True


def _answered(gate: Gate, event: Answered) -> Step:
    effects: tuple[Effect, ...] = ()
    records: tuple[Record, ...] = ()
    for id_ in event.ids:
        question = gate.questions.get(id_)
        if question is None or event.now >= question.expires:
            continue
        gate, more, noted = _answer_one(gate, question, event)
        effects, records = effects + more, records + noted
    return gate, effects, records


def _answer_one(gate: Gate, question: Question, event: Answered) -> Step:
    answer = Record(
        {
            "type": "answer",
            "id": question.id,
            "by": event.by,
            "answer": "allow" if event.allow else "deny",
            "uses": event.uses if event.allow else 0,
            "digest_list": [question.submit.digest],
        },
        sync=True,
    )
    rest = {id_: other for id_, other in gate.questions.items() if id_ != question.id}
    gate = replace(gate, questions=rest)
    if event.allow:
        gate = replace(gate, granted={**gate.granted, question.id: approvals.grant(question, event)})
        gate, effects, records = _noted(gate, (), answer)
        if not question.waiting:
            return gate, effects, records
        # If it still asks, that is a new question under a new name: it shows what nobody has answered yet.
        again = replace(question.submit, id=f"{question.id}-again", now=event.now, version=-1)
        gate, more, noted = _submit(gate, again)
        return gate, effects + more, records + noted
    principal = gate.principals[question.principal]
    root = _line(gate, question.principal)[-1]
    refused = gate.refused | {(root, question.submit.essence or question.submit.digest)}
    first = gate.principals[root]
    kept = replace(first, asks_refused=first.asks_refused or event.rest_of_session)
    gate = replace(gate, refused=refused, principals={**gate.principals, root: kept})
    reply: tuple[Effect, ...] = ()
    if question.waiting:
        fields = refusal(question.submit, question.rules, principal.state) | {"code": "refused_by_owner"}
        reply = (Reply(question.submit.ref, "denied", fields),)
    return _noted(gate, reply, answer)


def _done(gate: Gate, event: Done) -> Step:
    submitted = gate.in_flight.get(event.number)
    if submitted is None:
        return gate, (), ()
    gate = replace(gate, in_flight=gate.in_flight.minus(event.number))
    result = Record(
        {
            "type": "result",
            "principal": submitted.principal,
            "of": event.number,
            "outcome": event.outcome,
            "bytes": event.bytes,
            "digest": event.digest,
            "error": event.error,
        }
    )
    gate, seen = _absorb(gate, submitted.principal, event.seen)
    principal = gate.principals[submitted.principal]
    fields = {"seq": event.number, "id": submitted.id, "exposure": principal.state.exposure}
    return _noted(gate, (Reply(submitted.ref, "released", fields),), result, *seen)


def _opened(gate: Gate, event: Opened) -> Step:
    if event.principal in gate.principals:  # INVARIANT: a principal begins once; who comes later finds what was there
        return gate, (), ()
    state = State(event.authority, event.exposure, event.budget, 0)
    principal = Principal(state, event.deadline, event.egress_bytes)
    return replace(gate, principals={**gate.principals, event.principal: principal}), (), ()


def _delegated(gate: Gate, event: Delegated) -> Step:
    principal = gate.principals.get(event.principal)
    live = principal is not None and not principal.closed and not gate.locked and event.now < principal.deadline
    # INVARIANT: a quarantine has no children: what it saw would leave it by one that has sinks.
    if principal is None or not live or principal.quarantined or event.child in gate.principals:
        return gate, (Reply(event.ref, "denied", {"code": "session", "rules": ["session"]}),), ()
    given = delegate(principal.state, event.authority, event.budget)
    if given.granted == 0:
        return gate, (Reply(event.ref, "denied", {"code": "budget", "rules": ["budget"]}),), ()
    child = Principal(
        given.child,
        min(event.deadline, principal.deadline),
        principal.egress_left,
        parent=event.principal,
        quarantined=event.quarantined,
    )
    parent = replace(principal, state=given.parent)
    gate = replace(gate, principals={**gate.principals, event.principal: parent, event.child: child})
    args = [event.authority, event.budget]
    fields = {"child": event.child, "child_state": ints(given.child)}
    record = change(event.principal, "delegate", args, given.parent, **fields)
    return _noted(gate, (Reply(event.ref, "delegated", {"child": event.child}),), record)


def _tightened(gate: Gate, event: Tightened) -> Step:
    principal = gate.principals.get(event.principal)
    if principal is None:
        return gate, (), ()
    state = tighten(principal.state, event.authority, event.budget)
    kept = replace(principal, state=state, deadline=min(principal.deadline, event.deadline))
    gate = replace(gate, principals={**gate.principals, event.principal: kept})
    if state == principal.state:
        return gate, (), ()
    return _noted(gate, (), change(event.principal, "tighten", [event.authority, event.budget], state))


def _declassified(gate: Gate, event: Declassified) -> Step:
    child = gate.principals.get(event.child)
    parent = gate.principals.get(child.parent) if child is not None else None
    if child is None or parent is None or not child.quarantined or child.closed or gate.locked:
        return gate, (Reply(event.ref, "denied", {"code": "session", "rules": ["session"]}),), ()
    # Counted at the first of the line: children don't multiply what may leave quarantines.
    root = _line(gate, child.parent)[-1]
    total = gate.principals[root].declassified + event.bits
    if event.bits > CALL_BITS or total > SESSION_BITS:
        return gate, (Reply(event.ref, "denied", {"code": "quarantine_capacity", "rules": ["scope"]}),), ()
    counted = replace(gate.principals[root], declassified=total)
    gate = replace(gate, principals={**gate.principals, root: counted})
    record = Record(
        {
            "type": "declassify",
            "principal": child.parent,
            "child": event.child,
            "schema_digest": event.schema_digest,
            "bits": event.bits,
            "total_bits": total,
        },
        sync=True,
    )
    return _noted(gate, (Reply(event.ref, "declassified", {"total_bits": total}),), record)


def _absorbed(gate: Gate, event: Absorbed) -> Step:
    gate, records = _absorb(gate, event.principal, event.seen)
    return _noted(gate, (), *records)


def _closed(gate: Gate, event: Closed) -> Step:
    gone = {event.principal}
    for id_, principal in gate.principals.items():  # parents stand before their children
        if principal.parent in gone:
            gone.add(id_)
    principals = {id_: replace(p, closed=p.closed or id_ in gone) for id_, p in gate.principals.items()}
    gate = replace(
        gate,
        principals=principals,
        questions={id_: q for id_, q in gate.questions.items() if q.principal not in gone},
        granted={id_: a for id_, a in gate.granted.items() if a.principal not in gone},
    )
    return gate, (), ()


def _locked_down(gate: Gate, event: LockedDown) -> Step:
    waiting = tuple(
        Reply(q.submit.ref, "denied", {"code": "locked_down", "rules": ["session"]})
        for q in gate.questions.values()
        if q.waiting
    )
    records = tuple(change(id_, "lockdown", [], p.state, by=event.by) for id_, p in gate.principals.items())
    gate = replace(gate, locked=True, questions={}, granted={})
    return _noted(gate, waiting, *records)


def _tick(gate: Gate, event: Tick) -> Step:
    expired = [q for q in gate.questions.values() if event.now >= q.expires]
    replies = tuple(
        Reply(q.submit.ref, "pending", pending_fields(q.submit, q, q.rules) | {"code": "expired"})
        for q in expired
        if q.waiting
    )
    gate = replace(
        gate,
        questions={id_: q for id_, q in gate.questions.items() if event.now < q.expires},
        granted={id_: a for id_, a in gate.granted.items() if event.now < a.expires},
    )
    return gate, replies, ()


def _abandoned(gate: Gate, event: Abandoned) -> Step:
    """Keep the question open; an answer yes then waits for the identical retry and performs nothing by itself."""
    questions = {
        id_: replace(q, waiting=False) if q.submit.ref == event.ref else q for id_, q in gate.questions.items()
    }
    return replace(gate, questions=questions), (), ()


def _absorb(gate: Gate, id_: str, seen: int) -> tuple[Gate, tuple[Record, ...]]:
    """Join ``seen`` to a principal and its ancestors."""
    principal = gate.principals.get(id_)
    if principal is None or seen == 0:
        return gate, ()
    principals = dict(gate.principals)
    state = absorb(principal.state, seen)
    records: tuple[Record, ...] = ()
    if state != principal.state:
        principals[id_] = replace(principal, state=state)
        records = (change(id_, "absorb", [seen], state),)
    return replace(gate, principals=principals), records + _join_ancestors(principals, id_, seen)


def _join_ancestors(principals: dict[str, Principal], id_: str, seen: int) -> tuple[Record, ...]:
    """Join ``seen`` to every ancestor up to the first quarantine, in ``principals``; return the records."""
    records: tuple[Record, ...] = ()
    child = principals[id_]
    while child.parent and not child.quarantined:
        parent = principals[child.parent]
        state = absorb(parent.state, seen)
        if state != parent.state:
            principals[child.parent] = replace(parent, state=state)
            records = (*records, change(child.parent, "absorb", [seen], state))
        child = principals[child.parent]
    return records


def _noted(gate: Gate, effects: tuple[Effect, ...], *records: Record) -> Step:
    """Count the records, so that a decision's number is the sequence number of its record."""
    recorded = gate.recorded + len(records)
    gate = Gate(gate.principals, gate.questions, gate.granted, gate.refused, gate.in_flight, recorded, gate.locked)
    return gate, effects, records
