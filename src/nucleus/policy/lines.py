"""Line numbers of a TOML document that ``tomllib`` has already accepted.

``tomllib`` gives values without places. This walks over the same text once
more, skipping values, and notes where each key, each element of an array and
each table begins: ``("allow", "write") -> 7``, ``("allow", "write", 1) -> 8``,
``("rule", 0, "match", 2) -> 31``.

It leans on the text being valid TOML 1.0: it never decides what a value is,
so it can't read the document in another way than ``tomllib`` did.
"""

import re
import tomllib
from typing import Final, final

Path = tuple[str | int, ...]

_BLANK: Final = re.compile(r"[ \t]*")
_SPACE: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR: Final = re.compile(r"[^,\]}\r\n#]*")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|' + r"'''.*?'{3,5}" + r'|"(?:[^"\\\n]|\\.)*"' + r"|'[^'\n]*'",
    re.DOTALL,
)


def lines_of(text: str) -> dict[Path, int]:
    """Return where each key, element and table of a valid document begins, counted from 1."""
    walk = _Walk(text)
    walk.document()
    return walk.lines


@final
class _Walk:
    """A position in the text, and what was found so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        self._seen = 0
        self._line = 1

    def document(self) -> None:
        """Walk over the whole document."""
        table: Path = ()
        self._skip(_SPACE)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_SPACE)

    def _header(self) -> Path:
        """Walk over ``[a.b]`` or ``[[a.b]]`` and return the path of the table."""
        array = self.text.startswith("[[", self.at)
        line = self._here()
        self.at += 2 if array else 1
        keys = self._keys()
        self.at += 2 if array else 1
        for size in range(1, len(keys)):
            self.lines.setdefault(self._inside(keys[:size]), line)
        path = (*self._inside(keys[:-1]), keys[-1])
        self.lines.setdefault(path, line)
        if array:
            count = self._counts.get(path, 0)
            self._counts[path] = count + 1
            path = (*path, count)
            self.lines[path] = line
        elif path in self._counts:
            path = (*path, self._counts[path] - 1)
        return path

    def _inside(self, keys: list[str]) -> Path:
        """Return the path of the keys, with the last element of each array of tables on the way."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
        return path

    def _pair(self, table: Path) -> None:
        """Walk over ``key = value``."""
        line = self._here()
        path = table
        for key in self._keys():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self.at += 1
        self._skip(_BLANK)
        self._value(path)

    def _keys(self) -> list[str]:
        """Walk over a dotted key, up to what follows it, and return its parts."""
        keys: list[str] = []
        while True:
            self._skip(_BLANK)
            if self.text[self.at] in "\"'":
                quoted = self._take(_STRING)
                keys.append(tomllib.loads(f"k={quoted}")["k"])
            else:
                keys.append(self._take(_BARE))
            self._skip(_BLANK)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def _value(self, path: Path) -> None:
        """Walk over a value."""
        letter = self.text[self.at]
        if letter == "[":
            self._array(path)
        elif letter == "{":
            self._inline(path)
        elif letter in "\"'":
            self._take(_STRING)
        else:
            self._take(_SCALAR)

    def _array(self, path: Path) -> None:
        """Walk over ``[value, ...]``."""
        self.at += 1
        number = 0
        while True:
            self._skip(_SPACE)
            if self.text[self.at] == "]":
                break
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self.lines[(*path, number)] = self._here()
            self._value((*path, number))
            number += 1
        self.at += 1

    def _inline(self, path: Path) -> None:
        """Walk over ``{key = value, ...}``."""
        self.at += 1
        while True:
            self._skip(_SPACE)
            if self.text[self.at] == "}":
                break
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self._pair(path)
        self.at += 1

    def _skip(self, pattern: re.Pattern[str]) -> None:
        """Move behind what the pattern matches here."""
        self._take(pattern)

    def _take(self, pattern: re.Pattern[str]) -> str:
        """Move behind what the pattern matches here, and return it. Raises ValueError where nothing does."""
        found = pattern.match(self.text, self.at)
        if found is None:
            raise ValueError(f"not the text that was parsed, at character {self.at}")
        self.at = found.end()
        return found[0]

    def _here(self) -> int:
        """Return the line of the position; positions only grow."""
        self._line += self.text.count("\n", self._seen, self.at)
        self._seen = self.at
        return self._line
