"""Every unary operator on all 3^12 authorities; every binary one on all triples of three capabilities."""

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.kernel.capability import (
    ALWAYS,
    EVERYTHING,
    HIGH_BITS,
    LAST_OP,
    LOW_BITS,
    LOW_RISK,
    NEVER,
    NOTHING,
    implies,
    join,
    leq,
    level,
    may,
    meet,
    must,
    valid,
)
from tests.kernel.spaces import AUTHORITIES, HALVES, LEVELS, THREE, authorities


def by_level(change: dict[int, int]) -> list[int]:
    """Return what changing the level of each capability by itself makes of all 3^12 authorities."""
    half = [sum(change[a >> 2 * op & 3] << 2 * op for op in range(6)) for a in HALVES]
    return [low | high << 12 for high in half for low in half]


def test_there_are_all_three_to_the_twelve() -> None:
    assert len(set(AUTHORITIES)) == 3**12


def test_every_authority_is_valid() -> None:
    assert all(map(valid, AUTHORITIES))


def test_nothing_else_is_valid() -> None:
    """Each field of 24 bits coded 10 is refused, with whatever the others hold, and so is what lies outside."""
    halves = set(HALVES)
    for low in range(1 << 12):
        assert valid(low) == (low in halves)
        assert valid(low << 12) == (low in halves)
    assert not any(map(valid, (-1, EVERYTHING + 1, 1 << 24, 1 << 64, -EVERYTHING)))


@given(st.integers(-(1 << 26), 1 << 26))
def test_valid_reads_each_field(a: int) -> None:
    assert valid(a) == (0 <= a < 1 << 24 and all(a >> 2 * op & 3 in LEVELS for op in range(12)))


@pytest.mark.parametrize(
    ("operator", "change"),
    [
        (must, {NEVER: NEVER, LOW_RISK: NEVER, ALWAYS: ALWAYS}),
        (may, {NEVER: NEVER, LOW_RISK: ALWAYS, ALWAYS: ALWAYS}),
        (lambda a: implies(a, NOTHING), {NEVER: ALWAYS, LOW_RISK: NEVER, ALWAYS: NEVER}),
        (lambda a: implies(EVERYTHING, a), {NEVER: NEVER, LOW_RISK: LOW_RISK, ALWAYS: ALWAYS}),
        (lambda a: implies(LOW_BITS, a), {NEVER: NEVER, LOW_RISK: ALWAYS, ALWAYS: ALWAYS}),
        (lambda a: meet(a, LOW_BITS), {NEVER: NEVER, LOW_RISK: LOW_RISK, ALWAYS: LOW_RISK}),
        (lambda a: join(a, LOW_BITS), {NEVER: LOW_RISK, LOW_RISK: LOW_RISK, ALWAYS: ALWAYS}),
    ],
    ids=["must", "may", "not", "implied by everything", "implied by low_risk", "meet low_risk", "join low_risk"],
)
def test_an_operator_does_what_its_level_table_says(operator: Callable[[int], int], change: dict[int, int]) -> None:
    assert list(map(operator, AUTHORITIES)) == by_level(change)


def test_must_and_may_are_the_box_and_diamond_of_s4() -> None:
    """Must <= a <= may, both idempotent, and each leaves what the other made."""
    for a in AUTHORITIES:
        low, high = must(a), may(a)
        assert low & a == low
        assert a & high == a
        assert must(low) == low == may(low)
        assert may(high) == high == must(high)


@given(authorities, authorities)
def test_must_and_may_are_monotone_and_keep_meets(a: int, b: int) -> None:
    assert must(meet(a, b)) == meet(must(a), must(b))
    assert may(meet(a, b)) == meet(may(a), may(b))
    assert may(join(a, b)) == join(may(a), may(b))


def test_level_reads_what_was_coded() -> None:
    for op in range(LAST_OP + 1):
        for value in LEVELS:
            others = EVERYTHING ^ 3 << 2 * op
            assert level(value << 2 * op, op) == value == level(value << 2 * op | others, op)


def test_the_levels_are_a_chain() -> None:
    assert leq(NEVER, LOW_RISK)
    assert leq(LOW_RISK, ALWAYS)
    assert not leq(ALWAYS, LOW_RISK)
    assert LOW_BITS | HIGH_BITS == EVERYTHING


@pytest.mark.parametrize("shift", [0, 18])
def test_heyting_algebra_on_three_capabilities(shift: int) -> None:
    """Meet is the greatest lower bound, join the least upper, implies the adjoint: on all triples."""
    space = [a << shift for a in THREE]
    for a, b in product(space, repeat=2):
        low, high, arrow = meet(a, b), join(a, b), implies(a, b)
        assert valid(low)
        assert valid(high)
        assert valid(arrow)
        assert leq(a, b) == all(a >> 2 * op & 3 <= b >> 2 * op & 3 for op in range(12))
        for c in space:
            assert leq(c, low) == (leq(c, a) and leq(c, b))
            assert leq(high, c) == (leq(a, c) and leq(b, c))
            assert leq(meet(a, c), b) == leq(c, arrow)


@given(authorities, authorities, authorities)
def test_heyting_algebra_on_all_twelve(a: int, b: int, c: int) -> None:
    assert leq(meet(a, c), b) == leq(c, implies(a, b))
    assert meet(a, join(b, c)) == join(meet(a, b), meet(a, c))
    assert meet(a, implies(a, b)) == meet(a, b)
    assert valid(implies(a, b))
