"""The only door to ``decide``: admits facts of any kind, and fails closed.

The kernel reasons about ints. Python lets a bool, an int subclass with its
own ``__and__``, or a str stand where an int is expected; here each field is
required to be exactly ``int``, and anything else is a denial.
"""

from typing import Final, cast

from nucleus.kernel.capability import LAST_OP
from nucleus.kernel.decide import DENY, MALFORMED, SESSION, decide
from nucleus.kernel.exposure import ALL_SEEN
from nucleus.kernel.facts import ALL_SINKS, SCOPE_DENY, TRUSTED_NO
from nucleus.kernel.state import Request, State

FACTS: Final = Request.__slots__
"""The facts of a request, in the order of a record."""
WORST: Final = Request(LAST_OP, 0, 0, ALL_SEEN, ALL_SEEN, ALL_SINKS, SCOPE_DENY, TRUSTED_NO, 0, 0, 0, 0, 0)
"""What stands for a request that could not be read: denied in every state."""


def admit(state: State, request: Request) -> tuple[int, int, State]:
    """Decide on ``request`` if both arguments are what their types say, else deny."""
    if not _exact(state, State, State.__slots__):
        return DENY, SESSION, state
    if not _exact(request, Request, FACTS):
        return DENY, MALFORMED, state
    return decide(state, request)


def pack(request: Request) -> list[int]:
    """Return the facts in the order of ``FACTS``: what a record holds."""
    return [getattr(request, name) for name in FACTS]


def unpack(fields: object) -> Request:
    """Return the request that a list of thirteen ints describes, ``WORST`` for anything else.

    For facts that crossed a process or file boundary.
    """
    if type(fields) is not list or len(fields) != len(FACTS) or not all(type(field) is int for field in fields):
        return WORST
    return Request(*cast("list[int]", fields))


def _exact(value: object, kind: type, fields: tuple[str, ...]) -> bool:
    """Whether ``value`` is exactly a ``kind`` whose fields are exactly ints."""
    return type(value) is kind and all(type(getattr(value, name)) is int for name in fields)
