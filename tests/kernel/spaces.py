"""The finite spaces that the kernel's tests walk, and hypothesis strategies over the rest."""

from itertools import product
from typing import Final

from hypothesis import strategies as st

from nucleus.kernel.capability import EVERYTHING, LAST_OP
from nucleus.kernel.facts import ALL_SINKS
from nucleus.kernel.state import BUDGET_LIMIT, VERSION_LIMIT, Request, State

LEVELS: Final = (0b00, 0b01, 0b11)
OPS: Final = range(LAST_OP + 1)
EXPOSURES: Final = tuple(e for e in range(32) if not e & 0b11000 or e & 1)
"""All twenty valid exposures: foreign and secret imply private."""


def coded(levels: tuple[int, ...]) -> int:
    """Return the authority that gives capability ``i`` the level ``levels[i]``."""
    return sum(level << (2 * op) for op, level in enumerate(levels))


HALVES: Final = tuple(coded(levels) for levels in product(LEVELS, repeat=6))
"""All authorities over the first six capabilities."""
AUTHORITIES: Final = [low | high << 12 for high in HALVES for low in HALVES]
"""All 3^12 authorities."""
THREE: Final = tuple(coded(levels) for levels in product(LEVELS, repeat=3))
"""All authorities over three capabilities: the operators work capability by capability."""

authorities = st.lists(st.sampled_from(LEVELS), min_size=12, max_size=12).map(lambda levels: coded(tuple(levels)))
exposures = st.sampled_from(EXPOSURES)
bits = st.integers(0, 1)
budgets = st.one_of(st.integers(0, 1000), st.integers(0, BUDGET_LIMIT))
states = st.builds(State, authorities, exposures, budgets, st.one_of(st.integers(0, 9), st.integers(0, VERSION_LIMIT)))
requests = st.builds(
    Request,
    op=st.integers(0, LAST_OP),
    cost=st.one_of(st.just(0), st.integers(0, 200), st.integers(0, BUDGET_LIMIT)),
    live=st.sampled_from((1, 1, 1, 0)),
    legs=exposures,
    carried=exposures,
    sink=st.integers(0, ALL_SINKS),
    scope=st.integers(0, 2),
    trusted=st.integers(0, 2),
    home=bits,
    attested=bits,
    public=bits,
    fixed=bits,
    approved=bits,
)
allowed_often = st.builds(
    Request,
    op=st.integers(0, LAST_OP),
    cost=st.integers(0, 5),
    live=st.just(1),
    legs=exposures,
    carried=st.just(0),
    sink=st.sampled_from((0, 0, 1, 2)),
    scope=st.sampled_from((2, 2, 1)),
    trusted=st.sampled_from((2, 2, 1)),
    home=bits,
    attested=bits,
    public=bits,
    fixed=bits,
    approved=st.sampled_from((0, 1)),
)
"""Requests of ordinary work: long runs of them get somewhere."""
full_states = st.builds(State, st.just(EVERYTHING), exposures, st.integers(0, 10_000), st.integers(0, 9))


def changed(request: Request, **facts: int) -> Request:
    """Return ``request`` with some facts replaced."""
    return Request(**({name: getattr(request, name) for name in Request.__slots__} | facts))
