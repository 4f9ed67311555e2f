"""Policies as a lattice: ``meet`` never widens, ``leq`` covers every field.

``leq(p, q)`` is sound: whatever ``p`` lets happen without a question, ``q``
does, and what ``p`` lets happen with a yes, ``q`` lets happen at least so. The
fields and their direction stand in ``ORDER``; a test fails if a field of
``Policy`` is missing from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final

from nucleus.kernel import capability
from nucleus.lean import replace
from nucleus.policy import constraints
from nucleus.policy.constraints import Scope
from nucleus.policy.digest import digest_of
from nucleus.policy.model import (
    GRANTING_FLAGS,
    KEYS,
    UNKNOWN_SERVER,
    Budget,
    Flags,
    Labels,
    McpRule,
    OwnerWords,
    Policy,
    Remote,
)


def meet(p: Policy, q: Policy) -> Policy:
    """Return the policy that permits what both permit."""
    met = Policy(
        profile=p.profile if p.profile == q.profile else f"{p.profile} & {q.profile}",
        authority=p.authority & q.authority,
        budget=_meet_budgets(p.budget, q.budget),
        scopes={key: constraints.meet(p.scopes[key], q.scopes[key]) for key in KEYS},
        labels=Labels(
            p.labels.untrusted.join(q.labels.untrusted),
            p.labels.secret.join(q.labels.secret),
            constraints.meet(p.labels.public, q.labels.public),
        ),
        mcp={name: McpRule(constraints.meet(_tools(p, name), _tools(q, name))) for name in {**p.mcp, **q.mcp}},
        remotes={
            name: _meet_remotes(p.remotes[name], q.remotes[name])
            for name in p.remotes
            if name in q.remotes and p.remotes[name].url == q.remotes[name].url
        },
        flags=_meet_flags(p.flags, q.flags),
        rules=tuple(dict.fromkeys(p.rules + q.rules)),
        owner=OwnerWords(p.owner.tokens & q.owner.tokens),
        layers=tuple(dict.fromkeys(p.layers + q.layers)),
        notes=tuple(dict.fromkeys(p.notes + q.notes)),
        levels_from={**p.levels_from, **q.levels_from},
    )
    return replace(met, digest=digest_of(met))


def capped(policy: Policy, authority: int) -> Policy:
    """Return the policy with no level above that of ``authority``, a kernel authority; itself where none is."""
    levels = policy.authority & authority
    if levels == policy.authority:
        return policy
    lower = replace(policy, authority=levels)
    return replace(lower, digest=digest_of(lower))


def leq(p: Policy, q: Policy) -> bool:
    """Whether ``q`` permits all that ``p`` permits."""
    return not wider_fields(p, q)


def wider_fields(p: Policy, q: Policy) -> tuple[str, ...]:
    """Return the fields in which ``p`` is not shown to stay within ``q``."""
    return tuple(name for name, within in ORDER.items() if within is not None and not within(p, q))


def _scopes_within(p: Policy, q: Policy) -> bool:
    return all(constraints.leq(p.scopes[key], q.scopes[key]) for key in KEYS)


def _labels_within(p: Policy, q: Policy) -> bool:
    return (
        q.labels.untrusted.within(p.labels.untrusted)
        and q.labels.secret.within(p.labels.secret)
        and constraints.leq(p.labels.public, q.labels.public)
    )


def _mcp_within(p: Policy, q: Policy) -> bool:
    return all(constraints.leq(_tools(p, name), _tools(q, name)) for name in {**p.mcp, **q.mcp})


def _tools(policy: Policy, server: str) -> Scope:
    """Return the tools of a server, named or not."""
    return policy.mcp.get(server, UNKNOWN_SERVER).tools


def _remotes_within(p: Policy, q: Policy) -> bool:
    return all(name in q.remotes and _remote_within(one, q.remotes[name]) for name, one in p.remotes.items())


def _remote_within(p: Remote, q: Remote) -> bool:
    return (
        p.url == q.url
        and constraints.leq(p.refs, q.refs)
        and p.public >= q.public
        and p.allow_delete <= q.allow_delete
        and p.allow_force <= q.allow_force
        and p.home <= q.home
    )


def _meet_remotes(p: Remote, q: Remote) -> Remote:
    return Remote(
        p.url,
        constraints.meet(p.refs, q.refs),
        p.public or q.public,
        p.allow_delete and q.allow_delete,
        p.allow_force and q.allow_force,
        p.home and q.home,
        p.where,
    )


def _budget_within(p: Policy, q: Policy) -> bool:
    a, b = p.budget, q.budget
    counts = ("micro_units", "seconds", "calls", "egress_bytes")
    usd = b.usd_micro is None or (a.usd_micro is not None and a.usd_micro <= b.usd_micro)
    return usd and all(getattr(a, name) <= getattr(b, name) for name in counts)


def _meet_budgets(p: Budget, q: Budget) -> Budget:
    bills = [one.usd_micro for one in (p, q) if one.usd_micro is not None]
    return Budget(
        min(p.micro_units, q.micro_units),
        min(p.seconds, q.seconds),
        min(p.calls, q.calls),
        min(p.egress_bytes, q.egress_bytes),
        min(bills) if bills else None,
    )


def _flags_within(p: Policy, q: Policy) -> bool:
    return _meet_flags(p.flags, q.flags) == p.flags


def _meet_flags(p: Flags, q: Flags) -> Flags:
    """Return flags that tighten where either does, and grant where both do."""

    def either(name: str) -> bool:
        a: bool = getattr(p, name)
        b: bool = getattr(q, name)
        return (a and b) if name in GRANTING_FLAGS else (a or b)

    return Flags(**{one.name: either(one.name) for one in fields(Flags)})


ORDER: Final[Mapping[str, Callable[[Policy, Policy], Any] | None]] = {
    "authority": lambda p, q: capability.leq(p.authority, q.authority),
    "budget": _budget_within,
    "scopes": _scopes_within,
    "labels": _labels_within,
    "mcp": _mcp_within,
    "remotes": _remotes_within,
    "flags": _flags_within,
    "owner": lambda p, q: p.owner.tokens <= q.owner.tokens,
    "profile": None,  # a name
    "rules": None,  # part of the scopes
    "layers": None,  # where it came from
    "notes": None,
    "levels_from": None,
    "digest": None,
}
"""How each field is compared; None where it says nothing about what is permitted."""
