"""The monitor of the gate's model check: books of its own, and what must never happen.

It reads what went in and what came out (events, records, effects) and the
state only where a property is about the state. It never asks the gate's own
approval code whether an approval was good.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from nucleus.gate.core import Gate, request_of
from nucleus.gate.events import (
    Answered,
    Closed,
    Declassified,
    Done,
    Effect,
    Event,
    LockedDown,
    Perform,
    Record,
    Reply,
    Submit,
    Tick,
)
from nucleus.kernel.boundary import admit
from nucleus.kernel.exposure import EXFIL
from nucleus.trace.record import rule_names

ALLOWED: Final = "allow"
BITS_OF_A_CALL: Final = 64
BITS_OF_A_SESSION: Final = 256
"""From the design, not from the product."""


@dataclass(frozen=True)
class Yes:
    """An answer yes, as the monitor remembers it."""

    principal: str
    digest: str
    reasons: frozenset[str]
    exposure: int
    left: int
    bounded: bool
    destination: str


@dataclass(frozen=True)
class Books:
    """What the monitor remembers."""

    shown: tuple[tuple[str, Yes], ...] = ()
    """Open questions by id, as they were shown."""
    given: tuple[tuple[str, Yes], ...] = ()
    """Answers yes by id, and how many uses are left."""
    denied: frozenset[tuple[str, str]] = frozenset()
    silenced: frozenset[str] = frozenset()
    """Principals whose owner said no to the rest of the session."""
    ended: frozenset[str] = frozenset()
    locked: bool = False

    def after_crash(self, alive: frozenset[str]) -> "Books":
        """Return the books after a crash that left ``alive``: no question and no approval counts any more."""
        return replace(self, shown=(), given=(), denied=frozenset(), silenced=frozenset(), ended=self.ended & alive)

    def key(self) -> Any:
        """Return what distinguishes two books."""
        return (
            tuple(sorted((k, repr(v)) for k, v in (*self.shown, *self.given))),
            self.denied,
            self.silenced,
            self.ended,
            self.locked,
        )


def judge(
    books: Books, before: Gate, event: Event, after: Gate, effects: tuple[Effect, ...], records: tuple[Record, ...]
) -> tuple[Books, list[str]]:
    """Return the books after a step, and every property that it broke."""
    problems = [*_monotone(before, after), *_kept(before, event, after), *_handed_out(before, event, after, records)]
    books, unseen = _answers(books, event, records)
    problems += [*unseen, *_raised(books, before, after)]
    decisions = [record.fields for record in records if record.fields["type"] == "decision"]
    for effect in effects:
        if isinstance(effect, Perform):
            books, more = _performed(books, before, after, effect, decisions)
            problems += more
        elif isinstance(effect, Reply):
            problems += _replied(before, event, after, effect, decisions)
    if isinstance(event, Submit):
        problems += _alive(books, before, event, effects)
    return _asked(books, before, event, after), problems


def _monotone(before: Gate, after: Gate) -> list[str]:
    """Authority, budget and exposure only tighten; the family's budget does not grow."""
    problems = _lineage(after)
    for id_, old in before.principals.items():
        new = after.principals[id_]
        if old.state.exposure & ~new.state.exposure:
            problems.append(f"exposure of {id_} fell")
        if new.state.authority & ~old.state.authority or new.state.budget > old.state.budget:
            problems.append(f"{id_} got more power")
        if new.egress_left > old.egress_left or new.deadline > old.deadline:
            problems.append(f"{id_} got more bytes or time")
        if old.closed and not new.closed:
            problems.append(f"{id_} was opened again")
        if (new.state != old.state) != (new.state.version == old.state.version + 1) and new.state != old.state:
            problems.append(f"version of {id_} did not count its change")
    if sum(p.state.budget for p in after.principals.values()) > sum(p.state.budget for p in before.principals.values()):
        problems.append("the family's budget grew")
    return problems


def _lineage(after: Gate) -> list[str]:
    """A parent has seen what its children saw and holds what they hold."""
    problems = []
    for id_, new in after.principals.items():
        parent = after.principals.get(new.parent)
        if parent is not None and not new.quarantined and new.state.exposure & ~parent.state.exposure:
            problems.append(f"{new.parent} has not seen what its child {id_} saw")
        if parent is not None and new.state.authority & ~parent.state.authority:
            problems.append(f"{id_} holds more than its parent")
    return problems


