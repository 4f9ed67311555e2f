"""Steps of a replay: every verdict and every next state, computed again with the kernel.

A trace says of each decision its facts, and what the kernel answered. Replay
starts from the header's state, puts the facts to ``kernel.boundary.admit``
again, applies the recorded changes with ``kernel.delegate``, and compares. It
also knows what must follow what: a result has one allowed decision, a spent
approval was given and not used up, nothing is allowed after a lockdown.

What is not done: the facts themselves are taken from the record. That the
classifier told the truth about a call is outside of what a trace can show.
"""

from typing import Any, Final, final

from nucleus.errors import TraceError
from nucleus.kernel import delegate
from nucleus.kernel.boundary import admit, unpack
from nucleus.kernel.decide import ALLOW
from nucleus.kernel.exposure import ALL_SEEN
from nucleus.kernel.state import VERSION_LIMIT, Request, State, valid
from nucleus.lean import dataclass, field
from nucleus.trace.record import CHANGES, OUTCOMES, VERDICTS, rule_names

NOBODY: Final = State(0, ALL_SEEN, 0, VERSION_LIMIT)
"""The state of a principal that does not exist: the kernel refuses it everything."""


@final
@dataclass(slots=True)
class Asked:
    """A question, and what became of it."""

    principal: str
    digest: str
    uses: int = 0
    spent: int = 0
    answered: bool = False


@final
@dataclass(slots=True)
class Replayed:
    """What a replay arrived at."""

    states: dict[str, State] = field(default_factory=dict)
    """Each principal's state after the last record."""
    in_flight: dict[bytes, str] = field(default_factory=dict)
    """Number (in decimal) of an allowed decision without a result -> principal. After an unclean end: unknown."""
    questions: dict[str, Asked] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    decisions: int = 0
    ended: bool = False
    started: bool = False


def step(found: Replayed, record: dict[str, Any], number: int) -> None:  # noqa: C901  one arm for each type
    """Apply one parsed record. Raises ``TraceError`` if it can't follow what came before it."""
    kind = record["type"]
    if kind == "header":
        _header(found, record, number)
        return
    if not found.started:
        raise _diverges(number, "it stands before any header")
    if found.ended and kind != "checkpoint":
        raise _diverges(number, "it stands after the close of the trace")
    if kind == "decision":
        _decide(found, record, number)
    elif kind == "result":
        _finish(found, record, number)
    elif kind == "change":
        _change(found, record, number)
    elif kind == "question":
        _ask(found, record, number)
    elif kind == "answer":
        _answer(found, record, number)
    elif kind == "declassify":
        _known(found, record["principal"], number)
    elif kind == "close":
        found.ended = True


def _header(found: Replayed, record: dict[str, Any], number: int) -> None:
    state = _state(record["state"], number)
    if found.started or not valid(state):
        raise _diverges(number, "a second header, or one whose state is invalid")
    found.started = True
    found.states[record["principal"]] = state


def _decide(found: Replayed, record: dict[str, Any], number: int) -> None:
    name = record["principal"]
    state = found.states.get(name, NOBODY)
    request = unpack(record["facts"])
    verdict, rules, after = admit(state, request)
    said = (record["verdict"], record["rules"], record["state"])
    kernel = (VERDICTS[verdict], rule_names(rules), ints(after))
    if said != kernel:
        raise _diverges(number, f"it says {_shown(said)}, the kernel decides {_shown(kernel)}")
    if verdict == ALLOW:
        if name in found.locked:
            raise _diverges(number, "it allows a call of a principal that is locked down")
        _spend(found, record, request, number)
        found.in_flight[b"%d" % number] = name
    elif record["approval"] is not None:
        raise _diverges(number, "it spends an approval on a call that is not allowed")
    if name in found.states:
        found.states[name] = after
    found.decisions += 1


