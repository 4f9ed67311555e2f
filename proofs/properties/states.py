"""The next state, children, tightening: everything can only get less."""

from proofs.properties.goals import Goals
from proofs.spec.children import give, learn, shrink, together
from proofs.spec.lattice import common
from proofs.spec.logic import Truth, every, iff, implies, no, pick, same, some
from proofs.spec.verdicts import PERMITTED, REFUSED, ghost_legs, judge, true_legs, true_sink
from proofs.spec.words import (
    LARGEST,
    OPS,
    Principal,
    Seen,
    below,
    covers,
    exposure_of,
    holds,
    is_authority,
    is_exposure,
    is_principal,
    seen_in,
)


def _tighter(new: Principal, old: Principal) -> Truth:
    """Whether a state gives at most what another gives."""
    return every(
        below(new.authority, old.authority),
        new.budget <= old.budget,
        covers(new.exposure, old.exposure),
        new.version >= old.version,
    )


def _equal(a: Principal, b: Principal) -> Truth:
    return every(*[same(x, y) for x, y in zip(a, b, strict=True)])


def _equal_but_version(a: Principal, b: Principal) -> Truth:
    return every(same(a.authority, b.authority), same(a.exposure, b.exposure), same(a.budget, b.budget))


def ratchet(g: Goals) -> None:
    """No step ever gives authority or budget, or forgets exposure; valid states stay valid. So no run does."""
    s, r = g.principal("s"), g.facts("r", valid=False)
    a, b, e = g.words("a", "b", "e")
    steps = {
        "decide": judge(s, r).next,
        "absorb": learn(s, e),
        "tighten": shrink(s, a, b),
        "delegate": give(s, a, b).parent,
    }
    for name, after in steps.items():
        g.prove(f"{name} tightens", _tighter(after, s))
        g.prove(f"{name} keeps validity", is_principal(after))


def next_state_exact(g: Goals) -> None:
    """After an allowed call exposure is what was seen plus its legs, and the budget is less by its cost, exactly."""
    s, r = g.principal("s"), g.facts("r")
    out = judge(s, r)
    legs = true_legs(r)
    added = exposure_of(legs._replace(sent=some(legs.sent, true_sink(r).egress)))
    allowed = same(out.verdict, PERMITTED)
    g.prove("exposure", same(out.next.exposure, together(s.exposure, added)), when=allowed)
    g.prove("budget", same(out.next.budget, s.budget - r.cost), when=allowed)
    g.prove("authority", same(out.next.authority, s.authority))


def exposure_joined_at_the_decision(g: Goals) -> None:
    """What a call shows by nature is in the exposure before its result can be released.

    Assumes: ``attested`` and ``public`` are true where they are set.
    """
    s, r = g.principal("s"), g.facts("r")
    out = judge(s, r)
    after = seen_in(out.next.exposure)
    shown = zip(ghost_legs(r), seen_in(r.legs), after, strict=True)
    allowed = same(out.verdict, PERMITTED)
    g.prove("joined", every(*[implies(some(nature, said), kept) for nature, said, kept in shown]), when=allowed)


def refusal_changes_nothing(g: Goals) -> None:
    """A request that was refused or asked leaves the state as it was, version included."""
    s, r = g.principal("s", valid=False), g.facts("r", valid=False)
    out = judge(s, r)
    g.prove("unchanged", _equal(out.next, s), when=no(same(out.verdict, PERMITTED)))


def budget_never_negative(g: Goals) -> None:
    """The budget never falls below zero and never rises, in any step."""
    s, r = g.principal("s"), g.facts("r", valid=False)
    a, b, e = g.words("a", "b", "e")
    for name, after in (
        ("decide", judge(s, r).next),
        ("absorb", learn(s, e)),
        ("tighten", shrink(s, a, b)),
        ("parent", give(s, a, b).parent),
    ):
        g.prove(name, every(after.budget >= 0, after.budget <= s.budget))
    g.prove("too dear", same(judge(s, r).verdict, REFUSED), when=r.cost > s.budget)


def parent_is_debited(g: Goals) -> None:
    """A child's budget is taken from its parent: the two together have what the parent had."""
    s = g.principal("s", valid=False)
    a, b = g.words("a", "b")
    born = give(s, a, b)
    g.prove("sum", same(born.parent.budget + born.child.budget, s.budget), when=born.granted)
    g.prove("nothing else of the parent changes", same(born.parent.authority, s.authority))
    g.prove("no child, no debit", _equal(born.parent, s), when=no(born.granted))


