"""Calls at work: a mapping like a dict, never changed in place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.gate.events import Submit
from nucleus.gate.flights import Flights
from tests.gate.scenes import READ

numbers = st.integers(0, 2000)


def made(number: int) -> Submit:
    return Submit("p", number, "id", "fs.read", {}, "digest", READ, 1, 0, 0)


@given(st.lists(st.tuples(st.booleans(), numbers), max_size=60))
def test_calls_at_work_are_what_a_dict_would_hold(steps: list[tuple[bool, int]]) -> None:
    plain: dict[int, Submit] = {}
    flights = Flights()
    for more, number in steps:
        before, held = flights, dict(flights)
        if more:
            plain[number] = made(number)
            flights = flights.plus(number, plain[number])
        elif number in plain:
            del plain[number]
            flights = flights.minus(number)
        assert dict(before) == held
        assert flights == plain
        assert (len(flights), sorted(flights)) == (len(plain), sorted(plain))
        assert flights.get(number) == plain.get(number)


def test_one_that_is_not_there_is_no_quiet_success() -> None:
    with pytest.raises(KeyError):
        Flights().minus(7)
    with pytest.raises(KeyError):
        Flights().plus(7, made(7)).minus(8)


def test_neither_a_call_more_nor_one_less_copies_all_that_are_at_work() -> None:
    flights = Flights()
    for number in range(10_000):
        flights = flights.plus(number, made(1))
    more = flights.plus(10_000, made(1))
    pages: Any = flights._pages, more._pages
    assert sum(pages[0].get(at) is page for at, page in pages[1].items()) >= len(pages[0]) - 1
    assert max(map(len, pages[1].values())) <= 256
