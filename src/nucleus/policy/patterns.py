"""A set of patterns that adds something where it matches (labels), by union."""

from collections.abc import Iterable
from typing import Final, final

from nucleus.policy.constraints import Cover, Pattern, fold
from nucleus.policy.source import Source
from nucleus.policy.table import Table
from nucleus.policy.values import Kind


@final
class PatternSet:
    """Folded patterns of one kind. Never changed after it was made."""

    __slots__ = ("_table", "kind", "patterns")

    def __init__(self, kind: Kind, patterns: Iterable[Pattern] = ()) -> None:
        self.kind: Final = kind
        self.patterns: Final = tuple(dict.fromkeys(patterns))
        self._table: Final = Table(kind.separator, rooted=kind.rooted)
        for shape, source in self.patterns:
            self._table.add(shape, 1, source)

    def find(self, value: str) -> Source | None:
        """Return the pattern that matches, None if none does. What is not canonical matches nothing."""
        encoded = self.kind.encode(value)
        found = [] if encoded is None else self._table.find(fold(encoded))
        return found[-1].sources[1] if found else None

    def within(self, other: "PatternSet") -> bool:
        """Whether the other set matches all that this one matches. Sound; may say no too often."""
        wide = Cover(other.patterns)
        return all(wide.covers(shape) for shape, _ in self.patterns)

    def join(self, other: "PatternSet") -> "PatternSet":
        """Return the set that matches where either does."""
        return PatternSet(self.kind, self.patterns + other.patterns)
