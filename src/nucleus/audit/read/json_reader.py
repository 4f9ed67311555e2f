"""JSON as agent clients accept it: comments and trailing commas too, every value with its place.

Duplicate keys are recorded. What the common parsers refuse but a person plainly
meant (a ``#`` comment, a missing comma) is a problem that does not stop the
reading, so that the rest of the file is still judged.
"""

import re
from json.decoder import scanstring  # type: ignore[attr-defined]

from nucleus.audit.node import BOOL, MAP, NULL, NUMBER, SEQ, STRING, Node, Problem, ReadError, Reading

MAX_DEPTH = 100
"""Nesting beyond this is refused: no client's configuration comes near, and recursion stays bounded."""
_BLANK = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_WORD = re.compile(r"[A-Za-z_][\w-]*")
_LITERALS = {"true": (BOOL, True), "false": (BOOL, False), "null": (NULL, None)}


def read_json(text: str) -> Reading:
    """Return the tree of ``text``; problems instead of exceptions."""
    parser = _Parser(text)
    try:
        root = parser.document()
    except ReadError as error:
        return Reading((), (*parser.problems, Problem(error.offset, error.message)), tuple(parser.duplicates))
    return Reading((root,), tuple(parser.problems), tuple(parser.duplicates))


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.problems: list[Problem] = []
        self.duplicates: list[Node] = []

    def document(self) -> Node:
        self.skip()
        if self.at >= len(self.text):
            raise ReadError(0, "the file is empty; JSON needs a value")
        root = self.value(0)
        self.skip()
        if self.at < len(self.text):
            raise ReadError(self.at, "text after the end of the JSON value")
        return root

    def skip(self) -> None:
        """Move past blanks and comments."""
        text = self.text
        while True:
            self.at = _BLANK.match(text, self.at).end()  # type: ignore[union-attr]  # the pattern matches the empty string
            if text.startswith("//", self.at):
                self.at = _end_of_line(text, self.at)
            elif text.startswith("/*", self.at):
                end = text.find("*/", self.at + 2)
                if end < 0:
                    raise ReadError(self.at, "this comment is never closed")
                self.at = end + 2
            elif text.startswith("#", self.at):
                self.problem("JSON has no '#' comments; clients refuse or ignore the whole file")
                self.at = _end_of_line(text, self.at)
            else:
                return

    def problem(self, message: str) -> None:
        self.problems.append(Problem(self.at, message, fatal=False))

    def value(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise ReadError(self.at, f"nested deeper than {MAX_DEPTH} levels")
        start = self.at
        char = self.text[start : start + 1]
        if char == "{":
            return self.map(depth)
        if char == "[":
            return self.seq(depth)
        if char == '"':
            return self.string()
        number = _NUMBER.match(self.text, start)
        if number:
            self.at = number.end()
            whole = number[1] is None and number[2] is None and number.end() - start < 300
            return Node(NUMBER, int(number[0]) if whole else float(number[0]), start, self.at)
        word = _WORD.match(self.text, start)
        if word and word[0] in _LITERALS:
            self.at = word.end()
            kind, value = _LITERALS[word[0]]
            return Node(kind, value, start, self.at)
        raise ReadError(start, "expected a JSON value" if char else "the file ends where a value is expected")

    def string(self) -> Node:
        start = self.at
        try:
            value, self.at = scanstring(self.text, start + 1, False)
        except ValueError as error:
            raise ReadError(start, "this string is not closed, or has a bad escape") from error
        if "\n" in self.text[start : self.at]:
            self.problems.append(Problem(start, "a JSON string can't run over the end of its line", fatal=False))
        return Node(STRING, value, start, self.at)

    def map(self, depth: int) -> Node:
        node = Node(MAP, None, self.at, self.at)
        seen: set[str] = set()
        self.at += 1
        while self.more(node, "}"):
            if self.text[self.at : self.at + 1] != '"':
                raise ReadError(self.at, "expected a key in double quotes")
            key = self.string()
            if key.value in seen:
                self.duplicates.append(key)
            seen.add(key.value)
            self.skip()
            if self.text[self.at : self.at + 1] != ":":
                raise ReadError(self.at, "expected ':' after the key")
            self.at += 1
            self.skip()
            node.keys.append(key)
            node.children.append(self.value(depth + 1))
        node.end = self.at
        return node

    def seq(self, depth: int) -> Node:
        node = Node(SEQ, None, self.at, self.at)
        self.at += 1
        while self.more(node, "]"):
            node.children.append(self.value(depth + 1))
        node.end = self.at
        return node

    def more(self, node: Node, closing: str) -> bool:
        """Move to the next element; False once the closing bracket was passed."""
        self.skip()
        if node.children:
            if self.text[self.at : self.at + 1] == ",":
                self.at += 1
                self.skip()
            elif self.text[self.at : self.at + 1] not in ("", closing):
                if self.text[self.at] not in '"{[-0123456789tfn':
                    raise ReadError(self.at, f"expected ',' or '{closing}'")
                self.problem("a comma is missing before this")
        char = self.text[self.at : self.at + 1]
        if char == closing:
            self.at += 1
            return False
        if not char:
            raise ReadError(node.start, f"this bracket is never closed by '{closing}'")
        return True


def _end_of_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end
