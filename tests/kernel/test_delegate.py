"""Children and tightening return less, or the same; a whole family is a ratchet."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.kernel.boundary import admit
from nucleus.kernel.capability import EVERYTHING
from nucleus.kernel.decide import DENY
from nucleus.kernel.delegate import absorb, delegate, min_of, tighten
from nucleus.kernel.exposure import ALL_SEEN
from nucleus.kernel.state import BUDGET_LIMIT, VERSION_LIMIT, Request, State, valid
from tests.kernel.spaces import EXPOSURES, THREE, authorities, budgets, exposures, requests, states

READ = Request(0, 0, 1, 1, 0, 0, 2, 2, 0, 0, 0, 0, 1)


@given(states, authorities, budgets)
def test_a_child_is_the_meet_and_its_budget_is_debited(s: State, a: int, budget: int) -> None:
    made = delegate(s, a, budget)
    if s.version == VERSION_LIMIT or budget > s.budget:
        assert made.granted == 0
        return
    assert made.granted == 1
    assert made.child == State(s.authority & a, s.exposure, budget, 0)
    assert made.parent.budget + made.child.budget == s.budget
    assert (made.parent.authority, made.parent.exposure) == (s.authority, s.exposure)
    assert made.parent.version == s.version + (budget > 0)


def test_all_pairs_of_authorities_over_three_capabilities() -> None:
    for mine, wanted in product(THREE, repeat=2):
        child = delegate(State(mine, 0, 0, 0), wanted, 0).child
        assert child.authority & mine == child.authority
        assert child.authority & wanted == child.authority


@pytest.mark.parametrize(
    ("authority", "budget"),
    [(-1, 0), (0b10, 0), (1 << 24, 0), (EVERYTHING, -1), (EVERYTHING, 11), (EVERYTHING, BUDGET_LIMIT + 1)],
)
def test_a_delegation_that_makes_no_sense_makes_a_void_child(authority: int, budget: int) -> None:
    """The parent is as it was; the child is refused everything, whatever an approval says."""
    s = State(EVERYTHING, 0, 10, 3)
    made = delegate(s, authority, budget)
    assert made.granted == 0
    assert made.parent is s
    assert admit(made.child, READ)[0] == DENY


def test_an_invalid_parent_has_no_children() -> None:
    for s in (State(0b10, 0, 5, 0), State(EVERYTHING, 8, 5, 0), State(EVERYTHING, 0, 5, VERSION_LIMIT)):
        assert delegate(s, EVERYTHING, 0).granted == 0


def test_absorb_joins_on_all_exposures() -> None:
    for mine, seen in product(EXPOSURES, range(-40, 80)):
        s = absorb(State(5, mine, 7, 1), seen)
        joined = mine | (seen if seen in EXPOSURES else ALL_SEEN)
        assert s == State(5, joined, 7, 1 + (joined != mine))


@given(states, st.one_of(authorities, st.integers(-5, 1 << 25)), st.integers(-5, BUDGET_LIMIT + 5))
def test_tighten_never_widens(s: State, a: int, budget: int) -> None:
    t = tighten(s, a, budget)
    assert valid(t)
    assert t.authority & s.authority == t.authority
    assert t.exposure == s.exposure
    assert t.budget <= s.budget
    same = (t.authority, t.budget) == (s.authority, s.budget)
    assert t.version == s.version + (not same and s.version != VERSION_LIMIT)


def test_tighten_with_bounds_that_make_no_sense_leaves_nothing() -> None:
    s = State(EVERYTHING, 0, 10, 0)
    assert tighten(s, 0b10, 10).authority == 0
    assert tighten(s, EVERYTHING, -1).budget == 0


@given(states, authorities, budgets)
def test_tighten_is_the_meet_and_is_idempotent(s: State, a: int, budget: int) -> None:
    t = tighten(s, a, budget)
    assert (t.authority, t.budget) == (s.authority & a, min(s.budget, budget))
    assert tighten(t, a, budget) == t


@given(st.integers(), st.integers())
def test_min_of_is_the_smaller(a: int, b: int) -> None:
    assert min_of(a, b) == min(a, b)


steps = st.one_of(
    st.tuples(st.just("request"), requests),
    st.tuples(st.just("absorb"), exposures),
    st.tuples(st.just("tighten"), st.tuples(authorities, budgets)),
    st.tuples(st.just("delegate"), st.tuples(authorities, st.integers(0, 300))),
    st.tuples(st.just("turn"), st.integers(0, 9)),
)


@given(states, st.lists(steps, max_size=30))
def test_a_whole_family_is_a_ratchet(s: State, run: list[tuple[str, object]]) -> None:
    """Whatever happens in whatever order: nobody gains, and the budgets together never grow."""
    family, turn = [s], 0
    for kind, what in run:
        before, total = family[turn], sum(member.budget for member in family)
        match kind, what:
            case "request", Request():
                family[turn] = admit(before, what)[2]
            case "absorb", int():
                family[turn] = absorb(before, what)
            case "tighten", (int() as a, int() as budget):
                family[turn] = tighten(before, a, budget)
            case "delegate", (int() as a, int() as budget):
                made = delegate(before, a, budget)
                family[turn] = made.parent
                if made.granted:
                    family.append(made.child)
            case _, int() as number:
                turn = number % len(family)
                continue
        after = family[turn]
        assert after.authority & before.authority == after.authority
        assert after.exposure & before.exposure == before.exposure
        assert after.version >= before.version
        assert sum(member.budget for member in family) <= total
        assert all(member.authority & s.authority == member.authority for member in family)
        assert all(valid(member) for member in family)
