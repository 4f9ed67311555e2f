"""Children and tightening: every function returns less, or the same.

A child holds the meet of its parent's authority and what was asked for, starts
with its parent's exposure, and gets a budget that is debited from the parent.
What a child saw joins the parent before any result of the child is released.
"""

from dataclasses import dataclass
from typing import Final, final

from nucleus.kernel import capability, exposure
from nucleus.kernel.state import VERSION_LIMIT, State, valid


@final
@dataclass(slots=True)
class Delegation:
    """``granted`` is 1 if a child was made; else the parent is as it was and the child is void."""

    granted: Final[int]
    parent: Final[State]
    child: Final[State]


def delegate(s: State, authority: int, budget: int) -> Delegation:
    """Return a child with at most ``authority`` and exactly ``budget``, taken from the parent."""
    usable = valid(s) and s.version != VERSION_LIMIT
    if not usable or not capability.valid(authority) or not 0 <= budget <= s.budget:
        return Delegation(0, s, State(capability.NOTHING, exposure.ALL_SEEN, 0, VERSION_LIMIT))
    child = State(s.authority & authority, s.exposure, budget, 0)
    if budget == 0:
        return Delegation(1, s, child)
    parent = State(s.authority, s.exposure, s.budget - budget, s.version + 1)
    return Delegation(1, parent, child)


def absorb(s: State, seen: int) -> State:
    """Return ``s`` after joining ``seen``; an invalid ``seen`` counts as everything."""
    joined = s.exposure | (seen if exposure.valid(seen) else exposure.ALL_SEEN)
    if joined == s.exposure or s.version == VERSION_LIMIT:
        return State(s.authority, joined, s.budget, s.version)
    return State(s.authority, joined, s.budget, s.version + 1)


def tighten(s: State, authority: int, budget: int) -> State:
    """Return ``s`` with at most ``authority`` and at most ``budget``; invalid bounds leave nothing."""
    kept = s.authority & authority if capability.valid(authority) else capability.NOTHING
    left = min_of(s.budget, budget) if budget >= 0 else 0
    if (kept == s.authority and left == s.budget) or s.version == VERSION_LIMIT:
        return State(kept, s.exposure, left, s.version)
    return State(kept, s.exposure, left, s.version + 1)


def min_of(a: int, b: int) -> int:
    """Return the smaller."""
    return b if b < a else a
