"""From the words of documents to constraint sets: one key, one layer at a time.

Pure: no file is read here. ``load`` says which documents there are and whose
grants count.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, final

from nucleus.errors import PolicyError
from nucleus.lean import dataclass
from nucleus.policy import shapes
from nucleus.policy.addresses import AddressError, parse_url
from nucleus.policy.constraints import ALLOW, ASK, DENY, Constraint, Pattern, Scope, Value
from nucleus.policy.document import Document
from nucleus.policy.globs import PatternError, parse
from nucleus.policy.model import KEYS, Rule
from nucleus.policy.schema import PREDICATES
from nucleus.policy.source import Source
from nucleus.policy.values import COMMAND, METHOD_URL, URL, Kind

PATTERNS_LIMIT: Final = 50_000
"""Patterns of one list, ranges spelled out: five times what was measured to be flat."""
RANGE_LIMIT: Final = 1024
"""Ports of one range."""
_WORDS: Final = {"deny": DENY, "ask": ASK}


@final
@dataclass(frozen=True, slots=True)
class Part:
    """What one document says about one key, compiled."""

    layer: str
    trusted: bool
    allow: tuple[Pattern, ...]
    ask: tuple[Pattern, ...]
    deny: tuple[Pattern, ...]
    name: tuple[Pattern, ...]
    """A profile's: what others may name."""
    otherwise: int | None
    """What it says of values that nobody names; None if nothing."""


def place(document: Document, *path: str | int) -> str:
    """Return where a line stands: ``file:line``, and for a profile just its name."""
    return document.path if document.path.startswith("profile ") else document.where(*path)


def patterns(
    document: Document, kind: Kind, path: tuple[str | int, ...], *, grants: bool, home: str
) -> tuple[Pattern, ...]:
    """Return the patterns of a list in the document. Raises PolicyError for one that has no shape."""
    found: Any = document.content
    for step in path:
        found = found.get(step, ()) if isinstance(found, Mapping) else found[step]
    out: list[Pattern] = []
    for number, text in enumerate([found] if isinstance(found, str | int) else found):
        at = (*path, number)
        source = Source(place(document, *at), f"[{'.'.join(map(str, path[:-1]))}] {path[-1]} = {_quoted(text)}")
        out += [(shape, source) for shape in _parsed(document, kind, text, at, grants=grants, home=home)]
        if len(out) > PATTERNS_LIMIT:
            raise document.error(f"more than {PATTERNS_LIMIT} patterns", *at, fix="name directories, hosts or ranges")
    return tuple(out)


def _parsed(
    document: Document, kind: Kind, text: str | int, at: tuple[str | int, ...], *, grants: bool, home: str
) -> list[shapes.Shape]:
    """Return the shapes of one element, or the error at its line."""
    key = next(str(step) for step in reversed(at) if isinstance(step, str))
    try:
        return [shape for one in _expanded(text, key) for shape in parse(kind, one, grants=grants, home=home)]
    except PatternError as error:
        raise document.error(f"{text!r}: {error}", *at, fix=error.fix) from error


def _expanded(text: str | int, key: str) -> list[str]:
    """Return the texts that an element stands for: a range of ports is each of them. Raises PatternError."""
    if key not in {"ports", "port"} or text == "**":
        return [str(text)]
    first, dash, last = str(text).partition("-")
    last = last if dash else first
    if not (first + last).isascii() or not (first.isdigit() and last.isdigit()) or len(first + last) > 2 * 5:
        raise PatternError("not a port, and not a range of ports", "as 8000, or '8000-8010'")
    low, high = int(first), int(last)
    if not 0 < low <= high <= 0xFFFF or high - low >= RANGE_LIMIT:
        raise PatternError(f"ports are 1 to 65535, and a range has at most {RANGE_LIMIT}", "'**' means all of them")
    return [str(port) for port in range(low, high + 1)]


def _quoted(text: str | int) -> str:
    return f'"{text}"' if isinstance(text, str) else str(text)


def part(document: Document, key: str, rules: Iterable[Rule], *, trusted: bool, home: str) -> Part:
    """Return what the document says about one key, its rules included."""
    kind = KEYS[key]
    if key == "templates":
        _no_wildcards(document)

    def listed(table: str, *, grants: bool) -> tuple[Pattern, ...]:
        return patterns(document, kind, (table, key), grants=grants, home=home) if key in document.table(table) else ()

    word = document.table("otherwise").get(key)
    return Part(
        document.path,
        trusted,
        listed("allow", grants=True),
        listed("ask", grants=False) + _of_rules(rules, key, "ask", home),
        listed("deny", grants=False) + _of_rules(rules, key, "deny", home),
        listed("name", grants=True),
        None if word is None else _WORDS[word],
    )


def _no_wildcards(document: Document) -> None:
    """Check that closed sets are closed. Raises PolicyError."""
    for number, text in enumerate(document.table("allow").get("templates", ())):
        if "*" in text:
            raise document.error(
                f"{text!r}: a closed set has no star", "allow", "templates", number, fix="list each value"
            )


def _of_rules(rules: Iterable[Rule], key: str, then: str, home: str) -> tuple[Pattern, ...]:
    """Return the patterns that rules add to one key."""
    return tuple(
        (shape, rule.source)
        for rule in rules
        if rule.then == then and key in keys_of(rule)
        for text in rule.patterns
        for one in _expanded(text, key)
        for shape in parse(KEYS[key], one, grants=False, home=home)
    )


def keys_of(rule: Rule) -> tuple[str, ...]:
    """Return the keys that a rule speaks of: all of its ``when`` if it has no predicate."""
    known = PREDICATES[rule.when]
    return (known[rule.predicate],) if rule.predicate else tuple(dict.fromkeys(known.values()))


