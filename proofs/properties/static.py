"""The static operators over a table of legs: reach, within, nu."""

from proofs.properties.goals import Goals
from proofs.spec.lattice import common, either
from proofs.spec.logic import every, iff, implies, no, pick, same, some
from proofs.spec.verdicts import PERMITTED, judge, true_sink
from proofs.spec.words import (
    OPS,
    above_never,
    at_always,
    below,
    capped,
    covers,
    exposure_of,
    grade,
    inside,
    is_authority,
    is_exposure,
    reached,
    seen_in,
)

PRIVATE_UNTRUSTED, PRIVATE_SENT, UNTRUSTED_SENT = 3, 5, 6


def reach_within_galois(g: Goals) -> None:
    """``reach(a) <= e`` exactly when ``a <= within(e)``: within is the largest authority that stays inside."""
    t, a, e = g.table("t"), g.word("a"), g.word("e")
    g.given(is_authority(a), is_exposure(e))
    g.prove("adjunction", iff(covers(e, exposure_of(reached(t, a))), below(a, inside(t, e))))
    g.prove("closed", every(is_authority(inside(t, e)), is_exposure(exposure_of(reached(t, a)))))


def reach_keeps_joins(g: Goals) -> None:
    """The reach of a join is the union of the reaches: power adds up, it does not multiply."""
    t, a, b = g.table("t"), g.word("a"), g.word("b")
    g.given(is_authority(a), is_authority(b))
    union = exposure_of(reached(t, a)) | exposure_of(reached(t, b))
    g.prove("joins", same(exposure_of(reached(t, either(a, b))), union))
    g.prove("monotone", covers(exposure_of(reached(t, b)), exposure_of(reached(t, a))), when=below(a, b))


def three_repairs(g: Goals) -> None:
    """An authority can't complete the three legs exactly if it is below one of three: the repairs that audit offers."""
    t, a = g.table("t"), g.word("a")
    g.given(is_authority(a))
    repairs = [inside(t, e) for e in (PRIVATE_UNTRUSTED, PRIVATE_SENT, UNTRUSTED_SENT)]
    g.prove("three repairs", iff(no(every(*reached(t, a)[:3])), some(*[below(a, repair) for repair in repairs])))


def nu_exact(g: Goals) -> None:
    """nu caps the egress capabilities at low_risk if all three legs are in reach, and changes nothing else."""
    t, a = g.table("t"), g.word("a")
    g.given(is_authority(a))
    every_leg = every(*reached(t, a)[:3])
    g.prove("untouched", same(capped(t, a), a), when=no(every_leg))
    for k, name in enumerate(OPS):
        low = pick(grade(a, k) > 1, 1, grade(a, k))
        wanted = pick(every(every_leg, above_never(t.exfil, k)), low, grade(a, k))
        g.prove(f"at {name}", same(grade(capped(t, a), k), wanted))


def nu_idempotent_deflationary(g: Goals) -> None:
    """nu never adds, and doing it twice is doing it once."""
    t, a = g.table("t"), g.word("a")
    g.given(is_authority(a))
    g.prove("deflationary", below(capped(t, a), a))
    g.prove("idempotent", same(capped(t, capped(t, a)), capped(t, a)))
    g.prove("closed", is_authority(capped(t, a)))
    g.prove("never takes a capability away", iff(same(capped(t, a), 0), same(a, 0)))


def nu_fixed_points_meet(g: Goals) -> None:
    """The meet of two authorities that nu leaves alone is one that nu leaves alone: tightening stays safe."""
    t, a, b = g.table("t"), g.word("a"), g.word("b")
    g.given(is_authority(a), is_authority(b))
    fixed = every(same(capped(t, a), a), same(capped(t, b), b))
    g.prove("closed under meet", same(capped(t, common(a, b)), common(a, b)), when=fixed)


def nu_asks_though_private_was_lost(g: Goals) -> None:
    """Under nu an egress after untrusted content needs an approval, even if the private bit was lost on the way."""
    t, s, r, a = g.table("t"), g.principal("s"), g.facts("r"), g.word("a")
    g.given(is_authority(a), same(s.authority, capped(t, a)), every(*reached(t, a)[:3]))
    egress_op = some(*[every(same(r.op, k), above_never(t.exfil, k)) for k in range(len(OPS))])
    seen = seen_in(s.exposure)
    g.prove(
        "approval needed",
        no(same(judge(s, r).verdict, PERMITTED)),
        when=every(egress_op, some(*true_sink(r)), seen.untrusted, no(seen.private), same(r.approved, 0)),
    )
    for k in range(len(OPS)):
        g.prove(f"no always left at {OPS[k]}", implies(above_never(t.exfil, k), no(at_always(s.authority, k))))
