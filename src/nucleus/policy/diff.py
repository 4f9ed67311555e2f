"""What one policy permits that another does not, each with a witness.

A witness is a concrete value that both policies were asked about. Where the
comparison of patterns can't show that one stays within the other, and no
witness was found either, the difference says that it is not shown.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Final, final

from nucleus.kernel import capability
from nucleus.lean import dataclass
from nucleus.policy import constraints
from nucleus.policy.constraints import VERDICTS, Judgement, Scope
from nucleus.policy.model import GRANTING_FLAGS, KEYS, UNKNOWN_SERVER, Flags, Policy
from nucleus.policy.restrict import wider_fields
from nucleus.policy.samples import instances, show, witnesses
from nucleus.policy.schema import CAPABILITIES, LEVELS
from nucleus.policy.values import PATH

WITNESS_LIMIT: Final = 5
"""Witnesses per key: enough to see what it is about."""
UNSHOWN: Final = "differs, and is not shown to stay within the other"
_WORDS: Final = {level: word for word, level in LEVELS.items()}


@final
@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the first policy gives and the second does not."""

    field: str
    """The field of the policy it belongs to."""
    subject: str
    """The key and the witness, as in ``fetch https://example.org/``."""
    first: str
    second: str
    where: str = ""
    """Where the first one gives it."""

    def __str__(self) -> str:
        place = f"  ({self.where})" if self.where else ""
        rather = f" rather than {self.second}" if self.second else ""
        return f"{self.subject}: {self.first}{rather}{place}"


def widened(p: Policy, q: Policy) -> list[Difference]:
    """Return what ``p`` permits and ``q`` does not. Empty exactly if ``restrict.leq(p, q)``."""
    found = [
        *_levels(p, q),
        *_budgets(p, q),
        *_scopes(p, q),
        *_labels(p, q),
        *_mcp(p, q),
        *_remotes(p, q),
        *_flags(p, q),
    ]
    told = {one.field for one in found}
    found += [Difference(name, name, UNSHOWN, "") for name in wider_fields(p, q) if name not in told]
    return found


def _levels(p: Policy, q: Policy) -> Iterator[Difference]:
    for op, name in enumerate(CAPABILITIES):
        mine, other = capability.level(p.authority, op), capability.level(q.authority, op)
        if mine & ~other:
            yield Difference("authority", name, _WORDS[mine], _WORDS[other], p.levels_from.get(name, ""))


def _budgets(p: Policy, q: Policy) -> Iterator[Difference]:
    for one in fields(p.budget):
        mine, other = getattr(p.budget, one.name), getattr(q.budget, one.name)
        if other is not None and (mine is None or mine > other):
            yield Difference("budget", f"budget {one.name}", "no limit" if mine is None else str(mine), str(other))


def _scopes(p: Policy, q: Policy) -> Iterator[Difference]:
    for key in KEYS:
        yield from _scope("scopes", key, p.scopes[key], q.scopes[key])


def _scope(field: str, title: str, p: Scope, q: Scope) -> Iterator[Difference]:
    """Return the witnesses for one scope, or one line if it is wider in a way that none shows."""
    if constraints.leq(p, q):
        return
    shown = 0
    for value in witnesses((p, q)):
        mine, other = p.judge(value), q.judge(value)
        if mine.scope > other.scope:
            words = VERDICTS[mine.scope], VERDICTS[other.scope]
        elif mine.scope == other.scope and (mine.named > other.named or mine.exact > other.exact):
            words = _vouched(mine), _vouched(other)
        else:
            words = None
        if words:
            yield Difference(field, f"{title} {show(value)}", *words, mine.where)
            shown += 1
        if shown == WITNESS_LIMIT:
            yield Difference(field, title, "and more of this kind", "")
            return
    if not shown:
        yield Difference(field, title, UNSHOWN, "")


def _vouched(judgement: Judgement) -> str:
    """Return how far a value that both allow is named by the owner."""
    return "named exactly" if judgement.exact else "named" if judgement.named else "not named"


def _labels(p: Policy, q: Policy) -> Iterator[Difference]:
    for name in ("untrusted", "secret"):
        mine, other = getattr(p.labels, name), getattr(q.labels, name)
        for shape, source in other.patterns:
            example = next((str(one) for one in instances(PATH, shape) if mine.find(str(one)) is None), None)
            if example is not None:
                yield Difference("labels", f"label {name} {example}", "not labelled", "labelled", source.where)
    yield from _scope("labels", "label public", p.labels.public, q.labels.public)


def _mcp(p: Policy, q: Policy) -> Iterator[Difference]:
    for name in {**p.mcp, **q.mcp}:
        mine, other = (policy.mcp.get(name, UNKNOWN_SERVER).tools for policy in (p, q))
        yield from _scope("mcp", f"mcp {name}", mine, other)


def _remotes(p: Policy, q: Policy) -> Iterator[Difference]:
    for name, mine in p.remotes.items():
        other = q.remotes.get(name)
        if other is None or other.url != mine.url:
            second = other.url or "looked up" if other else "not there"
            yield Difference("remotes", f"remote {name}", mine.url or "looked up", second, mine.where)
            continue
        yield from _scope("remotes", f"remote {name}", mine.refs, other.refs)
        for word in ("allow_delete", "allow_force", "home"):
            if getattr(mine, word) and not getattr(other, word):
                yield Difference("remotes", f"remote {name} {word}", "yes", "no", mine.where)
        if other.public and not mine.public:
            yield Difference("remotes", f"remote {name}", "not public", "public", other.where)


def _flags(p: Policy, q: Policy) -> Iterator[Difference]:
    for one in fields(Flags):
        mine, other = getattr(p.flags, one.name), getattr(q.flags, one.name)
        looser = mine and not other if one.name in GRANTING_FLAGS else other and not mine
        if looser:
            yield Difference("flags", one.name, "on" if mine else "off", "on" if other else "off")
