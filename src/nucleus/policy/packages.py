"""What the package route lets in: by lock file, by the owner's names, or by one question for each set.

Names leave when an index is asked, and untrusted code comes back. Where a
lock file that the owner trusts has name and hash, the owner chose the bytes:
no sink. Where the owner named the packages, they go to a trusted destination.
Anything else is a question, asked once for a set: what is installed, and
whatever that requires.

A lock file is trusted where a trusted policy names it: ``[allow] packages =
["lock:requirements.txt"]``. It is read when the session begins.
"""

import re
from typing import Any, Final

from nucleus.kernel.facts import SCOPE_ASK, SCOPE_DENY, TRUSTED_NO, TRUSTED_YES
from nucleus.policy import legs
from nucleus.policy.answer import FINE, Ruling, Target, answer, ask, deny, least, ruled
from nucleus.policy.call import Call, Classified
from nucleus.policy.context import Context
from nucleus.policy.destinations import named
from nucleus.policy.model import Policy

INDEXES: Final = ("pypi", "npm")
"""The indexes that there is a route to."""
LOCK: Final = "lock:"
"""What a value of ``packages`` starts with that names a lock file."""
SET_LIMIT: Final = 512
"""Packages that one question is about at most."""
_SPEC: Final = re.compile(
    r"(pypi|npm):(@[a-z0-9._~-]{1,100}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,213}(@[^\s#]{1,100}#\S{1,200})?"
)
_SEPARATORS: Final = re.compile(r"[-_.]+")


def packages(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify one set: ``packages``, each ``index:name``, or ``index:name@version#hash``."""
    given = call.args.get("packages")
    proper = isinstance(given, list | tuple) and 0 < len(given) <= SET_LIMIT
    if not proper or not all(type(one) is str and _SPEC.fullmatch(one) for one in given or ()):
        return answer(legs.PACKAGES, call, deny("packages is a list of index:name, or of index:name@version#hash"))
    wanted = sorted({canonical(one) for one in given or ()})
    shown, resolved = " ".join(wanted), {"packages": wanted, **_pinned(wanted, context)}
    if context.attested and context.locks.issuperset(wanted):
        return answer(
            legs.LOCKED_PACKAGES, call, _limited(policy, wanted), target=Target(shown, TRUSTED_YES), resolved=resolved
        )
    rulings, trusted = [], TRUSTED_YES
    owned = owner_set(policy, wanted[0].partition(":")[0])
    for one in wanted:
        name = name_of(one)
        vouched = name in owned or named(policy, name) or named(policy, one.partition("#")[0].partition(":")[2])
        rulings.append(_ruling(policy, name, vouched=vouched))
        if not (vouched or policy.scopes["packages"].judge(name).named):
            trusted = TRUSTED_NO
            rulings.append(ask(f"nobody named {name}", f"[allow] packages = [{name!r}] in a trusted policy"))
    resolved["covers"] = owned if trusted == TRUSTED_YES else wanted
    return answer(legs.PACKAGES, call, least(*rulings), target=Target(shown, trusted), resolved=resolved)


def canonical(spec: str) -> str:
    """Return a package as it is compared: names of Python's index in their normal form (PEP 503)."""
    index, _, rest = spec.partition(":")
    if index != "pypi":
        return spec
    name, at, pinned = rest.partition("@")
    return f"pypi:{_SEPARATORS.sub('-', name).lower()}{at}{pinned}"


def name_of(spec: str) -> str:
    """Return ``index:name`` of a package."""
    plain = spec.partition("#")[0]
    return plain[: plain.rindex("@")] if "@" in plain[6:] else plain


def owner_set(policy: Policy, index: str) -> list[str]:
    """Return the packages of an index that the owner names one by one: they are one set."""
    scope = policy.scopes["packages"]
    literal = {
        "/".join(shape.base[1:]) for one in scope.sets for shape, _ in one.allow if shape.literal and not one.ceiling
    }
    return sorted(canonical(one) for one in literal if one.startswith(f"{index}:") and scope.judge(one).named)


def lock_files(policy: Policy) -> list[str]:
    """Return the lock files that the owner trusts, as paths in the workspace."""
    scope = policy.scopes["packages"]
    literal = {
        "/".join(shape.base[1:]) for one in scope.sets for shape, _ in one.allow if shape.literal and not one.ceiling
    }
    return sorted(one.removeprefix(LOCK) for one in literal if one.startswith(LOCK) and scope.judge(one).named)


def _pinned(wanted: list[str], context: Context) -> dict[str, Any]:
    """Return the hashes that lock files have for a name that was asked for alone."""
    if len(wanted) != 1 or "#" in wanted[0]:
        return {}
    start = wanted[0] + "@"
    return {"pinned": sorted(one.removeprefix(start) for one in context.locks if one.startswith(start))}


def _ruling(policy: Policy, name: str, *, vouched: bool) -> Ruling:
    """Return what the scope says of a name."""
    judgement = policy.scopes["packages"].judge(name)
    return least(ruled(judgement, "packages", name, vouched=vouched), _spelled(policy, name))


def _limited(policy: Policy, wanted: list[str]) -> Ruling:
    """Return what the owner's own patterns say against a locked package; that nobody names it says nothing."""
    rulings = [FINE]
    for one in wanted:
        name = name_of(one)
        judgement = policy.scopes["packages"].judge(name)
        rulings += [FINE if judgement.silent else ruled(judgement, "packages", name), _spelled(policy, name)]
    return least(*rulings)


def _spelled(policy: Policy, name: str) -> Ruling:
    """Return the strictest that is said of a name in another spelling of it."""
    ruling = FINE
    for one in policy.scopes["packages"].sets:
        for said, patterns in ((SCOPE_DENY, one.deny), (SCOPE_ASK, one.ask)):
            for shape, source in patterns:
                if shape.literal and canonical("/".join(shape.base[1:])) == name:
                    ruling = least(Ruling(said, source.reason, source.where, f"change {source.where}"), ruling)
    return ruling
