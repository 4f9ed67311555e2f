"""What decide grants, asks and refuses."""

from nucleus.kernel.boundary import WORST, pack
from proofs.properties.goals import Goals
from proofs.spec.lattice import common
from proofs.spec.logic import Truth, every, iff, implies, no, same, some, within
from proofs.spec.verdicts import (
    ASKED,
    PERMITTED,
    REFUSED,
    RULES,
    ghost_carried,
    ghost_egress,
    ghost_irreversible,
    ghost_legs,
    judge,
    looser,
    rule,
    true_carried,
    true_legs,
    true_sink,
)
from proofs.spec.words import (
    LARGEST,
    OPS,
    Facts,
    Principal,
    Seen,
    above_never,
    below,
    covers,
    exposure_of,
    holds,
    is_facts,
    is_low,
    is_principal,
    seen_in,
    sink_in,
    yes,
)

DENIERS = ("session", "malformed", "capability", "scope", "budget")
ASKERS = ("scope", "control", "destination", "secret", "uninhabitable", "low_risk")


def _unapproved_pass(s: Principal, r: Facts) -> Truth:
    """Whether the request is permitted without an approval."""
    return every(same(judge(s, r).verdict, PERMITTED), no(yes(r.approved)))


def _present(s: Principal, r: Facts) -> Seen:
    """What can be in the payload: what was seen, what the caller says, what the operation can carry by nature."""
    parts = zip(seen_in(s.exposure), seen_in(r.carried), ghost_carried(r), strict=True)
    return Seen(*[some(*part) for part in parts])


def _leaves(r: Facts) -> Truth:
    """Whether data leaves: by nature of the operation, or because the caller says so."""
    return some(ghost_egress(r), sink_in(r.sink).egress)


def no_egress_to_strangers(g: Goals) -> None:
    """Without an approval nothing leaves for, and nothing irreversible is done to, a destination that is not trusted.

    Assumes: ``attested`` and ``fixed`` are true where they are set.
    """
    s, r = g.principal("s", valid=False), g.facts("r", valid=False)
    acts = some(_leaves(r), ghost_irreversible(r), sink_in(r.sink).irreversible)
    g.prove("not trusted", no(_unapproved_pass(s, r)), when=every(acts, same(r.trusted, 0)))
    g.prove(
        "trusted only while nothing private was seen",
        no(_unapproved_pass(s, r)),
        when=every(acts, same(r.trusted, 1), _present(s, r).private),
    )


def no_egress_of_secrets(g: Goals) -> None:
    """Without an approval nothing leaves once a secret was seen or is in the payload, whoever the destination is.

    Assumes: ``attested`` and ``fixed`` are true where they are set.
    """
    s, r = g.principal("s", valid=False), g.facts("r", valid=False)
    g.prove("secret", no(_unapproved_pass(s, r)), when=every(_leaves(r), _present(s, r).secret))


def no_egress_when_uninhabitable(g: Goals) -> None:
    """Without an approval nothing leaves once private data and untrusted content came together.

    Assumes: ``attested``, ``public`` and ``fixed`` are true where they are set; ``home`` is the workspace's own remote.
    """
    s, r = g.principal("s", valid=False), g.facts("r", valid=False)
    here = _present(s, r)
    g.prove(
        "private and untrusted",
        no(_unapproved_pass(s, r)),
        when=every(_leaves(r), here.private, here.untrusted, no(yes(r.home))),
    )
    g.prove(
        "foreign and untrusted, even to the home remote",
        no(_unapproved_pass(s, r)),
        when=every(_leaves(r), here.foreign, here.untrusted),
    )


def no_change_of_control_unasked(g: Goals) -> None:
    """Policy, agent configuration, hooks and memory never change, and no agent or pod starts, without an approval."""
    s, r = g.principal("s", valid=False), g.facts("r", valid=False)
    control = some(sink_in(r.sink).control, same(r.op, OPS.index("manage_pods")))
    g.prove("control", no(_unapproved_pass(s, r)), when=control)


def no_capability_means_never(g: Goals) -> None:
    """A capability at never is refused, whatever else is true of the request, approval included."""
    s, r = g.principal("s", valid=False), g.facts("r", valid=False)
    for k, name in enumerate(OPS):
        missing = every(same(r.op, k), no(above_never(s.authority, k)))
        g.prove(name, same(judge(s, r).verdict, REFUSED), when=missing)


def low_risk_asks(g: Goals) -> None:
    """At low_risk every sink asks once something untrusted was seen or is in the payload, and not before."""
    s, r = g.principal("s"), g.facts("r")
    sink = some(*true_sink(r))
    touched = some(seen_in(s.exposure).untrusted, true_carried(r).untrusted)
    low = is_low(s.authority, r.op)
    fires = same(judge(s, r).rules & rule("low_risk"), rule("low_risk"))
    not_refused = no(same(judge(s, r).verdict, REFUSED))
    g.prove("exactly then", iff(fires, every(low, sink, touched)), when=not_refused)
    g.prove("never unasked", no(_unapproved_pass(s, r)), when=every(low, sink, touched))


