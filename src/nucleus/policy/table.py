"""Many patterns, one look-up: flat in the number of patterns.

A value is walked once from its root. At each prefix of the value there is at
most one node, found by one dictionary look-up; the node holds the patterns
that have this prefix as their base, by shape. So the cost depends on the
value (segments, and the length of a segment where a name has a star), not on
how many patterns there are.

Each pattern sets bits (which set it belongs to, and whether it allows, asks
or denies). A look-up returns the entries that it met; their bits are or-ed
by the caller, who can also ask where the pattern of a bit stands.
"""

from typing import Final, final

from nucleus.policy.shapes import ABSOLUTE, DEEPER, HERE, RELATIVE, Name, Shape
from nucleus.policy.source import Source


@final
class Entry:
    """All patterns of one shape: their bits, and where the first of each bit stands."""

    __slots__ = ("bits", "sources")

    def __init__(self) -> None:
        self.bits = 0
        self.sources: dict[int, Source] = {}

    def add(self, bit: int, source: Source) -> None:
        """Join the bit; the first pattern of a bit is the one that is cited."""
        self.bits |= bit
        self.sources.setdefault(bit, source)


@final
class Names:
    """Patterns for one segment: literals, ``*.EXT``, and other ``PRE*SUF`` by prefix and then by suffix."""

    __slots__ = ("_affixes", "_endings", "_exact", "_lengths")

    def __init__(self) -> None:
        self._exact: dict[str, Entry] = {}
        self._endings: dict[str, Entry] = {}
        self._affixes: dict[str, tuple[dict[str, Entry], list[int]]] = {}
        self._lengths: list[int] = []

    def entry(self, name: Name) -> Entry:
        """Return the entry of the name, new or not."""
        if not name.star:
            return self._exact.setdefault(name.prefix, Entry())
        if not name.prefix and name.suffix[:1] == ".":
            return self._endings.setdefault(name.suffix, Entry())
        if name.prefix not in self._affixes:
            self._affixes[name.prefix] = ({}, [])
            self._lengths = sorted({len(prefix) for prefix in self._affixes})
        suffixes, lengths = self._affixes[name.prefix]
        if len(name.suffix) not in lengths:
            lengths.append(len(name.suffix))
        return suffixes.setdefault(name.suffix, Entry())

    def collect(self, segment: str, found: list[Entry]) -> None:
        """Append the entries whose name the segment has."""
        exact = self._exact.get(segment)
        if exact is not None:
            found.append(exact)
        if self._endings:
            self._collect_endings(segment, found)
        if self._lengths:
            self._collect_affixes(segment, found)

    def _collect_endings(self, segment: str, found: list[Entry]) -> None:
        dot = segment.find(".")
        while dot >= 0:
            ending = self._endings.get(segment[dot:])
            if ending is not None:
                found.append(ending)
            dot = segment.find(".", dot + 1)

    def _collect_affixes(self, segment: str, found: list[Entry]) -> None:
        size = len(segment)
        for cut in self._lengths:
            if cut > size:
                return
            under = self._affixes.get(segment[:cut])
            if under is None:
                continue
            suffixes, lengths = under
            for tail in lengths:
                if cut + tail <= size:
                    entry = suffixes.get(segment[size - tail :])
                    if entry is not None:
                        found.append(entry)


@final
class Node:
    """The patterns that share a base, by shape. None where there is no such pattern."""

    __slots__ = ("child", "child_below", "deep", "deep_below", "deeper_below", "here", "named", "tree")

    def __init__(self) -> None:
        self.here: Entry | None = None
        self.tree: Entry | None = None
        self.named = False
        """Whether any of the five below is there."""
        self.child: Names | None = None
        self.child_below: Names | None = None
        self.deep: Names | None = None
        self.deep_below: Names | None = None
        self.deeper_below: Names | None = None

    def entry(self, shape: Shape) -> Entry:
        """Return the entry of the shape, new or not."""
        if shape.name is None:
            slot = "tree" if shape.below else "here"
            entry: Entry = getattr(self, slot) or Entry()
            setattr(self, slot, entry)
            return entry
        self.named = True
        slot = {HERE: "child", DEEPER: "deeper"}.get(shape.depth, "deep") + ("_below" if shape.below else "")
        names: Names = getattr(self, slot) or Names()
        setattr(self, slot, names)
        return names.entry(shape.name)

    def collect(self, rest: str | None, separator: str, found: list[Entry]) -> None:
        """Append the entries that match a value which has this base and then ``rest``; None if it ends here."""
        if self.tree is not None:
            found.append(self.tree)
        if rest is None:
            if self.here is not None:
                found.append(self.here)
        elif self.named:
            self._collect_named(rest, separator, found)

    def _collect_named(self, rest: str, separator: str, found: list[Entry]) -> None:
        head, more, _ = rest.partition(separator)
        if self.child is not None and not more:
            self.child.collect(head, found)
        if self.child_below is not None:
            self.child_below.collect(head, found)
        if self.deep is not None:
            self.deep.collect(rest.rpartition(separator)[2], found)
        if self.deep_below is not None:
            for segment in rest.split(separator):
                self.deep_below.collect(segment, found)
        if self.deeper_below is not None:
            for segment in rest.split(separator)[1:]:
                self.deeper_below.collect(segment, found)


@final
class Table:
    """Patterns of one kind of value, whose segments are joined by ``separator``."""

    __slots__ = ("_longest", "_nodes", "_rooted", "_separator")

    def __init__(self, separator: str, *, rooted: bool) -> None:
        self._separator: Final = separator
        self._rooted: Final = rooted
        """Whether a leading separator makes a value absolute (paths), with a root of its own."""
        self._nodes: dict[str, Node] = {}
        self._longest = 0
        """Letters of the longest base: no longer prefix of a value can be one."""

    def add(self, shape: Shape, bit: int, source: Source) -> None:
        """Put a pattern in."""
        for key in self._keys(shape.base):
            self._longest = max(self._longest, len(key))
            self._nodes.setdefault(key, Node()).entry(shape).add(bit, source)

    def find(self, value: str) -> list[Entry]:
        """Return the entries of all patterns that the value matches."""
        found: list[Entry] = []
        nodes = self._nodes
        if not nodes:
            return found
        separator = self._separator
        longest = self._longest
        size = len(value)
        end = 1 if self._rooted and value[:1] == separator else 0
        start = end
        while True:
            node = nodes.get(value[:end])
            if node is not None:
                node.collect(value[start:] if end < size else None, separator, found)
            if end >= size:
                return found
            end = value.find(separator, start)
            if end < 0:
                end = size
            if end > longest:
                return found
            start = end + 1

    def _keys(self, base: tuple[str, ...]) -> list[str]:
        """Return where a base is looked up: an empty one at both roots."""
        if not base:
            return ["", self._separator] if self._rooted else [""]
        if base[0] == ABSOLUTE:
            return [ABSOLUTE + self._separator.join(base[1:])]
        assert base[0] == RELATIVE  # noqa: S101  the two roots are all there are
        return [self._separator.join(base[1:])]
