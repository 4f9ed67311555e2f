"""The door fails closed on whatever is not exactly an int, and never raises."""

import json
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.kernel.boundary import FACTS, WORST, admit, pack, unpack
from nucleus.kernel.capability import EVERYTHING
from nucleus.kernel.decide import ALLOW, BUDGET, DENY, MALFORMED, SESSION, decide
from nucleus.kernel.state import Request, State
from tests.kernel.spaces import requests, states

FULL = State(EVERYTHING, 0, 1000, 0)
FINE = Request(0, 1, 1, 1, 0, 0, 2, 2, 0, 0, 0, 0, 1)


class Agreeable(int):
    """An int whose bit tests always come out empty: the attack that exact types are for."""

    def __and__(self, other: int) -> int:
        return 0

    __rand__ = __and__


class Answer(IntEnum):
    YES = 1


NOT_INTS: list[Any] = [
    *(True, False, None, "", "1", b"1", 1.0, float("nan"), float("inf"), 1 + 0j),
    *([], [1], {}, (), object(), Agreeable(1), Answer.YES, int),
]


def with_fact(base: Any, name: str, value: Any) -> Any:
    """Return ``base`` with one field replaced by anything at all."""
    return type(base)(**({field: getattr(base, field) for field in type(base).__slots__} | {name: value}))


def test_the_door_opens_for_what_is_well_made() -> None:
    assert admit(FULL, FINE)[0] == ALLOW


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize("value", NOT_INTS, ids=[type(value).__name__ + str(i) for i, value in enumerate(NOT_INTS)])
def test_a_fact_that_is_not_exactly_an_int_is_denied(name: str, value: Any) -> None:
    assert admit(FULL, with_fact(FINE, name, value)) == (DENY, MALFORMED, FULL)


@pytest.mark.parametrize("name", State.__slots__)
@pytest.mark.parametrize("value", NOT_INTS, ids=[type(value).__name__ + str(i) for i, value in enumerate(NOT_INTS)])
def test_a_state_that_is_not_exactly_ints_is_denied(name: str, value: Any) -> None:
    broken = with_fact(FULL, name, value)
    verdict, rules, after = admit(broken, FINE)
    assert (verdict, rules) == (DENY, SESSION)
    assert after is broken


@pytest.mark.parametrize("name", [fact for fact in FACTS if fact not in {"cost", "live"}])
@pytest.mark.parametrize("value", [-1, -(1 << 70), 1 << 70, 1 << 6])
def test_a_fact_out_of_range_is_malformed(name: str, value: int) -> None:
    assert admit(FULL, with_fact(FINE, name, value)) == (DENY, MALFORMED, FULL)


def test_cost_and_clock_out_of_range_are_denied_by_their_own_rules() -> None:
    assert admit(FULL, with_fact(FINE, "cost", -1)) == (DENY, MALFORMED, FULL)
    assert admit(FULL, with_fact(FINE, "cost", 1 << 70)) == (DENY, BUDGET, FULL)
    for live in (-1, 0, 2, 1 << 70):
        assert admit(FULL, with_fact(FINE, "live", live)) == (DENY, SESSION, FULL)


@pytest.mark.parametrize("name", State.__slots__)
@pytest.mark.parametrize("value", [-1, 1 << 70])
def test_a_state_out_of_range_is_denied(name: str, value: int) -> None:
    assert admit(with_fact(FULL, name, value), FINE)[:2] == (DENY, SESSION)


@pytest.mark.parametrize("value", [None, 1, "request", (), [1] * 13, {}, FULL], ids=repr)
def test_what_is_no_request_is_denied(value: Any) -> None:
    assert admit(FULL, value) == (DENY, MALFORMED, FULL)


def test_a_subclass_is_no_request_and_no_state() -> None:
    """Its attributes could answer differently each time they are read."""

    class Shifty(Request):  # type: ignore[misc]
        pass

    class Rich(State):  # type: ignore[misc]
        pass

    fields = [getattr(FINE, name) for name in FACTS]
    assert admit(FULL, Shifty(*fields)) == (DENY, MALFORMED, FULL)
    assert admit(Rich(EVERYTHING, 0, 1000, 0), FINE)[:2] == (DENY, SESSION)


def test_without_the_door_the_agreeable_int_would_pass() -> None:
    """The defence switched off: the same request, handed to the decision itself, is allowed."""
    secret = with_fact(FINE, "carried", 31)
    attack = with_fact(with_fact(secret, "sink", Agreeable(1)), "approved", 0)
    honest = with_fact(with_fact(secret, "sink", 1), "approved", 0)
    assert decide(FULL, honest)[0] < ALLOW
    assert decide(FULL, attack)[0] == ALLOW
    assert admit(FULL, attack) == (DENY, MALFORMED, FULL)


@given(states, requests)
def test_the_door_adds_nothing_to_the_decision(s: State, r: Request) -> None:
    assert admit(s, r) == decide(s, r)


@given(requests)
def test_unpack_reads_what_pack_wrote_through_json(r: Request) -> None:
    assert unpack(json.loads(json.dumps(pack(r)))) == r


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=15) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


@given(states, anything | st.lists(st.integers() | st.booleans(), min_size=13, max_size=13))
def test_whatever_is_read_back_is_decided_without_raising(s: State, fields: object) -> None:
    """Thirteen ints are judged as they are; anything else is the worst request, denied in every state."""
    request = unpack(fields)
    verdict, _, _ = admit(s, request)
    if not (isinstance(fields, list) and len(fields) == 13 and all(type(field) is int for field in fields)):
        assert request is WORST
        assert verdict == DENY


@given(states)
def test_the_worst_request_is_denied_in_every_state(s: State) -> None:
    assert admit(s, WORST) == (DENY, SESSION, s)
