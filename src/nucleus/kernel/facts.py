"""Ranges of a request's facts, and the floor under what a classifier may claim.

``op``        the capability exercised
``cost``      micro-units, >= 0
``live``      1 if the gate's clock is inside the principal's window
``legs``      exposure that joining the result adds
``carried``   exposure that can already be in the payload
``sink``      EGRESS data or access leaves; IRREVERSIBLE; CONTROL policy,
              agent configuration, hooks, memory, shell start files
``scope``     what paths, hosts, argv and the owner's ask-list say
``trusted``   the destination: NO, WHILE_CLEAN (nothing private seen), YES
``home``      1 if the destination is the workspace's own named remote
``attested``  1 if the containment layer vouches: no network, transactional
``public``    1 if the label store vouches: what is read or sent is public
``fixed``     1 if the owner chose the bytes (exact URL, closed-set value,
              template, locked hash)
``approved``  1 if a valid one-shot approval exists for exactly this call

The classifier can only add to the floors below; ``attested``, ``public`` and
``fixed`` lower them, and each theorem names these three as its assumptions.
"""

from typing import Final

from nucleus.kernel.capability import (
    CREATE_PR,
    GIT_PUSH,
    GLOB_SEARCH,
    GREP_SEARCH,
    LAST_OP,
    MANAGE_PODS,
    READ_FILES,
    RUN_BASH,
    WEB_FETCH,
    WEB_SEARCH,
)
from nucleus.kernel.exposure import ALL_SEEN, FOREIGN, PRIVATE, UNTRUSTED
from nucleus.kernel.state import Request

EGRESS: Final = 1
IRREVERSIBLE: Final = 2
CONTROL: Final = 4
ALL_SINKS: Final = 7

SCOPE_DENY: Final = 0
SCOPE_ASK: Final = 1
SCOPE_ALLOW: Final = 2

TRUSTED_NO: Final = 0
TRUSTED_WHILE_CLEAN: Final = 1
TRUSTED_YES: Final = 2


def well_formed(r: Request) -> bool:
    """Whether each fact of ``r`` is in its range.

    The 0/1 facts are joined first: an ``or`` of ints is 0 or 1 exactly when each of them is.
    """
    legs = r.legs
    carried = r.carried
    if r.cost < 0 or not 0 <= r.live | r.home | r.attested | r.public | r.fixed | r.approved <= 1:
        return False
    if 0 <= r.op <= LAST_OP and 0 <= legs <= ALL_SEEN and 0 <= carried <= ALL_SEEN and 0 <= r.sink <= ALL_SINKS:
        refined = (legs < FOREIGN or legs & PRIVATE != 0) and (carried < FOREIGN or carried & PRIVATE != 0)
        return refined and 0 <= r.scope <= SCOPE_ALLOW and 0 <= r.trusted <= TRUSTED_YES
    return False


def floored(r: Request) -> tuple[int, int, int]:
    """Return the legs, carried and sink of ``r``, none below the floor of its capability.

    A shell is opaque: what it can read, it can send. A push sends the tree.
    """
    op = r.op
    legs = r.legs
    carried = r.carried
    sink = r.sink
    if op == RUN_BASH:
        if r.attested == 0:
            return legs | PRIVATE | UNTRUSTED, carried | legs | PRIVATE | UNTRUSTED, sink | EGRESS | IRREVERSIBLE
        if r.public == 0:
            return legs | PRIVATE, carried | legs | PRIVATE, sink
        return legs, carried | legs, sink
    if op == READ_FILES or op == GLOB_SEARCH or op == GREP_SEARCH:
        return legs if r.public == 1 else legs | PRIVATE, carried, sink
    if op == WEB_FETCH or op == WEB_SEARCH:
        return legs | UNTRUSTED, carried, sink if r.fixed == 1 else sink | EGRESS
    if op == GIT_PUSH:
        carried = carried if r.public == 1 else carried | PRIVATE
        return legs, carried, sink if r.fixed == 1 else sink | EGRESS | IRREVERSIBLE
    if op == CREATE_PR:
        return legs, carried, sink if r.fixed == 1 else sink | EGRESS | IRREVERSIBLE
    if op == MANAGE_PODS:
        return legs, carried, sink | CONTROL | EGRESS
    return legs, carried, sink
