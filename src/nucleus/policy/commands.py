"""Commands and packages: worst case unless a box vouches for no network and a transaction."""

from collections.abc import Sequence
from typing import Any

from nucleus.kernel.exposure import PRIVATE, SECRET
from nucleus.kernel.facts import SCOPE_ALLOW, TRUSTED_NO, TRUSTED_YES
from nucleus.policy import legs
from nucleus.policy.answer import FINE, Ruling, Target, answer, ask, deny, least, ruled
from nucleus.policy.call import Call, Classified
from nucleus.policy.context import Context
from nucleus.policy.destinations import named
from nucleus.policy.files import hidden, labels_of
from nucleus.policy.model import Policy
from nucleus.policy.paths import PathError, locate
from nucleus.policy.words import LENGTH_LIMIT, WORDS_LIMIT, hint, plain_words


def run(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify a command: ``argv``, a list of words, or ``text`` for a shell; in ``cwd``."""
    row = legs.BOXED_RUN if context.attested else legs.RUN
    labels = labels_of(policy, context, ".", tree=True)
    if not context.hides_secrets or policy.labels.secret.patterns:
        # A box hides what looks like a secret; which files the owner's own labels make one, it does not know.
        labels |= PRIVATE | SECRET
    argv = _argv(call)
    if argv is None:
        return answer(row, call, deny("a command is a list of words"), labels=labels)
    rulings = [_boxed(policy, context)]
    cwd = call.args.get("cwd") or "."
    try:
        place = locate(context.workspace, context.home, cwd if type(cwd) is str else "")
    except PathError as error:
        return answer(row, call, deny(f"{error}"), labels=labels)
    if not place.inside:
        rulings.append(deny(f"{place.absolute} is outside of the workspace"))
    if isinstance(argv, str):
        words = plain_words(argv)
        if words is None:
            rulings.append(ask("text for a shell that is not plain words", "pass a list of words"))
        argv = words or ["sh", "-c", argv]
    judgement = policy.scopes["commands"].judge(argv)
    rulings.append(FINE if judgement.scope == SCOPE_ALLOW else ruled(judgement, "commands", " ".join(argv)))
    why = "" if judgement.named else hint(argv)
    if why:
        rulings.append(ask(why, f"[allow] commands = [{' '.join(argv)!r}] in a trusted policy"))
    # What looks like a secret, a box finds by itself.
    resolved: dict[str, Any] = {"argv": list(argv), "cwd": place.relative, "hidden": hidden(policy, contents=False)}
    return answer(row, call, least(*rulings), labels=labels, target=Target(argv[0]), resolved=resolved)


def install(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify one resolved set of packages: ``packages``, each ``index:name@version#hash``.

    A set that is wholly in a lock file that the owner trusts chose its own bytes; one whose every
    name the owner gave goes to a trusted place; any other set is one question.
    """
    given = call.args.get("packages")
    labels = labels_of(policy, context, ".", tree=True)
    if not isinstance(given, list | tuple) or not given or not all(type(one) is str and one for one in given):
        row = legs.INSTALL if context.attested else legs.RUN
        return answer(row, call, deny("packages is a list of index:name@version#hash"), labels=labels)
    target = " ".join(sorted(set(given)))
    resolved = {"packages": sorted(set(given))}
    boxed = _boxed(policy, context)
    if context.locks.issuperset(given):
        row = legs.LOCKED_INSTALL if context.attested else legs.RUN
        return answer(row, call, boxed, labels=labels, target=Target(target, TRUSTED_YES), resolved=resolved)
    scope = policy.scopes["packages"]
    rulings = [boxed]
    trusted = TRUSTED_YES
    for one in given:
        name = _package(one)
        judgement = scope.judge(name)
        vouched = any(named(policy, word) for word in _spellings(one))
        rulings.append(ruled(judgement, "packages", name, vouched=vouched))
        if not (judgement.named or vouched):
            trusted = TRUSTED_NO
    row = legs.INSTALL if context.attested else legs.RUN
    return answer(row, call, least(*rulings), labels=labels, target=Target(target, trusted), resolved=resolved)


def _boxed(policy: Policy, context: Context) -> Ruling:
    """Return a refusal where the profile wants a box that vouches for itself, and there is none."""
    if policy.flags.attested_shell and not context.attested:
        return deny(
            "commands run only in a box that vouches for no network and a transaction",
            "run it yourself, outside of the session",
            policy.profile,
        )
    return FINE


def _argv(call: Call) -> Sequence[str] | str | None:
    """Return the words, or the text for a shell; None for anything else."""
    argv, text = call.args.get("argv"), call.args.get("text")
    if argv is None and type(text) is str and text.strip():
        return text
    if text is not None or not isinstance(argv, list | tuple) or not 1 <= len(argv) <= WORDS_LIMIT:
        return None
    if not all(type(word) is str and "\0" not in word and len(word) <= LENGTH_LIMIT for word in argv):
        return None
    return list(argv) if argv[0] else None


def _spellings(spec: str) -> tuple[str, ...]:
    """Return how a person writes a package so that it can't be an ordinary word: with its version, or its index."""
    pinned = spec.partition(":")[2].partition("#")[0]
    name, _, version = pinned[1:].partition("@")
    name = pinned[:1] + name
    return f"{name}@{version}", f"{name}=={version}", f"{spec.partition(':')[0]}:{name}"


def _package(spec: str) -> str:
    """Return ``index:name`` of a package, in lower case and one spelling of its dashes."""
    index, _, rest = spec.partition(":")
    start = rest[:1]
    name = start + rest[1:].partition("@")[0].partition("#")[0]
    return f"{index.lower()}:{name.lower().replace('_', '-')}"