def verdict_has_reasons(g: Goals) -> None:
    """A refusal names exactly one denying rule, a question at least one asking rule, an unapproved permission none."""
    s, r = g.principal("s", valid=False), g.facts("r", valid=False)
    out = judge(s, r)
    asking = sum(rule(name) for name in ASKERS)
    g.prove(
        "refused",
        some(*[same(out.rules, rule(name)) for name in DENIERS]),
        when=same(out.verdict, REFUSED),
    )
    g.prove(
        "asked",
        every(no(same(out.rules, 0)), same(out.rules & ~asking, 0), no(yes(r.approved))),
        when=same(out.verdict, ASKED),
    )
    g.prove("permitted", same(out.rules, 0), when=every(same(out.verdict, PERMITTED), no(yes(r.approved))))
    g.prove("three verdicts", within(REFUSED, out.verdict, PERMITTED))


def least_ceiling(g: Goals) -> None:
    """The verdict is the least ceiling of the ten rules: no rule outvotes another.

    Each ceiling is written here on its own, without the others.
    """
    s, r = g.principal("s"), g.facts("r")
    out = judge(s, r)
    denies = some(
        no(yes(r.live)),
        same(s.version, LARGEST),
        no(holds(s.authority, r.op)),
        same(r.scope, 0),
        r.cost > s.budget,
    )
    sink, here = true_sink(r), [some(*p) for p in zip(seen_in(s.exposure), true_carried(r), strict=True)]
    seen = Seen(*here)
    asks = some(
        same(r.scope, 1),
        sink.control,
        every(some(sink.egress, sink.irreversible), same(r.trusted, 0)),
        every(some(sink.egress, sink.irreversible), same(r.trusted, 1), seen.private),
        every(sink.egress, seen.secret),
        every(sink.egress, seen.untrusted, seen.private, no(yes(r.home))),
        every(sink.egress, seen.untrusted, seen.foreign),
        every(is_low(s.authority, r.op), some(*sink), seen.untrusted),
    )
    g.prove("deny", iff(same(out.verdict, REFUSED), denies))
    g.prove("ask", iff(same(out.verdict, ASKED), every(no(denies), asks, no(yes(r.approved)))))
    g.prove("allow", iff(same(out.verdict, PERMITTED), every(no(denies), some(no(asks), yes(r.approved)))))


def fail_closed(g: Goals) -> None:
    """A request or state with any int out of range is refused and changes nothing."""
    s, r = g.principal("s", valid=False), g.facts("r", valid=False)
    out = judge(s, r)
    broken = some(no(is_facts(r)), no(is_principal(s)), no(yes(r.live)))
    g.prove("refused", same(out.verdict, REFUSED), when=broken)
    for part in Facts._fields:
        bad = getattr(r, part)
        limit = LARGEST if part == "cost" else 31
        out_of_range = some(bad < 0, False if part == "cost" else bad > limit)
        g.prove(f"{part} out of range", same(out.verdict, REFUSED), when=out_of_range)
    for part in Principal._fields:
        g.prove(f"state {part} negative", same(out.verdict, REFUSED), when=getattr(s, part) < 0)


def worst_request_is_refused(g: Goals) -> None:
    """What stands for an unreadable request, ``boundary.WORST``, is refused in every state."""
    s = g.principal("s", valid=False)
    g.prove("refused", same(judge(s, Facts(*pack(WORST))).verdict, REFUSED))


def approval_lifts_ask_only(g: Goals) -> None:
    """An approval turns ask into allow, for the same rules; it never turns deny into anything."""
    s, r = g.principal("s", valid=False), g.facts("r", valid=False)
    without, given = judge(s, r._replace(approved=0)), judge(s, r._replace(approved=1))
    g.prove("deny stays", iff(same(without.verdict, REFUSED), same(given.verdict, REFUSED)))
    g.prove("no ask is left", no(same(given.verdict, ASKED)))
    g.prove("same reasons", same(without.rules, given.rules))
    g.prove(
        "same next state",
        every(*[same(a, b) for a, b in zip(without.next, given.next, strict=True)]),
        when=same(without.verdict, PERMITTED),
    )


def past_egress_is_inert(g: Goals) -> None:
    """Whether data could have left before never changes a verdict or its reasons: the bit is for the record."""
    s, r = g.principal("s"), g.facts("r")
    seen = seen_in(s.exposure)
    never = s._replace(exposure=exposure_of(seen._replace(sent=False)))
    once = s._replace(exposure=exposure_of(seen._replace(sent=True)))
    g.prove("verdict", same(judge(never, r).verdict, judge(once, r).verdict))
    g.prove("reasons", same(judge(never, r).rules, judge(once, r).rules))


