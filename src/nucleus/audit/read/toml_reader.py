"""TOML: the standard library says what is valid, this reader says where each value stands.

Source: TOML 1.0.0.
"""

import re
import tomllib

from nucleus.audit.node import BOOL, MAP, NUMBER, SEQ, STRING, Node, Problem, Reading

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_INLINE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ATOM = re.compile(r"[^\s,\]}#]+(?: \d[^\s,\]}#]*)?")
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)$|\(at end of document\)$")
_STRINGS = (('"""', True), ("'''", False), ('"', True), ("'", False))
_ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([btnfr"\\])|[ \t]*\r?\n[ \t\r\n]*)')
_SIMPLE = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


def read_toml(text: str) -> Reading:
    """Return the tree of ``text``, or the problem that the standard library has with it."""
    try:
        tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        return Reading((), (_problem(text, str(error)),))
    except RecursionError:
        return Reading((), (Problem(0, "nested too deeply"),))
    return Reading((_Places(text).document(),))


def _problem(text: str, message: str) -> Problem:
    place = _PLACE.search(message)
    plain = message[: place.start()].rstrip() if place else message
    if place is None or place[1] is None:
        return Problem(len(text), plain)
    line, column = int(place[1]), int(place[2])
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    return Problem(min(start + column - 1, len(text)), plain)


class _Places:
    """Walks a text that is known to be valid."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def document(self) -> Node:
        root = table = Node(MAP, None, 0, len(self.text))
        while True:
            self.blank()
            if self.at >= len(self.text):
                return root
            if self.text.startswith("[", self.at):
                table = self.header(root)
            else:
                self.entry(table)

    def blank(self) -> None:
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]  # matches the empty string

    def inline(self) -> None:
        self.at = _INLINE.match(self.text, self.at).end()  # type: ignore[union-attr]  # matches the empty string

    def header(self, root: Node) -> Node:
        start = self.at
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        keys = self.keys()
        self.at += 2 if array else 1
        table = root
        for key in keys[:-1]:
            table = _below(table, key)
        if not array:
            table = _below(table, keys[-1])
        else:
            found = table.get(keys[-1].value)
            if found is None:
                found = Node(SEQ, None, start, self.at)
                table.keys.append(keys[-1])
                table.children.append(found)
            table = Node(MAP, None, start, self.at)
            found.children.append(table)
        table.end = max(table.end, self.at)
        return table

    def keys(self) -> "list[Node]":
        keys = []
        while True:
            self.inline()
            start = self.at
            if self.text[start] in "\"'":
                keys.append(self.string())
            else:
                bare = _BARE.match(self.text, start)
                self.at = bare.end() if bare else start + 1
                keys.append(Node(STRING, self.text[start : self.at], start, self.at))
            self.inline()
            if not self.text.startswith(".", self.at):
                return keys
            self.at += 1

    def entry(self, table: Node) -> None:
        keys = self.keys()
        self.at += 1
        self.inline()
        value = self.value()
        for key in keys[:-1]:
            table.end = max(table.end, value.end)
            table = _below(table, key)
        table.keys.append(keys[-1])
        table.children.append(value)
        table.end = max(table.end, value.end)

    def value(self) -> Node:
        start = self.at
        char = self.text[start]
        if char in "\"'":
            return self.string()
        if char == "[":
            return self.array()
        if char == "{":
            return self.table()
        atom = _ATOM.match(self.text, start)
        self.at = atom.end() if atom else start + 1
        raw = self.text[start : self.at]
        if raw in ("true", "false"):
            return Node(BOOL, raw == "true", start, self.at)
        return Node(NUMBER, _number(raw), start, self.at)

    def array(self) -> Node:
        node = Node(SEQ, None, self.at, self.at)
        self.at += 1
        while True:
            self.blank()
            if self.text[self.at] == "]":
                break
            if self.text[self.at] == ",":
                self.at += 1
                continue
            node.children.append(self.value())
        self.at += 1
        node.end = self.at
        return node

    def table(self) -> Node:
        node = Node(MAP, None, self.at, self.at)
        self.at += 1
        while True:
            self.blank()
            if self.text[self.at] == "}":
                break
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self.entry(node)
        self.at += 1
        node.end = self.at
        return node

    def string(self) -> Node:
        start = self.at
        mark, escaped = next(pair for pair in _STRINGS if self.text.startswith(pair[0], start))
        at = start + len(mark)
        while not self.text.startswith(mark, at):
            at += 2 if escaped and self.text[at] == "\\" else 1
        if len(mark) == 3:
            while self.text[at + 3 : at + 4] == mark[0]:
                at += 1
        raw = self.text[start + len(mark) : at]
        if len(mark) == 3:
            raw = raw.removeprefix("\r").removeprefix("\n")
        self.at = at + len(mark)
        return Node(STRING, _ESCAPE.sub(_unescape, raw) if escaped else raw, start, self.at)


def _below(table: Node, key: Node) -> Node:
    """Return the table under ``key``, made where it is missing; of an array of tables the last one."""
    found = table.get(key.value)
    if found is None:
        found = Node(MAP, None, key.start, key.end)
        table.keys.append(key)
        table.children.append(found)
    return found.children[-1] if found.kind == SEQ and found.children else found


def _unescape(match: "re.Match[str]") -> str:
    code = match[1] or match[2]
    if code:
        return chr(int(code, 16))
    return _SIMPLE[match[3]] if match[3] else ""


def _number(raw: str) -> "int | float | str":
    """Return a number; dates and times stay text."""
    plain = raw.replace("_", "")
    try:
        return int(plain, 0) if plain.lstrip("+-").startswith(("0x", "0o", "0b")) else int(plain)
    except ValueError:
        try:
            return float(plain)
        except ValueError:
            return raw
