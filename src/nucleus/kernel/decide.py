"""The one decision function.

The verdict is the least ceiling, on ``DENY < ASK < ALLOW``, of ten rules:

===============  =====  ====================================================
session          deny   not live, or the state is invalid or used up
malformed        deny   a fact out of range
capability       deny   the capability's level is never
scope            both   scope says so
budget           deny   the cost exceeds the budget left
control          ask    the sink has control
destination      ask    egress or irreversible, to a destination not trusted
secret           ask    egress, and a secret was seen or is carried
uninhabitable    ask    egress, and untrusted and private were seen or carried
                        (``home``: untrusted and foreign)
low_risk         ask    level low_risk, some sink, untrusted seen or carried
===============  =====  ====================================================

An approval lifts ask to allow, never deny. Exposure is joined before a result
is released; a refusal returns the very state it was given.
"""

from typing import Final

from nucleus.kernel.capability import LOW_RISK, NEVER, level
from nucleus.kernel.exposure import EXFIL, FOREIGN, PRIVATE, SECRET, UNTRUSTED
from nucleus.kernel.facts import (
    CONTROL,
    EGRESS,
    IRREVERSIBLE,
    SCOPE_ASK,
    SCOPE_DENY,
    TRUSTED_NO,
    TRUSTED_WHILE_CLEAN,
    floored,
    well_formed,
)
from nucleus.kernel.state import VERSION_LIMIT, Request, State, valid

DENY: Final = 0
ASK: Final = 1
ALLOW: Final = 2

SESSION: Final = 1
MALFORMED: Final = 2
CAPABILITY: Final = 4
SCOPE: Final = 8
BUDGET: Final = 16
CONTROL_RULE: Final = 32
DESTINATION: Final = 64
SECRET_RULE: Final = 128
UNINHABITABLE_RULE: Final = 256
LOW_RISK_RULE: Final = 512


def refusal(s: State, r: Request) -> int:
    """Return the first rule that denies, 0 if none does. No approval lifts it."""
    if r.live != 1 or not valid(s) or s.version == VERSION_LIMIT:
        return SESSION
    if not well_formed(r):
        return MALFORMED
    if level(s.authority, r.op) == NEVER:
        return CAPABILITY
    if r.scope == SCOPE_DENY:
        return SCOPE
    if r.cost > s.budget:
        return BUDGET
    return 0


def question(s: State, r: Request, sink: int, carried: int) -> int:
    """Return the set of rules that ask, as bits. Assumes that no rule denies."""
    asking = SCOPE if r.scope == SCOPE_ASK else 0
    if sink == 0:
        return asking
    seen = s.exposure | carried
    if sink & CONTROL:
        asking |= CONTROL_RULE
    if sink & (EGRESS | IRREVERSIBLE) and strange(r.trusted, seen):
        asking |= DESTINATION
    if sink & EGRESS and seen & SECRET:
        asking |= SECRET_RULE
    if seen & UNTRUSTED == 0:
        return asking
    if level(s.authority, r.op) == LOW_RISK:
        asking |= LOW_RISK_RULE
    if sink & EGRESS and seen & (FOREIGN if r.home == 1 else PRIVATE):
        asking |= UNINHABITABLE_RULE
    return asking


def strange(trusted: int, seen: int) -> bool:
    """Whether a destination is not trusted, given what was seen or is carried."""
    return trusted == TRUSTED_NO or (trusted == TRUSTED_WHILE_CLEAN and seen & PRIVATE != 0)


def after(s: State, r: Request, sink: int, legs: int) -> State:
    """Return the state after ``r`` was allowed; the version rises exactly if anything changed."""
    exposure = s.exposure | legs | (EXFIL if sink & EGRESS else 0)
    if exposure == s.exposure and r.cost == 0:
        return s
    return State(s.authority, exposure, s.budget - r.cost, s.version + 1)


def decide(s: State, r: Request) -> tuple[int, int, State]:
    """Return the verdict on ``r``, the rules behind it, and the next state.

    The rules are the one that denied, or all that ask; of an allowed request,
    those that an approval answered.
    """
    denied = refusal(s, r)
    if denied != 0:
        return DENY, denied, s
    legs, carried, sink = floored(r)
    asked = question(s, r, sink, carried)
    if asked != 0 and r.approved == 0:
        return ASK, asked, s
    return ALLOW, asked, after(s, r, sink, legs)