def sets_of(
    kind: Kind, profiles: Sequence[Part], layers: Sequence[Part], flags: tuple[Pattern, ...]
) -> list[Constraint]:
    """Return the constraint sets of one key: what profiles bound, layers name, and flags add.

    ``flags`` is what the owner named on the command line: it joins what each
    layer names, and stays within the profiles.
    """
    otherwise = min(_said(one) for one in profiles)
    naming = [one for one in layers if one.trusted and one.allow]
    granted = [one for one in layers if one.trusted]
    asked = tuple(pattern for one in granted for pattern in one.ask)
    sets: list[Constraint] = []
    for one in profiles:
        plain = not (naming or asked or flags or one.name)
        bound = Constraint(one.layer, one.allow + one.name, one.ask, one.deny, _said(one), ceiling=not plain)
        if plain or not _vacuous(bound, kind):
            sets.append(bound)
        if not plain and not naming:
            sets.append(Constraint(one.layer, one.allow + flags, asked, (), _said(one)))
    named = tuple(pattern for one in (*profiles, *granted) for pattern in one.allow) + flags
    for one in layers:
        said = ALLOW if one.otherwise is None else one.otherwise
        if one.trusted and one.allow:
            sets.append(Constraint(one.layer, one.allow + flags, one.ask, one.deny, min(otherwise, said)))
        elif one.ask or one.deny or one.otherwise is not None:
            allow = named if one.otherwise is not None else ()
            sets.append(Constraint(one.layer, allow, one.ask, one.deny, said, ceiling=True))
    return sets


def _vacuous(bound: Constraint, kind: Kind) -> bool:
    """Whether a ceiling allows every value there is: then it need not be asked each time."""
    return not (kind.rooted or bound.ask or bound.deny) and any(one == shapes.EVERYTHING for one, _ in bound.allow)


def _said(one: Part) -> int:
    """Return what a profile says of values that nobody names: deny, unless it says ask."""
    return DENY if one.otherwise is None else one.otherwise


def rules_of(document: Document, home: str) -> tuple[Rule, ...]:
    """Return the rules of a document, their examples checked. Raises PolicyError."""
    return tuple(
        _rule(document, number, content, home) for number, content in enumerate(document.content.get("rule", ()))
    )


def _rule(document: Document, number: int, content: Mapping[str, Any], home: str) -> Rule:
    """Return one rule."""
    at = ("rule", number)
    when = content["when"]
    known = PREDICATES[when]
    used = [name for name in content if name not in {"when", "then", "why", "match", "not_match"}]
    wrong = next((name for name in used if name not in known), None)
    if wrong is not None or len(used) > 1:
        message = f"a rule for {when!r} has no {wrong!r}" if wrong else "a rule has one predicate"
        raise document.error(message, *at, wrong or used[-1], fix=f"one of: {', '.join(known)}; or one rule for each")
    predicate = used[0] if used else ""
    found = content[predicate] if predicate else "**"
    texts = tuple(found) if isinstance(found, list) else (found,)
    words = f"[[rule]] {when} {predicate + ' ' if predicate else ''}{', '.join(map(str, texts))}: {content['then']}"
    rule = Rule(when, predicate, texts, content["then"], Source(place(document, *at), words, content.get("why", "")))
    if predicate:
        key = known[predicate]
        patterns(document, KEYS[key], (*at, predicate), grants=False, home=home)
        _check_examples(document, number, rule, key, home)
    return rule


def _check_examples(document: Document, number: int, rule: Rule, key: str, home: str) -> None:
    """Check that a rule meets its examples and none of its counter-examples. Raises PolicyError."""
    kind = KEYS[key]
    limits = _of_rules((rule,), key, rule.then, home)
    scope = Scope(kind, (Constraint(document.path, deny=limits, otherwise=ALLOW),))
    for word, wanted in (("match", DENY), ("not_match", ALLOW)):
        for nth, text in enumerate(document.content["rule"][number].get(word, ())):
            at = ("rule", number, word, nth)
            try:
                met = scope.judge(example(kind, text)).scope
            except ValueError as error:
                raise document.error(f"{text!r} is not a {kind.name}: {error}", *at) from error
            if met != wanted:
                says = "is not met by" if wanted == DENY else "is met by"
                raise document.error(f"{text!r} {says} the rule", *at, fix="change the rule, or the example")


def example(kind: Kind, text: str) -> Value:
    """Return the canonical value that a person's example stands for. Raises ValueError."""
    if kind is COMMAND:
        return shlex.split(text)
    if kind is METHOD_URL:
        method, _, url = text.rpartition(" ")
        return f"{method or 'GET'} {parse_url(url).text}"
    if kind is not URL:
        return text
    try:
        return parse_url(text if "://" in text else f"https://{text}/").text
    except AddressError as error:
        raise ValueError(str(error)) from error


def flag_patterns(key: str, texts: Sequence[str], home: str) -> tuple[Pattern, ...]:
    """Return the patterns that the owner named on the command line. Raises PolicyError."""
    flag = f"--allow-{_FLAGS.get(key, key)}"
    out: list[Pattern] = []
    for text in texts:
        source = Source(flag, f"{flag} {text}")
        try:
            found = [shape for one in _expanded(text, key) for shape in parse(KEYS[key], one, grants=True, home=home)]
        except PatternError as error:
            raise PolicyError(f"{flag} {text!r}: {error}", fix=error.fix) from error
        out += [(shape, source) for shape in found]
    return tuple(out)


_FLAGS: Final = {"fetch": "host", "remotes": "remote", "ports": "local-port"}
