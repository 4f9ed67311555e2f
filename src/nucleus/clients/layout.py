"""Edits of one table, braced (JSON, TOML inline) or with a line for each key (TOML).

Each edit that adds something has one that takes exactly that out again, also
after a client wrote the file anew in a layout of its own.
"""

import json
from typing import final

from nucleus.audit.model import Edit
from nucleus.audit.node import Node
from nucleus.audit.text import Source
from nucleus.lean import dataclass


class Unfit(ValueError):  # noqa: N818  it is an answer on one entry, not a defect
    """Something can't be edited, or taken out again, as it stands: why, and what to do."""


@final
@dataclass(frozen=True, slots=True)
class Table:
    """A map of a source text."""

    source: Source
    node: Node

    @property
    def toml(self) -> bool:
        """Whether keys stand bare before an equals sign."""
        return self.source.path.lower().endswith(".toml")

    @property
    def braced(self) -> bool:
        """Whether entries are parted by commas."""
        return self.source.text.startswith("{", self.node.start)

    def quoted(self, text: str) -> str:
        """Return a text as this file writes it."""
        if not self.toml:
            return json.dumps(text)
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

    def raw(self, node: Node) -> str:
        """Return a value as it is written."""
        return self.source.text[node.start : node.end]

    def replace(self, node: Node, text: str) -> Edit:
        """Return the edit that puts ``text`` in a value's place."""
        return Edit(self.source, node.start, node.end, text)

    def renamed(self, old: str, new: str) -> Edit:
        """Return the edit that gives a key another name. Raises Unfit where it is written in an odd way."""
        key = self._key(old)
        if self.raw(key) != (old if self.toml else json.dumps(old)):
            raise Unfit(f"the key {old} is written in an odd way")
        return self.replace(key, new if self.toml else json.dumps(new))

    def prefix(self, name: str, prefix: str) -> Edit:
        """Return the edit that puts ``prefix`` before a key."""
        return self.put_before(self._key(name), prefix)

    def put_before(self, key: Node, prefix: str) -> Edit:
        """Return the edit that puts ``prefix`` before a key, inside its quotes."""
        at = key.start + self._quotes(key)
        return Edit(self.source, at, at, prefix)

    def take_out(self, key: Node, prefix: str) -> Edit:
        """Return the edit that ends ``put_before``. Raises Unfit where the prefix is not written plainly."""
        at = key.start + self._quotes(key)
        if not self.source.text.startswith(prefix, at):
            raise Unfit(f"the name {key.value!r:.80} is written in an odd way")
        return Edit(self.source, at, at + len(prefix), "")

    def replace_and_add(self, key: str, text: str, name: str, value: str) -> list[Edit]:
        """Return the edits that change the value of ``key`` and add an entry beside it."""
        old = self.node.get(key)
        assert old is not None  # noqa: S101  the caller found it there
        if self.braced:
            added = f", {name} = {value}" if self.toml else f", {json.dumps(name)}: {value}"
            return [self.replace(old, text + added)]
        start, lead, end = self._line(self._key(key), old)
        return [Edit(self.source, start, start, f"{lead}{name} = {value}{end}"), self.replace(old, text)]

    def remove(self, name: str) -> list[Edit]:
        """Return the edit that takes an entry out: what ``replace_and_add`` put there."""
        key, value = self._key(name), self.node.get(name)
        assert value is not None  # noqa: S101  it has a key
        if not self.braced:
            start, _, end = self._line(key, value)
            stop = self.source.text.find("\n", value.end)
            return [Edit(self.source, start, stop + 1 if stop >= 0 and end else len(self.source.text), "")]
        index = self.node.keys.index(key)
        if index:
            return [Edit(self.source, self.node.children[index - 1].end, value.end, "")]
        stop = self.node.keys[1].start if len(self.node.keys) > 1 else value.end
        return [Edit(self.source, key.start, stop, "")]

    def _key(self, name: str) -> Node:
        key = self.node.key(name)
        assert key is not None  # noqa: S101  the caller found a value under it
        return key

    def _quotes(self, key: Node) -> int:
        return 1 if self.source.text[key.start] in "\"'" else 0

    def _line(self, key: Node, value: Node) -> tuple[int, str, str]:
        """Return where the line of an entry starts, what stands before its last key, and how the line ends."""
        text = self.source.text
        start = text.rfind("\n", 0, key.start) + 1
        stop = text.find("\n", value.end)
        end = "\r\n" if stop > 0 and text[stop - 1] == "\r" else "\n"
        return start, text[start : key.start], end
