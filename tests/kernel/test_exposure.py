"""Exposure is a monoid of five bits; reach, within and nu on all 3^12 authorities."""

from itertools import product

import pytest
from hypothesis import given

from nucleus.kernel import capability
from nucleus.kernel.capability import (
    ALWAYS,
    CREATE_PR,
    EVERYTHING,
    GIT_PUSH,
    GLOB_SEARCH,
    GREP_SEARCH,
    LOW_RISK,
    MANAGE_PODS,
    NEVER,
    READ_FILES,
    RUN_BASH,
    WEB_FETCH,
    WEB_SEARCH,
)
from nucleus.kernel.exposure import (
    ALL_SEEN,
    CLEAN,
    EXFIL,
    FOREIGN,
    PRIVATE,
    SECRET,
    UNINHABITABLE,
    UNTRUSTED,
    LegTable,
    join,
    leq,
    nu,
    reach,
    valid,
    within,
)
from tests.kernel.spaces import AUTHORITIES, EXPOSURES, OPS, authorities

LEGS = {
    READ_FILES: PRIVATE,
    GLOB_SEARCH: PRIVATE,
    GREP_SEARCH: PRIVATE,
    RUN_BASH: PRIVATE | UNTRUSTED | EXFIL,
    WEB_SEARCH: UNTRUSTED | EXFIL,
    WEB_FETCH: UNTRUSTED | EXFIL,
    GIT_PUSH: EXFIL,
    CREATE_PR: EXFIL,
    MANAGE_PODS: EXFIL,
}


def table(legs: dict[int, int]) -> LegTable:
    """Return the masks of a map capability -> legs."""
    masks = [sum(3 << 2 * op for op, held in legs.items() if held & leg) for leg in (PRIVATE, UNTRUSTED, EXFIL)]
    return LegTable(*masks)


TABLES = {
    "usual": table(LEGS),
    "no shell": table({op: legs for op, legs in LEGS.items() if op != RUN_BASH}),
    "everything has every leg": LegTable(EVERYTHING, EVERYTHING, EVERYTHING),
    "nothing has a leg": LegTable(0, 0, 0),
}
each_table = pytest.mark.parametrize("t", TABLES.values(), ids=TABLES.keys())
THREE_LEGS = range(8)


def test_valid_is_five_bits_whose_refinements_imply_private() -> None:
    assert [e for e in range(-40, 100) if valid(e)] == list(EXPOSURES)
    for refinement in (FOREIGN, SECRET):
        assert not valid(refinement)
        assert valid(refinement | PRIVATE)


def test_join_is_a_commutative_idempotent_monoid_that_keeps_validity() -> None:
    for e, f in product(EXPOSURES, repeat=2):
        assert join(e, f) == join(f, e)
        assert valid(join(e, f))
        assert leq(e, join(e, f))
        assert leq(e, f) == (join(e, f) == f)
        for g in EXPOSURES:
            assert join(e, join(f, g)) == join(join(e, f), g)
            assert leq(join(e, f), g) == (leq(e, g) and leq(f, g))
    assert all(join(e, e) == e == join(e, CLEAN) and join(e, ALL_SEEN) == ALL_SEEN for e in EXPOSURES)


def test_reach_collects_the_legs_of_what_is_held() -> None:
    """On all 3^12 authorities, against a fold over the map."""
    t = TABLES["usual"]
    low = {a & 0xFFF for a in AUTHORITIES}
    half = {a: folded(a) for a in low} | {a << 12: folded(a << 12) for a in low}
    assert all(reach(t, a) == half[a & 0xFFF] | half[a & ~0xFFF] for a in AUTHORITIES)


def folded(a: int) -> int:
    legs = 0
    for op in OPS:
        if capability.level(a, op) != NEVER:
            legs |= LEGS.get(op, 0)
    return legs


@each_table
def test_reach_and_within_are_a_galois_connection(t: LegTable) -> None:
    """reach(a) <= e exactly when a <= within(e): on all 3^12 authorities and all eight sets of legs."""
    bounds = [(e, within(t, e)) for e in THREE_LEGS]
    for a in AUTHORITIES:
        legs = reach(t, a)
        assert all((legs & e == legs) == (a & bound == a) for e, bound in bounds)


@each_table
def test_nu_only_takes_away_and_does_it_once(t: LegTable) -> None:
    """Deflationary, idempotent; afterwards no egress capability is at always if all three legs are reached."""
    for a in AUTHORITIES:
        b = nu(t, a)
        assert b & a == b
        assert nu(t, b) == b
        if reach(t, a) != UNINHABITABLE:
            assert b == a
        else:
            assert capability.may(b) == capability.may(a)
            assert b & t.exfil & capability.HIGH_BITS == 0
            assert b | t.exfil == a | t.exfil


@given(authorities, authorities)
def test_fixed_points_of_nu_are_closed_under_meet(a: int, b: int) -> None:
    for t in TABLES.values():
        both = nu(t, a) & nu(t, b)
        assert nu(t, both) == both


def test_nu_is_not_monotone() -> None:
    """Negative control: a smaller authority, short of a leg, keeps an always that the larger one loses."""
    t = TABLES["usual"]
    larger = ALWAYS << 2 * READ_FILES | ALWAYS << 2 * WEB_FETCH
    smaller = ALWAYS << 2 * WEB_FETCH
    assert capability.leq(smaller, larger)
    assert not capability.leq(nu(t, smaller), nu(t, larger))
    assert capability.level(nu(t, larger), WEB_FETCH) == LOW_RISK


@each_table
def test_an_authority_misses_a_leg_exactly_below_one_of_three_repairs(t: LegTable) -> None:
    repairs = [within(t, pair) for pair in (PRIVATE | UNTRUSTED, PRIVATE | EXFIL, UNTRUSTED | EXFIL)]
    for a in AUTHORITIES:
        harmless = reach(t, a) != UNINHABITABLE
        assert harmless == any(a & repair == a for repair in repairs)


def test_there_is_no_largest_harmless_authority() -> None:
    """Negative control: the join of two harmless authorities can be harmful."""
    t = TABLES["usual"]
    reader, fetcher = ALWAYS << 2 * READ_FILES, ALWAYS << 2 * WEB_FETCH
    assert reach(t, reader) != UNINHABITABLE
    assert reach(t, fetcher) != UNINHABITABLE
    assert reach(t, reader | fetcher) == UNINHABITABLE
