"""Questions and approvals: what was shown, what was answered, what that answers.

An approval is bound to principal, op, canonical arguments, destination,
content and policy (all in ``Submit.digest``), to the reasons and the exposure
that were shown, and to an expiry. It is spent only while the present reasons
and exposure are subsets of what was shown: what the person did not see, the
person did not approve. It is not bound to the version, which would void it
at every unrelated decision.

A bounded approval (more than one use) is bound to principal, kind, op and
destination in place of the digest, and to a number of calls and bytes. What
the approved calls themselves add to the exposure does not end it.

The exfil bit is left out of every comparison: it never changes a verdict
(proved), and the approved call sets it.
"""

from typing import Final, final

from nucleus.gate.events import (
    ASKS_A_MINUTE,
    MINUTE_NS,
    PENDING_LIMIT,
    QUESTION_SECONDS,
    Answered,
    Submit,
)
from nucleus.kernel.exposure import EXFIL
from nucleus.kernel.facts import CONTROL
from nucleus.lean import dataclass, replace

SECOND_NS: Final = 1_000_000_000


@final
@dataclass(frozen=True, slots=True)
class Question:
    """An open question: the call as it was held, and what is shown of its reasons."""

    id: str
    principal: str
    submit: Submit
    rules: int
    exposure: int
    adds: int
    """Exposure that the call itself brings."""
    expires: int
    waiting: bool


@final
@dataclass(frozen=True, slots=True)
class Approval:
    """An answer yes, not yet spent."""

    question: str
    principal: str
    digest: str
    call: str
    op: int
    destination: str
    rules: int
    exposure: int
    expires: int
    uses: int
    egress_bytes: int
    bounded: bool


def raise_question(event: Submit, rules: int, exposure: int, adds: int) -> Question:
    """Return the question that ``event`` raises. Its id is the decision's."""
    expires = event.now + QUESTION_SECONDS * SECOND_NS
    return Question(event.id, event.principal, event, rules, exposure | EXFIL, adds, expires, event.wait)


def same_question(questions: dict[str, Question], event: Submit, rules: int, exposure: int) -> Question | None:
    """Return the open question that already shows exactly this call for these reasons."""
    for question in questions.values():
        same = question.principal == event.principal and question.submit.digest == event.digest
        if (
            same
            and rules & ~question.rules == 0
            and exposure & ~question.exposure == 0
            and event.now < question.expires
        ):
            return question
    return None


def grant(question: Question, answer: Answered) -> Approval:
    """Return the approval that an answer yes gives.

    A sink into the control plane never gets more than one use: a standing
    permission to rewrite the rules is no rule.
    """
    submit = question.submit
    bounded = answer.uses > 1 and submit.facts.sink & CONTROL == 0
    return Approval(
        question=question.id,
        principal=question.principal,
        digest=submit.digest,
        call=submit.call,
        op=submit.facts.op,
        destination=submit.facts.destination,
        rules=question.rules,
        exposure=question.exposure | (question.adds if bounded else 0),
        expires=answer.now + answer.seconds * SECOND_NS,
        uses=answer.uses if bounded else 1,
        egress_bytes=answer.egress_bytes,
        bounded=bounded,
    )


def match(granted: dict[str, Approval], event: Submit, rules: int, exposure: int) -> Approval | None:
    """Return an approval that answers exactly these reasons for this call, or None."""
    for approval in granted.values():
        if approval.principal != event.principal or event.now >= approval.expires:
            continue
        if rules & ~approval.rules or exposure & ~approval.exposure:
            continue
        if approval.bounded:
            same = (approval.call, approval.op, approval.destination) == (
                event.call,
                event.facts.op,
                event.facts.destination,
            )
            # INVARIANT: no bounded approval of a sink into the control plane, and none without a destination.
            harmless = bool(approval.destination) and event.facts.sink & CONTROL == 0
            if same and harmless and event.egress_bytes <= approval.egress_bytes:
                return approval
        elif approval.digest == event.digest:
            return approval
    return None


def spend(granted: dict[str, Approval], approval: Approval, event: Submit) -> dict[str, Approval]:
    """Return what is left after one use. INVARIANT: uses fall by exactly one; at zero it is gone."""
    rest = {id_: other for id_, other in granted.items() if id_ != approval.question}
    if approval.uses > 1:
        left = approval.egress_bytes - event.egress_bytes
        rest[approval.question] = replace(approval, uses=approval.uses - 1, egress_bytes=left)
    return rest


def recent(asked_at: tuple[int, ...], now: int) -> tuple[int, ...]:
    """Return the times that lie within the last minute."""
    return tuple(at for at in asked_at if now - at < MINUTE_NS)


def too_many(asked: tuple[int, ...], pending: int) -> bool:
    """Whether one more question would be a flood."""
    return len(asked) >= ASKS_A_MINUTE or pending >= PENDING_LIMIT