def _kept(before: Gate, event: Event, after: Gate) -> list[str]:
    """Questions and approvals survive whatever is not about them."""
    ends = isinstance(event, Closed | LockedDown | Tick)
    answered = set(event.ids) if isinstance(event, Answered) else set()
    problems = [
        f"question {id_} vanished at an unrelated event"
        for id_ in before.questions
        if id_ not in after.questions and id_ not in answered and not ends
    ]
    for id_ in before.granted:
        spent = isinstance(event, Submit | Answered)
        if id_ not in after.granted and not spent and not ends:
            problems.append(f"approval {id_} vanished at an unrelated event")
    new = [id_ for id_ in after.granted if id_ not in before.granted and id_ not in answered]
    return [*problems, *[f"approval {id_} came from nowhere" for id_ in new]]


def _handed_out(before: Gate, event: Event, after: Gate, records: tuple[Record, ...]) -> list[str]:
    """What leaves a quarantine is counted, bounded and on record before it is told."""
    problems = []
    for id_, principal in after.principals.items():
        more = principal.declassified - (before.principals[id_].declassified if id_ in before.principals else 0)
        on_record = any(record.sync and record.fields["type"] == "declassify" for record in records)
        if more and not (isinstance(event, Declassified) and on_record and 0 < more == event.bits <= BITS_OF_A_CALL):
            problems.append(f"{more} bits left a quarantine uncounted or unrecorded")
        if principal.declassified > BITS_OF_A_SESSION:
            problems.append("more bits left quarantine than a session may hand out")
    return problems


def _raised(books: Books, before: Gate, after: Gate) -> list[str]:
    """Nobody of a line whose owner said no to the rest of the session is asked about again."""
    silent = {_line(after, id_)[-1] for id_ in books.silenced if id_ in after.principals}
    new = [question for id_, question in after.questions.items() if id_ not in before.questions]
    return [
        f"{q.principal} raised a question after a no to the rest"
        for q in new
        if _line(after, q.principal)[-1] in silent
    ]


def _answers(books: Books, event: Event, records: tuple[Record, ...]) -> tuple[Books, list[str]]:
    """Note what the owner said, from the records of the answers."""
    if isinstance(event, LockedDown):
        return replace(books, locked=True, shown=(), given=()), []
    if isinstance(event, Tick):
        return replace(books, shown=(), given=()), []
    if not isinstance(event, Answered):
        return books, []
    problems = []
    shown, given = dict(books.shown), dict(books.given)
    denied, silenced = set(books.denied), set(books.silenced)
    for fields in (record.fields for record in records if record.fields["type"] == "answer"):
        question = shown.pop(fields["id"], None)
        if question is None:
            problems.append("an answer was taken for a question that nobody was shown")
            continue
        if fields["answer"] == ALLOWED:
            bounded = fields["uses"] > 1
            given[fields["id"]] = replace(question, left=fields["uses"], bounded=bounded)
        else:
            denied.add((question.principal, question.digest))
            if event.rest_of_session:
                silenced.add(question.principal)
    noted = replace(
        books,
        shown=tuple(sorted(shown.items())),
        given=tuple(sorted(given.items())),
        denied=frozenset(denied),
        silenced=frozenset(silenced),
    )
    return noted, problems


def _performed(
    books: Books, before: Gate, after: Gate, effect: Perform, decisions: list[dict[str, Any]]
) -> tuple[Books, list[str]]:
    """Judge an effect: it has a record, it was allowed, and what it spent was good."""
    allowed = [decision for decision in decisions if decision["verdict"] == ALLOWED]
    if len(allowed) != 1:
        return books, ["an effect without a decision record of verdict allow in its step"]
    decision = allowed[0]
    principal = decision["principal"]
    problems = []
    if effect.number not in after.in_flight or effect.number in before.in_flight:
        problems.append("an effect under a number that is not its own")
    if books.locked or principal in books.ended:
        problems.append(f"an effect of {principal} after its end")
    line = _line(after, principal)
    sent = after.in_flight[effect.number].egress_bytes if effect.number in after.in_flight else 0
    if any(before.principals[id_].egress_left - sent != after.principals[id_].egress_left for id_ in line):
        problems.append(f"bytes of {principal} were not counted for all of {line}")
    if any(after.principals[id_].egress_left < 0 for id_ in line):
        problems.append(f"more bytes left than the policy of {line} allows")
    # Nobody of a line, parent, child or sibling, gets what any of them was denied.
    refused = {digest for member, digest in books.denied if _line(after, member)[-1] == line[-1]}
    if decision["digest"] in refused and decision["rules"]:
        problems.append(f"a denied call of {line} was performed")
    if decision["approval"] is None:
        if decision["rules"]:
            problems.append("a question was skipped: rules asked, and no approval was spent")
        return books, problems
    return _spent(books, before, decision, problems)


