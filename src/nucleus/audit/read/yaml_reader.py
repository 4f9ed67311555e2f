"""The YAML that workflows, compose files and pod specs are written in, every value with its place.

Read: block and flow collections, all five scalar styles, comments, several
documents, anchors, aliases, merge keys. Tags are passed over. Not read, and a
problem where they appear: complex keys (``? ``), directives, tabs as
indentation. Plain scalars follow the core schema of YAML 1.2, so ``on`` and
``no`` are strings.

Source: YAML 1.2.2, chapters 5 to 10.
"""

import re

from nucleus.audit.node import MAP, SEQ, STRING, Node, Problem, ReadError, Reading
from nucleus.audit.read.yaml_scalars import block_scalar, quoted, resolve

MAX_DEPTH = 100
"""Nesting beyond this is refused, so that recursion stays bounded."""
MAX_ALIASED = 100_000
"""Nodes that aliases may stand for: an alias bomb stops here."""
_PLAIN_STOP = re.compile(r":(?=[ \t\r\n]|$)|(?<=[ \t])#|\r?\n|$")
_FLOW_STOP = re.compile(r":(?=[ \t\r\n,\[\]{}]|$)|[,\[\]{}]|(?<=[ \t])#|\r?\n|$")
_BLANKS = re.compile(r"[ \t\r]+")
_NAME = re.compile(r"[^\s,\[\]{}]+")
_MARKER = re.compile(r"(?:---|\.\.\.)(?=[ \t\r\n]|$)")
_NOT_PLAIN = "%@`,]}"


