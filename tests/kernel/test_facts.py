"""The ranges of facts, and the floors: every capability, every leg set, every sink."""

from itertools import product

import pytest
from hypothesis import given

from nucleus.kernel.exposure import PRIVATE, UNTRUSTED
from nucleus.kernel.facts import ALL_SINKS, CONTROL, EGRESS, IRREVERSIBLE, floored, well_formed
from nucleus.kernel.state import Request
from tests.kernel.spaces import EXPOSURES, OPS, changed, requests

P, U = PRIVATE, UNTRUSTED
E, EI = EGRESS, EGRESS | IRREVERSIBLE
NAMES = (
    *("read_files", "write_files", "edit_files", "run_bash", "glob_search", "grep_search"),
    *("web_search", "web_fetch", "git_commit", "git_push", "create_pr", "manage_pods"),
)
RANGES = {
    **dict.fromkeys(("live", "home", "attested", "public", "fixed", "approved"), range(2)),
    **dict.fromkeys(("legs", "carried"), EXPOSURES),
    **dict.fromkeys(("scope", "trusted"), range(3)),
    "op": range(12),
    "sink": range(8),
}


def floor(name: str, *, attested: bool, public: bool, fixed: bool) -> tuple[int, int, int]:
    """Return the least legs, carried and sink of a capability, as the design's table has them."""
    table = {
        "read_files": (0 if public else P, 0, 0),
        "glob_search": (0 if public else P, 0, 0),
        "grep_search": (0 if public else P, 0, 0),
        "web_search": (U, 0, 0 if fixed else E),
        "web_fetch": (U, 0, 0 if fixed else E),
        "git_push": (0, 0 if public else P, 0 if fixed else EI),
        "create_pr": (0, 0, 0 if fixed else EI),
        "manage_pods": (0, 0, CONTROL | E),
    }
    if name == "run_bash":
        legs = (0 if public else P) if attested else P | U
        return legs, legs, 0 if attested else EI
    return table.get(name, (0, 0, 0))


@pytest.mark.parametrize("op", OPS, ids=NAMES)
def test_floored_is_what_was_claimed_joined_with_the_floor(op: int) -> None:
    """The classifier can only add. What a shell can read, it can send."""
    for attested, public, fixed in product(range(2), repeat=3):
        low = floor(NAMES[op], attested=bool(attested), public=bool(public), fixed=bool(fixed))
        for legs, carried, sink in product(EXPOSURES, EXPOSURES, range(ALL_SINKS + 1)):
            sent = legs if NAMES[op] == "run_bash" else 0
            expected = (legs | low[0], carried | sent | low[1], sink | low[2])
            r = Request(op, 0, 1, legs, carried, sink, 2, 2, 0, attested, public, fixed, 0)
            assert floored(r) == expected


@given(requests)
def test_facts_inside_the_ranges_are_well_formed(r: Request) -> None:
    assert well_formed(r)


@pytest.mark.parametrize("name", RANGES)
@given(requests)
def test_each_fact_is_well_formed_exactly_in_its_range(name: str, r: Request) -> None:
    """For every value around the range, with whatever the other facts are."""
    for value in (*range(-9, 41), 1 << 31, 1 << 64, -(1 << 64)):
        assert well_formed(changed(r, **{name: value})) == (value in RANGES[name])


@given(requests)
def test_a_cost_is_well_formed_unless_negative(r: Request) -> None:
    assert well_formed(changed(r, cost=1 << 80))
    assert not well_formed(changed(r, cost=-1))
