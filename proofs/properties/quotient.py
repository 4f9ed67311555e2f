"""The verdict depends on a finite part of its inputs: the lemma under the comparison with the Coq model."""

from proofs.properties.goals import Goals
from proofs.spec.children import together
from proofs.spec.logic import every, pick, same, some
from proofs.spec.verdicts import PERMITTED, judge
from proofs.spec.words import (
    LARGEST,
    OPS,
    Facts,
    Principal,
    Seen,
    above_never,
    at_always,
    authority_of,
    exposure_of,
    seen_in,
)

PLACES = range(len(OPS))


def verdict_depends_on_a_finite_quotient(g: Goals) -> None:
    """Verdict and rules depend only on the operation's level, what is present, the class of cost, and the small facts.

    Each input has the verdict and the rules of its representative. The representatives are finite in number; each
    was compared with the Coq model, in which the same lemma is proved of the model.
    """
    s, r = g.principal("s"), g.facts("r")
    g.given(s.version < LARGEST)
    whole, standing = judge(s, r), judge(representative_state(s, r), representative_facts(s, r))
    g.prove("verdict", same(whole.verdict, standing.verdict))
    g.prove("rules", same(whole.rules, standing.rules))


def additions_depend_on_a_finite_quotient(g: Goals) -> None:
    """What an allowed call adds to the exposure is its claimed legs and a part that depends on a few small facts."""
    s, r = g.principal("s"), g.facts("r")
    out = judge(s, r)
    added = judge(*blank(r)).next.exposure
    g.prove("blank is permitted", same(judge(*blank(r)).verdict, PERMITTED))
    g.prove(
        "added",
        same(out.next.exposure, together(s.exposure, together(r.legs, added))),
        when=same(out.verdict, PERMITTED),
    )


def representative_state(s: Principal, r: Facts) -> Principal:
    """The level of the operation alone, what is present but for the past egress, a budget of one."""
    only = [
        (every(same(r.op, k), above_never(s.authority, k)), every(same(r.op, k), at_always(s.authority, k)))
        for k in PLACES
    ]
    shell = same(r.op, OPS.index("run_bash"))
    parts = zip(seen_in(s.exposure), seen_in(r.carried), seen_in(r.legs), strict=True)
    present = Seen(*[some(known, carried, every(shell, leg)) for known, carried, leg in parts])
    return Principal(authority_of(only), exposure_of(present._replace(sent=False)), 1, 0)


def representative_facts(s: Principal, r: Facts) -> Facts:
    """No legs and nothing carried; the cost is free, within the budget, or beyond it."""
    cost = pick(same(r.cost, 0), 0, pick(r.cost <= s.budget, 1, 2))
    return r._replace(cost=cost, legs=0, carried=0)


def blank(r: Facts) -> tuple[Principal, Facts]:
    """A clean state and an approved call, from which what the call adds can be read off."""
    granted = authority_of([(same(r.op, k), same(r.op, k)) for k in PLACES])
    call = r._replace(cost=0, live=1, legs=0, carried=0, scope=2, trusted=2, home=0, approved=1)
    return Principal(granted, 0, 1, 0), call
