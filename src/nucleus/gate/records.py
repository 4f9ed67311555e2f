"""What the core writes down and what it tells the caller: records and the fields of replies."""

from operator import attrgetter
from typing import Any, Final

from nucleus.gate.approvals import Approval, Question
from nucleus.gate.events import Record, Submit
from nucleus.kernel.boundary import FACTS
from nucleus.kernel.decide import ALLOW
from nucleus.kernel.facts import SCOPE_ALLOW, floored
from nucleus.kernel.state import Request, State
from nucleus.policy.reasons import RULES
from nucleus.trace.record import VERDICTS, rule_names

_facts: Final = attrgetter(*FACTS)
"""The facts in the order of ``kernel.boundary.pack``, in half its time; ``trace.replay`` unpacks them."""


def decision(
    event: Submit, request: Request, verdict: int, rules: int, after: State, approval: Approval | None
) -> Record:
    """Return the record of a decision; on disk before the effect where there is a sink or an approval."""
    sinks = verdict == ALLOW and (floored(request)[2] != 0 or approval is not None)
    return Record(
        {
            "type": "decision",
            "principal": event.principal,
            "kind": event.call,
            "args": event.args,
            "digest": event.digest,
            "destination": event.destination,
            "facts": list(_facts(request)),
            "verdict": VERDICTS[verdict],
            "rules": rule_names(rules),
            "state": ints(after),
            "approval": None if approval is None else approval.question,
            "id": event.id,
        },
        sync=sinks,
    )


def change(principal: str, what: str, args: list[int], state: State, **more: Any) -> Record:
    """Return the record of a change of state outside of a decision."""
    fields = {"type": "change", "principal": principal, "what": what, "args": args, "state": ints(state)}
    return Record(fields | more)


def refusal(event: Submit, rules: int, state: State) -> dict[str, Any]:
    """Return what the caller is told of a refusal. ``why`` and ``where`` are for the person at the client."""
    names = rule_names(rules)
    facts = event.facts
    hidden = "scope" in names and facts.scope != SCOPE_ALLOW
    return {
        "id": event.id,
        "code": names[0] if names else "session",
        "rules": names,
        "why": facts.why if hidden else "",
        "where": facts.where if hidden else "",
        "next_step": _next_step(event, names),
        "exposure": state.exposure,
    }


def _next_step(event: Submit, names: list[str]) -> str:
    """Return what would change a refusal: the scope's own line, or what lifts the first rule."""
    if "scope" in names and event.facts.next_step:
        return event.facts.next_step
    reason = RULES.get(names[0]) if names else None
    return "" if reason is None else reason.change


def pending_fields(event: Submit, question: Question, rules: int) -> dict[str, Any]:
    """Return what the caller is told of an open question."""
    return {
        "id": question.id,
        "code": "approval_required",
        "rules": rule_names(rules),
        "why": event.facts.why,
        "where": event.facts.where,
        "next_step": f"nucleus approve {question.id}",
    }


def ints(state: State) -> list[int]:
    """Return a state as a record holds it."""
    return [state.authority, state.exposure, state.budget, state.version]