def read_yaml(text: str) -> Reading:
    """Return one tree for each document of ``text``; problems instead of exceptions."""
    parser = _Parser(text)
    try:
        roots = tuple(parser.documents())
    except ReadError as error:
        return Reading((), (Problem(error.offset, error.message),), tuple(parser.duplicates))
    return Reading(roots, (), tuple(parser.duplicates))


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 0
        self.duplicates: list[Node] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.made = 0
        self.aliased = 0

    # ---- moving

    def column(self) -> int:
        return self.at - self.line

    def peek(self, ahead: int = 0) -> str:
        return self.text[self.at + ahead : self.at + ahead + 1]

    def blank_next(self) -> bool:
        return self.peek(1) in ("", " ", "\t", "\r", "\n")

    def rest_of_line(self) -> str:
        end = self.text.find("\n", self.at)
        return self.text[self.at :] if end < 0 else self.text[self.at : end]

    def skip(self) -> None:
        """Move to the next content, past blanks, line ends and comments."""
        text, size = self.text, len(self.text)
        while self.at < size:
            char = text[self.at]
            if char == "\n":
                self.at += 1
                self.line = self.at
            elif char in " \t\r":
                end = _BLANKS.match(text, self.at).end()  # type: ignore[union-attr]  # one character at least matches
                indents = self.at == self.line and text[end : end + 1] not in ("", "\n", "#")
                if indents and "\t" in text[self.at : end]:
                    raise ReadError(self.at, "YAML does not allow tabs as indentation")
                self.at = end
            elif char == "#" and (self.at == self.line or text[self.at - 1] in " \t"):
                end = text.find("\n", self.at)
                self.at = size if end < 0 else end
            else:
                return

    def marker(self) -> bool:
        return self.column() == 0 and _MARKER.match(self.text, self.at) is not None

    # ---- documents

    def documents(self) -> "list[Node]":
        roots: list[Node] = []
        self.skip()
        while self.at < len(self.text):
            if self.peek() == "%" and self.column() == 0:
                raise ReadError(self.at, "YAML directives are not read")
            if self.marker():
                ends = self.text.startswith("...", self.at)
                self.at += 3
                self.skip()
                if ends or self.at >= len(self.text) or self.marker():
                    continue
            self.anchors = {}
            roots.append(self.block(-1, 0))
            self.skip()
            if self.at < len(self.text) and not self.marker():
                raise ReadError(self.at, "this does not line up with what is above it")
        return roots

    # ---- nodes

    def node(self, kind: str, value: object, start: int, end: int) -> Node:
        self.made += 1
        return Node(kind, value, start, end)

    def block(self, parent: int, depth: int, *, beside: bool = False) -> Node:
        """Read a node that is indented more than ``parent``; ``beside``: a sequence may stand at ``parent``."""
        if depth > MAX_DEPTH:
            raise ReadError(self.at, f"nested deeper than {MAX_DEPTH} levels")
        self.skip()
        column = self.column()
        dash = self.peek() == "-" and self.blank_next()
        if (
            self.at >= len(self.text)
            or self.marker()
            or not (column > parent or (beside and dash and column == parent))
        ):
            return self.node("null", None, self.at, self.at)
        if dash:
            return self.sequence(column, depth)
        return self.content(parent, depth, column)

    def content(self, parent: int, depth: int, column: int) -> Node:  # noqa: PLR0911  one return for each kind
        """Read a node whose first character is next; ``column`` is where a map that starts here stands."""
        char = self.peek()
        if char in "&!" and char:
            return self.with_properties(parent, depth, column)
        if char == "?" and self.blank_next():
            raise ReadError(self.at, "complex keys are not read")
        if self.key_ahead():
            return self.map(column, depth)
        if char == "*":
            return self.alias()
        if char in "|>" and char:
            return self.block_scalar(parent)
        if char in "[{" and char:
            return self.flow(depth)
        if char in "\"'" and char:
            return self.quoted()
        return self.plain(parent)

    def with_properties(self, parent: int, depth: int, column: int) -> Node:
        """Read a node behind an anchor, a tag, or both. Tags are passed over."""
        name = ""
        start_line = self.line
        while self.peek() in "&!" and self.peek():
            word = _NAME.match(self.text, self.at)
            if word is None:
                raise ReadError(self.at, "an anchor or tag without a name")
            if self.peek() == "&":
                name = word[0][1:]
            self.at = word.end()
            self.skip()
        before = self.made
        if self.line != start_line:
            node = self.block(parent, depth + 1)
        else:
            node = self.content(parent, depth + 1, column if self.key_ahead() else self.column())
        if name:
            self.anchors[name] = (node, self.made - before)
        return node

    def alias(self) -> Node:
        word = _NAME.match(self.text, self.at)
        name = word[0][1:] if word else ""
        if name not in self.anchors:
            raise ReadError(self.at, f"the alias *{name} has no anchor above it")
        node, size = self.anchors[name]
        self.aliased += size
        self.made += size
        if self.aliased > MAX_ALIASED:
            raise ReadError(self.at, "the aliases of this file stand for too many values")
        self.at += len(name) + 1
        return node

    def sequence(self, column: int, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise ReadError(self.at, f"nested deeper than {MAX_DEPTH} levels")
        node = self.node(SEQ, None, self.at, self.at)
        while self.at < len(self.text) and self.column() == column and self.peek() == "-" and self.blank_next():
            if self.marker():
                break
            self.at += 1
            item_line = self.line
            self.skip()
            if self.line == item_line and self.at < len(self.text):
                inner = self.column()
                child = (
                    self.sequence(inner, depth + 1)
                    if self.peek() == "-" and self.blank_next()
                    else self.limited(column, depth + 1, inner)
                )
            else:
                child = self.block(column, depth + 1)
            node.children.append(child)
            node.end = max(node.start + 1, child.end)
            self.skip()
        if self.column() > column and self.at < len(self.text) and not self.marker():
            raise ReadError(self.at, "this is indented more than the list that it follows")
        return node

    def limited(self, parent: int, depth: int, column: int) -> Node:
        if depth > MAX_DEPTH:
            raise ReadError(self.at, f"nested deeper than {MAX_DEPTH} levels")
        return self.content(parent, depth, column)

    def key_ahead(self) -> bool:
        """Whether a key and its colon stand on this line, from here."""
        char = self.peek()
        if char in "\"'" and char:
            end = _after_quoted(self.text, self.at)
            if end < 0:
                return False
        elif char == "*":
            word = _NAME.match(self.text, self.at)
            end = word.end() if word else self.at
        elif char in "[{|>#" or (char in "&!" and " " in self.rest_of_line().split(":")[0]):
            return False
        else:
            found = _PLAIN_STOP.search(self.text, self.at)
            return found is not None and found[0] == ":" and found.start() > self.at
        while self.text[end : end + 1] == " ":
            end += 1
        return self.text[end : end + 1] == ":" and self.text[end + 1 : end + 2] in ("", " ", "\t", "\r", "\n")

    def map(self, column: int, depth: int) -> Node:
        node = self.node(MAP, None, self.at, self.at)
        seen: set[str] = set()
        merged: list[Node] = []
        while self.at < len(self.text) and self.column() == column and not self.marker():
            if not self.key_ahead():
                if self.peek() == "?" and self.blank_next():
                    raise ReadError(self.at, "complex keys are not read")
                raise ReadError(self.at, "expected 'key: value' here")
            key = self.key()
            value = self.map_value(column, depth)
            if key.value == "<<" and key.end - key.start == 2:
                merged.extend(value.children if value.kind == SEQ else [value])
            else:
                if key.value in seen:
                    self.duplicates.append(key)
                seen.add(key.value)
                node.keys.append(key)
                node.children.append(value)
            node.end = max(key.end + 1, value.end)
            self.skip()
        if self.column() > column and self.at < len(self.text) and not self.marker():
            raise ReadError(self.at, "this is indented more than the keys above it")
        _merge(node, merged, seen)
        return node

    def key(self) -> Node:
        start = self.at
        char = self.peek()
        if char in "\"'":
            key = self.quoted()
        elif char == "*":
            key = self.alias()
        else:
            if char in _NOT_PLAIN:
                raise ReadError(start, f"a key can't start with '{char}'")
            colon = _PLAIN_STOP.search(self.text, start)
            end = colon.start() if colon else start
            raw = self.text[start:end].rstrip()
            key = self.node(STRING, raw, start, start + len(raw))
            self.at = end
        if key.kind != STRING:
            key = self.node(STRING, str(key.value), key.start, key.end)
        while self.peek() == " ":
            self.at += 1
        self.at += 1
        return key

    def map_value(self, column: int, depth: int) -> Node:
        key_line = self.line
        self.skip()
        if self.line != key_line or self.at >= len(self.text):
            return self.block(column, depth + 1, beside=True)
        if self.peek() == "-" and self.blank_next():
            raise ReadError(self.at, "a list can't start on the line of its key")
        if self.peek() not in "&!" and self.key_ahead():
            raise ReadError(self.at, "a second 'key: value' on one line; put quotes around text that holds ': '")
        if depth > MAX_DEPTH:
            raise ReadError(self.at, f"nested deeper than {MAX_DEPTH} levels")
        if self.peek() in "&!":
            return self.with_properties_beside(column, depth)
        return self.content(column, depth + 1, self.column())

    def with_properties_beside(self, column: int, depth: int) -> Node:
        """Read ``key: &name`` whose value may be a list at the key's own column."""
        word = _NAME.match(self.text, self.at)
        if word is None:
            raise ReadError(self.at, "an anchor or tag without a name")
        start_line, before = self.line, self.made
        name = word[0][1:] if word[0].startswith("&") else ""
        self.at = word.end()
        self.skip()
        if self.line != start_line or self.at >= len(self.text):
            node = self.block(column, depth + 1, beside=True)
        else:
            node = self.content(column, depth + 1, self.column())
        if name:
            self.anchors[name] = (node, self.made - before)
        return node

    # ---- scalars

    def quoted(self) -> Node:
        start = self.at
        value, end = quoted(self.text, start)
        self.at = end
        newline = self.text.rfind("\n", 0, end)
        self.line = max(self.line, newline + 1)
        return self.node(STRING, value, start, end)

    def block_scalar(self, parent: int) -> Node:
        start = self.at
        value, end = block_scalar(self.text, start, parent)
        self.at = end
        self.line = self.text.rfind("\n", 0, end) + 1
        return self.node(STRING, value, start, end)

    def plain(self, parent: int) -> Node:
        """Read a plain scalar; lines indented more than ``parent`` continue it."""
        start = self.at
        if self.peek() in _NOT_PLAIN:
            raise ReadError(start, f"a plain value can't start with '{self.peek()}'")
        parts: list[str] = []
        end = start
        while True:
            stop = _PLAIN_STOP.search(self.text, self.at)
            stop_at = stop.start() if stop else len(self.text)
            if stop and stop[0] == ":":
                raise ReadError(
                    self.at, "a 'key: value' inside of a plain value; put quotes around text that holds ': '"
                )
            piece = self.text[self.at : stop_at].rstrip()
            parts.append(piece)
            end = self.at + len(piece)
            self.at = stop_at
            commented = stop is not None and stop[0] == "#"
            line = self.line
            self.skip()
            done = commented or self.line == line or self.at >= len(self.text) or self.marker()
            if done or self.column() <= parent:
                break
            parts.extend("\n" * (self.text.count("\n", line, self.line) - 1))
        value = _fold(parts)
        kind, resolved = resolve(value) if len(parts) == 1 else (STRING, value)
        return self.node(kind, resolved, start, end)

    # ---- flow

    def flow(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise ReadError(self.at, f"nested deeper than {MAX_DEPTH} levels")
        is_map = self.peek() == "{"
        closing = "}" if is_map else "]"
        node = self.node(MAP if is_map else SEQ, None, self.at, self.at)
        self.at += 1
        while True:
            self.skip()
            if self.at >= len(self.text):
                raise ReadError(node.start, f"this bracket is never closed by '{closing}'")
            if self.peek() == closing:
                self.at += 1
                node.end = self.at
                return node
            self.flow_entry(node, is_map=is_map, depth=depth)
            self.skip()
            if self.peek() == ",":
                self.at += 1
            elif self.peek() != closing:
                raise ReadError(self.at, f"expected ',' or '{closing}'")

    def flow_entry(self, node: Node, *, is_map: bool, depth: int) -> None:
        first = self.flow_value(depth)
        self.skip()
        pair = self.peek() == ":"
        if pair:
            self.at += 1
            self.skip()
            empty = self.peek() in ",]}"
            value = self.node("null", None, self.at, self.at) if empty else self.flow_value(depth)
        else:
            value = self.node("null", None, first.end, first.end)
        if not is_map and not pair:
            node.children.append(first)
            return
        key = self.node(STRING, first.text() or str(first.value), first.start, first.end)
        if is_map:
            if node.key(key.value) is not None:
                self.duplicates.append(key)
            node.keys.append(key)
            node.children.append(value)
        else:
            single = self.node(MAP, None, key.start, value.end)
            single.keys.append(key)
            single.children.append(value)
            node.children.append(single)

    def flow_value(self, depth: int) -> Node:
        char = self.peek()
        if char in "[{":
            return self.flow(depth + 1)
        if char in "\"'":
            return self.quoted()
        if char == "*":
            return self.alias()
        if char in "&!":
            return self.flow_anchored(depth)
        start = self.at
        parts: list[str] = []
        end = start
        while True:
            stop = _FLOW_STOP.search(self.text, self.at)
            stop_at = stop.start() if stop else len(self.text)
            piece = self.text[self.at : stop_at].rstrip()
            parts.append(piece)
            end = self.at + len(piece) if piece else end
            self.at = stop_at
            if stop is None or not stop[0].endswith("\n"):
                break
            self.skip()
        value = " ".join(part for part in parts if part)
        if not value:
            raise ReadError(start, "expected a value")
        kind, resolved = resolve(value)
        return self.node(kind, resolved, start, end)

    def flow_anchored(self, depth: int) -> Node:
        word = _NAME.match(self.text, self.at)
        if word is None:
            raise ReadError(self.at, "an anchor or tag without a name")
        name, before = (word[0][1:] if word[0].startswith("&") else ""), self.made
        self.at = word.end()
        self.skip()
        node = self.flow_value(depth + 1)
        if name:
            self.anchors[name] = (node, self.made - before)
        return node


def _after_quoted(text: str, start: int) -> int:
    """Return where a quoted scalar on one line ends, -1 if it does not end there."""
    mark = text[start]
    at = start + 1
    while at < len(text) and text[at] != "\n":
        if text[at] == "\\" and mark == '"':
            at += 2
            continue
        if text[at] == mark:
            if mark == "'" and text[at + 1 : at + 2] == "'":
                at += 2
                continue
            return at + 1
        at += 1
    return -1


def _fold(parts: "list[str]") -> str:
    """Join the lines of a plain scalar: one line end is a space, blank lines stay."""
    out = ""
    for part in parts:
        if part == "\n":
            out += "\n"
        elif not out or out.endswith("\n"):
            out += part
        else:
            out += " " + part
    return out


def _merge(node: Node, merged: "list[Node]", seen: "set[str]") -> None:
    """Put the entries of merge keys in front, where the node's own keys do not already stand."""
    for source in merged:
        for key, child in source.entries():
            if key.value not in seen:
                seen.add(key.value)
                node.keys.insert(0, key)
                node.children.insert(0, child)
