"""The verdict and the next state, as the design's tables say them."""

from typing import Final, NamedTuple

from proofs.spec.logic import Truth, Word, bits, every, implies, no, pick, same, some
from proofs.spec.words import (
    FETCHING,
    LARGEST,
    OPAQUE,
    PUBLISHING,
    READING,
    Facts,
    Principal,
    Seen,
    Sink,
    exposure_of,
    holds,
    is_facts,
    is_low,
    is_op,
    is_principal,
    seen_in,
    sink_in,
    yes,
)

RULES: Final = (
    "session",
    "malformed",
    "capability",
    "scope",
    "budget",
    "control",
    "destination",
    "secret",
    "uninhabitable",
    "low_risk",
)
"""Rule number n is bit n of a set of rules."""
REFUSED: Final = 0
ASKED: Final = 1
PERMITTED: Final = 2


class Outcome(NamedTuple):
    """What ``decide`` returns."""

    verdict: Word
    rules: Word
    next: Principal


def rule(name: str) -> int:
    """The set that holds only this rule."""
    return 1 << RULES.index(name)


def ghost_egress(r: Facts) -> Truth:
    """Whether data can leave by the nature of the operation, whatever the caller claims."""
    opaque = every(is_op(r.op, OPAQUE), no(yes(r.attested)))
    chosen = every(some(is_op(r.op, FETCHING), is_op(r.op, PUBLISHING)), no(yes(r.fixed)))
    return some(opaque, chosen, is_op(r.op, ["manage_pods"]))


def ghost_irreversible(r: Facts) -> Truth:
    """Whether the act can't be taken back, by the nature of the operation."""
    opaque = every(is_op(r.op, OPAQUE), no(yes(r.attested)))
    return some(opaque, every(is_op(r.op, PUBLISHING), no(yes(r.fixed))))


def ghost_legs(r: Facts) -> Seen:
    """What the result shows by the nature of the operation."""
    opaque = is_op(r.op, OPAQUE)
    private = some(
        every(opaque, no(every(yes(r.attested), yes(r.public)))),
        every(is_op(r.op, READING), no(yes(r.public))),
    )
    untrusted = some(every(opaque, no(yes(r.attested))), is_op(r.op, FETCHING))
    return Seen(private, untrusted, sent=False, foreign=False, secret=False)


def ghost_carried(r: Facts) -> Seen:
    """What the payload can hold by the nature of the operation."""
    opaque = is_op(r.op, OPAQUE)
    private = some(
        every(opaque, no(every(yes(r.attested), yes(r.public)))),
        every(is_op(r.op, ["git_push"]), no(yes(r.public))),
    )
    untrusted = every(opaque, no(yes(r.attested)))
    return Seen(private, untrusted, sent=False, foreign=False, secret=False)


def true_legs(r: Facts) -> Seen:
    """What joining the result adds: claimed or by nature."""
    return Seen(*[some(c, g) for c, g in zip(seen_in(r.legs), ghost_legs(r), strict=True)])


def true_carried(r: Facts) -> Seen:
    """What can be in the payload: claimed or by nature; of an opaque call also all that it can read."""
    opaque = is_op(r.op, OPAQUE)
    claimed, read, nature = seen_in(r.carried), seen_in(r.legs), ghost_carried(r)
    return Seen(*[some(c, every(opaque, leg), g) for c, leg, g in zip(claimed, read, nature, strict=True)])


def true_sink(r: Facts) -> Sink:
    """What the call can do to the world: claimed or by nature."""
    claimed = sink_in(r.sink)
    return Sink(
        some(claimed.egress, ghost_egress(r)),
        some(claimed.irreversible, ghost_irreversible(r)),
        some(claimed.control, is_op(r.op, ["manage_pods"])),
    )


def refused_by(s: Principal, r: Facts) -> Word:
    """The first rule that denies, 0 if none."""
    in_session = every(yes(r.live), is_principal(s), no(same(s.version, LARGEST)))
    return pick(
        no(in_session),
        rule("session"),
        pick(
            no(is_facts(r)),
            rule("malformed"),
            pick(
                no(holds(s.authority, r.op)),
                rule("capability"),
                pick(same(r.scope, 0), rule("scope"), pick(r.cost > s.budget, rule("budget"), 0)),
            ),
        ),
    )


def stranger(trusted: Word, present: Seen) -> Truth:
    """Whether the destination is not trusted for what is present."""
    return some(same(trusted, 0), every(same(trusted, 1), present.private))


def questions(s: Principal, r: Facts, sink: Sink, carried: Seen) -> Word:
    """The set of rules that ask."""
    present = Seen(*[some(a, b) for a, b in zip(seen_in(s.exposure), carried, strict=True)])
    confided = some(every(yes(r.home), present.foreign), every(no(yes(r.home)), present.private))
    asking = {
        "scope": same(r.scope, 1),
        "control": sink.control,
        "destination": every(some(sink.egress, sink.irreversible), stranger(r.trusted, present)),
        "secret": every(sink.egress, present.secret),
        "uninhabitable": every(sink.egress, present.untrusted, confided),
        "low_risk": every(is_low(s.authority, r.op), some(*sink), present.untrusted),
    }
    return bits(*[asking.get(name, False) for name in RULES])


def then(s: Principal, r: Facts, sink: Sink, legs: Seen) -> Principal:
    """The state once the call was allowed."""
    known = seen_in(s.exposure)
    joined = [some(a, b) for a, b in zip(known, legs, strict=True)]
    exposure = exposure_of(Seen(joined[0], joined[1], some(joined[2], sink.egress), joined[3], joined[4]))
    changed = some(no(same(exposure, s.exposure)), no(same(r.cost, 0)))
    return Principal(s.authority, exposure, s.budget - r.cost, s.version + pick(changed, 1, 0))


def judge(s: Principal, r: Facts) -> Outcome:
    """The verdict, the rules behind it and the next state."""
    denied = refused_by(s, r)
    sink = true_sink(r)
    asked = questions(s, r, sink, true_carried(r))
    refused = no(same(denied, 0))
    held = every(no(same(asked, 0)), same(r.approved, 0))
    verdict = pick(refused, REFUSED, pick(held, ASKED, PERMITTED))
    allowed = then(s, r, sink, true_legs(r))
    stays = some(refused, held)
    state = Principal(*[pick(stays, old, new) for old, new in zip(s, allowed, strict=True)])
    return Outcome(verdict, pick(refused, denied, asked), state)


def looser(a: Facts, b: Facts) -> Truth:
    """Whether ``b`` grants at least what ``a`` does, and claims at most its dangers."""
    return every(
        same(a.op, b.op),
        a.cost >= b.cost,
        a.scope <= b.scope,
        a.trusted <= b.trusted,
        implies(yes(a.live), yes(b.live)),
        implies(yes(a.home), yes(b.home)),
        implies(yes(a.attested), yes(b.attested)),
        implies(yes(a.public), yes(b.public)),
        implies(yes(a.fixed), yes(b.fixed)),
        implies(yes(a.approved), yes(b.approved)),
    )
