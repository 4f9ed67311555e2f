"""From a row of the leg table and a ruling on scope to the facts of one call."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from nucleus.kernel.facts import SCOPE_ALLOW, SCOPE_ASK, SCOPE_DENY, TRUSTED_NO
from nucleus.policy.call import Call, Classified
from nucleus.policy.constraints import Judgement
from nucleus.policy.legs import Row

NOTHING: Final[Mapping[str, Any]] = {}


class Ruling(NamedTuple):
    """What scope says, why, where it stands, and what would change it."""

    scope: int
    why: str = ""
    where: str = ""
    next_step: str = ""


FINE: Final = Ruling(SCOPE_ALLOW)


def deny(why: str, next_step: str = "", where: str = "") -> Ruling:
    """Return a refusal that no policy line lifts, unless ``next_step`` names one."""
    return Ruling(SCOPE_DENY, why, where, next_step)


def ask(why: str, next_step: str = "", where: str = "") -> Ruling:
    """Return a question."""
    return Ruling(SCOPE_ASK, why, where, next_step)


def least(*rulings: Ruling) -> Ruling:
    """Return the first of the strictest rulings."""
    return min(rulings, key=lambda one: one.scope)


def ruled(judgement: Judgement, key: str, value: object, *, vouched: bool = False) -> Ruling:
    """Return what a scope says of a value.

    ``vouched``: the owner's own words name the value. That answers the
    question that nobody's naming it raises; never a pattern that asks, never a denial.
    """
    if judgement.scope == SCOPE_ALLOW or (vouched and judgement.silent and judgement.scope == SCOPE_ASK):
        return FINE
    step = f"change {judgement.where}"
    if judgement.silent:
        step = f"[allow] {key} = [{value!r}] in a trusted policy"
    elif judgement.where.startswith("profile "):
        step = "another profile, or a person's yes" if judgement.scope == SCOPE_ASK else "another profile"
    return Ruling(judgement.scope, judgement.why, judgement.where, step)


class Target(NamedTuple):
    """Where something goes."""

    name: str
    """Canonical, for the record and the person who is asked."""
    trusted: int = TRUSTED_NO
    home: bool = False
    """It is the workspace's own named remote."""


NOWHERE: Final = Target("")


def answer(
    row: Row,
    call: Call,
    ruling: Ruling,
    *,
    labels: int = 0,
    sink: int = 0,
    target: Target = NOWHERE,
    resolved: Mapping[str, Any] = NOTHING,
) -> Classified:
    """Return the facts: the row, with ``labels`` joined to its legs and ``sink`` added.

    What the session's handles saw (``call.seen``) is carried; so are the
    labels, where the row carries anything at all.
    """
    carried = row.carried | call.seen
    if row.carried:
        carried |= labels
    return Classified(
        row.op,
        row.legs | labels,
        carried,
        row.sink | sink,
        ruling.scope,
        target.trusted,
        int(target.home),
        row.attested,
        row.public,
        row.fixed,
        target.name,
        ruling.why,
        ruling.where,
        ruling.next_step,
        resolved,
    )