def delegation_ceiling(g: Goals) -> None:
    """A child never holds more than its parent, nor more than was asked for, and starts with all its parent saw."""
    s = g.principal("s", valid=False)
    a, b = g.words("a", "b")
    born = give(s, a, b)
    child = born.child
    g.prove("authority", every(below(child.authority, s.authority), below(child.authority, a)), when=born.granted)
    g.prove("exposure", same(child.exposure, s.exposure), when=born.granted)
    g.prove("valid", every(is_principal(child), is_principal(born.parent)), when=born.granted)
    g.prove("exactly the meet", same(child.authority, common(s.authority, a)), when=born.granted)


def void_child_can_do_nothing(g: Goals) -> None:
    """If no child is made, what stands in its place is refused everything."""
    s, r = g.principal("s", valid=False), g.facts("r", valid=False)
    a, b = g.words("a", "b")
    born = give(s, a, b)
    g.prove("refused", same(judge(born.child, r).verdict, REFUSED), when=no(born.granted))
    for name in OPS:
        g.prove(f"holds no {name}", no(holds(born.child.authority, OPS.index(name))), when=no(born.granted))


def child_verdict_below_parent(g: Goals) -> None:
    """What a child may do without asking, its parent could have done without asking, at the moment of birth."""
    s, r = g.principal("s"), g.facts("r")
    a, b = g.words("a", "b")
    born = give(s, a, b)
    g.prove("verdict", judge(born.child, r).verdict <= judge(s, r).verdict, when=born.granted)


def absorb_joins(g: Goals) -> None:
    """After absorbing, all that was seen on either side is in the exposure; what can't be read counts as everything."""
    s, e = g.principal("s"), g.word("e")
    after = learn(s, e)
    g.prove("own", covers(after.exposure, s.exposure))
    g.prove("seen", covers(after.exposure, e), when=is_exposure(e))
    g.prove("unreadable", every(*seen_in(after.exposure)), when=no(is_exposure(e)))
    g.prove("nothing else", every(same(after.authority, s.authority), same(after.budget, s.budget)))
    g.prove("no more than that", same(after.exposure, together(s.exposure, e)), when=is_exposure(e))


def tighten_bounds(g: Goals) -> None:
    """After tightening, authority and budget are within the bounds; bounds that can't be read leave nothing."""
    s, a, b = g.principal("s"), g.word("a"), g.word("b")
    after = shrink(s, a, b)
    g.prove("authority", below(after.authority, a), when=is_authority(a))
    g.prove("budget", after.budget <= b, when=b >= 0)
    g.prove("unreadable authority", same(after.authority, 0), when=no(is_authority(a)))
    g.prove("negative budget", same(after.budget, 0), when=b < 0)
    g.prove("exposure", same(after.exposure, s.exposure))


def version_counts_changes(g: Goals) -> None:
    """The version rises by one exactly when the state changed, until it is used up."""
    s, r = g.principal("s"), g.facts("r", valid=False)
    a, b, e = g.words("a", "b", "e")
    g.given(s.version < LARGEST)
    for name, after in (
        ("decide", judge(s, r).next),
        ("absorb", learn(s, e)),
        ("tighten", shrink(s, a, b)),
        ("delegate", give(s, a, b).parent),
    ):
        g.prove(name, same(after.version, s.version + pick(_equal_but_version(after, s), 0, 1)))


def used_up_is_refused(g: Goals) -> None:
    """At the last version a principal is refused everything and has no children."""
    s, r = g.principal("s"), g.facts("r", valid=False)
    a, b = g.words("a", "b")
    g.given(same(s.version, LARGEST))
    g.prove("refused", same(judge(s, r).verdict, REFUSED))
    g.prove("no children", no(give(s, a, b).granted))


def exposure_is_a_homomorphism(g: Goals) -> None:
    """Two allowed calls expose what each of them exposes, joined: exposure is a function of the set of calls."""
    s, r, q = g.principal("s"), g.facts("r"), g.facts("q")
    first = judge(s, r)
    second = judge(first.next, q)
    both = every(same(first.verdict, PERMITTED), same(second.verdict, PERMITTED))

    def added(call: object) -> object:
        legs = true_legs(call)  # type: ignore[arg-type]
        return exposure_of(Seen(*legs)._replace(sent=some(legs.sent, true_sink(call).egress)))  # type: ignore[arg-type]

    g.prove("joined", same(second.next.exposure, together(s.exposure, together(added(r), added(q)))), when=both)
    g.prove("closed", iff(is_exposure(second.next.exposure), True), when=both)
