"""A state is valid exactly inside its ranges."""

from dataclasses import replace

import pytest
from hypothesis import given

from nucleus.kernel.state import BUDGET_LIMIT, VERSION_LIMIT, State, valid
from tests.kernel.spaces import AUTHORITIES, EXPOSURES, states


@given(states)
def test_states_inside_the_ranges_are_valid(s: State) -> None:
    assert valid(s)


def test_every_authority_and_every_exposure_make_a_valid_state() -> None:
    assert all(valid(State(a, 0, 0, 0)) for a in AUTHORITIES)
    assert [e for e in range(-5, 70) if valid(State(0, e, 0, 0))] == list(EXPOSURES)


@pytest.mark.parametrize(
    "outside",
    [
        {"authority": -1},
        {"authority": 0b10},
        {"authority": 1 << 24},
        {"exposure": -1},
        {"exposure": 32},
        {"budget": -1},
        {"budget": BUDGET_LIMIT + 1},
        {"version": -1},
        {"version": VERSION_LIMIT + 1},
    ],
    ids=str,
)
@given(states)
def test_one_field_outside_its_range_is_enough(outside: dict[str, int], s: State) -> None:
    assert not valid(replace(s, **outside))