def _spend(found: Replayed, record: dict[str, Any], request: Request, number: int) -> None:
    """Know that the approval that an allowed decision names was given for it, and is not used up."""
    id_ = record["approval"]
    if id_ is None:
        if request.approved != 0:
            raise _diverges(number, "its facts say approved, and it names no approval")
        return
    asked = found.questions.get(id_)
    if request.approved != 1 or asked is None or asked.principal != record["principal"]:
        raise _diverges(number, "it spends an approval that was not asked for by this principal")
    if asked.spent >= asked.uses:
        raise _diverges(number, "it spends an approval that was not given, or that is used up")
    if asked.uses == 1 and asked.digest != record["digest"]:
        raise _diverges(number, "it spends an approval on another call than the one that was shown")
    asked.spent += 1


def _finish(found: Replayed, record: dict[str, Any], number: int) -> None:
    if record["outcome"] not in OUTCOMES:
        raise _diverges(number, "an outcome that is none of ok, failed, unknown")
    if found.in_flight.get(b"%d" % record["of"]) != record["principal"]:
        raise _diverges(number, f"a result of {record['of']}, which is no allowed decision of this principal in flight")
    del found.in_flight[b"%d" % record["of"]]


def _change(found: Replayed, record: dict[str, Any], number: int) -> None:
    name, what, args = record["principal"], record["what"], record["args"]
    if what not in CHANGES or not all(type(arg) is int for arg in args):
        raise _diverges(number, "a change of an unknown kind")
    if what == "recover" and name not in found.states:  # a principal of the trace that this one carries on
        found.states[name] = _state(record["state"], number)
    state = _known(found, name, number)
    after = _changed(found, record, state, number)
    if ints(after) != record["state"]:
        raise _diverges(number, f"it says {record['state']}, {what} gives {ints(after)}")
    found.states[name] = after


def _changed(found: Replayed, record: dict[str, Any], state: State, number: int) -> State:
    """Return the state after a change, recomputed."""
    what, args = record["what"], record["args"]
    if what == "absorb" and len(args) == 1:
        return delegate.absorb(state, args[0])
    if what == "tighten" and len(args) == 2:
        return delegate.tighten(state, args[0], args[1])
    if what == "delegate" and len(args) == 2:
        given = delegate.delegate(state, args[0], args[1])
        child = record.get("child")
        if given.granted != 1 or type(child) is not str or child in found.states or record["principal"] in found.locked:
            raise _diverges(number, "a child that could not be made")
        if ints(given.child) != record.get("child_state"):
            raise _diverges(number, f"it gives the child {record.get('child_state')}, delegation {ints(given.child)}")
        found.states[child] = given.child
        return given.parent
    if what == "recover":
        found.questions.clear()
        return delegate.absorb(state, ALL_SEEN)
    if what == "lockdown":
        found.locked.add(record["principal"])
        return state
    if what == "expire":
        return state
    raise _diverges(number, f"{what} with {len(args)} arguments")


def _ask(found: Replayed, record: dict[str, Any], number: int) -> None:
    _known(found, record["principal"], number)
    if record["id"] in found.questions:
        raise _diverges(number, "a question whose id was used before")
    found.questions[record["id"]] = Asked(record["principal"], record["digest"])


def _answer(found: Replayed, record: dict[str, Any], number: int) -> None:
    asked = found.questions.get(record["id"])
    if asked is None or asked.answered or record["answer"] not in {"allow", "deny"}:
        raise _diverges(number, "an answer to no open question")
    asked.answered = True
    asked.uses = record["uses"] if record["answer"] == "allow" else 0


def _known(found: Replayed, name: str, number: int) -> State:
    state = found.states.get(name)
    if state is None:
        raise _diverges(number, f"principal {name!r:.60} was never made")
    return state


def ints(state: State) -> list[int]:
    """Return a state as records hold it."""
    return [state.authority, state.exposure, state.budget, state.version]


def _state(fields: list[int], number: int) -> State:
    if len(fields) != 4:
        raise _diverges(number, "a state that is not four integers")
    return State(*fields)


def _shown(answer: tuple[str, list[str], list[int]]) -> str:
    verdict, rules, state = answer
    return f"{verdict!r:.20} by {rules!r:.120} to {state}"


def _diverges(number: int, why: str) -> TraceError:
    return TraceError(f"diverges: {why}", record=number)
