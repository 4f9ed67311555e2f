"""What a principal is to the kernel: four ints. And the facts of one request.

Instances are never changed: fields are ``Final`` (mypy), and the linter of
``proofs/`` refuses a store to an attribute anywhere in the kernel.
"""

from dataclasses import dataclass
from typing import Final, final

from nucleus.kernel.capability import EVERYTHING, LOW_BITS
from nucleus.kernel.exposure import ALL_SEEN, FOREIGN, PRIVATE

BUDGET_LIMIT: Final = (1 << 53) - 1
"""Micro-units. The largest int that every JSON reader keeps exact (RFC 8259 section 6)."""
VERSION_LIMIT: Final = (1 << 53) - 1
"""At this version a principal is used up: every request is refused."""


@final
@dataclass(slots=True)
class State:
    """A principal: its authority, exposure, budget left (micro-units) and version."""

    authority: Final[int]
    exposure: Final[int]
    budget: Final[int]
    version: Final[int]


@final
@dataclass(slots=True)
class Request:
    """The facts of one request; see ``facts`` for their meaning and ranges."""

    op: Final[int]
    cost: Final[int]
    live: Final[int]
    legs: Final[int]
    carried: Final[int]
    sink: Final[int]
    scope: Final[int]
    trusted: Final[int]
    home: Final[int]
    attested: Final[int]
    public: Final[int]
    fixed: Final[int]
    approved: Final[int]


def valid(s: State) -> bool:
    """Whether each field of ``s`` is in its range."""
    a = s.authority
    e = s.exposure
    if (
        0 <= a <= EVERYTHING
        and 0 <= e <= ALL_SEEN
        and 0 <= s.budget <= BUDGET_LIMIT
        and 0 <= s.version <= VERSION_LIMIT
    ):
        return a >> 1 & ~a & LOW_BITS == 0 and (e < FOREIGN or e & PRIVATE != 0)
    return False
