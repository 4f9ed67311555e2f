"""A tree of values that know where they stand in the text.

``map``  ``children`` are entries; the last of duplicate keys wins, as in the clients
``seq``  ``children`` are nodes
scalars  ``value`` is a str, int, float, bool or None
"""

from collections.abc import Iterator
from typing import Any, final

from nucleus.lean import dataclass, field

MAP = "map"
SEQ = "seq"
STRING = "string"
NUMBER = "number"
BOOL = "bool"
NULL = "null"


@final
@dataclass(slots=True, eq=False)
class Node:
    """A value and its span; ``end`` is one past the last character."""

    kind: str
    value: Any
    start: int
    end: int
    children: "list[Node]" = field(default_factory=list)
    keys: "list[Node]" = field(default_factory=list)
    """Of a map: one key for each child."""
    _index: "dict[str, int]" = field(default_factory=dict, repr=False)
    _indexed: int = 0
    """How many keys the index was made of: a reader may still be adding some."""

    def get(self, name: str) -> "Node | None":
        """Return the value under ``name``, None if this is no map or has no such key."""
        if self.kind != MAP:
            return None
        if self._indexed != len(self.keys):
            self._index = {key.value: number for number, key in enumerate(self.keys)}
            self._indexed = len(self.keys)
        number = self._index.get(name)
        return None if number is None else self.children[number]

    def key(self, name: str) -> "Node | None":
        """Return the key node of ``name``."""
        for key in reversed(self.keys):
            if key.value == name:
                return key
        return None

    def at(self, *names: str) -> "Node | None":
        """Return the value at a path of keys."""
        node: Node | None = self
        for name in names:
            node = node.get(name) if node is not None else None
        return node

    def entries(self) -> "Iterator[tuple[Node, Node]]":
        """Yield key and value nodes; nothing where this is no map."""
        if self.kind == MAP:
            yield from zip(self.keys, self.children, strict=True)

    def elements(self) -> "list[Node]":
        """Return the elements, none where this is no sequence."""
        return self.children if self.kind == SEQ else []

    def text(self) -> str:
        """Return the value where it is a string, else the empty string."""
        return self.value if self.kind == STRING else ""

    def strings(self) -> "list[Node]":
        """Return the string elements of a sequence, or this node alone where it is a string."""
        if self.kind == STRING:
            return [self]
        return [child for child in self.elements() if child.kind == STRING]

    def is_true(self) -> bool:
        """Whether this is the boolean true."""
        return self.kind == BOOL and self.value is True

    def is_false(self) -> bool:
        """Whether this is the boolean false."""
        return self.kind == BOOL and self.value is False

    def walk(self) -> "Iterator[tuple[tuple[str, ...], Node]]":
        """Yield every node below and including this one, with its path of keys."""
        stack: list[tuple[tuple[str, ...], Node]] = [((), self)]
        while stack:
            path, node = stack.pop()
            yield path, node
            if node.kind == MAP:
                below = [((*path, str(key.value)), child) for key, child in node.entries()]
            else:
                below = [((*path, "[]"), child) for child in node.children]
            stack.extend(reversed(below))

    def plain(self) -> Any:
        """Return the value as plain dicts, lists and scalars."""
        if self.kind == MAP:
            return {key.value: child.plain() for key, child in self.entries()}
        if self.kind == SEQ:
            return [child.plain() for child in self.children]
        return self.value


@final
@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a reader could not take as it stands. ``fatal``: there is no tree."""

    offset: int
    message: str
    fatal: bool = True


@final
@dataclass(frozen=True, slots=True)
class Reading:
    """What came out of a text: roots (one for each document), problems, and duplicate keys."""

    roots: tuple[Node, ...]
    problems: tuple[Problem, ...] = ()
    duplicates: tuple[Node, ...] = ()


class ReadError(Exception):
    """The text ends or goes on in a way that its grammar has no place for."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(offset, message)
        self.offset = offset
        self.message = message
