"""Patterns as shapes: what a pattern can look like, and when one covers another.

A value is a sequence of segments (``src/a.py`` has two; an argv has one for
each word; a host has its labels, last first). A pattern is::

    BASE                   exactly this value
    BASE/**                this value and everything below it
    BASE/NAME              a child of BASE                     NAME is a literal
    BASE/NAME/**           such a child and everything below   or PRE*SUF
    BASE/**/NAME           any depth, last segment is NAME
    BASE/**/NAME/**        any depth, some segment is NAME, and all below

Everything else is refused when it is written, with the fix. So a match costs
a bounded number of dictionary look-ups for each segment, whatever the number
of patterns (see ``table``), and there is nothing to backtrack over.

``covers`` is sound: if it says yes, the first matches all that the second
matches. ``apart`` is sound: if it says yes, no value matches both.
"""

from typing import Final, final

from nucleus.lean import dataclass

RELATIVE: Final = "."
"""First segment of a base that starts at the workspace, or at the root of a kind without absolute values."""
ABSOLUTE: Final = "/"
"""First segment of a base that starts at the root of the file system."""

HERE: Final = 0
"""The name stands directly below the base."""
ANYWHERE: Final = 1
"""The name stands at any depth below the base."""
DEEPER: Final = 2
"""The name stands at least one segment further down (``*.example.org`` is not ``example.org``)."""


@final
@dataclass(frozen=True, slots=True)
class Name:
    """One segment: ``prefix*suffix``, or exactly ``prefix`` if there is no star."""

    prefix: str
    suffix: str = ""
    star: bool = False

    def matches(self, segment: str) -> bool:
        """Whether the segment has this name."""
        if not self.star:
            return segment == self.prefix
        long_enough = len(segment) >= len(self.prefix) + len(self.suffix)
        return long_enough and segment.startswith(self.prefix) and segment.endswith(self.suffix)

    def covers(self, other: "Name") -> bool:
        """Whether every segment that has the other name has this one."""
        if not other.star:
            return self.matches(other.prefix)
        return self.star and other.prefix.startswith(self.prefix) and other.suffix.endswith(self.suffix)


@final
@dataclass(frozen=True, slots=True)
class Shape:
    """A pattern in normal form. An empty ``base`` starts at both roots (only what denies or asks has it)."""

    base: tuple[str, ...]
    name: Name | None = None
    depth: int = HERE
    below: bool = False

    @property
    def literal(self) -> bool:
        """Whether exactly one value matches."""
        return self.name is None and not self.below and bool(self.base)

    @property
    def everything(self) -> bool:
        """Whether every value below a root matches: a pattern that names nothing in particular."""
        return len(self.base) <= 1 and self.below and self.name is None


EVERYTHING: Final = Shape((RELATIVE,), below=True)
"""``**`` where it allows. For paths that is the workspace; for all other kinds each value there is."""


def matches(shape: Shape, value: tuple[str, ...]) -> bool:
    """Whether the value (root first, then its segments) matches. The reference that ``table`` is tested against."""
    size = len(shape.base)
    if value[:size] != shape.base:
        return False
    if shape.name is None:
        return shape.below or len(value) == size
    first = max(size, 1) + (1 if shape.depth == DEEPER else 0)
    last = first if shape.depth == HERE else len(value) - 1
    places = range(first, min(last, len(value) - 1) + 1)
    return any(shape.name.matches(value[at]) and (shape.below or at == len(value) - 1) for at in places)


def covers(wide: Shape, narrow: Shape) -> bool:
    """Whether everything that ``narrow`` matches is matched by ``wide``. Sound; may say no too often."""
    if narrow.literal:
        return matches(wide, narrow.base)
    size = len(wide.base)
    if narrow.base[:size] != wide.base:
        return False
    if wide.name is None:
        return wide.below
    first = _first(wide)
    own = narrow.base[first:]
    if wide.below and any(wide.name.matches(segment) for segment in (own[:1] if wide.depth == HERE else own)):
        return True
    if wide.depth == HERE and (_first(narrow) != first or narrow.depth != HERE):
        return False
    return _first(narrow) >= first and _ends_alike(wide, narrow)


def apart(one: Shape, other: Shape) -> bool:
    """Whether no value matches both. Sound; may say no too often."""
    if one.literal:
        return not matches(other, one.base)
    if other.literal:
        return not matches(one, other.base)
    size = min(len(one.base), len(other.base))
    return one.base[:size] != other.base[:size]


def _first(shape: Shape) -> int:
    """Return the first index at which the name of the shape can stand."""
    return max(len(shape.base), 1) + (1 if shape.depth == DEEPER else 0)


def _ends_alike(wide: Shape, narrow: Shape) -> bool:
    """Whether the name and the end of ``narrow`` are within those of ``wide``, places apart."""
    if wide.name is None or narrow.name is None:
        return False
    return wide.name.covers(narrow.name) and (wide.below or not narrow.below)
