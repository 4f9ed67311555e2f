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
    if not _is_state(state):
        return DENY, SESSION, state
    if not _is_request(request):
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


# One look for each field, written out: a loop over names costs twice the decision itself.


def _is_state(s: object) -> bool:
    """Whether ``s`` is exactly a ``State`` whose fields are exactly ints."""
    return (
        type(s) is State
        and type(s.authority) is int
        and type(s.exposure) is int
        and type(s.budget) is int
        and type(s.version) is int
    )


def _is_request(r: object) -> bool:
    """Whether ``r`` is exactly a ``Request`` whose fields are exactly ints."""
    return (
        type(r) is Request
        and type(r.op) is int
        and type(r.cost) is int
        and type(r.live) is int
        and type(r.legs) is int
        and type(r.carried) is int
        and type(r.sink) is int
        and type(r.scope) is int
        and type(r.trusted) is int
        and type(r.home) is int
        and type(r.attested) is int
        and type(r.public) is int
        and type(r.fixed) is int
        and type(r.approved) is int
    )
