"""Authorities and exposures are lattices, and the modal operators are what they are called."""

from proofs.properties.goals import Goals
from proofs.spec.children import together
from proofs.spec.lattice import alone, common, either, implication, with_yes
from proofs.spec.logic import every, iff, implies, no, pick, same, some
from proofs.spec.verdicts import PERMITTED, judge, true_sink
from proofs.spec.words import (
    OPS,
    above_never,
    at_always,
    below,
    covers,
    grade,
    is_authority,
    is_exposure,
    seen_in,
    yes,
)

TOP = 0xFFFFFF


def lattice_laws(g: Goals) -> None:
    """Authorities with meet and join form a bounded distributive lattice: nothing is lost or gained by the order."""
    a, b, c = g.words("a", "b", "c")
    g.given(is_authority(a), is_authority(b), is_authority(c))
    for name, op in (("meet", common), ("join", either)):
        g.prove(f"{name} commutes", same(op(a, b), op(b, a)))
        g.prove(f"{name} associates", same(op(a, op(b, c)), op(op(a, b), c)))
        g.prove(f"{name} is idempotent", same(op(a, a), a))
        g.prove(f"{name} is closed", is_authority(op(a, b)))
    g.prove("meet absorbs", same(common(a, either(a, b)), a))
    g.prove("join absorbs", same(either(a, common(a, b)), a))
    g.prove("meet distributes", same(common(a, either(b, c)), either(common(a, b), common(a, c))))
    g.prove("bounds", every(same(common(a, TOP), a), same(either(a, 0), a), same(common(a, 0), 0)))


def order_of_authority(g: Goals) -> None:
    """The order is a partial order, meet is the greatest lower bound and join the least upper bound."""
    a, b, c = g.words("a", "b", "c")
    g.given(is_authority(a), is_authority(b), is_authority(c))
    g.prove("reflexive", below(a, a))
    g.prove("antisymmetric", same(a, b), when=every(below(a, b), below(b, a)))
    g.prove("transitive", below(a, c), when=every(below(a, b), below(b, c)))
    g.prove("greatest lower bound", iff(every(below(c, a), below(c, b)), below(c, common(a, b))))
    g.prove("least upper bound", iff(every(below(a, c), below(b, c)), below(either(a, b), c)))
    g.prove("by meet", iff(below(a, b), same(common(a, b), a)))


def levels_pointwise(g: Goals) -> None:
    """Meet and join take the lower and the higher level of each of the twelve capabilities, and touch no other."""
    a, b = g.words("a", "b")
    g.given(is_authority(a), is_authority(b))
    for k, name in enumerate(OPS):
        x, y = grade(a, k), grade(b, k)
        g.prove(f"meet at {name}", same(grade(common(a, b), k), pick(x < y, x, y)))
        g.prove(f"join at {name}", same(grade(either(a, b), k), pick(x < y, y, x)))


def heyting_adjunction(g: Goals) -> None:
    """``meet(a, c) <= b`` exactly when ``c <= implies(a, b)``: implication is the loosest repair."""
    a, b, c = g.words("a", "b", "c")
    g.given(is_authority(a), is_authority(b), is_authority(c))
    g.prove("adjunction", iff(below(common(a, c), b), below(c, implication(a, b))))
    g.prove("closed", is_authority(implication(a, b)))
    g.prove("modus ponens", same(common(a, implication(a, b)), common(a, b)))


def must_and_may(g: Goals) -> None:
    """``must`` is a deflationary, ``may`` an inflationary, idempotent monotone operator, and they are adjoint."""
    a, b = g.words("a", "b")
    g.given(is_authority(a), is_authority(b))
    g.prove("closed", every(is_authority(alone(a)), is_authority(with_yes(a))))
    g.prove("must deflates, may inflates", every(below(alone(a), a), below(a, with_yes(a))))
    g.prove("idempotent", every(same(alone(alone(a)), alone(a)), same(with_yes(with_yes(a)), with_yes(a))))
    g.prove("monotone", every(below(alone(a), alone(b)), below(with_yes(a), with_yes(b))), when=below(a, b))
    g.prove("must keeps meets", same(alone(common(a, b)), common(alone(a), alone(b))))
    g.prove("may keeps joins", same(with_yes(either(a, b)), either(with_yes(a), with_yes(b))))
    g.prove("adjoint", iff(below(with_yes(a), b), below(a, alone(b))))
    g.prove("collapse", every(same(with_yes(alone(a)), alone(a)), same(alone(with_yes(a)), with_yes(a))))


def must_and_may_mean_alone_and_with_yes(g: Goals) -> None:
    """The two columns of ``policy show`` are what ``decide`` does: must = on its own, may = with your yes."""
    s, r = g.principal("s"), g.facts("r")
    strict = s._replace(authority=alone(s.authority))
    lenient = s._replace(authority=with_yes(s.authority))
    here = judge(s, r)
    seen = every(seen_in(s.exposure).untrusted, some(*true_sink(r)))
    unasked = same(r.approved, 0)
    g.prove(
        "on its own, after untrusted content and at a sink: as under must",
        iff(same(here.verdict, PERMITTED), same(judge(strict, r).verdict, PERMITTED)),
        when=every(seen, unasked),
    )
    g.prove(
        "with your yes: as under may",
        every(
            same(here.verdict, judge(lenient, r).verdict),
            same(here.next.exposure, judge(lenient, r).next.exposure),
            same(here.next.budget, judge(lenient, r).next.budget),
        ),
        when=yes(r.approved),
    )
    g.prove(
        "what must allows is allowed",
        implies(same(judge(strict, r).verdict, PERMITTED), same(here.verdict, PERMITTED)),
    )


def exposure_monoid(g: Goals) -> None:
    """Exposures with join form a semilattice with unit: order and repetition of what was seen do not matter."""
    e, f, h = g.words("e", "f", "h")
    g.given(is_exposure(e), is_exposure(f), is_exposure(h))
    g.prove("associates", same(together(e, together(f, h)), together(together(e, f), h)))
    g.prove("commutes", same(together(e, f), together(f, e)))
    g.prove("idempotent, unit", every(same(together(e, e), e), same(together(e, 0), e)))
    g.prove("closed", is_exposure(together(e, f)))
    g.prove("order by join", iff(covers(f, e), same(together(e, f), f)))
    g.prove("upper bound", every(covers(together(e, f), e), covers(together(e, f), f)))


def exposure_refinement(g: Goals) -> None:
    """Foreign and secret always come with private, and no join can lose that."""
    e, f = g.words("e", "f")
    g.given(is_exposure(e), is_exposure(f))
    whole = seen_in(together(e, f))
    g.prove("refinement", implies(some(whole.foreign, whole.secret), whole.private))
    g.prove("never lost", implies(seen_in(e).secret, every(whole.secret, whole.private)))
    g.prove("transitive", covers(f, e), when=every(covers(f, together(e, f))))


def authority_coding(g: Goals) -> None:
    """An authority is exactly twelve fields coded 00, 01 or 11: no other word passes for one."""
    a = g.word("a")
    for k, name in enumerate(OPS):
        g.prove(f"no 10 at {name}", no(is_authority(a)), when=every(at_always(a, k), no(above_never(a, k))))
    g.prove("nothing beyond 24 bits", no(is_authority(a)), when=some(a < 0, a > TOP))
    g.prove("nothing else is excluded", same(common(a, a), a), when=is_authority(a))
