"""Values that patterns match: witnesses for a difference, and examples for people.

``instances`` makes, from one shape, a few values in canonical form; not all of
them, but at least one if the shape matches any that can be written down.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from nucleus.policy.constraints import Pattern, Scope, Value
from nucleus.policy.shapes import ABSOLUTE, DEEPER, HERE, Name, Shape
from nucleus.policy.values import COMMAND, METHOD_URL, PATH, URL, Kind

WORD: Final = "sample"
"""What stands where a star or ``**`` leaves a name open."""


def witnesses(scopes: Iterable[Scope]) -> list[Value]:
    """Return values worth trying: instances of every pattern of the scopes, and one that no pattern names."""
    found: dict[str, Value] = {}
    for scope in scopes:
        for shape in (*_shapes(scope), *scope.kind.everything):
            for value in instances(scope.kind, shape):
                found.setdefault(show(value), value)
    return list(found.values())


def _shapes(scope: Scope) -> Iterator[Shape]:
    for one in scope.sets:
        patterns: tuple[Pattern, ...] = one.allow + one.ask + one.deny
        yield from (shape for shape, _ in patterns)


def show(value: Value) -> str:
    """Return a value as a person writes it."""
    import shlex

    return value if isinstance(value, str) else shlex.join(value)


def instances(kind: Kind, shape: Shape) -> Iterator[Value]:
    """Return canonical values that the shape matches."""
    for segments in _segments(kind, shape):
        value = _value(kind, segments)
        if value is not None and kind.encode(value) is not None:
            yield value


def _segments(kind: Kind, shape: Shape) -> Iterator[tuple[str, ...]]:
    base = shape.base or (".",)
    if shape.name is not None:
        between = (WORD,) if shape.depth == DEEPER else ()
        named = (*base, *between, _spelled(kind, shape.name))
        yield named
        if shape.depth != HERE:
            yield (*base, WORD, *between, _spelled(kind, shape.name))
        base = named
    if shape.below:
        yield (*base, WORD)
        yield (*base, WORD, WORD)
    yield base


def _spelled(kind: Kind, name: Name) -> str:
    """Return a segment that the name matches."""
    if not name.star:
        return name.prefix
    if kind in {URL, METHOD_URL} and name.prefix == ":":
        return f":https{name.suffix or ':443'}"
    return f"{name.prefix}{WORD}{name.suffix}"


def _value(kind: Kind, segments: tuple[str, ...]) -> Value | None:
    """Return the value that has these segments, None if there is none."""
    root, *rest = segments
    if kind is COMMAND:
        return rest or None
    if kind is METHOD_URL:
        url = _url(rest[1:])
        return f"{rest[0].upper()} {url}" if url else None
    if kind is URL:
        return _url(rest)
    if kind is PATH:
        return ABSOLUTE + "/".join(rest) if root == ABSOLUTE else "/".join(rest) or "."
    return "/".join(rest) or None


def _url(segments: list[str]) -> str | None:
    """Return the URL that has these segments: labels from the last on, ``:scheme:port``, steps of the path."""
    at = next((number for number, part in enumerate(segments) if part.startswith(":")), None)
    if at is None:
        segments, at = [*segments, ":https:443"], len(segments)
    _, scheme, port = segments[at].split(":")
    host = ".".join(reversed(segments[:at])) or f"{WORD}.example"
    return f"{scheme}://{host}:{port}/{'/'.join(segments[at + 1 :])}"