def _spent(books: Books, before: Gate, decision: dict[str, Any], problems: list[str]) -> tuple[Books, list[str]]:
    given = dict(books.given)
    yes = given.get(decision["approval"])
    if yes is None:
        return books, [*problems, "an approval was spent that nobody gave, or more often than given"]
    exposure = before.principals[decision["principal"]].state.exposure
    own = 0 if not yes.bounded else _brings(decision)
    if exposure & ~(yes.exposure | EXFIL | own):
        problems.append("an approval outlived a rise of exposure")
    if set(decision["rules"]) - yes.reasons:
        problems.append("an approval answered a reason that was not shown")
    if yes.principal != decision["principal"]:
        problems.append("an approval was spent by somebody else")
    if not yes.bounded and yes.digest != decision["digest"]:
        problems.append("an approval was spent on another call")
    if yes.bounded and yes.digest.split()[0] != decision["digest"].split()[0]:
        problems.append("a bounded approval was spent on another kind of call")
    given[decision["approval"]] = replace(yes, left=yes.left - 1)
    if yes.left == 1:
        del given[decision["approval"]]
    return replace(books, given=tuple(sorted(given.items()))), problems


def _brings(decision: dict[str, Any]) -> int:
    """Return the legs in a decision's facts: what the approved calls themselves add."""
    return int(decision["facts"][3])


def _replied(before: Gate, event: Event, after: Gate, effect: Reply, decisions: list[dict[str, Any]]) -> list[str]:
    """Judge what a caller is told: a denial is on record; a result comes after its exposure was joined."""
    if isinstance(event, Submit) and effect.what == "denied" and not decisions:
        return ["a denial without a record"]
    if effect.what != "released" or not isinstance(event, Done):
        return []
    submitted = before.in_flight[event.number]
    wanted = submitted.facts.legs | event.seen
    behind = []
    for id_ in _line(after, submitted.principal):
        if wanted & ~after.principals[id_].state.exposure:
            behind.append(f"a result was released before {id_} had its exposure")
        if after.principals[id_].quarantined:
            break
    return behind


def _line(gate: Gate, id_: str) -> list[str]:
    """Return a principal and its ancestors."""
    line = [id_]
    while gate.principals[line[-1]].parent:
        line.append(gate.principals[line[-1]].parent)
    return line


def _alive(books: Books, before: Gate, event: Submit, effects: tuple[Effect, ...]) -> list[str]:
    """A yes for exactly this call, with nothing new seen and no new reason, is good: the call is performed."""
    principal = before.principals[event.principal]
    verdict, rules, _ = admit(principal.state, request_of(before, event, approved=False))
    if verdict != 1 or event.digest in {digest for _, digest in books.denied}:
        return []
    for id_, yes in books.given:
        fits = yes.principal == event.principal and yes.digest == event.digest and not yes.bounded
        same = not principal.state.exposure & ~(yes.exposure | EXFIL) and set(rule_names(rules)) <= yes.reasons
        if fits and same and id_ in before.granted and not any(isinstance(effect, Perform) for effect in effects):
            return [f"the approval {id_} was void though nothing changed"]
    return []


def _asked(books: Books, before: Gate, event: Event, after: Gate) -> Books:
    """Note the questions that were raised, and who ended."""
    if after.questions is before.questions and not isinstance(event, Closed | Answered):
        return books
    shown = dict(books.shown)
    for id_, question in after.questions.items():
        if id_ not in shown or before.questions[id_].exposure != question.exposure:
            exposure = before.principals[question.principal].state.exposure
            submit = question.submit
            shown[id_] = Yes(
                question.principal,
                submit.digest,
                frozenset(rule_names(question.rules)),
                exposure,
                0,
                bounded=False,
                destination=submit.facts.destination,
            )
    ended = books.ended
    if isinstance(event, Closed):
        ended = ended | {event.principal} | {id_ for id_ in after.principals if event.principal in _line(after, id_)}
    shown = {id_: yes for id_, yes in shown.items() if id_ in after.questions}
    given = tuple((id_, yes) for id_, yes in books.given if yes.principal not in ended)
    return replace(books, shown=tuple(sorted(shown.items())), given=given, ended=ended)