def version_is_inert(g: Goals) -> None:
    """The version never changes a verdict before it is used up: it names a state, it grants nothing."""
    s, r, other = g.principal("s"), g.facts("r"), g.word("other")
    g.given(within(0, other, LARGEST - 1), s.version < LARGEST)
    out, again = judge(s, r), judge(s._replace(version=other), r)
    g.prove("verdict and reasons", every(same(out.verdict, again.verdict), same(out.rules, again.rules)))


def floors_respected(g: Goals) -> None:
    """Legs, payload and sink never fall below what the operation is by nature, nor below what the caller says.

    Assumes: ``attested``, ``public`` and ``fixed`` are true where they are set.
    """
    r = g.facts("r")
    legs, carried, sink = true_legs(r), true_carried(r), true_sink(r)
    g.prove(
        "legs", every(*[implies(some(a, b), c) for a, b, c in zip(seen_in(r.legs), ghost_legs(r), legs, strict=True)])
    )
    g.prove(
        "carried",
        every(*[implies(some(a, b), c) for a, b, c in zip(seen_in(r.carried), ghost_carried(r), carried, strict=True)]),
    )
    g.prove("egress", implies(_leaves(r), sink.egress))
    g.prove("irreversible", implies(some(ghost_irreversible(r), sink_in(r.sink).irreversible), sink.irreversible))
    g.prove("control", implies(some(sink_in(r.sink).control, same(r.op, 11)), sink.control))
    opaque = every(same(r.op, OPS.index("run_bash")), no(yes(r.attested)))
    g.prove("a shell sends what it reads", every(legs.private, carried.private, sink.egress), when=opaque)


def _ordered(g: Goals) -> tuple[Principal, Principal, Facts, Facts]:
    """Two states and requests, the second one looser in every respect."""
    s, t = g.principal("s"), g.principal("t")
    r, q = g.facts("r"), g.facts("q")
    g.given(below(s.authority, t.authority), s.budget <= t.budget, covers(s.exposure, t.exposure))
    g.given(s.version < LARGEST, t.version < LARGEST)
    g.given(looser(r, q), covers(r.legs, q.legs), covers(r.carried, q.carried))
    g.given(*[implies(less, more) for less, more in zip(sink_in(q.sink), sink_in(r.sink), strict=True)])
    return s, t, r, q


def joint_monotonicity(g: Goals) -> None:
    """More authority, budget, scope, trust, time, approval or attestation, and less danger, never lower a verdict.

    All at once: authority, budget, scope, trusted, home, live, approved, attested, public and fixed may rise while
    exposure, legs, carried, sink and cost fall.
    """
    s, t, r, q = _ordered(g)
    g.prove("verdict", judge(s, r).verdict <= judge(t, q).verdict)


def tighter_policy_simulates(g: Goals) -> None:
    """Every fully allowed run of a tighter policy is a run of the looser one; this is its step.

    Runs with refusals are not so ordered: see the controls.
    """
    s, t = g.principal("s"), g.principal("t")
    r, q = g.facts("r"), g.facts("q")
    g.given(below(s.authority, t.authority), s.budget <= t.budget, same(s.exposure, t.exposure))
    g.given(s.version < LARGEST, t.version < LARGEST)
    shared = ("op", "cost", "live", "legs", "carried", "sink", "attested", "public", "fixed")
    g.given(*[same(getattr(r, part), getattr(q, part)) for part in shared])
    g.given(r.scope <= q.scope, r.trusted <= q.trusted, r.home <= q.home, r.approved <= q.approved)
    tight, loose = judge(s, r), judge(t, q)
    allowed = same(tight.verdict, PERMITTED)
    g.prove("step", same(loose.verdict, PERMITTED), when=allowed)
    g.prove("same exposure", same(tight.next.exposure, loose.next.exposure), when=allowed)
    g.prove(
        "still tighter",
        every(below(tight.next.authority, loose.next.authority), tight.next.budget <= loose.next.budget),
        when=allowed,
    )


def repairs_hold(g: Goals) -> None:
    """Meeting an authority with any bound makes no verdict rise: a repair can't open a hole."""
    s, r, bound = g.principal("s"), g.facts("r"), g.word("bound")
    g.given(within(0, bound, 0xFFFFFF))
    kept = s._replace(authority=common(s.authority, bound))
    g.given(is_principal(kept))
    g.prove("verdict", judge(kept, r).verdict <= judge(s, r).verdict)


def rules_are_ten(g: Goals) -> None:
    """A set of rules never holds anything but the ten named rules."""
    r, s = g.facts("r", valid=False), g.principal("s", valid=False)
    g.prove("ten bits", within(0, judge(s, r).rules, (1 << len(RULES)) - 1))
